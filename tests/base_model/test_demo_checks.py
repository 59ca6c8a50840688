"""The demo's checks: each fails alone when its number is out of range."""

from dataclasses import replace

import pytest

from ontarget.base_model.demo_checks import check_demo
from ontarget.records import Score

SCORE = Score(
    system="stage1", source="en", target="it", supervised=True, segments=50, bleu=90.0, chrf=90.0,
    off_target_percent=0.0, off_target_interval=(0.0, 7.1), reference_off_target_percent=3.0,
    verdicts={}, languages={}, detector="lid", signatures={},
)  # fmt: skip
ZERO_SHOT = replace(SCORE, source="it", target="nl", supervised=False)
SUPERVISED = {name: SCORE for name in ("stage1", "stage1-longer", "stage2")}
WORKING = {
    "stage1": replace(ZERO_SHOT, off_target_percent=40.0, chrf=30.0),
    "stage1-longer": replace(ZERO_SHOT, off_target_percent=8.1),
    "stage2": replace(ZERO_SHOT, off_target_percent=8.0, chrf=50.0),
}


def passed(supervised: dict[str, Score], zero_shot: dict[str, Score]) -> list[bool]:
    scores = [
        replace(score, system=system)
        for group in (supervised, zero_shot)
        for system, score in group.items()
    ]
    return [check.passed for check in check_demo(scores)]


def test_all_checks_pass_at_their_limits() -> None:
    lowest = SUPERVISED | {"stage2": replace(SCORE, chrf=89.0)}
    assert passed(lowest, WORKING) == [True] * 6


@pytest.mark.parametrize(
    ("index", "system", "change"),
    [
        (0, "stage1", {"off_target_percent": 39.9}),
        (1, "stage2", {"off_target_percent": 8.1}),
        (4, "stage2", {"chrf": 49.9}),
        (2, "stage1-longer", {"off_target_percent": 8.0}),
    ],
)
def test_each_zero_shot_check_can_fail_alone(
    index: int, system: str, change: dict[str, float]
) -> None:
    changed = WORKING | {system: replace(WORKING[system], **change)}  # type: ignore[arg-type]
    assert passed(SUPERVISED, changed) == [at != index for at in range(6)]


def test_supervised_chrf_may_not_fall_by_more_than_a_point() -> None:
    worse = SUPERVISED | {"stage2": replace(SCORE, chrf=88.9)}
    assert passed(worse, WORKING) == [True, True, True, True, True, False]


def test_an_inaccurate_language_identifier_fails_the_demo() -> None:
    poor = {
        name: replace(score, reference_off_target_percent=5.1, off_target_percent=off_target)
        for (name, score), off_target in zip(WORKING.items(), (40.0, 12.0, 10.0), strict=True)
    }
    assert passed(SUPERVISED, poor)[3] is False


def test_a_missing_system_is_an_error() -> None:
    with pytest.raises(
        ValueError, match="no scores of stage1-longer; the demo compares stage1, stage1-"
    ):
        passed(SUPERVISED, {name: WORKING[name] for name in ("stage1", "stage2")})


def test_a_missing_ratio_is_an_error() -> None:
    unjudged = WORKING | {"stage2": replace(WORKING["stage2"], off_target_percent=None)}
    with pytest.raises(ValueError, match="stage2: in 1 of 1 directions no segment could be judged"):
        passed(SUPERVISED, unjudged)


def test_a_direction_without_a_ratio_is_an_error_even_if_others_have_one() -> None:
    scores = [
        replace(score, system=name)
        for group in (SUPERVISED, WORKING)
        for name, score in group.items()
    ]
    unjudged = replace(scores[-1], source="nl", target="it", off_target_percent=None)
    with pytest.raises(ValueError, match="stage2: in 1 of 2 directions no segment could be judged"):
        check_demo([*scores, unjudged])
