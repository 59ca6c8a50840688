"""One function a draw: `sample` under a wrong instruction, or None where a draw has none to give.

    wrong_target            any other language, uniform over the experiment's languages
    any_other_instruction   any other instruction of the training set (arXiv 2403.14399)
    to_pivot                the pivot
    to_source               the language of the source
    close_language          a language close to that of the response
    script_variant          the language of the response in another script
    confused                a language for which a model answered in that of the response

`any_other_instruction` sometimes still requests the right language ("French to German" in place of
"English to German"). Stage 2 then penalises a correct response; `ConflictCounts` counts these
cases. The others change the requested language and nothing else.

`taken` are the instructions of other conflicts of the sample, which are not drawn again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from ontarget.data.sampling import Seed, sample_rng
from ontarget.languages.families import close_languages, script_variants
from ontarget.records import Direction, Sample

Taken = Collection[Direction]
Confusions = Mapping[Direction, Mapping[str, int]]  # direction -> language answered in -> segments


def wrong_target(sample: Sample, languages: Iterable[str], seed: Seed, taken: Taken = ()) -> Sample:
    """Uniform over the other languages.

    The source language is among the possible ones: "Italian to Italian" for an Italian-Dutch pair.

    Raises:
        ValueError: `sample` is a conflict already, or `languages` has no other language.
    """
    drawn = requested(sample, languages, seed, taken)
    if drawn is None:
        besides = ", ".join(repr(code) for code in (sample.target_lang, *(d[1] for d in taken)))
        needed = (
            f"{len(taken) + 1} conflicts need {len(taken) + 2}"
            if taken
            else ("conflicts need at least two")
        )
        raise ValueError(
            f"{sample.key}: no language to request besides {besides}; {needed} languages"
        )
    return drawn


def any_other_instruction(
    sample: Sample, instructions: Mapping[Direction, int], seed: Seed, taken: Taken = ()
) -> Sample:
    """Another of `instructions`, drawn in proportion to their frequency.

    Instructions that differ in the source language only are different ones, as in the paper; the
    result then still requests the right language.

    Raises:
        ValueError: `sample` is a conflict already, or `instructions` has no other instruction.
    """
    check_not_conflicting(sample)
    own = Direction(sample.source_lang, sample.asked_lang)
    excluded = {own, *taken}
    others = sorted(
        direction
        for direction, count in instructions.items()
        if count and direction not in excluded
    )
    if not others:
        besides = ", ".join(map(str, sorted(excluded)))
        raise ValueError(
            f"{sample.key}: no instruction besides {besides}; conflicts need at least two "
            "directions"
        )
    frequencies = [instructions[direction] for direction in others]
    (drawn,) = sample_rng(sample, seed).choices(others, frequencies)
    return replace(sample, source_lang=drawn.source_lang, asked_lang=drawn.target_lang)


def to_pivot(sample: Sample, languages: Iterable[str], seed: Seed, taken: Taken) -> Sample | None:
    """The first of `languages`; none for a response in the pivot."""
    pivot, *_ = languages
    return requested(sample, [pivot], seed, taken)


def to_source(sample: Sample, languages: Iterable[str], seed: Seed, taken: Taken) -> Sample | None:
    """The language of the source: "Italian to Italian" for an Italian-Dutch pair."""
    return requested(sample, [sample.source_lang], seed, taken)


def close_language(
    sample: Sample, languages: Iterable[str], seed: Seed, taken: Taken
) -> Sample | None:
    """Uniform over the close ones, see `families.close_languages`."""
    return requested(sample, close_languages(sample.target_lang, tuple(languages)), seed, taken)


def script_variant(
    sample: Sample, languages: Iterable[str], seed: Seed, taken: Taken
) -> Sample | None:
    """Uniform over the other scripts of the response's language that are in the experiment."""
    return requested(sample, script_variants(sample.target_lang, tuple(languages)), seed, taken)


def confused(
    sample: Sample, languages: Iterable[str], confusions: Confusions, seed: Seed, taken: Taken
) -> Sample | None:
    """A language for which a model answered in the response's, with the source of the sample.

    Drawn in proportion to the segments, plus one for each language; none where there is no such
    segment. So where a model that is asked for it-nl answers in English, an it-en sample is drawn
    under the instruction for it-nl.
    """
    others = sorted(set(languages) - {sample.target_lang} - {each.target_lang for each in taken})
    source_lang, answered = sample.source_lang, sample.target_lang
    counts = [
        confusions.get(Direction(source_lang, other), {}).get(answered, 0) for other in others
    ]
    if not any(counts):
        return None
    check_not_conflicting(sample)
    (drawn,) = sample_rng(sample, seed).choices(others, [count + 1 for count in counts])
    return replace(sample, asked_lang=drawn)


def requested(sample: Sample, languages: Iterable[str], seed: Seed, taken: Taken) -> Sample | None:
    """`sample` with another `asked_lang`, uniform over `languages`; None if none of them is left.

    Raises:
        ValueError: `sample` is a conflict already.
    """
    check_not_conflicting(sample)
    wrong = sorted(set(languages) - {sample.target_lang} - {each.target_lang for each in taken})
    return replace(sample, asked_lang=sample_rng(sample, seed).choice(wrong)) if wrong else None


def check_not_conflicting(sample: Sample) -> None:
    """Raise ValueError if `sample` is a conflict already."""
    if sample.conflicts:
        raise ValueError(
            f"{sample.key}: requests {sample.asked_lang!r} but is in {sample.target_lang!r}, so it "
            "is a conflict already; draw conflicts from true samples only"
        )
