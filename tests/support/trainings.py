"""Small trainings on random examples, their loss by definition, and ways to interrupt them."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from ontarget.decoding.hf.translator import begin_answers
from ontarget.models.loading import LoadedModel
from ontarget.training.batches.own_answers import OwnAnswers
from ontarget.training.batches.sequences import Example, OwnConflict, token_sequence
from ontarget.training.schedule import Schedule
from ontarget.training.train import TrainingResult, train
from support.models import prompt_of


def schedule(**changes: Any) -> Schedule:
    settings = {
        "steps": 1, "batch": 4, "micro_batch": 4, "learning_rate": 1e-2, "warmup": 0.0,
        "schedule": "constant", "optimizer": "adamw", "weight_decay": 0.0, "precision": "float32",
        "alpha": 0.3, "row_tokens": 64, "checkpoint_every": 500,
    }  # fmt: skip
    return Schedule(**(settings | changes))


def examples(
    count: int, *, conflicts: bool = True, seed: int = 0, by_reach: bool = False, own: bool = False
) -> list[Example]:
    """Random sequences of very different lengths; all prompts begin with tokens 7 and 8."""
    rng = random.Random(seed)

    def ids(most: int) -> list[int]:
        return [rng.randrange(2, 200) for _ in range(rng.randint(1, most))]

    drawn = []
    for index in range(count):
        response = ids(12)
        rows = [token_sequence(str(index), prompt_of(7, 8, *ids(5)), response)]
        prompt = prompt_of(7, 8, *ids(5))
        if conflicts and not own:
            row = token_sequence(str(index), prompt, response, unlikely=True, by_reach=by_reach)
            rows.append(row)
        conflict = OwnConflict(
            key=str(index), source="", answered=rows[0].prompt, asked=prompt, tokens=3
        )
        drawn.append(Example(rows=tuple(rows), own=conflict if own else None))
    return drawn


def own_answers(loaded: LoadedModel) -> OwnAnswers:
    """How a small model answers; every token stands for a word of its own, which none shares."""
    return OwnAnswers(
        begin=lambda prompts, tokens: begin_answers(loaded, prompts, tokens, loaded.eos, 0.1),
        decode=lambda tokens: " ".join("a" * token for token in tokens),
    )


def tuned(loaded: LoadedModel, drawn: list[Example], setting: Schedule) -> TrainingResult:
    """A training without interruption."""
    with TemporaryDirectory() as folder:
        return train(loaded, drawn, setting, Path(folder), answers=own_answers(loaded))


def by_definition(model: Any, drawn: Sequence[Example], alpha: float) -> Tensor:
    """The loss with softmax and log, one sequence at a time, without padding.

    With reach weights the unlikelihood of a response is a sum, else that of all tokens a mean.
    """
    losses: dict[bool, list[Tensor]] = {False: [], True: []}
    for example in drawn:
        for row in example.rows:
            ids = torch.tensor([row.tokens])
            p = model(input_ids=ids, use_cache=False).logits[0].softmax(-1)
            nats, reach = [], 1.0
            sets = row.alternatives or [()] * len(row.tokens)
            for at, others in zip(range(row.prompt_tokens, len(row.tokens)), sets, strict=False):
                label = p[at - 1, [row.tokens[at], *others]].sum()
                nats.append(-reach * torch.log(1 - label if row.unlikely else label))
                reach *= label.item() if row.by_reach else 1.0
            losses[row.unlikely] += [torch.stack(nats).sum()] if row.by_reach else nats
    total = torch.stack(losses[False]).mean()
    if losses[True]:
        total = total + alpha * torch.stack(losses[True]).mean()
    return total


class Killed(BaseException):
    """Stands in for a fatal signal that must come at an exact moment."""


def die() -> None:
    raise Killed


def dies_after(times: int, real: Any, by: Callable[[], None] = die) -> Any:
    """`real`, but its `times`-th call ends the process with `by` after its work is done."""
    calls = [0]

    def call(*args: Any) -> Any:
        result = real(*args)
        calls[0] += 1
        if calls[0] == times:
            by()
        return result

    return call
