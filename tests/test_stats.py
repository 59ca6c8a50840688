"""The intervals against their definitions, the tests against enumerations of all outcomes."""

from itertools import product
from math import comb, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from ontarget.stats import (
    TRIALS,
    Estimate,
    Proportion,
    difference_interval,
    mean_interval,
    randomization_test,
    rogan_gladen,
    sign_test,
    wilson,
)

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


def score_bounds(count: int, total: int) -> tuple[float, float]:
    """Wilson's bounds as a share, from the closed formula."""
    p, z2 = count / total, Z * Z
    centre, half = p + z2 / (2 * total), Z * sqrt(p * (1 - p) / total + z2 / (4 * total**2))
    return (centre - half) / (1 + z2 / total), (centre + half) / (1 + z2 / total)


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [  # Newcombe 1998, table II, method 10: without continuity correction
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((0, 10), (0, 10), (-0.2775, 0.2775)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ],
)
def test_the_interval_of_a_difference_is_that_of_newcombes_table(
    one: tuple[int, int], two: tuple[int, int], expected: tuple[float, float]
) -> None:
    interval = difference_interval(Proportion(*one), Proportion(*two))
    assert interval == pytest.approx([100 * bound for bound in expected], abs=0.006)


@given(counts(), counts())
def test_the_interval_of_a_difference_is_the_closed_formula(
    one: tuple[int, int], two: tuple[int, int]
) -> None:
    difference = one[0] / one[1] - two[0] / two[1]
    (low_one, high_one), (low_two, high_two) = score_bounds(*one), score_bounds(*two)
    below = sqrt((one[0] / one[1] - low_one) ** 2 + (high_two - two[0] / two[1]) ** 2)
    above = sqrt((high_one - one[0] / one[1]) ** 2 + (two[0] / two[1] - low_two) ** 2)
    interval = difference_interval(Proportion(*one), Proportion(*two))
    assert interval == pytest.approx(
        (100 * (difference - below), 100 * (difference + above)), abs=1e-6
    )
    assert interval is not None
    assert -100.000001 <= interval[0] <= 100 * difference <= interval[1] <= 100.000001


@given(counts(), counts())
def test_exchanging_two_proportions_changes_the_sign_of_the_interval(
    one: tuple[int, int], two: tuple[int, int]
) -> None:
    there = difference_interval(Proportion(*one), Proportion(*two))
    back = difference_interval(Proportion(*two), Proportion(*one))
    assert there is not None and back is not None
    assert there == pytest.approx((-back[1], -back[0]))


def test_a_difference_to_nothing_has_no_interval() -> None:
    assert difference_interval(Proportion(0, 0), Proportion(1, 2)) is None
    assert difference_interval(Proportion(1, 2), Proportion(0, 0)) is None


def adjusted_bounds(
    observed: tuple[int, int], false: tuple[int, int], found: tuple[int, int]
) -> tuple[float, float]:
    """Lang and Reiczigel's interval as a share, before it is cut; equations 7 to 11 in turn."""
    n, negatives, positives = observed[1] + Z**2, false[1] + 2, found[1] + 2
    prevalence = (observed[0] + Z**2 / 2) / n
    specificity = (false[1] - false[0] + 1) / negatives
    sensitivity = (found[0] + 1) / positives
    youden = sensitivity + specificity - 1
    estimate = (prevalence + specificity - 1) / youden
    of_positives = sensitivity * (1 - sensitivity) / positives
    of_negatives = specificity * (1 - specificity) / negatives
    shift = 2 * Z**2 * (estimate * of_positives - (1 - estimate) * of_negatives)
    variance = prevalence * (1 - prevalence) / n
    variance += estimate**2 * of_positives + (1 - estimate) ** 2 * of_negatives
    half = Z * sqrt(variance / youden**2)
    return estimate + shift - half, estimate + shift + half


