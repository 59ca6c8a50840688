"""Token lists to batches: ids, positions, labels, and the sign of each label's loss.

A prompt and its response are tokenised apart and joined, in training as in translation, so a
model is trained on exactly the prompt tokens it will be given. BOS comes with the prompt (where
the tokenizer adds one), EOS closes the response. Of an encoder-decoder these are the decoder's
tokens; the encoder's stand beside them.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Sampler

from ontarget.losses import IGNORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a model is given to go on from."""

    tokens: tuple[int, ...]  # of an encoder-decoder: those its decoder begins with
    encoder: tuple[int, ...] = ()  # of an encoder-decoder: what its encoder reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One sequence to train on; its first `prompt_tokens` tokens carry no loss."""

    key: str
    tokens: tuple[int, ...]
    prompt_tokens: int
    encoder: tuple[int, ...] = ()
    unlikely: bool = False  # True: unlikelihood, for the response of a conflict sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What one step draws together: a true row, and in stage 2 its conflict row."""

    rows: tuple[Row, ...]

    @property
    def length(self) -> int:
        """Tokens of the longest row, of encoder and decoder together."""
        return max(len(row.encoder) + len(row.tokens) for row in self.rows)


class LikeLengths(Sampler[int]):
    """Random steps whose micro-batches hold examples of like length.

    Grouping whole steps by length saves a little more padding, but then the steps differ in kind:
    a model trained on short ones and long ones in turn learns neither where to stop nor to go on.
    """

    def __init__(self, lengths: Sequence[int], step: int, seed: int) -> None:
        self.lengths, self.step, self.seed = lengths, step, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw another order."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        order = list(range(len(self.lengths)))
        random.Random(f"{self.seed}/{self.epoch}").shuffle(order)
        for start in range(0, len(order), self.step):
            drawn = order[start : start + self.step]
            yield from sorted(drawn, key=lambda index: self.lengths[index], reverse=True)


def row(key: str, prompt: Prompt, response: Sequence[int], *, unlikely: bool = False) -> Row:
    """Prompt and response joined."""
    return Row(
        key=key,
        tokens=(*prompt.tokens, *response),
        prompt_tokens=len(prompt.tokens),
        encoder=prompt.encoder,
        unlikely=unlikely,
    )


def padded(examples: Sequence[Example], pad: int) -> dict[str, Tensor]:
    """One sequence a row, padded on the right.

    Returns `input_ids`, `attention_mask`, `labels`, `unlikely` ("row time"); see `filled`. The mask
    is all ones: no token sees what is right of it, and a masked padding token of a model with
    sliding windows may see nothing at all, which makes the whole row NaN. For an encoder-decoder
    `input_ids` and `attention_mask` are the encoder's, which does see its padding, and the rest is
    of `decoder_input_ids`.
    """
    rows = [row for example in examples for row in example.rows]
    batch = filled([[row] for row in rows], pad)
    del batch["position_ids"]
    if not rows[0].encoder:
        return batch | {"attention_mask": torch.ones_like(batch["input_ids"])}
    batch["decoder_input_ids"] = batch.pop("input_ids")
    return batch | right_padded([row.encoder for row in rows], pad)


def packed(examples: Sequence[Example], pad: int, row_tokens: int) -> dict[str, Tensor]:
    """Sequences one after another in rows of at most `row_tokens`; a longer one has its own row.

    Returns `input_ids`, `position_ids`, `labels`, `unlikely` ("row time"); see `filled`. Positions
    start anew in each sequence, which is how attention is told to keep them apart.
    """
    rows = [row for example in examples for row in example.rows]
    groups = best_fit([len(row.tokens) for row in rows], row_tokens)
    return filled([[rows[index] for index in group] for group in groups], pad)


def best_fit(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices of `lengths` in groups of at most `budget` in sum: best fit, longest first.

    What is longer than the budget has a group of its own.
    """
    groups: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        fitting = [group for group, left in enumerate(room) if left >= lengths[index]]
        if fitting:
            chosen = min(fitting, key=lambda group: room[group])
            groups[chosen].append(index)
            room[chosen] -= lengths[index]
        else:
            groups.append([index])
            room.append(budget - lengths[index])
    return groups


def filled(groups: Sequence[Sequence[Row]], pad: int) -> dict[str, Tensor]:
    """Each group of sequences as one row of tokens; what is left of a row is padding.

    A label stands where its token does. A sequence's first token has none: nothing of its own
    predicts it. Padding counts its own positions, as one more sequence.
    """
    shape = (len(groups), max(sum(len(row.tokens) for row in group) for group in groups))
    input_ids, labels = torch.full(shape, pad), torch.full(shape, IGNORE)
    position_ids, unlikely = torch.zeros(shape, dtype=torch.long), torch.zeros(shape).bool()
    for index, group in enumerate(groups):
        start = 0
        for row in group:
            end, tokens = start + len(row.tokens), torch.tensor(row.tokens)
            silent = max(1, row.prompt_tokens)
            input_ids[index, start:end] = tokens
            labels[index, start + silent : end] = tokens[silent:]
            position_ids[index, start:end] = torch.arange(len(tokens))
            unlikely[index, start:end] = row.unlikely
            start = end
        position_ids[index, start:] = torch.arange(shape[1] - start)
    return {
        "input_ids": input_ids,
        "position_ids": position_ids,
        "labels": labels,
        "unlikely": unlikely,
    }


def prompted(prompts: Sequence[Prompt], pad: int) -> dict[str, Tensor]:
    """The inputs that generation needs ("row time"): decoders go on from the right end of a row.

    Decoders of encoder-decoders all begin with equally many tokens.
    """
    if not prompts[0].encoder:
        return left_padded([prompt.tokens for prompt in prompts], pad)
    begun = torch.tensor([prompt.tokens for prompt in prompts])
    return {"decoder_input_ids": begun, **right_padded([each.encoder for each in prompts], pad)}


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
