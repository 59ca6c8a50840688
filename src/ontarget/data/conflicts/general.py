"""Conflicts in a mixture with general instructions: a response under another instruction of it.

    sample                          drawn               conflict
    Translate into Dutch: Hello     Name three fruits   Name three fruits
    Name three fruits               Describe a river    Describe a river
    Name three fruits               English to Dutch    Translate into Dutch: Name three fruits

The response stays. By `any_other_instruction` all instructions of the mixture can be drawn, as in
arXiv 2403.14399. All other draws are of languages, which a general instruction lacks: it gets the
prompt of another one, and a translation never does.

Where a record lists prompts that its response does not obey, these are drawn first, whatever the
draw is.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from ontarget.data.conflicts.draws import check_not_conflicting
from ontarget.data.sampling import Seed, sample_rng
from ontarget.errors import CorpusError
from ontarget.records import Direction, Sample

Listed = Callable[[Sample], Sequence[str]]  # the prompts that a sample's response does not obey


def nothing_listed(_: Sample) -> Sequence[str]:
    """No record lists conflicts."""
    return ()


def from_list(sample: Sample, prompts: Sequence[str], seed: Seed, most: int) -> list[Sample]:
    """`sample` under at most so many of these prompts, all alike; more of them contain fewer.

    Raises:
        ValueError: `sample` is a conflict already.
    """
    check_not_conflicting(sample)
    shuffled = sorted(prompts)
    sample_rng(sample, seed).shuffle(shuffled)
    return [replace(sample, source=prompt) for prompt in shuffled[:most]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """The general instructions of a mixture by the hash of their prompt.

    In memory are hashes only, in their own order, so a draw does not depend on that of the file.
    """

    samples: Sequence[Sample] = ()
    hashes: Sequence[bytes] = ()
    places: Sequence[int] = ()  # of each hash in `samples`

    @classmethod
    def of(cls, samples: Sequence[Sample], prompts: Iterable[str], first: int) -> "Prompts":
        """Of the `samples` from the place `first` on, whose prompts these are."""
        pairs = sorted((prompt_hash(prompt), at) for at, prompt in enumerate(prompts, first))
        hashes, places = zip(*pairs, strict=True) if pairs else ((), ())
        return cls(samples=samples, hashes=hashes, places=places)

    def blocks(self, prompts: Collection[str]) -> list[tuple[int, int]]:
        """Where the hashes of these prompts begin and end."""
        hashes = sorted(set(map(prompt_hash, prompts)))
        return [(bisect_left(self.hashes, h), bisect_right(self.hashes, h)) for h in hashes]


def prompt_hash(prompt: str) -> bytes:
    """A hash to tell prompts apart and to sort by."""
    return blake2b(prompt.encode(), digest_size=16).digest()


def another_instruction(
    sample: Sample,
    directions: Mapping[Direction, int],
    prompts: Prompts,
    seed: Seed,
    drawn: Sequence[Sample] = (),
) -> Sample:
    """`sample` under another instruction of the mixture, drawn in proportion to their frequency.

    `drawn` are other conflicts of the sample, whose instructions are not drawn again. A translation
    instruction keeps the source, which of a general one is its prompt.

    Raises:
        CorpusError: the mixture has no other instruction.
        ValueError: `sample` is a conflict already.
    """
    check_not_conflicting(sample)
    excluded = {Direction(s.source_lang, s.asked_lang) for s in (sample, *drawn)}
    others = sorted((d, count) for d, count in directions.items() if d not in excluded)
    blocks = prompts.blocks([s.source for s in (sample, *drawn) if s.is_general])
    left = len(prompts.hashes) - sum(end - start for start, end in blocks)
    if not left and not others:
        raise CorpusError(
            f"{sample.key}: has {len(drawn)} conflict(s) and no other instruction to draw; "
            "give corpus.mix.instructions more different ones, or lower per_sample"
        )
    number = sample_rng(sample, seed).randrange(left + sum(count for _, count in others))
    for direction, count in others:
        if number < count:
            source_lang, asked_lang = direction
            return replace(sample, source_lang=source_lang, asked_lang=asked_lang)
        number -= count
    for start, end in blocks:
        if number >= start:
            number += end - start
    prompt = prompts.samples[prompts.places[number]].source
    return replace(sample, source_lang="", asked_lang="", source=prompt)
