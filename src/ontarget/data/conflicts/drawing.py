"""A draw over a training set: a stream of conflicts, as many for each sample as requested."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ontarget.data.conflicts import draws
from ontarget.data.conflicts.draws import Confusions, Taken, wrong_target
from ontarget.data.conflicts.general import (
    Listed,
    Prompts,
    another_instruction,
    from_list,
    nothing_listed,
)
from ontarget.data.sampling import Seed
from ontarget.records import Direction, Sample

Conflicts = Literal["own", "references"]  # the values of unlikelihood.conflicts
Draw = Literal[  # the values of unlikelihood.draw
    "wrong_target", "any_other_instruction", "to_pivot", "to_source", "close_language",
    "script_variant", "confused", "hardest",
]  # fmt: skip
DrawOne = Callable[[Sample, Seed, Taken], Sample | None]
BY_LANGUAGES: dict[str, Callable[[Sample, Iterable[str], Seed, Taken], Sample | None]] = {
    "wrong_target": draws.wrong_target,
    "to_pivot": draws.to_pivot,
    "to_source": draws.to_source,
    "close_language": draws.close_language,
    "script_variant": draws.script_variant,
    "hardest": draws.wrong_target,  # candidates, of which step 4 keeps those that score highest
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What draws know besides the sample."""

    languages: tuple[str, ...]  # the first is the pivot
    instructions: Mapping[Direction, int] = field(default_factory=dict)  # frequency in training
    confusions: Confusions = field(default_factory=dict)
    prompts: Prompts = Prompts()  # general instructions in training
    listed: Listed = nothing_listed  # by their records: prompts that a response does not obey


@dataclass(slots=True)
class ConflictCounts:
    """What is counted while conflicts are drawn."""

    conflicts: int = 0
    asking_right_language: int = 0  # they request the language that the response is in
    as_wrong_target: int = 0  # their draw had nothing to request, so `wrong_target` drew them
    from_lists: int = 0  # their prompt is one that the record lists

    def counted(self, conflicts: Iterable[Sample]) -> Iterator[Sample]:
        """The same conflicts; the first two counts grow as they pass."""
        for conflict in conflicts:
            self.conflicts += 1
            self.asking_right_language += conflict.asks_right_language
            yield conflict


def draw_conflicts(  # noqa: PLR0913 - what is drawn, how often, and where it is counted
    samples: Iterable[Sample],
    draw: Draw,
    experiment: Experiment,
    seed: int,
    per_sample: int = 1,
    tally: ConflictCounts | None = None,
) -> Iterator[Sample]:
    """`per_sample` conflicts of each true sample, one after another, under different instructions.

    Where a draw has no (further) instruction for a sample, `wrong_target` draws in its place; where
    a list of conflicts has no further prompt, another instruction of the mixture is drawn. For
    general instructions see `general`.

    Raises:
        CorpusError: the mixture has no other general instruction.
        ValueError: a sample is a conflict already, or there is nothing else to request.
    """
    tally = tally or ConflictCounts()
    draw_one = bind(draw, experiment)
    mixed = draw == "any_other_instruction" and bool(experiment.prompts.hashes)
    mixture = experiment if mixed else replace(experiment, instructions={})
    for sample in samples:
        if mixed or sample.is_general:
            yield from draw_of_mixture(sample, mixture, seed, per_sample, tally)
            continue
        taken: list[Direction] = []
        for number in range(per_sample):
            at = numbered(seed, number)
            conflict = draw_one(sample, at, taken)
            if conflict is None:
                tally.as_wrong_target += 1
                conflict = wrong_target(sample, experiment.languages, at, taken)
            taken.append(Direction(conflict.source_lang, conflict.asked_lang))
            yield conflict


def numbered(seed: int, number: int) -> Seed:
    """The seed of a sample's first, second, ... conflict."""
    return f"{seed}/{number}" if number else seed


def draw_of_mixture(
    sample: Sample, mixture: Experiment, seed: int, per_sample: int, tally: ConflictCounts
) -> list[Sample]:
    """The conflicts of a sample under its listed prompts, then other instructions of a mixture."""
    drawn = from_list(sample, mixture.listed(sample), seed, per_sample)
    tally.from_lists += len(drawn)
    for number in range(len(drawn), per_sample):
        at = numbered(seed, number)
        drawn.append(another_instruction(sample, mixture.instructions, mixture.prompts, at, drawn))
    return drawn


def bind(draw: Draw, experiment: Experiment) -> DrawOne:
    """A draw with what it needs of the experiment."""
    languages = experiment.languages
    if draw == "any_other_instruction":
        return lambda sample, seed, taken: draws.any_other_instruction(
            sample, experiment.instructions, seed, taken
        )
    if draw == "confused":
        return lambda sample, seed, taken: draws.confused(
            sample, languages, experiment.confusions, seed, taken
        )
    by_languages = BY_LANGUAGES[draw]
    return lambda sample, seed, taken: by_languages(sample, languages, seed, taken)


def instructions_of(source_langs: Iterable[str], asked: Iterable[str]) -> Counter[Direction]:
    """How often a training set has each instruction, by two of its columns."""
    return Counter(map(Direction, source_langs, asked))
