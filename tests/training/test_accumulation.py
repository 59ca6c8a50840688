"""An optimizer step does not depend on how its batch is split into micro-batches.

The first steps of AdamW have the size of the learning rate whatever the scale of the gradient, so
wrong weights of micro-batches would hardly show. Plain gradient descent, unclipped, shows them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.models import double, tiny
from support.trainings import by_definition, examples, schedule
from torch import Tensor, nn
from torch.testing import assert_close

from ontarget.models.loading import LoadedModel
from ontarget.training import train as training
from ontarget.training.monitoring.callbacks import LogPoint
from ontarget.training.schedule import Schedule
from ontarget.training.train import train

BATCH, RATE = 8, 0.5
SMALLER = (1, 4)  # micro-batches; 1 leaves some without conflict labels, 4 is an even split
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}  # relative and absolute


@pytest.fixture(autouse=True)
def plain_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = training.training_arguments

    def unclipped(model: Any, schedule: Schedule, scratch: Path) -> Any:
        settings = arguments(model, schedule, scratch)
        settings.max_grad_norm = 1e9  # with 0 the norm would not be logged
        return settings

    def descent(model: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
        return torch.optim.SGD(model.parameters(), lr=schedule.learning_rate)

    monkeypatch.setattr(training, "training_arguments", unclipped)
    monkeypatch.setattr(training, "make_optimizer", descent)


def trained(
    make: Callable[[], LoadedModel], folder: Path, **changes: Any
) -> tuple[list[LogPoint], dict[str, Tensor]]:
    """Curve and weights after three steps; of 20 examples, the third step has four."""
    loaded = make()
    setting = schedule(steps=3, batch=BATCH, learning_rate=RATE, **changes)
    drawn = examples(20, conflicts=setting.alpha > 0)
    return train(loaded, drawn, setting, folder).curve, loaded.model.state_dict()


@pytest.mark.parametrize(
    ("make", "alpha"),
    [(tiny, 0.3), (lambda: double(tiny()), 0.3), (lambda: double(tiny()), 0.0)],
    ids=["float32", "float64", "float64, without conflicts"],
)
def test_curve_and_weights_do_not_depend_on_the_micro_batch(
    tmp_path: Path, make: Callable[[], LoadedModel], alpha: float
) -> None:
    curve, weights = trained(make, tmp_path / "whole", micro_batch=BATCH, alpha=alpha)
    tolerance = TOLERANCE[weights["model.norm.weight"].dtype]
    assert [point["step"] for point in curve] == [1, 2, 3]
    assert {"likelihood", "unlikelihood", "grad_norm"} < set(curve[0])
    for micro_batch in SMALLER:
        folder = tmp_path / str(micro_batch)
        split_curve, split_weights = trained(make, folder, micro_batch=micro_batch, alpha=alpha)
        for point, whole in zip(split_curve, curve, strict=True):
            assert point == pytest.approx(whole, rel=tolerance, abs=tolerance)
        for name, weight in weights.items():
            assert_close(split_weights[name], weight, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("micro_batch", [1, BATCH])
def test_a_step_is_the_rate_times_the_gradient_of_the_definition(
    tmp_path: Path, micro_batch: int
) -> None:
    """The law above relies on it: nothing between gradient and weights hides a wrong scale."""
    before, loaded = double(tiny()).model, double(tiny())
    drawn = examples(BATCH)
    setting = schedule(batch=BATCH, micro_batch=micro_batch, learning_rate=RATE)
    by_definition(before, drawn, setting.alpha).backward()
    train(loaded, drawn, setting, tmp_path)
    after = dict(loaded.model.named_parameters())
    for name, weight in before.named_parameters():
        assert weight.grad is not None
        assert_close(after[name], weight - RATE * weight.grad, rtol=1e-12, atol=1e-12)
