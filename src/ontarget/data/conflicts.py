"""Conflict samples: the same source and response under an instruction that asks for another.

A model that ignores the instruction finds the response as likely as before; stage 2 trains
that likelihood away. Two draws, both a function of the seed and of what the sample says, not of
where it stands, so that sorting, sharding or filtering the data leaves every draw as it was:

    wrong_target            a wrong target language, uniform over the experiment's languages
    any_other_instruction   any other instruction of the training set (arXiv 2403.14399)

The second still asks for the right language now and then ("French to German" in place of
"English to German"), and then stage 2 punishes a correct answer; `asking_right` counts that.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ontarget.records import Direction, Sample


def wrong_target(sample: Sample, languages: Iterable[str], seed: int) -> Sample:
    """Ask for a wrong language: `sample` with another `asked_lang`, all else unchanged.

    The source language is among the wrong ones: "Italian to Italian" for an Italian-Dutch pair.

    Raises:
        ValueError: `sample` conflicts already, or `languages` has no other language to ask for.
    """
    check_not_conflicting(sample)
    wrong = sorted(set(languages) - {sample.target_lang})
    if not wrong:
        raise ValueError(
            f"{sample.key}: no language to ask for besides {sample.target_lang!r}; "
            "conflicts need at least two languages"
        )
    return replace(sample, asked_lang=sample_rng(sample, seed).choice(wrong))


def any_other_instruction(
    sample: Sample, instructions: Mapping[Direction, int], seed: int
) -> Sample:
    """`sample` under another of `instructions`, each as likely as it is frequent in training.

    Instructions that differ only in the source language count as others, as in the paper; the
    result then still asks for the right language.

    Raises:
        ValueError: `sample` conflicts already, or `instructions` holds no other instruction.
    """
    check_not_conflicting(sample)
    own = Direction(sample.source_lang, sample.asked_lang)
    others = sorted(each for each, count in instructions.items() if count and each != own)
    if not others:
        raise ValueError(
            f"{sample.key}: no instruction besides {own}; conflicts need at least two directions"
        )
    counts = [instructions[each] for each in others]
    (drawn,) = sample_rng(sample, seed).choices(others, counts)
    return replace(sample, source_lang=drawn.source_lang, asked_lang=drawn.target_lang)


def sample_rng(sample: Sample, seed: int) -> random.Random:
    """A sample's own source of randomness, whatever file and line it came from."""
    said = (sample.source_lang, sample.target_lang, sample.source, sample.target)
    return random.Random(f"{seed}/{said}")


def count_asking_right_language(conflicts: Sequence[Sample]) -> int:
    """How many of these conflicts still ask for the language the response is in."""
    return sum(not sample.conflicts for sample in conflicts)


def check_not_conflicting(sample: Sample) -> None:
    """Raise ValueError if `sample` is a conflict already."""
    if sample.conflicts:
        raise ValueError(
            f"{sample.key}: asks for {sample.asked_lang!r} but is in {sample.target_lang!r}, "
            "so it is a conflict already; draw conflicts from true samples only"
        )
