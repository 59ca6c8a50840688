"""Validation while training: when it runs, which weights are kept, when training stops."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from support.models import tiny
from support.trainings import examples, schedule, tuned
from torch import Tensor

from ontarget.training.monitoring.callbacks import LogPoint, ValidationPlan
from ontarget.training.monitoring.model_selection import ValidationResult
from ontarget.training.schedule import Schedule
from ontarget.training.train import TrainingResult, train

FLOOR = 2.0


def trained(
    percents: Sequence[float],
    *,
    every: int = 2,
    stop: bool = False,
    best: bool = True,
    **changes: Any,
) -> tuple[TrainingResult, dict[str, Tensor], list[LogPoint]]:
    """A training whose validations measure `percents`; its weights, and its progress reports."""
    loaded, points, measured = tiny(), list[LogPoint](), iter(percents)

    def measure(step: int) -> ValidationResult:
        return ValidationResult(
            step=step,
            off_target_percent=float(next(measured)),
            reference_off_target_percent=FLOOR,
            chrf=50.0,
        )

    validation = ValidationPlan(every=every, measure=measure, stop=stop, best=best)
    setting = schedule(**{"steps": 5, "validation": validation} | changes)
    with TemporaryDirectory() as folder:
        result = train(loaded, examples(20), setting, Path(folder), points.append)
    return result, {name: w.clone() for name, w in loaded.model.state_dict().items()}, points


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_validation_runs_before_the_first_step_periodically_and_after_the_last() -> None:
    result, _, points = trained([90, 80, 70, 60])
    assert [validated.step for validated in result.validated] == [0, 2, 4, 5]
    shown = [point["off_target_percent"] for point in points if "off_target_percent" in point]
    assert shown == [90, 80, 70, 60]
    assert (result.steps, result.kept) == (5, 5)


@pytest.mark.parametrize(("percents", "kept"), [([90, 10, 20, 30], 2), ([90, 80, 10, 30], 4)])
def test_the_kept_weights_are_those_of_the_best_validation(
    percents: list[float], kept: int
) -> None:
    """The oracle is a training on the same data that ends there (the rate is constant)."""
    result, weights, _ = trained(percents)
    assert (result.kept, result.steps) == (kept, 5)
    _, ended, _ = trained([90, 80, 70, 60], steps=kept)
    assert same(weights, ended)


def test_feedback_gives_alpha_the_share_of_the_excess_that_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The oracle is a training with the alphas of its steps written down."""
    _, weights, _ = trained([92, 47, 2, 20], best=False, alpha=0.7, alpha_schedule="feedback")
    of_steps = [0.7, 0.7, 0.35, 0.35, 0.0]
    monkeypatch.setattr(Schedule, "alpha_at", lambda self, step, validated: of_steps[step])
    _, expected, _ = trained([92, 47, 2, 20], best=False)
    assert same(weights, expected)
    of_steps[2] = 0.7
    _, other, _ = trained([92, 47, 2, 20], best=False)
    assert not same(weights, other)


@pytest.mark.parametrize(
    ("percents", "alpha"), [([90], 1), ([90, 46], 0.5), ([90, 46, 24], 0.25), ([90, 99], 1),
                            ([90, 1], 0), ([2, 50], 1), ([1, 1], 0)],
)  # fmt: skip
def test_what_is_left_is_the_excess_over_the_references_as_a_share_of_the_starts(
    percents: list[float], alpha: float
) -> None:
    results = [
        ValidationResult(
            step=step, off_target_percent=p, reference_off_target_percent=2.0, chrf=50.0
        )
        for step, p in enumerate(map(float, percents))
    ]
    setting = schedule(alpha=1.0, alpha_schedule="feedback")
    assert setting.alpha_at(3, results) == pytest.approx(alpha)


def test_the_last_weights_are_kept_where_the_plan_says_so() -> None:
    result, weights, _ = trained([90, 10, 20, 30], best=False)
    assert (result.kept, result.steps) == (5, 5)
    _, ended, _ = trained([90, 80, 70, 60])
    assert same(weights, ended)


def test_a_training_that_only_harms_leaves_the_model_unchanged() -> None:
    result, weights, _ = trained([10, 20, 30, 40])
    assert result.kept == 0
    assert same(weights, dict(tiny().model.state_dict()))


def test_it_stops_one_validation_after_translations_were_on_target() -> None:
    result, _, _ = trained([90, FLOOR, 90, 0, 0], stop=True, steps=8)
    assert (result.steps, result.kept) == (4, 2)
    result, _, _ = trained([90, 90, 90, FLOOR, 0], stop=True, steps=8)
    assert result.steps == 8


def test_without_early_stopping_it_trains_to_the_last_step() -> None:
    assert trained([90, FLOOR, FLOOR, FLOOR])[0].steps == 5


def test_a_start_on_target_does_not_stop_training() -> None:
    result, _, _ = trained([FLOOR, 90, 90, 90], stop=True)
    assert (result.steps, result.kept) == (5, 0)


def test_without_validation_the_last_weights_are_kept() -> None:
    loaded = tiny()
    result = tuned(loaded, examples(4), schedule(steps=3))
    assert (result.validated, result.steps, result.kept) == ([], 3, 3)
