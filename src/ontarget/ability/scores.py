"""What lm-evaluation-harness measured of each model, beside the first one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STDERR = "_stderr"  # ends the name of a metric's standard error
NO_FILTER = "none"
ARROWS = {True: " ↑", False: " ↓", None: ""}  # by whether a higher value is better


@dataclass(frozen=True, slots=True, kw_only=True)
class AbilityScore:
    """A metric of a model on a task, on the metric's own scale (accuracies are 0 to 1)."""

    task: str
    metric: str  # with its filter, if it has one
    value: float | None  # None: not a finite number
    stderr: float | None  # None: the harness gives none
    higher_is_better: bool | None = None  # None: unknown

    @property
    def title(self) -> str:
        """The task, the metric and its better direction."""
        return f"{self.task} {self.metric}{ARROWS[self.higher_is_better]}"


def scores_of(measured: Mapping[str, Any], tasks: Sequence[str]) -> list[AbilityScore]:
    """The scores of a results file: those of `tasks`, and of no subtask unless it is one of them.

    A name in `tasks` without results is a tag: its tasks have other names, so all are shown.

    Raises:
        ValueError: the content is not that of a results file.
    """
    try:
        groups = measured.get("group_subtasks") or {}
        subtasks = {name for names in groups.values() for name in names} - set(tasks)
        results = {**measured["results"], **(measured.get("groups") or {})}
        better = measured.get("higher_is_better") or {}
        shown = set(tasks) if results.keys() >= set(tasks) else results.keys() - subtasks
        return [
            score_of(task, key, values, better.get(task) or {})
            for task, values in results.items()
            if task in shown
            for key in values
            if "," in key and not key.partition(",")[0].endswith(STDERR)
        ]
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise ValueError("not the results of tasks, each with its metrics") from error


def score_of(
    task: str, key: str, values: Mapping[str, Any], better: Mapping[str, Any]
) -> AbilityScore:
    """The score of a key `METRIC,FILTER`.

    Raises:
        OverflowError: a number has too many digits.
        TypeError: whether a higher value is better is neither true, false nor unknown.
    """
    metric, _, chosen = key.partition(",")
    direction = better.get(metric)
    if not isinstance(direction, bool | None):
        raise TypeError(f"higher_is_better of {metric}")
    return AbilityScore(
        task=task,
        metric=metric if chosen == NO_FILTER else f"{metric} ({chosen})",
        value=finite(values[key]),
        stderr=finite(values.get(f"{metric}{STDERR},{chosen}")),
        higher_is_better=direction,
    )


def finite(value: Any) -> float | None:
    """A finite number; the harness writes "N/A" for an unknown standard error."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def difference(score: AbilityScore, first: Sequence[AbilityScore]) -> float | None:
    """A score minus the same one of the first model; None if either is unknown."""
    same = [each.value for each in first if (each.task, each.metric) == (score.task, score.metric)]
    if score.value is None or not same or same[0] is None:
        return None
    return score.value - same[0]
