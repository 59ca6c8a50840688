"""Rows of parallel text to samples, and choices of samples.

Choices depend on the keys of the samples and a seed, not on their order.
"""

import hashlib
from collections.abc import Iterable, Sequence

from ontarget.records import Direction, Parallel, Sample


def samples_of(rows: Iterable[Parallel], directions: Sequence[Direction]) -> list[Sample]:
    """Every row in every direction for which it has both sides."""
    return [
        Sample(
            key=f"{row.key}/{direction}",
            source_lang=direction.source_lang,
            asked_lang=direction.target_lang,
            target_lang=direction.target_lang,
            source=row.texts[direction.source_lang],
            target=row.texts[direction.target_lang],
        )
        for row in rows
        for direction in directions
        if direction.source_lang in row.texts and direction.target_lang in row.texts
    ]


def choose(
    samples: Sequence[Sample], count: int, seed: int, *, by_row: bool = False
) -> list[Sample]:
    """`count` samples in random order; the same ones for the same keys and seed.

    With `by_row`, samples of one row stay together, so directions get the same sentences.
    """

    def order(sample: Sample) -> tuple[bytes, bytes]:
        row = sample.key.rpartition("/")[0] if by_row else ""
        return digest(f"{seed}/{row}"), digest(f"{seed}/{sample.key}")

    return sorted(samples, key=order)[:count]


def first_of_each_direction(samples: Iterable[Sample], count: int) -> list[Sample]:
    """The first `count` samples of each direction."""
    groups: dict[Direction, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(Direction(sample.source_lang, sample.target_lang), []).append(sample)
    return [sample for group in groups.values() for sample in group[:count]]


def digest(text: str) -> bytes:
    """A hash to sort by."""
    return hashlib.sha256(text.encode()).digest()
