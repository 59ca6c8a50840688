"""The interval against its definition, the tests against enumerations of all outcomes."""

from itertools import product
from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontarget.stats import TRIALS, Proportion, randomization_test, sign_test, wilson

Z = 1.959963984540054  # the 97.5 % quantile of the normal distribution


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    """A count and its total."""
    total = draw(st.integers(1, 300))
    return draw(st.integers(0, total)), total


@given(counts())
def test_wilsons_interval_is_the_closed_formula(pair: tuple[int, int]) -> None:
    count, total = pair
    p = count / total
    centre = (p + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = Z * sqrt(p * (1 - p) / total + Z**2 / (4 * total**2)) / (1 + Z**2 / total)
    assert wilson(count, total) == pytest.approx(
        (100 * (centre - half), 100 * (centre + half)), abs=1e-9
    )


@given(counts())
def test_the_interval_contains_the_proportion_and_stays_within_0_and_100(
    pair: tuple[int, int],
) -> None:
    low, high = wilson(*pair)
    assert 0 <= low <= 100 * pair[0] / pair[1] <= high <= 100


@given(counts())
def test_bounds_solve_the_score_equation(pair: tuple[int, int]) -> None:
    """|observed - bound| = z * sqrt(bound * (1 - bound) / total)."""
    count, total = pair
    for bound in (percent / 100 for percent in wilson(count, total)):
        variance = bound * (1 - bound) / total
        assert (count / total - bound) ** 2 == pytest.approx(Z**2 * variance, abs=1e-9)


@given(counts())
def test_the_interval_is_symmetric_in_successes_and_failures(pair: tuple[int, int]) -> None:
    count, total = pair
    low, high = wilson(count, total)
    assert wilson(total - count, total) == pytest.approx((100 - high, 100 - low))


@given(st.integers(1, 5000))
def test_the_bounds_of_no_and_of_all_successes_are_exact(total: int) -> None:
    assert wilson(0, total)[0] == 0.0 and wilson(total, total)[1] == 100.0


@pytest.mark.parametrize(("count", "total"), [(0, 0), (-1, 5), (6, 5)])
def test_an_impossible_count_is_an_error(count: int, total: int) -> None:
    with pytest.raises(ValueError, match=r"n|k"):
        wilson(count, total)


def test_a_proportion_of_nothing_has_no_percentage() -> None:
    assert (Proportion(0, 0).percent, Proportion(0, 0).interval) == (None, None)
    assert (Proportion(1, 4).percent, Proportion(1, 4).interval) == (25.0, wilson(1, 4))


@given(st.integers(0, 6), st.integers(0, 6))
def test_the_sign_test_counts_outcomes_at_least_as_unequal(first: int, second: int) -> None:
    outcomes = list(product((-1, 1), repeat=first + second))
    as_unequal = sum(abs(sum(outcome)) >= abs(first - second) for outcome in outcomes)
    assert sign_test(first, second) == pytest.approx(as_unequal / len(outcomes))


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_is_the_closed_formula(first: int, second: int) -> None:
    total, fewer = first + second, min(first, second)
    tail = sum(comb(total, count) for count in range(fewer + 1)) / 2**total
    assert sign_test(first, second) == pytest.approx(min(1.0, 2 * tail))


def test_the_sign_test_takes_many_segments() -> None:
    assert sign_test(50_000, 50_000) == 1
    assert sign_test(0, 10_000) == 0 == sign_test(10_000, 0)
    assert sign_test(49_500, 50_500) == pytest.approx(0.00158, abs=2e-5)  # normal approximation


@settings(max_examples=20)
@given(st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=9))
def test_randomisation_approximates_the_enumeration_of_all_signs(differences: list[float]) -> None:
    signs = np.array(list(product((1, -1), repeat=len(differences))))
    exact = np.mean(np.abs(signs @ differences) >= abs(sum(differences)) - 1e-6)
    (p,) = randomization_test(np.array([differences]).T, 1)
    assert p == pytest.approx(exact, abs=0.025)


def test_a_system_does_not_differ_from_itself() -> None:
    assert randomization_test(np.zeros((5, 2)), 1).tolist() == [1.0, 1.0]


def test_trials_in_several_batches_all_count(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = np.random.default_rng(0).normal(0, 1, (50, 1))
    in_one_batch = randomization_test(differences, 3)
    assert in_one_batch > 0.1
    monkeypatch.setattr("ontarget.stats.SIGNS_AT_ONCE", 50 * 7)
    assert randomization_test(differences, 3) == pytest.approx(in_one_batch, abs=0.02)
    assert randomization_test(differences + 9, 3).tolist() == [1 / (TRIALS + 1)]
