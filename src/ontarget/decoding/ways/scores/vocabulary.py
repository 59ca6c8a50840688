"""A mask over the vocabulary, learnt from monolingual text.

A token with letters that never occurs in text of the requested language loses `penalty` nats.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ontarget.decoding.ways.plan import Material, Plan, ScoreRule
from ontarget.decoding.ways.settings import VocabularyMask
from ontarget.models.loading import LoadedModel
from ontarget.records import Sample


def apply(settings: VocabularyMask, plan: Plan, material: Material) -> Plan:
    """The plan with this rule.

    Raises:
        ModelError: there is no text in a requested language.
    """
    letters = tokens_with_letters(material.loaded)
    languages = {sample.asked_lang for sample in plan.samples}
    foreign = {language: letters & ~tokens_in(material, language) for language in sorted(languages)}

    def rule_of(samples: Sequence[Sample]) -> ScoreRule:
        lost = torch.stack([foreign[sample.asked_lang] for sample in samples])
        return penalising(lost.to(material.loaded.model.device), settings.penalty)

    return replace(plan, rules=(*plan.rules, rule_of))


def penalising(lost: Tensor, penalty: float) -> ScoreRule:
    """The rule, from which tokens lose ("sample token")."""

    def rule(scores: Tensor, places: Sequence[int], written: Tensor) -> Tensor:
        del written
        return scores - penalty * lost[list(places), : scores.shape[1]]

    return rule


def vocabulary_size(loaded: LoadedModel) -> int:
    """Rows of the model's output layer."""
    model: Any = loaded.model
    return int(model.get_output_embeddings().weight.shape[0])


def tokens_with_letters(loaded: LoadedModel) -> Tensor:
    """Which tokens have a letter ("token"); special tokens have none."""
    size = vocabulary_size(loaded)
    special = set(loaded.tokenizer.all_special_ids) | set(loaded.eos)
    texts = loaded.tokenizer.batch_decode(
        [[token] for token in range(min(size, len(loaded.tokenizer)))]
    )
    flags = [
        token not in special and any(character.isalpha() for character in text)
        for token, text in enumerate(texts)
    ]
    return torch.tensor(flags + [False] * (size - len(flags)))


def token_counts(loaded: LoadedModel, texts: Sequence[str]) -> Tensor:
    """How often each token occurs in texts ("token")."""
    rows = loaded.token_ids(list(texts), add_special_tokens=False)
    spaced = loaded.token_ids([f" {text}" for text in texts], add_special_tokens=False)
    tokens = torch.tensor([token for row in (*rows, *spaced) for token in row], dtype=torch.long)
    return torch.bincount(tokens, minlength=vocabulary_size(loaded))


def tokens_in(material: Material, language: str) -> Tensor:
    """Which tokens occur in text of a language ("token")."""
    texts = material.text_of(language, "vocabulary-mask")
    return token_counts(material.loaded, texts) > 0
