"""New codes for models that are told languages by code: NLLB, mBART, multilingual Marian.

A new code begins as a copy of a related language's, so the model translates as for that language
until it is trained.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor

from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import language_codes, source_codes


def add_codes(loaded: LoadedModel, codes: Mapping[str, str]) -> None:
    """Give the model and its tokenizer new codes, in place; `{"lij_Latn": "ita_Latn"}`.

    Raises:
        ModelError: the model is told languages in words, or a code cannot be added or copied.
    """
    check_codes(loaded, codes)
    network, tokenizer = loaded.model, loaded.tokenizer
    names = [*codes, *codes.values()]
    if source_codes(loaded):
        tokenizer.add_tokens(list(codes))
    else:
        tokenizer.add_special_tokens(
            {"extra_special_tokens": list(codes)}, replace_extra_special_tokens=False
        )
    embeddings: Any = network.get_input_embeddings()
    ids = dict(zip(names, cast("list[int]", tokenizer.convert_tokens_to_ids(names)), strict=True))
    if max(ids.values()) >= embeddings.num_embeddings:
        network.resize_token_embeddings(max(ids.values()) + 1, mean_resizing=False)
    with torch.no_grad():
        for rows in rows_by_token(network):
            for code, like in codes.items():
                rows[ids[code]] = rows[ids[like]]


def check_codes(loaded: LoadedModel, codes: Mapping[str, str]) -> None:
    """Raise ModelError unless these codes can be added."""
    known = language_codes(loaded)
    if not known:
        raise ModelError(
            f"{loaded.name}: is told languages in words, not by code; name new languages in the "
            "recipe's `languages`"
        )
    if hasattr(loaded.tokenizer, "lang_code_to_token"):
        raise ModelError(
            f"{loaded.name}: the tokenizer of M2M-100 has a fixed list of codes; take NLLB, mBART "
            "or a multilingual Marian"
        )
    for code, like in codes.items():
        if code in loaded.tokenizer.get_vocab():
            raise ModelError(f"{loaded.name}: has {code} already; leave it out")
        if like not in known:
            raise ModelError(f"{loaded.name}: has no code {like!r} to copy; name one that it has")
        if shape_of(code) != shape_of(like):
            raise ModelError(f"{code!r} is not written as {like} is; write it the same way")


def shape_of(code: str) -> str:
    """A code with `a` for runs of letters: `a_a` of ita_Latn, `>>a<<` of >>ita<<."""
    letters = "".join("a" if char.isalpha() else char for char in code)
    while "aa" in letters:
        letters = letters.replace("aa", "a")
    return letters


def rows_by_token(network: Any) -> Iterator[Tensor]:
    """Every weight that has a row for each token: embeddings, output layer and its bias."""
    layers = [network.get_input_embeddings(), network.get_output_embeddings()]
    layers += [
        part.get_input_embeddings() for part in (network.get_encoder(), network.get_decoder())
    ]
    weights = [layer.weight for layer in layers if layer is not None]
    yield from {weight.data_ptr(): weight for weight in weights}.values()
    if (bias := getattr(network, "final_logits_bias", None)) is not None:
        yield bias[0]
