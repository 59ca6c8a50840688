"""The order of examples within an epoch."""

import random
from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler

from ontarget.training.batches.sequences import Example


class LengthGroupedSampler(Sampler[int]):
    """Optimizer steps at random, the examples of each sorted by length, longest first.

    So the micro-batches of a step hold examples of similar length. Whole steps are not grouped by
    length: that saves a little more padding, but then steps of short and of long examples
    alternate, and the model learns neither when to stop nor when to go on.

    An epoch is filled up to a multiple of `share`, the examples that all processes take at once,
    with the index `len(lengths)`: that of `blank_example`.
    """

    def __init__(self, lengths: Sequence[int], step: int, seed: int, *, share: int = 1) -> None:
        self.lengths, self.step, self.seed = lengths, step, seed
        self.blanks = -len(lengths) % share
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Use the order of this epoch from the next iteration on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths) + self.blanks

    def __iter__(self) -> Iterator[int]:
        order = list(range(len(self.lengths)))
        random.Random(f"{self.seed}/{self.epoch}").shuffle(order)
        for start in range(0, len(order), self.step):
            indices = order[start : start + self.step]
            yield from sorted(indices, key=lambda index: self.lengths[index], reverse=True)
        yield from [len(self.lengths)] * self.blanks


def blank_example(examples: Sequence[Example]) -> Example:
    """The shortest example without its labels, which contributes nothing to the loss."""
    return min(examples, key=lambda example: example.length).blank
