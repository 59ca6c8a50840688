"""Which measures lead to which diagnosis."""

from dataclasses import replace
from typing import Any

import pytest

from ontarget.analysis.preflight import DiagnosticMeasures, diagnose_fault

# Measured on a model that can translate and ignores the instruction (docs/results/preflight.md).
IGNORES = DiagnosticMeasures(
    likelihood_nats=0.1,
    conflict_nats=5.0,
    right_share=0.95,
    conflict_share=0.8,
    off_target_percent={"en-it": 2.0, "it-nl": 98.0},
    reference_off_target_percent={"en-it": 1.0, "it-nl": 4.0},
)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, "ignores the instruction"),
        ({"conflict_nats": 0.8, "conflict_share": 0.2}, "lacks the skill"),
        ({"conflict_nats": 5.0, "conflict_share": 0.2}, "lacks the skill"),
        ({"conflict_nats": 0.8, "conflict_share": 0.8}, "lacks the skill"),
        ({"right_share": 0.29}, "lacks the skill"),
        ({"off_target_percent": {"en-it": 2.0, "it-nl": 7.0}}, "fine"),
        (
            {"off_target_percent": {"en-it": 2.0, "it-nl": 7.0}, "right_share": 0.29},
            "lacks the skill",
        ),
        ({"off_target_percent": {"en-it": 0.0, "it-nl": 30.0}}, "ignores the instruction"),
    ],
)
def test_the_measures_decide_the_fault(change: dict[str, Any], fault: str) -> None:
    diagnosis = diagnose_fault(replace(IGNORES, **change))
    assert diagnosis.fault == fault
    assert diagnosis.words.startswith(fault)


def test_a_ratio_of_100_percent_that_was_not_measured_is_marked() -> None:
    words = diagnose_fault(replace(IGNORES, unjudged=("it-nl",))).words
    assert "98 % (100 % in it-nl, where no translation could be judged); under a wrong" in words
    assert "could be judged" not in diagnose_fault(IGNORES).words


def test_the_ratio_of_the_references_is_no_fault_of_the_model() -> None:
    high_floor = replace(
        IGNORES,
        off_target_percent={"en-it": 12.0, "it-nl": 14.0},
        reference_off_target_percent={"en-it": 12.0, "it-nl": 10.0},
    )
    assert diagnose_fault(high_floor).fault == "fine"


def test_a_fluent_model_that_cannot_translate_is_not_fine() -> None:
    """Measured on Bible verses: mostly in the right language, and wrong."""
    cannot_translate = replace(
        IGNORES,
        conflict_nats=0.4,
        conflict_share=0.13,
        right_share=0.15,
        off_target_percent={"en-it": 2.0, "it-nl": 4.0},
    )
    words = diagnose_fault(cannot_translate).words
    assert "under the right one 15 % do" in words
    assert "more or other training data is needed" in words


def test_the_explanation_contains_the_numbers() -> None:
    words = diagnose_fault(IGNORES).words
    assert "off-target 50 % on average, worst it-nl 98 %" in words
    assert "80 % of the response tokens keep p > 0.5" in words
    assert "the conflict loss is 5.0 nats" in words
    assert "stage 2 will help" in words
