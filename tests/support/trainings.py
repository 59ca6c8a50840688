"""What tests of training start from."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from ontarget.models.loading import LoadedModel
from ontarget.training.packing import Example, token_sequence
from ontarget.training.schedule import Schedule
from ontarget.training.train import (
    TrainingResult,
    train,
)
from support.models import prompt_of


def schedule(**changes: Any) -> Schedule:
    settings = {
        "steps": 1, "batch": 4, "micro_batch": 4, "learning_rate": 1e-2, "warmup": 0.0,
        "schedule": "constant", "optimizer": "adamw", "weight_decay": 0.0, "precision": "float32",
        "alpha": 0.3, "row_tokens": 64, "checkpoint_every": 500,
    }  # fmt: skip
    return Schedule(**(settings | changes))


def examples(count: int, *, conflicts: bool = True, seed: int = 0) -> list[Example]:
    """Prompts and responses of very different lengths, random but for what prompts begin with."""
    draw = random.Random(seed)

    def ids(most: int) -> list[int]:
        return [draw.randrange(2, 200) for _ in range(draw.randint(1, most))]

    made = []
    for index in range(count):
        response = ids(12)
        rows = [token_sequence(str(index), prompt_of(7, 8, *ids(5)), response)]
        if conflicts:
            rows.append(
                token_sequence(str(index), prompt_of(7, 8, *ids(5)), response, unlikely=True)
            )
        made.append(Example(rows=tuple(rows)))
    return made


def tuned(loaded: LoadedModel, drawn: list[Example], setting: Schedule) -> TrainingResult:
    """A training that is not interrupted."""
    with TemporaryDirectory() as folder:
        return train(loaded, drawn, setting, Path(folder))


def by_definition(model: Any, drawn: Sequence[Example], alpha: float) -> Tensor:
    """Both means with softmax and log, row by row, without padding."""
    losses: dict[bool, list[Tensor]] = {False: [], True: []}
    for example in drawn:
        for each in example.rows:
            ids = torch.tensor([each.tokens])
            p = model(input_ids=ids, use_cache=False).logits[0].softmax(-1)
            for at in range(each.prompt_tokens, len(each.tokens)):
                found = p[at - 1, each.tokens[at]]
                losses[each.unlikely].append(-torch.log(1 - found if each.unlikely else found))
    total = torch.stack(losses[False]).mean()
    if losses[True]:
        total = total + alpha * torch.stack(losses[True]).mean()
    return total


class Killed(BaseException):
    """In place of a signal, where a test must say exactly when."""


def die() -> None:
    raise Killed


def dies_after(times: int, real: Any, by: Callable[[], None] = die) -> Any:
    calls = [0]

    def call(*args: Any) -> Any:
        result = real(*args)
        calls[0] += 1
        if calls[0] == times:
            by()
        return result

    return call
