"""What an audit found: the funnel, lengths, and samples of what is dropped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ontarget.data.cleaning.audit import CODES, AuditedCorpus
from ontarget.data.cleaning.ratios import LengthModel

EDGES = (0, 10, 20, 40, 60, 80, 120, 160, 240, 320, 480, 640, 1000)  # characters; the last is open
SAMPLES = 20  # of each reason
SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCounts:
    """The pairs of two languages in one corpus."""

    source_lang: str
    target_lang: str
    corpus: str
    read: int
    dropped: Mapping[str, int]  # by reason, only those that occur
    source_lengths: Sequence[int]  # kept pairs whose source has so many characters, by `EDGES`
    target_lengths: Sequence[int]

    @property
    def kept(self) -> int:
        """Pairs that break no rule."""
        return self.read - sum(self.dropped.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedPair:
    """A pair that is dropped, and why."""

    key: str
    source_lang: str
    target_lang: str
    source: str
    target: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSummary:
    """All that the page and the data card show."""

    groups: tuple[GroupCounts, ...]
    models: Mapping[str, LengthModel]  # by direction
    composed: int  # pairs of which a text was not in Unicode's NFC
    samples: tuple[DroppedPair, ...]  # at most `SAMPLES` of each reason, drawn at random

    @property
    def read(self) -> int:
        """All pairs."""
        return sum(group.read for group in self.groups)

    @property
    def kept(self) -> int:
        """Pairs that break no rule."""
        return sum(group.kept for group in self.groups)

    @property
    def dropped(self) -> dict[str, int]:
        """Dropped pairs by reason, in the order in which the rules are asked."""
        totals = {name: sum(g.dropped.get(name, 0) for g in self.groups) for name in CODES[1:]}
        return {name: count for name, count in totals.items() if count}


def summarise(corpus: AuditedCorpus) -> AuditSummary:
    """Counts of each pair of languages in each corpus, and samples of what is dropped."""
    numbers = corpus.numbers
    groups = []
    for place, (source_lang, target_lang, name) in enumerate(numbers.groups):
        inside = numbers.group == place
        reasons = np.bincount(numbers.reason[inside], minlength=len(CODES))
        kept = inside & (numbers.reason == 0)
        groups.append(
            GroupCounts(
                source_lang=source_lang,
                target_lang=target_lang,
                corpus=name,
                read=int(inside.sum()),
                dropped={CODES[c]: int(reasons[c]) for c in range(1, len(CODES)) if reasons[c]},
                source_lengths=histogram(numbers.source_length[kept]),
                target_lengths=histogram(numbers.target_length[kept]),
            )
        )
    return AuditSummary(
        groups=tuple(groups),
        models={str(direction): model for direction, model in corpus.models.items()},
        composed=int(numbers.composed.sum()),
        samples=draw_samples(corpus),
    )


def histogram(lengths: np.ndarray) -> tuple[int, ...]:
    """How many lengths are in each band of `EDGES`."""
    bands = np.searchsorted(EDGES, lengths, side="right") - 1
    return tuple(np.bincount(bands, minlength=len(EDGES)).tolist())


def draw_samples(corpus: AuditedCorpus) -> tuple[DroppedPair, ...]:
    """At most `SAMPLES` pairs of each reason, drawn at random, in the order of the rules."""
    import pyarrow as pa

    rng = np.random.default_rng(SEED)
    places: list[int] = []
    for code in range(1, len(CODES)):
        found = np.flatnonzero(corpus.numbers.reason == code)
        chosen = rng.permutation(len(found))[:SAMPLES]
        places += np.sort(found[chosen]).tolist()
    wanted = set(places)
    pairs: dict[int, DroppedPair] = {}
    start = 0
    for table in corpus.tables():
        inside = [place - start for place in sorted(wanted) if start <= place < start + len(table)]
        names = [field for field in DroppedPair.__slots__]
        for place, row in zip(
            inside, table.select(names).take(pa.array(inside, pa.int64())).to_pylist(), strict=True
        ):
            pairs[start + place] = DroppedPair(**row)
        start += len(table)
    return tuple(pairs[place] for place in places)
