"""Token lists to padded rows: ids, attention mask, labels, and the sign of each row's loss.

A prompt and its response are tokenised apart and joined, in training as in translation, so a
model is trained on exactly the prompt tokens it will be given. BOS comes with the prompt (where
the tokenizer adds one), EOS closes the response.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ontarget.losses import IGNORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One sequence to train on; its first `prompt_tokens` tokens carry no loss."""

    key: str
    tokens: tuple[int, ...]
    prompt_tokens: int
    unlikely: bool = False  # True: unlikelihood, for the response of a conflict sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What one step draws together: a true row, and in stage 2 its conflict row."""

    rows: tuple[Row, ...]

    @property
    def length(self) -> int:
        """Tokens of the longest row."""
        return max(len(row.tokens) for row in self.rows)


def row(key: str, prompt: Sequence[int], response: Sequence[int], *, unlikely: bool = False) -> Row:
    """Prompt and response joined."""
    return Row(
        key=key,
        tokens=(*prompt, *response),
        prompt_tokens=len(prompt),
        unlikely=unlikely,
    )


def padded(examples: Sequence[Example], pad: int) -> dict[str, Tensor]:
    """Right-padded `input_ids`, `attention_mask`, `labels` ("row time") and `unlikely` ("row")."""
    rows = [row for example in examples for row in example.rows]
    shape = (len(rows), max(len(row.tokens) for row in rows))
    input_ids = torch.full(shape, pad)
    labels = torch.full(shape, IGNORE)
    attention_mask = torch.zeros(shape, dtype=torch.long)
    for index, row in enumerate(rows):
        tokens = torch.tensor(row.tokens)
        input_ids[index, : len(tokens)] = tokens
        attention_mask[index, : len(tokens)] = 1
        labels[index, row.prompt_tokens : len(tokens)] = tokens[row.prompt_tokens :]
    return {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "labels": labels,
        "unlikely": torch.tensor([row.unlikely for row in rows]),
    }


def left_padded(prompts: Sequence[Sequence[int]], pad: int) -> dict[str, Tensor]:
    """Left-padded `input_ids` and `attention_mask` ("row time"), as generation needs them."""
    shape = (len(prompts), max(len(prompt) for prompt in prompts))
    input_ids, attention_mask = torch.full(shape, pad), torch.zeros(shape, dtype=torch.long)
    for index, prompt in enumerate(prompts):
        input_ids[index, shape[1] - len(prompt) :] = torch.tensor(prompt)
        attention_mask[index, shape[1] - len(prompt) :] = 1
    return {"input_ids": input_ids, "attention_mask": attention_mask}
