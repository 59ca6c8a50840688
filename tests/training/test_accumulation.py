"""A step is the same however it is cut into micro-batches: 1 x 8, 2 x 4, 4 x 2 and 8 x 1.

AdamW's first steps have the size of the learning rate whatever the gradient's scale, so that wrong
weights of the micro-batches would hardly show in them. Plain gradient descent, with nothing
clipped, shows them.
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
SMALLER = (1, 2, 4)  # micro-batches
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}  # relative and absolute


@pytest.fixture(autouse=True)
def plain_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = training.training_arguments

    def unclipped(model: Any, schedule: Schedule, scratch: Path) -> Any:
        made = arguments(model, schedule, scratch)
        made.max_grad_norm = 1e9  # 0 would leave the norm out of the curve
        return made

    def descent(model: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
        return torch.optim.SGD(model.parameters(), lr=schedule.learning_rate)

    monkeypatch.setattr(training, "training_arguments", unclipped)
    monkeypatch.setattr(training, "make_optimizer", descent)


def trained(
    make: Callable[[], LoadedModel], folder: Path, **changes: Any
) -> tuple[list[LogPoint], dict[str, Tensor]]:
    """The curve, with the gradient's norm of each step, and the weights after three steps.

    Of 20 examples the third step has four: the rest of an epoch is a step as well.
    """
    loaded = make()
    setting = schedule(steps=3, batch=BATCH, learning_rate=RATE, **changes)
    drawn = examples(20, conflicts=setting.alpha > 0)
    return train(loaded, drawn, setting, folder).curve, loaded.model.state_dict()


@pytest.mark.parametrize("make", [tiny, lambda: double(tiny())], ids=["float32", "float64"])
@pytest.mark.parametrize("alpha", [0.0, 0.3], ids=["true samples", "with conflicts"])
def test_curve_and_weights_do_not_depend_on_the_micro_batch(
    tmp_path: Path, make: Callable[[], LoadedModel], alpha: float
) -> None:
    curve, weights = trained(make, tmp_path / "whole", micro_batch=BATCH, alpha=alpha)
    tolerance = TOLERANCE[weights["model.norm.weight"].dtype]
    assert [point["step"] for point in curve] == [1, 2, 3]
    assert {"likelihood", "unlikelihood", "grad_norm"} < set(curve[0])
    for micro_batch in SMALLER:
        folder = tmp_path / str(micro_batch)
        points, found = trained(make, folder, micro_batch=micro_batch, alpha=alpha)
        for point, whole in zip(points, curve, strict=True):
            assert point == pytest.approx(whole, rel=tolerance, abs=tolerance)
        for name, weight in weights.items():
            assert_close(found[name], weight, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("micro_batch", [*SMALLER, BATCH])
def test_a_step_is_the_rate_times_the_gradient_of_the_definition(
    tmp_path: Path, micro_batch: int
) -> None:
    """What the law above stands on: nothing between gradient and weights hides a wrong scale."""
    before, loaded = double(tiny()).model, double(tiny())
    drawn = examples(BATCH)
    setting = schedule(batch=BATCH, micro_batch=micro_batch, learning_rate=RATE)
    by_definition(before, drawn, setting.alpha).backward()
    train(loaded, drawn, setting, tmp_path)
    after = dict(loaded.model.named_parameters())
    for name, weight in before.named_parameters():
        assert weight.grad is not None
        assert_close(after[name], weight - RATE * weight.grad, rtol=1e-12, atol=1e-12)
