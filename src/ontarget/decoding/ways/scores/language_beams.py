"""Language-informed beam search (LiBS, arXiv 2408.05738).

A beam y scores log p(y | x) + weight log p(requested language | y), where an identifier gives the
second probability. Each step adds the difference that the next token makes, for the likeliest
tokens; the others are left out.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ontarget.decoding.ways.plan import Material, Plan, ScoreRule
from ontarget.decoding.ways.settings import LanguageBeams
from ontarget.languages.tags import same_language
from ontarget.models.loading import LoadedModel
from ontarget.offtarget.detectors.base import Identifier
from ontarget.records import Sample

LEAST = 1e-3  # probability of a language that the identifier does not name
LogProbabilities = Callable[[Sequence[str], Sequence[str]], list[float]]  # texts, languages


def apply(settings: LanguageBeams, plan: Plan, material: Material) -> Plan:
    """The plan with this rule."""
    identifier = lid_176()

    def score(texts: Sequence[str], languages: Sequence[str]) -> list[float]:
        return language_log_probabilities(identifier, texts, languages)

    def rule_of(samples: Sequence[Sample]) -> ScoreRule:
        languages = [sample.asked_lang for sample in samples]
        return informed(material.loaded, languages, score, settings.weight, settings.candidates)

    return replace(plan, rules=(*plan.rules, rule_of))


def lid_176() -> Identifier:
    """The identifier of the paper's kind: fast, and with an answer for every text."""
    from ontarget.offtarget.detectors.fasttext import FastText

    return FastText()


def language_log_probabilities(
    identifier: Identifier, texts: Sequence[str], languages: Sequence[str]
) -> list[float]:
    """log p(language | text) of each text and its requested language."""
    found = identifier.identify([text or " " for text in texts])
    return [
        math.log(max(LEAST, sum(p for label, p in one.items() if same_language(label, language))))
        for one, language in zip(found, languages, strict=True)
    ]


def informed(
    loaded: LoadedModel,
    languages: Sequence[str],
    score: LogProbabilities,
    weight: float,
    candidates: int,
) -> ScoreRule:
    """The rule, from the requested language of each sample."""

    def rule(scores: Tensor, places: Sequence[int], written: Tensor) -> Tensor:
        beams = places.count(places[0])  # a search of b beams asks for the best 2 b
        best, tokens = scores.topk(min(max(candidates, 2 * beams), scores.shape[1]))
        rows = written.tolist()
        asked = [languages[place] for place in places]
        texts = [loaded.text(row) for row in rows]
        longer = [
            loaded.text([*row, token])
            for row, following in zip(rows, tokens.tolist(), strict=True)
            for token in following
        ]
        width = tokens.shape[1]
        now = torch.tensor(score(texts, asked)).unsqueeze(1)
        asked_longer = [language for language in asked for _ in range(width)]
        then = torch.tensor(score(longer, asked_longer)).view(-1, width)
        gained = weight * (then - (now if rows and rows[0] else 0))
        left = torch.full_like(scores, float("-inf"))
        return left.scatter(1, tokens, best + gained.to(best))

    return rule
