"""The model of lengths: against SciPy, with planted outliers, and its symmetries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

from ontarget.data.cleaning.ratios import FEWEST, LEAST_SPREAD, SLACK, LengthModel, learn

LIMIT = 6


def lengths(
    ratio: float, spread: float, count: int = 4000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs whose target's length has the mean and the variance of Gale and Church."""
    rng = np.random.default_rng(seed)
    source = rng.integers(20, 400, count)
    noise = spread * np.sqrt(source * (1 + ratio)) * rng.standard_normal(count)
    return source, np.maximum(1, np.rint(ratio * source + noise)).astype(np.int64)


@given(st.integers(0, 2**32), st.sampled_from([0.3, 1.0, 3.0]), st.integers(0, 150))
def test_the_model_is_that_of_medians(seed: int, factor: float, without_source: int) -> None:
    """Sources without text and targets of one character move the centre away from 0."""
    source, target = lengths(factor, 2.0, count=401, seed=seed)
    source[:without_source], target[:without_source] = 0, 1
    pairs = list(zip(source.tolist(), target.tolist(), strict=True))
    model = learn(source, target)
    assert model is not None
    ratio = float(np.quantile([t / (s or 1) for s, t in pairs], 0.5))
    z = [(t - ratio * s) / ((s + t) or 1) ** 0.5 for s, t in pairs]
    assert model.ratio == pytest.approx(ratio)
    assert model.centre == pytest.approx(np.quantile(z, 0.5))
    spread = median_abs_deviation(z, scale="normal")
    assert model.spread == pytest.approx(max(spread, LEAST_SPREAD), rel=1e-4)


@pytest.mark.parametrize(("ratio", "spread"), [(1.1, 1.2), (0.3, 0.6), (3.0, 2.0)])
def test_parameters_are_found_although_a_third_of_the_pairs_is_wrong(
    ratio: float, spread: float
) -> None:
    source, target = lengths(ratio, spread)
    wrong = np.arange(0, len(source), 3)
    target[wrong] *= np.random.default_rng(1).choice([3, 8], len(wrong))
    model = learn(source, target)
    assert model is not None
    assert ratio <= model.ratio < 1.25 * ratio
    assert spread / 2 < model.spread < 4 * spread


@pytest.mark.parametrize("ratio", [0.3, 1.0, 3.0])
def test_planted_outliers_are_all_that_is_found(ratio: float) -> None:
    source, target = lengths(ratio, 0.5)
    planted = np.arange(50, len(source), 100)
    source[planted] = np.maximum(source[planted], 200)
    target[planted] = np.rint(ratio * source[planted] * np.where(planted % 200 == 50, 4, 0.1))
    model = learn(source, target)
    assert model is not None
    found = np.flatnonzero(model.deviations(source, target) > LIMIT)
    assert found.tolist() == planted.tolist()


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_it_hardly_matters_which_side_is_the_source(ratio: float) -> None:
    source, target = lengths(ratio, 1.5, seed=2)
    target[::20] *= 4
    one, other = learn(source, target), learn(target, source)
    assert one is not None and other is not None
    assert one.ratio * other.ratio == pytest.approx(1, rel=0.01)
    found = one.deviations(source, target) > LIMIT
    swapped = other.deviations(target, source) > LIMIT
    assert found.sum() > 100
    assert (found & swapped).sum() > 0.8 * (found | swapped).sum()


def test_the_order_of_pairs_does_not_matter() -> None:
    source, target = lengths(1.3, 1.0)
    order = np.random.default_rng(3).permutation(len(source))
    assert learn(source, target) == learn(source[order], target[order])


def test_of_few_pairs_nothing_is_learnt() -> None:
    source, target = lengths(1.0, 1.0, count=FEWEST)
    assert learn(source, target) is not None
    assert learn(source[1:], target[1:]) is None


def test_literal_translations_leave_some_room() -> None:
    source = np.arange(10, 410)
    model = learn(source, source)
    assert model == LengthModel(1.0, 0.0, LEAST_SPREAD)
    assert model.deviations(np.array([100]), np.array([100 + SLACK]))[0] == 0
    assert model.deviations(np.array([100]), np.array([100 + SLACK + 1]))[0] == pytest.approx(
        13 / 213**0.5 / LEAST_SPREAD
    )


def test_deviations_are_counted_from_the_centre() -> None:
    model = LengthModel(ratio=2.0, centre=1.0, spread=0.5)
    source, target = np.array([100, 100, 100]), np.array([260, 140, 205])
    expected = [(60 / 360**0.5 - 1) / 0.5, (1 + 60 / 240**0.5) / 0.5, 0.0]
    assert model.deviations(source, target).tolist() == pytest.approx(expected)


def test_empty_texts_are_no_division_by_zero() -> None:
    zeros = np.zeros(FEWEST, dtype=np.int64)
    assert learn(zeros, zeros) == LengthModel(0.0, 0.0, LEAST_SPREAD)
