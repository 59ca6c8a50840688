"""Rows of the output layer scaled by how much their token belongs to other languages.

After Smoothie-Qwen (arXiv 2507.05686), which scales the rows of Chinese tokens once for all. Here
the risk of a token is its share in text of the other languages, so each requested language has a
scale of its own: 1 - (1 - least) tanh(smoothness risk) / tanh(smoothness). Scaling a row scales its
logit, so a token with a negative logit becomes likelier, as in the original.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ontarget.decoding.ways.plan import Material, Plan
from ontarget.decoding.ways.scores.vocabulary import token_counts, tokens_with_letters
from ontarget.decoding.ways.settings import HeadRows


def apply(settings: HeadRows, plan: Plan, material: Material) -> Plan:
    """The plan with scaled rows.

    Raises:
        ModelError: there is no text in a language.
    """
    counts = {
        language: token_counts(material.loaded, material.text_of(language, "head-rows"))
        for language in material.languages
    }
    letters = tokens_with_letters(material.loaded)

    def change(language: str) -> AbstractContextManager[None]:
        others = sum(
            (shares(count) for code, count in counts.items() if code != language),
            torch.zeros(len(letters)),
        )
        risk = others / (others + shares(counts[language])).clamp(min=1e-12)
        scales = row_scales(risk * letters, settings.least, settings.smoothness)
        return scaled_head(material.loaded.model, scales)

    return replace(plan, changes=(*plan.changes, change))


def shares(counts: Tensor) -> Tensor:
    """Counts as shares of all tokens."""
    return counts / counts.sum().clamp(min=1)


def row_scales(risk: Tensor, least: float, smoothness: float) -> Tensor:
    """The scale of each row ("token"), from its risk 0-1."""
    return 1 - (1 - least) * torch.tanh(smoothness * risk) / torch.tanh(torch.tensor(smoothness))


@contextmanager
def scaled_head(model: Any, scales: Tensor) -> Iterator[None]:
    """Within this context the logits of the model are scaled ("token")."""
    head: nn.Module = model.get_output_embeddings()

    def scale(module: nn.Module, inputs: Any, logits: Tensor) -> Tensor:
        del module, inputs
        return logits * scales.to(logits)

    with hooked(head, scale):
        yield


@contextmanager
def hooked(module: nn.Module, hook: Callable[..., Any]) -> Iterator[None]:
    """Within this context a hook changes what a module returns."""
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
