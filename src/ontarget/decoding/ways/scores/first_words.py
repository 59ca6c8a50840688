"""Forced first words: the answer begins as sentences in the requested language do.

Which words begin sentences is learnt from monolingual text. Of these the model takes the likeliest;
after the first word it is free. An answer that is still off target when it has begun in the
requested language is rare, so this is what `ontarget translate --check-language` tries too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ontarget.decoding.ways.plan import Material, Plan, ScoreRule
from ontarget.decoding.ways.settings import FirstWords
from ontarget.models.loading import LoadedModel
from ontarget.records import Sample

Tokens = tuple[int, ...]
Following = Mapping[Tokens, frozenset[int]]  # beginning of a word -> tokens that go on


def apply(settings: FirstWords, plan: Plan, material: Material) -> Plan:
    """The plan with this rule.

    Raises:
        ModelError: there is no text in a requested language.
    """
    languages = {sample.asked_lang for sample in plan.samples}
    learnt = {
        language: following(
            first_words(material.loaded, material.text_of(language, "first-words"), settings.words)
        )
        for language in sorted(languages)
    }

    def rule_of(samples: Sequence[Sample]) -> ScoreRule:
        return beginning_with([learnt[sample.asked_lang] for sample in samples])

    return replace(plan, rules=(*plan.rules, rule_of))


def first_words(loaded: LoadedModel, texts: Sequence[str], words: int) -> set[Tokens]:
    """The first words of texts, as tokens."""
    beginnings = sorted({" ".join(text.split()[:words]) for text in texts} - {""})
    rows = loaded.token_ids(beginnings, add_special_tokens=False)
    return {tuple(row) for row in rows}


def following(beginnings: Iterable[Tokens]) -> Following:
    """For each proper beginning of these rows of tokens, the tokens that go on."""
    going_on: dict[Tokens, set[int]] = {}
    for row in beginnings:
        for at, token in enumerate(row):
            going_on.setdefault(row[:at], set()).add(token)
    return {row: frozenset(tokens) for row, tokens in going_on.items()}


def beginning_with(allowed: Sequence[Following]) -> ScoreRule:
    """The rule, from what each sample may begin with."""
    longest = max((len(row) for one in allowed for row in one), default=-1)

    def rule(scores: Tensor, places: Sequence[int], written: Tensor) -> Tensor:
        if written.shape[1] > longest:
            return scores
        lost = torch.zeros_like(scores)
        for row, (place, tokens) in enumerate(zip(places, written.tolist(), strict=True)):
            if following_tokens := allowed[place].get(tuple(tokens)):
                lost[row] = float("-inf")
                lost[row, list(following_tokens)] = 0
        return scores + lost

    return rule