@given(counts(), counts(), counts())
def test_the_corrected_share_is_rogan_and_gladens_and_its_interval_lang_and_reiczigels(
    observed: tuple[int, int], false: tuple[int, int], found: tuple[int, int]
) -> None:
    estimate = rogan_gladen(Proportion(*observed), Proportion(*false), Proportion(*found))
    wrong, recall, share = (count / total for count, total in (false, found, observed))
    smoothed = (found[0] + 1) / (found[1] + 2) - (false[0] + 1) / (false[1] + 2)
    if recall <= wrong or smoothed <= 0:
        assert estimate is None
        return
    assert estimate is not None
    low, high = adjusted_bounds(observed, false, found)
    expected = ((share - wrong) / (recall - wrong), low, high)
    assert (estimate.percent, estimate.low, estimate.high) == pytest.approx(
        [100 * min(max(value, 0.0), 1.0) for value in expected], abs=1e-6
    )
    assert 0 <= estimate.low <= estimate.high <= 100 and 0 <= estimate.percent <= 100


def test_of_a_perfect_test_the_corrected_share_is_the_observed_one() -> None:
    never, always = Proportion(0, 10**9), Proportion(10**9, 10**9)
    for count, total in ((0, 40), (1, 40), (13, 40), (40, 40)):
        estimate = rogan_gladen(Proportion(count, total), never, always)
        assert estimate is not None and estimate.percent == pytest.approx(100 * count / total)
        p = (count + Z**2 / 2) / (total + Z**2)  # Agresti and Coull's interval is what is left
        half = Z * sqrt(p * (1 - p) / (total + Z**2))
        expected = (max(100 * (p - half), 0.0), min(100 * (p + half), 100.0))
        assert (estimate.low, estimate.high) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("observed", "expected"), [(0, 0.0), (5, 0.0), (50, 50.0), (95, 100.0), (100, 100.0)]
)
def test_a_share_within_the_errors_of_the_measurement_is_none_or_all(
    observed: int, expected: float
) -> None:
    estimate = rogan_gladen(Proportion(observed, 100), Proportion(10, 100), Proportion(90, 100))
    assert isinstance(estimate, Estimate) and estimate.percent == pytest.approx(expected)


@pytest.mark.parametrize(
    ("observed", "false", "found"),
    [
        ((0, 0), (1, 9), (8, 9)), ((1, 9), (0, 0), (8, 9)), ((1, 9), (1, 9), (0, 0)),
        ((1, 9), (3, 9), (3, 9)),  # it says the same of both
        ((1, 9), (8, 9), (1, 9)),
        ((1, 9), (0, 10), (0, 1)),
        ((1, 9), (98, 100), (1, 1)),  # by so few texts that this may be chance
    ],
)  # fmt: skip
def test_a_measurement_that_tells_nothing_corrects_nothing(
    observed: tuple[int, int], false: tuple[int, int], found: tuple[int, int]
) -> None:
    assert rogan_gladen(Proportion(*observed), Proportion(*false), Proportion(*found)) is None


@pytest.mark.parametrize(("true", "wrong", "recall"), [(0.02, 0.01, 0.95), (0.3, 0.05, 0.8)])
def test_nineteen_of_twenty_intervals_cover_the_true_share(
    true: float, wrong: float, recall: float
) -> None:
    generator = np.random.default_rng(7)
    trials = 600
    observed = generator.binomial(500, true * recall + (1 - true) * wrong, trials)
    false, found = generator.binomial(400, wrong, trials), generator.binomial(200, recall, trials)
    estimates = [
        rogan_gladen(Proportion(int(a), 500), Proportion(int(b), 400), Proportion(int(c), 200))
        for a, b, c in zip(observed, false, found, strict=True)
    ]
    covered = [e is not None and e.low <= 100 * true <= e.high for e in estimates]
    assert 0.93 <= np.mean(covered) <= 0.995
    mean = np.mean([estimate.percent for estimate in estimates if estimate])
    assert mean == pytest.approx(100 * true, abs=0.6)


