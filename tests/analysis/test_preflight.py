"""Which measures lead to which diagnosis."""

from dataclasses import replace
from typing import Any

import pytest

from ontarget.analysis.diagnosis.measures import (
    DiagnosticMeasures,
    DirectionMeasures,
    Kind,
    KindMeasures,
    diagnose_fault,
)


def direction(
    name: str, kind: Kind, percent: float, *, reference: float = 1.0, judged: int = 20
) -> DirectionMeasures:
    return DirectionMeasures(
        name=name,
        kind=kind,
        off_target=round(percent * judged / 100),
        judged=judged,
        percent=percent,
        interval=None,
        reference_percent=reference,
    )


def directions(supervised: float, zero_shot: float, **options: float) -> tuple[Any, ...]:
    return (
        direction("en-it", "several targets", supervised),
        direction("it-nl", "zero-shot", zero_shot, **options),  # type: ignore[arg-type]
    )


# Like Gemma 3 270M after an English-centric stage 1 (docs/results/preflight.md).
IGNORES = DiagnosticMeasures(
    kinds=(),
    directions=directions(2.0, 98.0),
    alike_percent=90.0,
    source_gain_nats=1.0,
    source_gain_segments=20,
    answers=(),
)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, "ignores the instruction"),
        ({"directions": directions(2.0, 30.0)}, "ignores the instruction"),
        ({"directions": directions(80.0, 98.0)}, "is not tuned to translate"),
        ({"directions": directions(2.0, 7.0)}, "fine"),
        ({"source_gain_nats": 0.05}, "lacks the skill"),
        # Fluent and on target, but whatever the source says: measured on Bible verses.
        ({"directions": directions(2.0, 4.0), "source_gain_nats": 0.0}, "lacks the skill"),
    ],
)
def test_the_measures_decide_the_fault(change: dict[str, Any], fault: str) -> None:
    diagnosis = diagnose_fault(replace(IGNORES, **change))
    assert diagnosis.fault == fault
    assert diagnosis.words.startswith(f"{fault}: ")


def test_the_evidence_is_part_of_the_diagnosis() -> None:
    assert diagnose_fault(IGNORES).words.endswith(
        "so stage 2 will help (supervised off-target 1 points above the references; zero-shot "
        "off-target 97 points above the references; 90 % of answers for two languages begin alike; "
        "the right source saves 1.00 nats per token (n = 20))"
    )


def test_a_ratio_of_100_percent_that_was_not_measured_is_marked() -> None:
    unjudged = replace(IGNORES, directions=directions(2.0, 100.0, judged=0))
    note = "no translation could be judged in it-nl, counted as 100 %"
    assert note in diagnose_fault(unjudged).words
    assert "could be judged" not in diagnose_fault(IGNORES).words


def test_the_ratio_of_the_references_is_no_fault_of_the_model() -> None:
    high_floor = replace(IGNORES, directions=directions(2.0, 14.0, reference=10.0))
    assert diagnose_fault(high_floor).fault == "fine"


def test_without_supervised_directions_the_model_may_still_ignore_the_instruction() -> None:
    only = replace(IGNORES, directions=(direction("it-nl", "zero-shot", 90.0),))
    assert diagnose_fault(only).fault == "ignores the instruction"


def test_what_demonstrations_change_is_part_of_the_evidence() -> None:
    zero_shot = KindMeasures(
        kind="zero-shot", segments=20, right_nats=2.0, right_first=0.04, wrong_nats=None,
        wrong_first=None, few_shot_nats=1.0, few_shot_first=0.51,
    )  # fmt: skip
    words = diagnose_fault(replace(IGNORES, kinds=(zero_shot,))).words
    assert "demonstrations in the prompt change the probability of a right first token" in words
    assert "token from 0.04 to 0.51; " in words
