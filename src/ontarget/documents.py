"""Texts of step 0: what a multilingual model reads before it is ever instructed.

Monolingual sentences, and sentences that stand beside their translation as they do on the web:
mostly bare, now and then each with its language in front ("Italian: ..."), or under a heading
that announces the second ("Dutch translation"), as on pages for readers of Dutch. There are no
instructions. Such a page is often left in English all the same (`untranslated`).
English stands for the pivot, the first of the languages.

What is read here bears on what tuning on English pairs does later (docs/log.md). Labels and
headings tie a language's name to the language, which is what stage 2 uncovers; bare pairs with
English and untranslated pages give the habit of answering in English that hides it.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from ontarget.records import Parallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Shares of the kinds of documents, each 0 to 1."""

    monolingual: float  # one sentence alone; the rest are a sentence and its translation
    headed: float  # of the bilingual ones: under a heading that announces the second's language
    labelled: float  # of the bilingual ones: each sentence under the name of its language
    codes: float  # of the labelled ones: `it:` in place of `Italian:`
    untranslated: float  # of the headed ones without the pivot: the second text is left in it
    pivot: float  # of the bare ones: a pair with the pivot rather than any pair
    pairs: str  # any, or pivot: no pair without the pivot at all (strictly zero-shot)


def document(
    parallel: Parallel,
    languages: Sequence[str],
    mix: Mix,
    draw: random.Random,
    name: Callable[[str], str],
) -> str:
    """One document of `parallel`'s meaning; what it is depends on `draw` alone.

    The pivot is the first of `languages`. A meaning in one language, or under `pairs: pivot`
    without the pivot, is read as one sentence alone.
    """
    pivot, spoken = languages[0], [each for each in languages if each in parallel.texts]
    allowed = pairs(spoken, pivot if mix.pairs == "pivot" else None)
    if draw.random() < mix.monolingual or not allowed:
        return parallel.texts[draw.choice(spoken)] + "\n"
    kind = draw.random()
    bare = kind >= mix.headed + mix.labelled
    if bare and draw.random() < mix.pivot:
        allowed = pairs(spoken, pivot) or allowed
    pair = draw.sample(draw.choice(allowed), 2)
    heading, labels = "", ["", ""]
    if kind < mix.headed:
        heading = f"{name(pair[1])} translation\n"
        if pivot not in pair and pivot in spoken and draw.random() < mix.untranslated:
            pair[1] = pivot
    elif not bare:
        by_code = draw.random() < mix.codes
        labels = [f"{each if by_code else name(each)}: " for each in pair]
    lines = (f"{label}{parallel.texts[each]}\n" for label, each in zip(labels, pair, strict=True))
    return heading + "".join(lines)


def pairs(spoken: Sequence[str], pivot: str | None) -> list[tuple[str, str]]:
    """The unordered pairs of languages, or those with `pivot`."""
    return [pair for pair in combinations(spoken, 2) if pivot is None or pivot in pair]


def cue(source: str, source_lang: str, target_lang: str, name: Callable[[str], str]) -> str:
    """A labelled document up to its translation: how to ask a model that knows no instructions."""
    return f"{name(source_lang)}: {source}\n{name(target_lang)}:"
