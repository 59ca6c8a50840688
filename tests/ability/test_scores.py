"""Scores of a results file: which are shown, and their differences."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.ability.scores import AbilityScore, difference, scores_of

GROUPED: dict[str, Any] = {
    "results": {
        "mmlu": {"alias": "mmlu", "acc,none": 0.5, "acc_stderr,none": 0.1},
        "mmlu_law": {"acc,none": 0.4, "acc_stderr,none": "N/A"},
        "gsm8k": {"exact_match,strict-match": 0.2, "exact_match_stderr,strict-match": 0.05,
                  "exact_match,flexible-extract": 0.3},
    },
    "groups": {"mmlu": {"alias": "mmlu", "acc,none": 0.5, "acc_stderr,none": 0.1}},
    "group_subtasks": {"mmlu": ["mmlu_law"], "gsm8k": []},
    "higher_is_better": {"gsm8k": {"exact_match": True}, "mmlu": None},
}  # fmt: skip


def test_subtasks_are_shown_only_if_they_are_asked_for() -> None:
    asked = scores_of(GROUPED, ["mmlu", "gsm8k"])
    assert [(s.title, s.value, s.stderr) for s in asked] == [
        ("mmlu acc", 0.5, 0.1),
        ("gsm8k exact_match (strict-match) ↑", 0.2, 0.05),
        ("gsm8k exact_match (flexible-extract) ↑", 0.3, None),
    ]
    both = scores_of(GROUPED, ["mmlu", "mmlu_law"])
    assert ("mmlu_law", None) in [(s.task, s.stderr) for s in both]


@pytest.mark.parametrize("value", [math.nan, math.inf, "N/A", None, True, [1]])
def test_what_is_no_finite_number_is_unknown(value: object) -> None:
    (score,) = scores_of({"results": {"a": {"acc,none": value, "acc_stderr,none": value}}}, ["a"])
    assert (score.value, score.stderr) == (None, None)


def test_results_of_tasks_that_were_not_asked_for_are_not_shown() -> None:
    results = {"a": {"acc,none": 0.1}, "b": {"acc,none": 0.2}}
    assert [s.task for s in scores_of({"results": results}, ["b"])] == ["b"]
    assert [s.task for s in scores_of({"results": results}, ["tag"])] == ["a", "b"]
    assert [s.task for s in scores_of({"results": results}, ["a", "tag"])] == ["a", "b"]


@pytest.mark.parametrize(
    "content",
    [
        {}, {"results": [1]}, {"results": {"a": 1}}, {"results": {}, "group_subtasks": [1]},
        {"results": {"a": {"acc,none": 10**400}}},
        {"results": {"a": {"acc,none": 0.5, "acc_stderr,none": -(10**400)}}},
        *(
            {"results": {"a": {"acc,none": 0.5}}, "higher_is_better": {"a": {"acc": better}}}
            for better in (1, "yes", [True], {})
        ),
    ],
)  # fmt: skip
def test_what_is_no_results_file_is_an_error(content: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not the results of tasks, each with its metrics"):
        scores_of(content, ["a"])


def score(task: str, value: float | None) -> AbilityScore:
    return AbilityScore(task=task, metric="acc", value=value, stderr=None)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_difference_is_to_the_same_score_of_the_first_model(one: float, other: float) -> None:
    first = [score("b", 7.0), score("a", one)]
    assert difference(score("a", other), first) == other - one
    assert difference(score("c", other), first) is None
    assert difference(score("a", None), first) is None
    assert difference(score("a", other), [score("a", None)]) is None
