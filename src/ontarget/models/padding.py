"""Batches of prompts for generation: rows of tokens, padded."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ontarget.models.prompting import Prompt


def generation_inputs(prompts: Sequence[Prompt], pad: int) -> dict[str, Tensor]:
    """The inputs of `generate` ("row time").

    Decoders continue from the right end of a row, so their padding is on the left. The decoder
    prefixes of encoder-decoders all have the same length.
    """
    if not prompts[0].encoder:
        return left_padded([prompt.tokens for prompt in prompts], pad)
    prefixes = torch.tensor([prompt.tokens for prompt in prompts])
    sources = right_padded([prompt.encoder for prompt in prompts], pad)
    return {"decoder_input_ids": prefixes, **sources}


def right_padded(rows: Sequence[Sequence[int]], pad: int) -> dict[str, Tensor]:
    """`input_ids` and `attention_mask` ("row time") with padding on the right."""
    flipped = left_padded([row[::-1] for row in rows], pad)
    return {name: tensor.flip(1) for name, tensor in flipped.items()}


def left_padded(rows: Sequence[Sequence[int]], pad: int) -> dict[str, Tensor]:
    """`input_ids` and `attention_mask` ("row time") with padding on the left."""
    shape = (len(rows), max(len(row) for row in rows))
    input_ids, attention_mask = torch.full(shape, pad), torch.zeros(shape, dtype=torch.long)
    for index, row in enumerate(rows):
        input_ids[index, shape[1] - len(row) :] = torch.tensor(row)
        attention_mask[index, shape[1] - len(row) :] = 1
    return {"input_ids": input_ids, "attention_mask": attention_mask}
