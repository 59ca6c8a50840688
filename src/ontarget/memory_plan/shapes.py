"""A model as its sizes and the names of its weights: counted, never loaded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from ontarget.errors import ModelError

OUTER = re.compile(r"embed|wte|wpe|lm_head")  # matrices that are in no layer
BUFFERS = re.compile(r"inv_freq$")  # saved by old versions of transformers, no parameters
LARGEST = 10**9  # of a size
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")

TensorShapes = Mapping[str, tuple[int, ...]]  # a model's weights by name; a matrix is (out, in)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """Sizes of a decoder-only model."""

    hidden: int
    layers: int
    heads: int
    key_value_heads: int
    head_dim: int
    feed_forward: int
    vocabulary: int
    tied: bool = False  # the embeddings are the head
    gated: bool = True  # a feed-forward layer of three matrices
    softcap: bool = False  # logits are capped, as Gemma 2's
    positions: int | None = None  # the longest row it was made for


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """A shape with its weights."""

    shape: ModelShape
    tensors: TensorShapes

    @property
    def parameters(self) -> int:
        """How many numbers the weights are."""
        return count_numbers(self.tensors)

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
        """Numbers of the matrix that makes logits."""
        return self.shape.vocabulary * self.shape.hidden


def count_numbers(tensors: TensorShapes) -> int:
    """How many numbers all tensors hold."""
    return sum(map(prod, tensors.values()))


def llama_tensors(shape: ModelShape) -> TensorShapes:
    """The weights of a Llama of this shape, without biases.

    Exact for Llama, Mistral and Gemma 1. Others have biases or norms of their own (Qwen, Gemma 2
    and 3): count what their files hold.
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
    """The model whose config.json and weights these are; `place` begins the errors.

    Raises:
        ModelError: sizes are missing, or it is no plain decoder.
    """
    settings = config.get("text_config", config)
    if config.get("is_encoder_decoder") or any(settings.get(name) for name in EXPERTS):
        raise ModelError(
            f"{place}: a {config.get('model_type')} is an encoder-decoder or a mixture of experts, "
            "whose activations are not known here; plan a plain decoder such as a Llama"
        )
    tied = settings.get("tie_word_embeddings", config.get("tie_word_embeddings", False))
    tensors = parameters_of(saved, tied=bool(tied))
    hidden = size_of(settings, place, "hidden_size", "n_embd", "d_model")
    heads = size_of(settings, place, "num_attention_heads", "n_head")
    wide = [settings.get(name) for name in ("intermediate_size", "n_inner", "ffn_dim")]
    shape = ModelShape(
        hidden=hidden,
        layers=size_of(settings, place, "num_hidden_layers", "n_layer"),
        heads=heads,
        key_value_heads=settings.get("num_key_value_heads") or heads,
        head_dim=settings.get("head_dim") or hidden // heads,
        feed_forward=next((size for size in wide if size), 4 * hidden),
        vocabulary=size_of(settings, place, "vocab_size"),
        tied="lm_head.weight" not in tensors,
        gated=any("gate" in name for name in tensors),
        softcap=bool(settings.get("final_logit_softcapping")),
        positions=positions_of(settings, place),
    )
    return ModelDescription(shape=shape, tensors=tensors)


def positions_of(settings: Mapping[str, Any], place: str) -> int | None:
    """The longest row a model was made for, where its settings say it."""
    names = ("max_position_embeddings", "n_positions")
    return size_of(settings, place, *names) if any(map(settings.get, names)) else None


def parameters_of(saved: TensorShapes, *, tied: bool) -> TensorShapes:
    """Of what files hold, the parameters: no masks, no frequencies, a tied head not twice."""
    return {
        name: size
        for name, size in saved.items()
        if len(size) in (1, 2)
        and not BUFFERS.search(name)
        and not (tied and name == "lm_head.weight")
    }


def size_of(settings: Mapping[str, Any], place: str, *names: str) -> int:
    """The first of these settings that is there; families name the same size differently.

    Raises:
        ModelError: none is a whole number from 1 to a thousand million.
    """
    found = next((settings[name] for name in names if name in settings), None)
    if not isinstance(found, int) or not 1 <= found <= LARGEST:
        raise ModelError(
            f"{place}: config.json says {found!r} for {' or '.join(names)}, expected a size; "
            "fetch the model again"
        )
    return found
