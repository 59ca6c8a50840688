"""Trainings that are interrupted and resumed, and what they must end as."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ontarget.training.monitoring.callbacks import ValidationPlan
from ontarget.training.monitoring.model_selection import ValidationResult
from ontarget.training.train import TrainingResult, train
from support.models import tiny
from support.trainings import examples, own_answers, schedule

STEPS, BEST = 12, 8
SETTING: dict[str, Any] = {
    "steps": STEPS, "batch": 4, "micro_batch": 2, "checkpoint_every": 2, "schedule": "cosine",
    "row_tokens": 30,
}  # fmt: skip
Weights = dict[str, Tensor]


def result_of(step: int) -> ValidationResult:
    return ValidationResult(
        step=step,
        off_target_percent=abs(step - BEST) + 10.0,
        reference_off_target_percent=0.0,
        chrf=1.0,
    )


def validation(measure: Callable[[int], ValidationResult] = result_of) -> ValidationPlan:
    return ValidationPlan(every=4, measure=measure, stop=False)


def trained(
    folder: Path, *, validated: bool = True, own: bool = False, **changes: Any
) -> tuple[TrainingResult, nn.Module]:
    """Four epochs over ten examples, resumed from the checkpoints in `folder`."""
    loaded = tiny()
    setting = schedule(**{**SETTING, **changes, "validation": validation() if validated else None})
    drawn = examples(10, own=own)
    return train(loaded, drawn, setting, folder, answers=own_answers(loaded)), loaded.model


def weights_of(model: nn.Module) -> Weights:
    return dict(model.state_dict())


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


Uninterrupted = Callable[..., tuple[TrainingResult, Weights]]


def assert_ends_alike(folder: Path, uninterrupted: Uninterrupted) -> None:
    """Resumed from `folder`, a training ends as if nothing had interrupted it."""
    result, model = trained(folder, checkpoint_every=1000)
    expected, weights = uninterrupted()
    assert same(weights_of(model), weights) and result == expected
