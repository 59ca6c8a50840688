"""Conflicts from the model's own answers.

A draw is two languages other than the source's: what the model answers to an instruction for the
first is unlikely under an instruction for the second. Where monolingual text is the source, the
draw also depends on that text and its order.
"""

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import inf

from ontarget.data.conflicts.draws import check_not_conflicting
from ontarget.data.sampling import sample_rng
from ontarget.records import Direction, Parallel, Sample

FEWEST_LANGUAGES = 3  # the source's and two to request


def draw_own_conflicts(
    samples: Iterable[Sample],
    languages: Sequence[str],
    seed: int,
    directions: Collection[Direction],
    monolingual: Sequence[Parallel] = (),
) -> Iterator[Sample]:
    """A conflict sample for each true sample, with the model's answer in place of a reference.

    Its `target_lang` is the language that the model is asked for, its `target` empty. The source is
    one of the `monolingual` texts if there are any, else the side of the pair whose language has
    fewer target languages among the `directions` of training: it is there that a model learns not
    to read the instruction, as it never made a difference.

    Raises:
        ValueError: a sample is a conflict already, or there are fewer than three languages.
    """
    if len(set(languages)) < FEWEST_LANGUAGES:
        raise ValueError(
            f"own conflicts need at least {FEWEST_LANGUAGES} languages: the source's and two "
            "to request; use conflicts: references"
        )
    targets: dict[str, set[str]] = defaultdict(set)
    for source_lang, target_lang in directions:
        targets[source_lang].add(target_lang)
    for sample in samples:
        check_not_conflicting(sample)
        rng = sample_rng(sample, seed)
        if monolingual:
            ((source_lang, source),) = rng.choice(monolingual).texts.items()
        else:
            source_lang, source = side_of(sample, targets, rng)
        answered, asked = rng.sample(sorted(set(languages) - {source_lang}), 2)
        languages_of = {"source_lang": source_lang, "asked_lang": asked, "target_lang": answered}
        yield Sample(key=sample.key, source=source, target="", **languages_of)


def side_of(sample: Sample, targets: Mapping[str, set[str]], rng: random.Random) -> tuple[str, str]:
    """Language and text of the side with fewer target languages, drawn if both have as many.

    A language that is never translated from comes last.
    """
    sides = [(sample.source_lang, sample.source), (sample.target_lang, sample.target)]
    counts = [len(targets.get(language, ())) or inf for language, _ in sides]
    fewest = [side for side, count in zip(sides, counts, strict=True) if count == min(counts)]
    return rng.choice(fewest)
