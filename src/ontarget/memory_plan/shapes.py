"""The sizes of a model and the shapes of its weights, from its configuration and file headers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from ontarget.errors import ModelError

OUTER = re.compile(r"embed|wte|wpe|lm_head")  # names of matrices outside the layers
BUFFERS = re.compile(r"inv_freq$")  # not parameters, but saved by old versions of transformers
LARGEST_SIZE = 10**9
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")

TensorShapes = Mapping[str, tuple[int, ...]]  # of a model's weights by name; a matrix is (out, in)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """The sizes of a decoder-only model."""

    hidden: int
    layers: int
    heads: int
    key_value_heads: int
    head_dim: int
    feed_forward: int
    vocabulary: int
    tied: bool = False  # the output head is the embedding matrix
    gated: bool = True  # the feed-forward block has a gate, hence three matrices
    softcap: bool = False  # logits are capped, as in Gemma 2
    positions: int | None = None  # the longest sequence the model was made for


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """The sizes of a model and the shapes of all its weights."""

    shape: ModelShape
    tensors: TensorShapes

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return count_parameters(self.tensors)

    @property
    def inner(self) -> TensorShapes:
        """The matrices inside the layers."""
        return {
            name: size
            for name, size in self.tensors.items()
            if len(size) == 2 and not OUTER.search(name)
        }

    @property
    def head(self) -> int:
        """The number of parameters of the output head."""
        return self.shape.vocabulary * self.shape.hidden


def count_parameters(tensors: TensorShapes) -> int:
    """The number of parameters in these tensors."""
    return sum(map(prod, tensors.values()))


def llama_tensors(shape: ModelShape) -> TensorShapes:
    """The weights of a Llama of this shape, without biases.

    Exact for Llama, Mistral and Gemma 1. Other families have biases or further norms (Qwen, Gemma
    2 and 3): use the tensors of their files.
    """
    hidden, inner = shape.hidden, shape.feed_forward
    queries, keys = (n * shape.head_dim for n in (shape.heads, shape.key_value_heads))
    layer = {
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        **({"mlp.gate_proj": (inner, hidden)} if shape.gated else {}),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
        "input_layernorm": (hidden,),
        "post_attention_layernorm": (hidden,),
    }
    outer = {"model.embed_tokens": (shape.vocabulary, hidden), "model.norm": (hidden,)}
    head = {} if shape.tied else {"lm_head": (shape.vocabulary, hidden)}
    layers = {
        f"model.layers.{index}.{name}": size
        for index in range(shape.layers)
        for name, size in layer.items()
    }
    return {f"{name}.weight": size for name, size in (outer | layers | head).items()}


def describe_model(config: Mapping[str, Any], saved: TensorShapes, place: str) -> ModelDescription:
    """The model with this config.json and these saved tensors; errors begin with `place`.

    Raises:
        ModelError: a size is missing, or the model is not a dense decoder.
    """
    settings = config.get("text_config", config)
    if config.get("is_encoder_decoder") or any(settings.get(name) for name in EXPERTS):
        raise ModelError(
            f"{place}: {config.get('model_type')} is an encoder-decoder or a mixture of experts, "
            "whose activations cannot be planned; plan a dense decoder such as a Llama"
        )
    tied = settings.get("tie_word_embeddings", config.get("tie_word_embeddings", False))
    tensors = parameters_of(saved, tied=bool(tied))
    hidden = size_of(settings, place, "hidden_size", "n_embd", "d_model")
    heads = size_of(settings, place, "num_attention_heads", "n_head")
    inner = ("intermediate_size", "n_inner", "ffn_dim")
    shape = ModelShape(
        hidden=hidden,
        layers=size_of(settings, place, "num_hidden_layers", "n_layer"),
        heads=heads,
        key_value_heads=size_of(settings, place, "num_key_value_heads", default=heads),
        head_dim=size_of(settings, place, "head_dim", default=hidden // heads),
        feed_forward=size_of(settings, place, *inner, default=4 * hidden),
        vocabulary=size_of(settings, place, "vocab_size"),
        tied="lm_head.weight" not in tensors,
        gated=any("gate" in name for name in tensors),
        softcap=bool(settings.get("final_logit_softcapping")),
        positions=positions_of(settings, place),
    )
    return ModelDescription(shape=shape, tensors=tensors)


def positions_of(settings: Mapping[str, Any], place: str) -> int | None:
    """The longest sequence the model was made for, if its settings name it."""
    names = ("max_position_embeddings", "n_positions")
    return size_of(settings, place, *names) if any(map(settings.get, names)) else None


def parameters_of(saved: TensorShapes, *, tied: bool) -> TensorShapes:
    """The parameters among saved tensors: no masks, no frequencies, a tied head only once."""
    return {
        name: size
        for name, size in saved.items()
        if len(size) in (1, 2)
        and not BUFFERS.search(name)
        and not (tied and name == "lm_head.weight")
    }


def size_of(
    settings: Mapping[str, Any], place: str, *names: str, default: int | None = None
) -> int:
    """The first of these settings that has a value; families name the same size differently.

    Raises:
        ModelError: it is missing and has no default, or is not an integer from 1 to 10**9.
    """
    size = next((settings[n] for n in names if settings.get(n) is not None), default)
    if type(size) is not int or not 1 <= size <= LARGEST_SIZE:
        raise ModelError(
            f"{place}: config.json has {size!r} for {' or '.join(names)}, expected a size; "
            "download the model again, unless its layers differ: such a model cannot be planned"
        )
    return size
