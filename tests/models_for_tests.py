"""Very small models and their tokenizers."""

from functools import cache

import torch
from transformers import PreTrainedTokenizerFast

from ontarget.models import Loaded, Shape, byte_bpe, small_llama

TEXTS = ["hello world", "ciao mondo", "Translate from English to Italian.", "1234"]


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    return byte_bpe(TEXTS, 300)


def tiny(seed: int = 0) -> Loaded:
    """A fresh Llama of a few thousand parameters."""
    shape = Shape(hidden=16, layers=1, heads=2, feed_forward=32)
    return Loaded(small_llama(tokenizer(), shape, seed), tokenizer())


def double(loaded: Loaded) -> Loaded:
    """The same model in float64."""
    loaded.model.to(torch.float64)  # type: ignore[arg-type]
    return loaded
