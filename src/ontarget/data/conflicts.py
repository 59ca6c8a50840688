"""Conflict samples: the same source and response under an instruction for another language.

A model that ignores the instruction finds the response as likely as before; stage 2 lowers that
likelihood. The response is a reference, or the model's own answer. All draws depend on the seed and
the sample's content only, not on its position, so sorting, sharding or filtering the data leaves
every draw as it was. There are two of references:

    wrong_target            a wrong target language, uniform over the experiment's languages
    any_other_instruction   any other instruction of the training set (arXiv 2403.14399)

The second draw sometimes still requests the right language ("French to German" in place of
"English to German"). Stage 2 then penalises a correct response; `count_asking_right_language`
counts these cases.

A draw of own conflicts is two languages other than the source's: what the model answers to an
instruction for the first is unlikely under an instruction for the second. Where monolingual text
is the source, the draw also depends on that text and its order.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Literal

from ontarget.records import Direction, Parallel, Sample

Conflicts = Literal["own", "references"]  # the values of unlikelihood.conflicts
Draw = Literal["wrong_target", "any_other_instruction"]  # the values of unlikelihood.draw
FEWEST_LANGUAGES = 3  # of own conflicts: the source's and two to request


def draw_conflicts(
    samples: Sequence[Sample], draw: Draw, languages: Sequence[str], seed: int
) -> list[Sample]:
    """A conflict sample for each true sample.

    Raises:
        ValueError: a sample is a conflict already, or there is nothing else to request.
    """
    if draw == "wrong_target":
        return [wrong_target(sample, languages, seed) for sample in samples]
    counts = Counter(Direction(sample.source_lang, sample.asked_lang) for sample in samples)
    return [any_other_instruction(sample, counts, seed) for sample in samples]


def wrong_target(sample: Sample, languages: Iterable[str], seed: int) -> Sample:
    """`sample` with another `asked_lang`, all else unchanged.

    The source language is among the possible ones: "Italian to Italian" for an Italian-Dutch pair.

    Raises:
        ValueError: `sample` is a conflict already, or `languages` has no other language.
    """
    check_not_conflicting(sample)
    wrong = sorted(set(languages) - {sample.target_lang})
    if not wrong:
        raise ValueError(
            f"{sample.key}: no language to request besides {sample.target_lang!r}; "
            "conflicts need at least two languages"
        )
    return replace(sample, asked_lang=sample_rng(sample, seed).choice(wrong))


def any_other_instruction(
    sample: Sample, instructions: Mapping[Direction, int], seed: int
) -> Sample:
    """`sample` under another of `instructions`, drawn in proportion to their frequency.

    Instructions that differ in the source language only are different ones, as in the paper; the
    result then still requests the right language.

    Raises:
        ValueError: `sample` is a conflict already, or `instructions` has no other instruction.
    """
    check_not_conflicting(sample)
    own = Direction(sample.source_lang, sample.asked_lang)
    others = sorted(
        direction for direction, count in instructions.items() if count and direction != own
    )
    if not others:
        raise ValueError(
            f"{sample.key}: no instruction besides {own}; conflicts need at least two directions"
        )
    frequencies = [instructions[direction] for direction in others]
    (drawn,) = sample_rng(sample, seed).choices(others, frequencies)
    return replace(sample, source_lang=drawn.source_lang, asked_lang=drawn.target_lang)


def draw_own_conflicts(
    samples: Sequence[Sample],
    languages: Sequence[str],
    seed: int,
    monolingual: Sequence[Parallel] = (),
) -> list[Sample]:
    """A conflict sample for each true sample, with the model's answer in place of a reference.

    Its `target_lang` is the language that the model is asked for, its `target` empty. The source is
    one of the `monolingual` texts if there are any, else the side of the pair whose language has
    fewer target languages in training: it is there that a model learns not to read the
    instruction, as it never made a difference.

    Raises:
        ValueError: a sample is a conflict already, or there are fewer than three languages.
    """
    if len(set(languages)) < FEWEST_LANGUAGES:
        raise ValueError(
            f"own conflicts need at least {FEWEST_LANGUAGES} languages: the source's and two "
            "to request; use conflicts: references"
        )
    targets: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        targets[sample.source_lang].add(sample.target_lang)
    drawn = []
    for sample in samples:
        check_not_conflicting(sample)
        rng = sample_rng(sample, seed)
        if monolingual:
            ((source_lang, source),) = rng.choice(monolingual).texts.items()
        else:
            source_lang, source = side_of(sample, targets, rng)
        answered, asked = rng.sample(sorted(set(languages) - {source_lang}), 2)
        languages_of = {"source_lang": source_lang, "asked_lang": asked, "target_lang": answered}
        drawn.append(Sample(key=sample.key, source=source, target="", **languages_of))
    return drawn


def side_of(sample: Sample, targets: Mapping[str, set[str]], rng: random.Random) -> tuple[str, str]:
    """Language and text of the side with fewer target languages, drawn if both have as many.

    A language that is never translated from comes last.
    """
    sides = [(sample.source_lang, sample.source), (sample.target_lang, sample.target)]
    counts = [len(targets.get(language, ())) or inf for language, _ in sides]
    fewest = [side for side, count in zip(sides, counts, strict=True) if count == min(counts)]
    return rng.choice(fewest)


def sample_rng(sample: Sample, seed: int) -> random.Random:
    """A generator that depends on the sample's content, not on its file and line."""
    content = (sample.source_lang, sample.target_lang, sample.source, sample.target)
    return random.Random(f"{seed}/{content}")


def count_asking_right_language(conflicts: Sequence[Sample]) -> int:
    """How many of these still request the language that the response is in."""
    return sum(not sample.conflicts for sample in conflicts)


def check_not_conflicting(sample: Sample) -> None:
    """Raise ValueError if `sample` is a conflict already."""
    if sample.conflicts:
        raise ValueError(
            f"{sample.key}: requests {sample.asked_lang!r} but is in {sample.target_lang!r}, so it "
            "is a conflict already; draw conflicts from true samples only"
        )