def test_nineteen_of_twenty_intervals_cover_the_true_difference() -> None:
    generator = np.random.default_rng(7)
    one, two = generator.binomial(200, 0.05, 300), generator.binomial(300, 0.02, 300)
    intervals = [
        difference_interval(Proportion(int(a), 200), Proportion(int(b), 300))
        for a, b in zip(one, two, strict=True)
    ]
    covered = [each is not None and each[0] <= 3.0 <= each[1] for each in intervals]
    assert 0.92 <= np.mean(covered) <= 0.98


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


def outcomes(table: Any) -> list[dict[str, bool]]:
    """Directions by row, of a table "row direction" of outcomes."""
    return [{str(row): bool(one) for row, one in enumerate(column)} for column in table.T]


def wilson_by_definition(share: float, observations: float, quantile: float) -> tuple[float, float]:
    """The roots of Wilson's equation (share - p)**2 = quantile**2 p (1 - p) / observations."""
    of_square = quantile**2 / observations
    roots = np.roots([1 + of_square, -(2 * share + of_square), share**2])
    return 100 * float(min(roots)), 100 * float(max(roots))


@given(counts())
def test_the_interval_of_one_direction_is_wilsons_with_students_quantile(
    pair: tuple[int, int],
) -> None:
    count, total = min(pair[0], 200), min(pair[1], 200)
    count = min(count, total)
    observations = total if count in (0, total) else total - 1  # the variance is unbiased
    quantile = t.ppf(0.975, total - 1) if total > 1 else norm.ppf(0.975)
    expected = wilson_by_definition(count / total, observations, quantile)
    found = mean_interval([{str(n): n < count for n in range(total)}])
    assert found == pytest.approx(expected, abs=1e-4)


def test_directions_with_the_same_outcomes_in_each_row_are_worth_one() -> None:
    one = np.random.default_rng(1).random((40, 1)) < 0.3
    assert mean_interval(outcomes(np.repeat(one, 6, axis=1))) == pytest.approx(
        mean_interval(outcomes(one))
    )
    nothing = np.zeros((40, 1))
    assert mean_interval(outcomes(np.repeat(nothing, 6, axis=1))) == mean_interval(
        outcomes(nothing)
    )


def test_directions_without_common_rows_are_worth_all_their_segments() -> None:
    table = np.random.default_rng(1).random((50, 4)) < 0.3
    apart = [{f"{number}:{row}": bool(one) for row, one in enumerate(column)}
             for number, column in enumerate(table.T)]  # fmt: skip
    low, high = mean_interval(apart) or (0, 0)
    expected = wilson(int(table.sum()), table.size)
    assert (low, high) == pytest.approx(expected, abs=0.3)
    together = mean_interval([{str(n): bool(one) for n, one in enumerate(table.T.ravel())}])
    assert (low, high) == pytest.approx(together, abs=0.3)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    "true", [(0.01, 0.01, 0.01), (0.05, 0.05, 0.3), (0.5, 0.5, 0.5), (0.0, 0.1, 1.0)]
)
def test_the_interval_of_a_mean_covers_the_true_mean_as_often_as_it_says(
    true: tuple[float, ...], correlation: float
) -> None:
    """Of 300 simulated tables at least 90 %, to which Wilson's own dips at rare events."""
    generator = np.random.default_rng(1)
    shared = generator.normal(size=(300, 40, 1)) * correlation**0.5
    values = shared + generator.normal(size=(300, 40, len(true))) * (1 - correlation) ** 0.5
    bounds = [mean_interval(outcomes(table)) or (0, 0) for table in values < norm.ppf(true)]
    mean = 100 * np.mean(true)
    assert np.mean([low <= mean + 1e-9 and mean <= high + 1e-9 for low, high in bounds]) >= 0.9


def test_a_mean_without_observations_has_no_interval() -> None:
    assert mean_interval([]) is None
    assert mean_interval([{"1": True}, {}]) is None
