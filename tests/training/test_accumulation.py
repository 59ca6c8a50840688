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
from support.trainings import by_definition, examples, own_answers, schedule
from torch import Tensor, nn
from torch.testing import assert_close

from ontarget.models.loading import LoadedModel
from ontarget.training import train as training
from ontarget.training.batches.own_answers import with_answers
from ontarget.training.batches.sequences import Example
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
    make: Callable[[], LoadedModel], folder: Path, *, conflicts: str = "all", **changes: Any
) -> tuple[list[LogPoint], dict[str, Tensor]]:
    """Curve and weights after three steps; of 20 examples, the third step has four."""
    loaded = make()
    setting = schedule(steps=3, batch=BATCH, learning_rate=RATE, **changes)
    kind = {"none": {"conflicts": False}, "reach": {"by_reach": True}, "own": {"own": True}}
    drawn = examples(20, **kind.get(conflicts, {}))
    curve = train(loaded, drawn, setting, folder, answers=own_answers(loaded)).curve
    return curve, loaded.model.state_dict()


@pytest.mark.parametrize(
    ("make", "conflicts"),
    [(tiny, "all"), *[(lambda: double(tiny()), kind) for kind in ("all", "none", "reach", "own")]],
    ids=["float32", "float64", "no conflicts", "weighted by reach", "own answers"],
)
def test_curve_and_weights_do_not_depend_on_the_micro_batch(
    tmp_path: Path, make: Callable[[], LoadedModel], conflicts: str
) -> None:
    curve, weights = trained(make, tmp_path / "whole", micro_batch=BATCH, conflicts=conflicts)
    tolerance = TOLERANCE[weights["model.norm.weight"].dtype]
    assert [point["step"] for point in curve] == [1, 2, 3]
    assert {"likelihood", "unlikelihood", "grad_norm"} < set(curve[0])
    for micro_batch in SMALLER:
        folder = tmp_path / str(micro_batch)
        split_curve, split_weights = trained(
            make, folder, micro_batch=micro_batch, conflicts=conflicts
        )
        for point, whole in zip(split_curve, curve, strict=True):
            assert point == pytest.approx(whole, rel=tolerance, abs=tolerance)
        for name, weight in weights.items():
            assert_close(split_weights[name], weight, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("micro_batch", [1, BATCH])
@pytest.mark.parametrize("kind", [{}, {"by_reach": True}, {"own": True}], ids=str)
def test_a_step_is_the_rate_times_the_gradient_of_the_definition(
    tmp_path: Path, micro_batch: int, kind: dict[str, bool]
) -> None:
    """The law above relies on it: nothing between gradient and weights hides a wrong scale."""
    start, loaded = double(tiny()), double(tiny())
    before, drawn = start.model, examples(BATCH, **kind)
    setting = schedule(batch=BATCH, micro_batch=micro_batch, learning_rate=RATE)
    answered = list(with_answers(drawn, own_answers(start)))
    by_definition(before, answered, setting.alpha).backward()
    train(loaded, drawn, setting, tmp_path, answers=own_answers(loaded))
    after = dict(loaded.model.named_parameters())
    for name, weight in before.named_parameters():
        assert weight.grad is not None
        assert_close(after[name], weight - RATE * weight.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("micro_batch", [1, BATCH])
@pytest.mark.parametrize("by_reach", [False, True])
def test_with_several_conflicts_a_sample_alpha_weighs_the_mean_of_all_of_them(
    tmp_path: Path, micro_batch: int, by_reach: bool
) -> None:
    """Samples have one, two or three conflicts, so means by sample would be other ones."""
    pool = examples(4 * BATCH, by_reach=by_reach)
    drawn = [
        Example(rows=(*one.rows, *(more.rows[1] for more in pool[BATCH + 2 * n :][: n % 3])))
        for n, one in enumerate(pool[:BATCH])
    ]
    assert {len(one.rows) for one in drawn} == {2, 3, 4}
    before, loaded = double(tiny()).model, double(tiny())
    setting = schedule(batch=BATCH, micro_batch=micro_batch, learning_rate=RATE)
    by_definition(before, drawn, setting.alpha).backward()
    train(loaded, drawn, setting, tmp_path)
    after = dict(loaded.model.named_parameters())
    for name, weight in before.named_parameters():
        assert weight.grad is not None
        assert_close(after[name], weight - RATE * weight.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "shares"),
    [("constant", (1, 1, 1)), ("rising", (1 / 3, 2 / 3, 1)), ("falling", (1, 2 / 3, 1 / 3))],
)
def test_alpha_is_constant_or_linear_over_the_steps(
    tmp_path: Path, kind: str, shares: tuple[float, ...]
) -> None:
    reference, loaded = double(tiny()).model, double(tiny())
    drawn = examples(BATCH)
    for share in shares:
        reference.zero_grad()
        by_definition(reference, drawn, 0.3 * share).backward()
        with torch.no_grad():
            for parameter in reference.parameters():
                parameter -= RATE * parameter.grad
    setting = schedule(
        steps=3, batch=BATCH, micro_batch=4, learning_rate=RATE, alpha=0.3, alpha_schedule=kind
    )
    train(loaded, drawn, setting, tmp_path)
    for name, parameter in reference.named_parameters():
        assert_close(loaded.model.get_parameter(name), parameter, rtol=1e-9, atol=1e-9)
