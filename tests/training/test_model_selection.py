"""Which of several validated states is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.training.monitoring.model_selection import (
    NEAR,
    PRICE,
    ValidationResult,
    best_result,
    has_settled,
)

percents = st.floats(0, 100, allow_subnormal=False)


def state(off_target: float, chrf: float, *, step: int = 0, floor: float = 2.0) -> ValidationResult:
    return ValidationResult(
        step=step,
        off_target_percent=float(off_target),
        reference_off_target_percent=floor,
        chrf=float(chrf),
    )


@given(st.lists(st.tuples(percents, percents), min_size=1, max_size=12))
def test_no_other_state_is_better(measured: list[tuple[float, float]]) -> None:
    states = [state(*pair, step=step) for step, pair in enumerate(measured)]
    kept = best_result(states)
    most = max(each.chrf * (1 - each.off_target_percent / 100) for each in states)
    cheap = [each for each in states if each.off_target_percent <= 2.0 + NEAR]
    lost = most - kept.chrf * (1 - kept.off_target_percent / 100)
    if kept in cheap:
        assert lost <= PRICE + 1e-9
        assert kept.chrf == max(each.chrf for each in cheap)
    else:
        assert lost == pytest.approx(0, abs=1e-9)


def test_being_on_target_may_cost_a_little() -> None:
    assert best_result([state(98, 27), state(3.5, 82, step=1), state(2.4, 78, step=2)]).step == 2


def test_of_equals_the_earliest_is_kept() -> None:
    assert best_result([state(3, 50, step=4), state(3, 50, step=8)]).step == 4


def test_a_state_worn_down_is_not_kept_though_it_is_on_target() -> None:
    """Junk with a few words of the language asked for is on target."""
    assert best_result([state(90, 30), state(2.4, 85, step=1), state(0.0, 40, step=2)]).step == 1


def test_a_point_of_off_target_is_not_worth_all_skill() -> None:
    assert best_result([state(98, 26), state(2.6, 92, step=1), state(1.0, 61, step=2)]).step == 1
    assert best_result([state(98, 26), state(4.8, 55, step=1), state(2.6, 35, step=2)]).step == 1
    assert (
        best_result([state(50, 40), state(10, 39, step=1)]).step == 1
    )  # nor a point of chrF half of it


def test_nothing_validated_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was validated"):
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
def test_training_may_end_after_a_state_on_target_or_three_looks_at_none_better(
    percents: list[float], ends: bool
) -> None:
    assert has_settled([state(each, 50) for each in percents]) == ends


def test_where_all_is_off_target_the_best_translations_are_kept() -> None:
    """As after stage 1 alone: the untrained start is off-target no more than what is learned."""
    assert best_result([state(100, 1), state(100, 20, step=1), state(100, 27, step=2)]).step == 2
