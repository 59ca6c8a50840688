"""Training documents of step 0: what a multilingual base model has read before instruction tuning.

A document is a single sentence, or a sentence followed by a translation as on web pages: bare,
with language labels ("Italian: ..."), or under a heading that announces the translation ("Dutch
translation"). None contains an instruction. Below a heading the second text is sometimes in the
pivot, the first language of the recipe.

The mix determines what tuning on pairs with English does later (docs/results/demo.md). Labels and
headings tie the name of a language to the language; that is the ability that stage 2 uncovers. Bare
pairs with English and untranslated pages create a habit of English, which hides it.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from ontarget.records import Parallel


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentMix:
    """Probabilities, 0 to 1, of the kinds of documents."""

    monolingual: float  # a single sentence; all other documents are bilingual
    headed: float  # of bilingual documents: a heading announces the second language
    labelled: float  # of bilingual documents: each sentence follows the name of its language
    codes: float  # of labelled documents: labels are codes (`it:`), not names (`Italian:`)
    untranslated: float  # of headed documents without the pivot: the second text is in the pivot
    pivot: float  # of bare documents: pairs with the pivot
    pairs: str  # "any", or "pivot": only pairs with the pivot (strictly zero-shot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A context and its alternative continuations, which share one forward pass of the context.

    By default only continuations are learned: the first sentence is unpredictable, and learning it
    took most of the training time (docs/results/demo.md).
    """

    context: str  # "" in monolingual documents
    continuations: tuple[str, ...]
    learn_context: bool = False


def compose_document(
    parallel: Parallel,
    languages: Sequence[str],
    mix: DocumentMix,
    rng: random.Random,
    language_name: Callable[[str], str],
) -> Document:
    """One random document from the sentences of `parallel`; all randomness comes from `rng`.

    `languages[0]` is the pivot. Under `pairs: pivot` the context is learned too: otherwise the
    other languages would only be learned after the pivot. If `parallel` has
    no allowed pair of languages, the document is monolingual.
    """
    pivot_only = mix.pairs == "pivot"
    pivot, available = languages[0], [code for code in languages if code in parallel.texts]
    lines = {code: f"{parallel.texts[code]}\n" for code in available}
    pairs = language_pairs(available, pivot if pivot_only else None)
    if rng.random() < mix.monolingual or not pairs:
        return Document(context="", continuations=(lines[rng.choice(available)],))
    kind = rng.random()
    bare = kind >= mix.headed + mix.labelled
    if bare and rng.random() < mix.pivot:
        pairs = language_pairs(available, pivot) or pairs
    first, second = rng.sample(rng.choice(pairs), 2)
    if kind < mix.headed:
        context = f"{language_name(second)} translation\n{lines[first]}"
        has_pivot = pivot in (first, second)
        if not has_pivot and pivot in available and rng.random() < mix.untranslated:
            second = pivot
        return Document(context=context, continuations=(lines[second],), learn_context=pivot_only)
    if not bare:
        label = str if rng.random() < mix.codes else language_name
        lines = {code: f"{label(code)}: {lines[code]}" for code in available}
    partners = [code for pair in pairs if first in pair for code in pair if code != first]
    return Document(
        context=lines[first],
        continuations=tuple(lines[code] for code in partners),
        learn_context=pivot_only,
    )


def language_pairs(languages: Sequence[str], pivot: str | None) -> list[tuple[str, str]]:
    """All unordered pairs of `languages`, or only those with `pivot`."""
    return [pair for pair in combinations(languages, 2) if pivot is None or pivot in pair]
