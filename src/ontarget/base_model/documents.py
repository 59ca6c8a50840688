"""Texts of step 0: what a multilingual model reads before it is ever instructed.

Monolingual sentences, and sentences that are followed by a translation as they are on the web:
mostly bare, now and then each with its language in front ("Italian: ..."), or under a heading
that announces the second ("Dutch translation"), as on pages for readers of Dutch. There are no
instructions. Such a page is often left in English all the same (`untranslated`).
English stands for the pivot, the first of the languages.

A sentence can be followed by each of its translations; it is read once for all of them
(`batches.shared`). Only what follows it is learned: which sentence comes first nothing can tell,
and to learn to guess it took most of the time (docs/log.md). Under `pairs: pivot` it is learned as
well: otherwise the other languages would only ever be written behind the pivot.

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
class DocumentMix:
    """Shares of the kinds of documents, each 0 to 1."""

    monolingual: float  # one sentence alone; the rest are a sentence and its translations
    headed: float  # of the bilingual ones: under a heading that announces the other language
    labelled: float  # of the bilingual ones: each sentence under the name of its language
    codes: float  # of the labelled ones: `it:` in place of `Italian:`
    untranslated: float  # of the headed ones without the pivot: the other text is left in it
    pivot: float  # of the bare ones: pairs with the pivot rather than any pairs
    pairs: str  # any, or pivot: no pair without the pivot at all (strictly zero-shot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is read, and the texts that may follow it, each by itself; these are learned."""

    context: str
    continuations: tuple[str, ...]
    opens: bool = False  # the context is learned as well, by itself


def compose_document(
    parallel: Parallel,
    languages: Sequence[str],
    mix: DocumentMix,
    draw: random.Random,
    name: Callable[[str], str],
) -> Document:
    """One document of `parallel`'s meaning; what it is depends on `draw` alone.

    The pivot is the first of `languages`. A meaning in one language, or under `pairs: pivot`
    without the pivot, is read as one sentence alone.
    """
    opens = mix.pairs == "pivot"
    pivot, spoken = languages[0], [each for each in languages if each in parallel.texts]
    lines = {each: f"{parallel.texts[each]}\n" for each in spoken}
    allowed = language_pairs(spoken, pivot if opens else None)
    if draw.random() < mix.monolingual or not allowed:
        return Document(context="", continuations=(lines[draw.choice(spoken)],))
    kind = draw.random()
    bare = kind >= mix.headed + mix.labelled
    if bare and draw.random() < mix.pivot:
        allowed = language_pairs(spoken, pivot) or allowed
    first, second = draw.sample(draw.choice(allowed), 2)
    if kind < mix.headed:
        heading = f"{name(second)} translation\n"
        if pivot not in (first, second) and pivot in spoken and draw.random() < mix.untranslated:
            second = pivot
        return Document(context=heading + lines[first], continuations=(lines[second],), opens=opens)
    if not bare:
        by_code = draw.random() < mix.codes
        lines = {each: f"{each if by_code else name(each)}: {lines[each]}" for each in spoken}
    beside = [each for pair in allowed if first in pair for each in pair if each != first]
    return Document(
        context=lines[first],
        continuations=tuple(lines[each] for each in beside),
        opens=opens,
    )


def language_pairs(spoken: Sequence[str], pivot: str | None) -> list[tuple[str, str]]:
    """The unordered pairs of languages, or those with `pivot`."""
    return [pair for pair in combinations(spoken, 2) if pivot is None or pivot in pair]


def cue(source: str, source_lang: str, target_lang: str, name: Callable[[str], str]) -> str:
    """A labelled document up to its translation: how to ask a model that knows no instructions."""
    return f"{name(source_lang)}: {source}\n{name(target_lang)}:"
