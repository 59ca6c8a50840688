"""Synthetic pairs of zero-shot directions: which text becomes the source, which is translated.

A supervised pair has two sides. One is the source of the synthetic pair, and what the model
translates from the other one is its target: it-de becomes it-nl where the model translates from de
into nl. The model is asked for supervised directions only, which it can do. As in EAX (arXiv
2509.19770), without its reward model; online back-translation (arXiv 2004.11867) is the relative
that makes sources in place of targets.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

from ontarget.data.sampling import sample_rng
from ontarget.records import Direction, Sample, corpus_row


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticPair:
    """A pair that still lacks its target."""

    sample: Sample  # of a zero-shot direction; its target is empty
    pivot_lang: str  # the other side, which is translated
    pivot_text: str

    @property
    def request(self) -> Sample:
        """What the model translates, in a supervised direction."""
        return replace(self.sample, source_lang=self.pivot_lang, source=self.pivot_text)


def draw_synthetic_pairs(
    samples: Iterable[Sample], supervised: Collection[Direction], seed: int
) -> Iterator[SyntheticPair]:
    """At most one pair for each translation sample, uniform over those possible; no pair twice.

    Samples of one row in both directions would often give the same pair.
    """
    directions = frozenset(supervised)
    drawn: set[tuple[str, str, str]] = set()
    for sample in samples:
        choices = possible_pairs(sample.source_lang, sample.target_lang, directions)
        if not choices:
            continue
        swapped, third = sample_rng(sample, seed).choice(choices)
        sides = [(sample.source_lang, sample.source), (sample.target_lang, sample.target)]
        (language, text), (pivot_lang, pivot_text) = reversed(sides) if swapped else sides
        if (content := (language, third, text)) in drawn:
            continue
        drawn.add(content)
        pair = Sample(
            key=f"{corpus_row(sample.key)}/{Direction(language, third)}",
            source_lang=language,
            asked_lang=third,
            target_lang=third,
            source=text,
            target="",
        )
        yield SyntheticPair(sample=pair, pivot_lang=pivot_lang, pivot_text=pivot_text)


@cache
def possible_pairs(
    source_lang: str, target_lang: str, supervised: frozenset[Direction]
) -> tuple[tuple[bool, str], ...]:
    """Which side may be the source (True: that of the target language), with which third language.

    The third is a target of the other side in training, but not of this one.
    """
    languages = sorted({code for direction in supervised for code in direction})
    sides = ((False, source_lang, target_lang), (True, target_lang, source_lang))
    return tuple(
        (swapped, third)
        for (swapped, side, other), third in product(sides, languages)
        if third not in (source_lang, target_lang)
        and Direction(side, third) not in supervised
        and Direction(other, third) in supervised
    )


def gives_pairs(supervised: Collection[Direction]) -> bool:
    """Whether any pair of these directions can become a synthetic one."""
    directions = frozenset(supervised)
    return any(possible_pairs(source, target, directions) for source, target in directions)
