"""New codes for models that are told languages by code: NLLB, mBART, multilingual Marian.

A new code begins as a copy of a related language's, so the model treats the new language as that
one until it is trained.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor

from ontarget.errors import ModelError
from ontarget.languages.tags import code_among
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import language_codes, source_codes


def add_codes(loaded: LoadedModel, codes: Mapping[str, str]) -> None:
    """Give the model and its tokenizer new codes, in place; `{"lij_Latn": "ita_Latn"}`.

    Raises:
        ModelError: the model is told languages in words, or a code cannot be added or copied.
    """
    check_codes(loaded, codes)
    network, tokenizer = loaded.model, loaded.tokenizer
    in_source = bool(source_codes(loaded))
    if in_source:
        tokenizer.add_tokens(list(codes))
    else:
        tokenizer.add_special_tokens(
            {"extra_special_tokens": list(codes)}, replace_extra_special_tokens=False
        )
    names = [*codes, *codes.values()]
    ids = dict(zip(names, cast("list[int]", tokenizer.convert_tokens_to_ids(names)), strict=True))
    embeddings: Any = network.get_input_embeddings()
    if max(ids.values()) >= embeddings.num_embeddings:
        network.resize_token_embeddings(max(ids.values()) + 1, mean_resizing=False)
    with torch.no_grad():
        for rows in rows_by_token(network, in_source=in_source):
            for code, like in codes.items():
                rows[ids[code]] = rows[ids[like]]


def check_codes(loaded: LoadedModel, codes: Mapping[str, str]) -> None:
    """Raise ModelError unless these codes can be added; needs no weights."""
    tokenizer: Any = loaded.tokenizer
    others = {str(token) for token in tokenizer.special_tokens_map.values()}  # such as <s>
    known = [code for code in language_codes(loaded) if code not in others]
    if not known:
        raise ModelError(
            f"{loaded.name}: is told languages in words, not by code; name new languages in the "
            "recipe's `languages`"
        )
    if hasattr(tokenizer, "lang_code_to_token"):
        raise ModelError(
            f"{loaded.name}: the tokenizer of M2M-100 has a fixed list of codes; take NLLB, mBART "
            "or a multilingual Marian"
        )
    for code, like in codes.items():
        if like not in known:
            raise ModelError(f"{loaded.name}: has no code {like!r} to copy; name one that it has")
        if shape_of(code) not in map(shape_of, known):
            raise ModelError(f"{code!r} is not written as the model's codes are, such as {like}")
        if (present := code_among(code.strip("<>"), known)) is not None:
            raise ModelError(f"{code}: the model has {present} for that language; leave it out")


def shape_of(code: str) -> str:
    """A code with `a` for runs of letters: `a_a` of ita_Latn, `>>a<<` of >>ita<<."""
    letters = "".join("a" if char.isascii() and char.isalpha() else char for char in code)
    while "aa" in letters:
        letters = letters.replace("aa", "a")
    return letters


def rows_by_token(network: Any, *, in_source: bool) -> Iterator[Tensor]:
    """Every weight with a row for each token that a code is in.

    In the source it is only read, by an encoder that may have a vocabulary of its own. Otherwise
    the decoder reads it too, and the output layer and its bias have a row for it.
    """
    if in_source:
        yield network.get_encoder().get_input_embeddings().weight
        return
    parts = (network, network.get_encoder(), network.get_decoder())
    layers = [*(part.get_input_embeddings() for part in parts), network.get_output_embeddings()]
    yield from {layer.weight.data_ptr(): layer.weight for layer in layers}.values()
    if (bias := getattr(network, "final_logits_bias", None)) is not None:
        yield bias[0]
