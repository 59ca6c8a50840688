"""Anti-LM decoding (arXiv 2311.08324): against the model's own continuation of the source.

The t-th token, from 1 on, scores log p(y_t | instruction, x, y_<t) - gamma^t log p(y_1 | x). What
would follow the bare source is mostly text in its language.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ontarget.decoding.ways.plan import Material, Plan, ScoreRule
from ontarget.decoding.ways.settings import AntiLm
from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel
from ontarget.models.padding import left_padded
from ontarget.records import Sample


def apply(settings: AntiLm, plan: Plan, material: Material) -> Plan:
    """The plan with this rule.

    Raises:
        ModelError: the model is an encoder-decoder, which continues no text.
    """
    if material.loaded.has_encoder:
        raise ModelError("anti-lm: needs a decoder-only model; an encoder continues no text")

    def rule_of(samples: Sequence[Sample]) -> ScoreRule:
        return against_continuation(first_tokens(material.loaded, samples), settings.gamma)

    return replace(plan, rules=(*plan.rules, rule_of))


def against_continuation(continuations: Tensor, gamma: float) -> ScoreRule:
    """The rule, from log p(y_1 | x) of each sample ("sample token")."""

    def rule(scores: Tensor, places: Sequence[int], written: Tensor) -> Tensor:
        return scores - gamma ** (written.shape[1] + 1) * continuations[list(places)]

    return rule


@torch.no_grad()
def first_tokens(loaded: LoadedModel, samples: Sequence[Sample]) -> Tensor:
    """log p(y_1 | x): the next token after each bare source ("sample token")."""
    rows = loaded.prompts([sample.source for sample in samples])
    inputs = left_padded([row or [loaded.eos[0]] for row in rows], loaded.pad)
    positions = (inputs["attention_mask"].cumsum(1) - 1).clamp(min=0)
    inputs = {name: tensor.to(loaded.model.device) for name, tensor in inputs.items()}
    model = loaded.model
    logits: Tensor = model(
        **inputs, position_ids=positions.to(model.device), logits_to_keep=1
    ).logits
    return logits[:, -1].float().log_softmax(-1)
