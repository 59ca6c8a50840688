"""Which validated checkpoint is kept, and when training stops early."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.training.monitoring.model_selection import (
    NEAR,
    PRICE,
    ValidationResult,
    best_result,
    has_settled,
    preferred_result,
)

percents = st.floats(0, 100, allow_subnormal=False)


def result(
    off_target: float,
    chrf: float,
    *,
    step: int = 0,
    floor: float = 2.0,
    supervised: float | None = None,
) -> ValidationResult:
    return ValidationResult(
        step=step,
        off_target_percent=float(off_target),
        reference_off_target_percent=floor,
        chrf=float(chrf),
        supervised_chrf=supervised,
    )


@given(st.lists(st.tuples(percents, percents), min_size=1, max_size=12))
def test_no_other_result_is_preferable(measured: list[tuple[float, float]]) -> None:
    results = [result(*pair, step=step) for step, pair in enumerate(measured)]
    preferred = preferred_result(results)
    most = max(each.chrf * (1 - each.off_target_percent / 100) for each in results)
    on_target = [each for each in results if each.off_target_percent <= 2.0 + NEAR]
    lost = most - preferred.chrf * (1 - preferred.off_target_percent / 100)
    if preferred in on_target:
        assert lost <= PRICE + 1e-9
        assert preferred.chrf == max(each.chrf for each in on_target)
    else:
        assert lost == pytest.approx(0, abs=1e-9)


@given(st.lists(st.tuples(percents, percents), min_size=1, max_size=12))
def test_the_best_result_only_ever_changes_to_the_newest(
    measured: list[tuple[float, float]],
) -> None:
    """Weights are saved while their result is the newest; those of others are gone."""
    results = [result(*pair, step=step, floor=20.0) for step, pair in enumerate(measured)]
    for count in range(1, len(results)):
        before, after = best_result(results[:count]), best_result(results[: count + 1])
        assert after is before or after is results[count]


def test_an_earlier_result_that_becomes_preferable_again_is_not_the_best() -> None:
    """The third replaces the second as candidate, but costs too much, so the first is preferred."""
    measured = [(30, 78), (0, 50), (9.4, 50.5)]  # values 54.6, 50.0 and 45.8
    results = [result(*pair, step=step, floor=9.0) for step, pair in enumerate(measured)]
    assert preferred_result(results) is results[0]
    assert best_result(results[:2]) is best_result(results) is results[1]


def test_being_on_target_may_cost_a_little() -> None:
    assert best_result([result(98, 27), result(3.5, 82, step=1), result(2.4, 78, step=2)]).step == 2


def test_among_equals_the_earliest_is_kept() -> None:
    assert best_result([result(3, 50, step=4), result(3, 50, step=8)]).step == 4


def test_a_degraded_checkpoint_is_not_kept_though_it_is_on_target() -> None:
    """Garbage with a few words of the requested language is on target."""
    assert best_result([result(90, 30), result(2.4, 85, step=1), result(0.0, 40, step=2)]).step == 1


def test_a_point_of_off_target_is_not_worth_all_quality() -> None:
    assert best_result([result(98, 26), result(2.6, 92, step=1), result(1.0, 61, step=2)]).step == 1
    assert best_result([result(98, 26), result(4.8, 55, step=1), result(2.6, 35, step=2)]).step == 1
    assert (
        best_result([result(50, 40), result(10, 39, step=1)]).step == 1
    )  # nor a point of chrF half of it


def test_a_point_of_supervised_chrf_is_worth_a_point_of_zero_shot_chrf() -> None:
    results = [
        result(90, 30, supervised=50.0),
        result(1, 48, step=1, supervised=47.0),
        result(1, 52, step=2, supervised=42.5),  # 4 points better, and 4.5 more lost
    ]
    assert best_result(results).step == 1
    assert best_result([replace(one, supervised_chrf=None) for one in results]).step == 2


def test_a_gain_in_supervised_directions_counts_nothing() -> None:
    results = [result(1, 50, supervised=50.0), result(1, 49, step=1, supervised=60.0)]
    assert best_result(results).step == 0


@pytest.mark.parametrize(("lost", "kept"), [(0, 1), (11.0, 1), (11.2, 0), (20, 0)])
def test_a_training_that_costs_more_than_it_repairs_and_five_points_is_not_kept(
    lost: float, kept: int
) -> None:
    """All of 18 % on target at chrF 34 is worth 6.12 points."""
    results = [result(18, 34, supervised=48.0), result(0, 34, step=1, supervised=48.0 - lost)]
    assert best_result(results).step == kept


def test_without_results_there_is_no_best_one() -> None:
    with pytest.raises(ValueError, match="no validation results"):
        best_result([])


@pytest.mark.parametrize(
    ("percents", "ends"),
    [
        ([], False), ([90, 2], False), ([90, 2, 2.5], True), ([90, 2, 80], True),
        ([90, 2.6, 2], False), ([2, 90, 90], False), ([2, 2, 90], True),
        ([90, 5, 6, 6], False), ([90, 5, 6, 6, 6], True), ([90, 5, 6, 4, 6, 6], False),
        ([90, 90, 91, 92, 93], False),
    ],
)  # fmt: skip
def test_training_may_stop_after_a_result_on_target_or_three_without_improvement(
    percents: list[float], ends: bool
) -> None:
    assert has_settled([result(each, 50) for each in percents]) == ends


def test_if_everything_is_off_target_the_best_translations_are_kept() -> None:
    """As in stage 1 alone, where the untrained start is no more off-target than what is learned."""
    assert best_result([result(100, 1), result(100, 20, step=1), result(100, 27, step=2)]).step == 2
