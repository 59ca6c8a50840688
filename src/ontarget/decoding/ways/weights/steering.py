"""Hidden states moved towards the requested language: DiffMean (CLaS-Bench, arXiv 2601.08331).

The direction of a language at a layer is the mean hidden state of its text less the mean of the
text of all other languages. It is added, `strength` times, at every position.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ontarget.decoding.ways.plan import Material, Plan
from ontarget.decoding.ways.settings import Steering
from ontarget.decoding.ways.weights.head_rows import hooked
from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel
from ontarget.models.padding import right_padded

SENTENCES = 200  # of each language
AT_ONCE = 16


def apply(settings: Steering, plan: Plan, material: Material) -> Plan:
    """The plan with this change.

    Raises:
        ModelError: the model has no list of decoder layers, or there is no text in a language.
    """
    layers = decoder_layers(material.loaded)
    layer = layers[min(len(layers) - 1, int(settings.depth * len(layers)))]
    means = {
        language: mean_state(
            material.loaded, layer, material.text_of(language, "steering")[:SENTENCES]
        )
        for language in material.languages
    }

    def change(language: str) -> AbstractContextManager[None]:
        return steered(layer, settings.strength * difference(means, language))

    return replace(plan, changes=(*plan.changes, change))


def difference(means: dict[str, Tensor], language: str) -> Tensor:
    """The mean of a language less the mean of the others."""
    others = [mean for code, mean in means.items() if code != language]
    return means[language] - torch.stack(others).mean(0)


def decoder_layers(loaded: LoadedModel) -> nn.ModuleList:
    """The layers of the decoder.

    Raises:
        ModelError: there is no list of layers.
    """
    model: Any = loaded.model
    layers = getattr(model.get_decoder(), "layers", None)
    if not isinstance(layers, nn.ModuleList):
        raise ModelError(f"steering: {loaded.name} has no list of decoder layers; leave it out")
    return layers


@torch.no_grad()
def mean_state(loaded: LoadedModel, layer: nn.Module, texts: Sequence[str]) -> Tensor:
    """The mean output of a layer over all tokens of texts."""
    if loaded.has_encoder:
        raise ModelError("steering: needs a decoder-only model; leave it out")
    total, count = torch.zeros(()), 0
    states: list[Tensor] = []
    with hooked(layer, lambda module, inputs, output: states.append(hidden_of(output))):
        for start in range(0, len(texts), AT_ONCE):
            rows = [row for row in loaded.prompts(texts[start : start + AT_ONCE]) if row]
            inputs = right_padded(rows, loaded.pad)
            on_device = {name: tensor.to(loaded.model.device) for name, tensor in inputs.items()}
            states.clear()
            loaded.model(**on_device, use_cache=False, logits_to_keep=1)
            mask = on_device["attention_mask"].bool()
            chosen = states[0][mask].double()
            total, count = total.to(chosen) + chosen.sum(0), count + len(chosen)
    return total / count


@contextmanager
def steered(layer: nn.Module, vector: Tensor) -> Iterator[None]:
    """Within this context a vector is added to what a layer returns."""

    def add(module: nn.Module, inputs: Any, output: Any) -> Any:
        del module, inputs
        moved = hidden_of(output) + vector.to(hidden_of(output))
        return (moved, *output[1:]) if isinstance(output, tuple) else moved

    with hooked(layer, add):
        yield


def hidden_of(output: Any) -> Tensor:
    """The hidden states in what a layer returns."""
    states: Tensor = output[0] if isinstance(output, tuple) else output
    return states
