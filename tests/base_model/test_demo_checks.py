"""The demo's demands: each fails alone when its number is off."""

from dataclasses import replace

import pytest

from ontarget.base_model.demo_checks import demands
from ontarget.records import Score

SCORE = Score(
    system="stage1", source="en", target="it", supervised=True, segments=50, bleu=90.0, chrf=90.0,
    off_target_percent=0.0, off_target_interval=(0.0, 7.1), reference_off_target_percent=3.0,
    verdicts={}, languages={}, detector="lid", signatures={},
)  # fmt: skip
ZERO_SHOT = replace(SCORE, source="it", target="nl", supervised=False)
SUPERVISED = {name: SCORE for name in ("stage1", "stage1-longer", "stage2")}
SHOWN = {
    "stage1": replace(ZERO_SHOT, off_target_percent=40.0, chrf=30.0),
    "stage1-longer": replace(ZERO_SHOT, off_target_percent=5.1),
    "stage2": replace(ZERO_SHOT, off_target_percent=5.0, chrf=50.0),
}


def holding(supervised: dict[str, Score], zero_shot: dict[str, Score]) -> list[bool]:
    scores = [
        replace(score, system=system)
        for group in (supervised, zero_shot)
        for system, score in group.items()
    ]
    return [demand.holds for demand in demands(scores)]


def test_all_hold_at_their_limits() -> None:
    lowest = SUPERVISED | {"stage2": replace(SCORE, chrf=89.0)}
    assert holding(lowest, SHOWN) == [True] * 6


@pytest.mark.parametrize(
    ("index", "system", "change"),
    [
        (0, "stage1", {"off_target_percent": 39.9}),
        (1, "stage2", {"off_target_percent": 5.1}),
        (3, "stage2", {"chrf": 49.9}),
        (5, "stage1-longer", {"off_target_percent": 5.0}),
    ],
)
def test_each_zero_shot_demand_can_fail_alone(
    index: int, system: str, change: dict[str, float]
) -> None:
    shown = SHOWN | {system: replace(SHOWN[system], **change)}  # type: ignore[arg-type]
    assert holding(SUPERVISED, shown) == [at != index for at in range(6)]


def test_supervised_quality_may_not_fall_by_more_than_a_point() -> None:
    worse = SUPERVISED | {"stage2": replace(SCORE, chrf=88.9)}
    assert holding(worse, SHOWN) == [True, True, True, True, False, True]


def test_a_poor_identifier_proves_nothing() -> None:
    poor = {
        name: replace(each, reference_off_target_percent=5.1, off_target_percent=off_target)
        for (name, each), off_target in zip(SHOWN.items(), (40.0, 9.0, 7.0), strict=True)
    }
    assert holding(SUPERVISED, poor)[2] is False


def test_a_missing_system_is_named() -> None:
    with pytest.raises(ValueError, match="no scores of stage1-longer; the demo compares all"):
        holding(SUPERVISED, {name: SHOWN[name] for name in ("stage1", "stage2")})


def test_a_ratio_that_is_not_known_is_refused() -> None:
    unknown = SHOWN | {"stage2": replace(SHOWN["stage2"], off_target_percent=None)}
    with pytest.raises(ValueError, match="stage2: in 1 of 1 directions no segment could be judged"):
        holding(SUPERVISED, unknown)


def test_a_direction_without_a_ratio_is_not_averaged_away() -> None:
    scores = [
        replace(each, system=name) for group in (SUPERVISED, SHOWN) for name, each in group.items()
    ]
    unknown = replace(scores[-1], source="nl", target="it", off_target_percent=None)
    with pytest.raises(ValueError, match="stage2: in 1 of 2 directions no segment could be judged"):
        demands([*scores, unknown])
