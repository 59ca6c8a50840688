"""TODO."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch.utils.data import Sampler

from ontarget.training.packing import Example


class LengthGroupedSampler(Sampler[int]):
    """Random steps whose micro-batches hold examples of like length.

    Grouping whole steps by length saves a little more padding, but then the steps differ in kind:
    a model trained on short ones and long ones in turn learns neither where to stop nor to go on.

    An epoch's last step is filled up to a multiple of `share`, what all processes take at once,
    with the index behind all others: that of `blank`.
    """

    def __init__(self, lengths: Sequence[int], step: int, seed: int, *, share: int = 1) -> None:
        self.lengths, self.step, self.seed = lengths, step, seed
        self.missing = -len(lengths) % share
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw another order."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths) + self.missing

    def __iter__(self) -> Iterator[int]:
        order = list(range(len(self.lengths)))
        random.Random(f"{self.seed}/{self.epoch}").shuffle(order)
        for start in range(0, len(order), self.step):
            drawn = order[start : start + self.step]
            yield from sorted(drawn, key=lambda index: self.lengths[index], reverse=True)
        yield from [len(self.lengths)] * self.missing


def blank_example(examples: Sequence[Example]) -> Example:
    """An example that no loss sees: the shortest one, without its labels."""
    rows = min(examples, key=lambda example: example.length).rows
    return Example(rows=tuple(replace(row, prompt_tokens=len(row.tokens)) for row in rows))
