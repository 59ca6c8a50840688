"""Rows of parallel text to samples, and choices of samples.

Choices depend on the keys of the samples and a seed, not on their order.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest

from ontarget.records import Direction, Parallel, Sample

Seed = int | str


def samples_of(rows: Iterable[Parallel], directions: Sequence[Direction]) -> Iterator[Sample]:
    """Every row in every direction for which it has both sides."""
    for row in rows:
        for direction in directions:
            source_lang, target_lang = direction
            if source_lang in row.texts and target_lang in row.texts:
                yield Sample(
                    key=f"{row.key}/{direction}",
                    source_lang=source_lang,
                    asked_lang=target_lang,
                    target_lang=target_lang,
                    source=row.texts[source_lang],
                    target=row.texts[target_lang],
                )


def choose(
    samples: Sequence[Sample], count: int, seed: int, *, by_row: bool = False
) -> list[Sample]:
    """`count` samples in random order; the same ones for the same keys and seed.

    With `by_row`, samples of one row stay together, so directions get the same sentences.
    """
    places = choose_places((sample.key for sample in samples), count, seed, by_row=by_row)
    return [samples[place] for place in places]


def choose_places(keys: Iterable[str], count: int, seed: int, *, by_row: bool = False) -> list[int]:
    """The places of the samples that `choose` would choose, by their keys."""

    def orders() -> Iterator[tuple[bytes, bytes, int]]:
        for place, key in enumerate(keys):
            row = digest(f"{seed}/{key.rpartition('/')[0]}") if by_row else b""
            yield row, digest(f"{seed}/{key}"), place

    return [place for _, _, place in nsmallest(count, orders())]


def first_of_each_direction(samples: Iterable[Sample], count: int) -> list[Sample]:
    """The first `count` samples of each direction."""
    groups: dict[Direction, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(Direction(sample.source_lang, sample.target_lang), []).append(sample)
    return [sample for group in groups.values() for sample in group[:count]]


def sample_rng(sample: Sample, seed: Seed) -> random.Random:
    """A generator that depends on the sample's content, not on its file and line."""
    content = (sample.source_lang, sample.target_lang, sample.source, sample.target)
    return random.Random(f"{seed}/{content}")


def digest(text: str) -> bytes:
    """A hash to sort by."""
    return hashlib.sha256(text.encode()).digest()
