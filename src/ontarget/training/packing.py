"""Token lists to batches: ids, positions, labels, and the sign of each label's loss.

A prompt and its response are tokenised apart and joined, in training as in translation, so a
model is trained on exactly the prompt tokens it will be given. BOS comes with the prompt (where
the tokenizer adds one), EOS closes the response. Of an encoder-decoder these are the decoder's
tokens; the encoder's stand beside them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ontarget.models.padding import right_padded
from ontarget.models.prompting import Prompt
from ontarget.training.losses import IGNORE


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSequence:
    """One sequence to train on; its first `prompt_tokens` tokens carry no loss."""

    key: str
    tokens: tuple[int, ...]
    prompt_tokens: int
    encoder: tuple[int, ...] = ()
    unlikely: bool = False  # True: unlikelihood, for the response of a conflict sample


PrefixOf = Callable[[TokenSequence], tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What one step draws together: a true row, and in stage 2 its conflict row."""

    rows: tuple[TokenSequence, ...]

    @property
    def length(self) -> int:
        """Tokens of the longest row, of encoder and decoder together."""
        return max(len(row.encoder) + len(row.tokens) for row in self.rows)


def token_sequence(
    key: str, prompt: Prompt, response: Sequence[int], *, unlikely: bool = False
) -> TokenSequence:
    """Prompt and response joined."""
    return TokenSequence(
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
    batch = collate([[row] for row in rows], pad, no_prefix)
    del batch["position_ids"], batch["visible_until"]
    if not rows[0].encoder:
        return batch | {"attention_mask": torch.ones_like(batch["input_ids"])}
    batch["decoder_input_ids"] = batch.pop("input_ids")
    return batch | right_padded([row.encoder for row in rows], pad)


def packed(examples: Sequence[Example], pad: int, row_tokens: int) -> dict[str, Tensor]:
    """Sequences one after another in rows of at most `row_tokens`; a longer one has its own row.

    Returns `input_ids`, `position_ids`, `labels`, `unlikely` ("row time"); see `filled`. Positions
    start anew in each sequence, which is how attention is told to keep them apart.
    """
    batch = pack_rows(examples, pad, row_tokens, no_prefix)
    del batch["visible_until"]
    return batch


def prefix_shared(examples: Sequence[Example], pad: int, row_tokens: int) -> dict[str, Tensor]:
    """The same, and what prompts of a row begin with alike stands in it once.

    Returns `visible_until` as well, by which attention is told what each token sees.
    """
    return pack_rows(examples, pad, row_tokens, shareable_prefix)


def pack_rows(
    examples: Sequence[Example], pad: int, row_tokens: int, begins: PrefixOf
) -> dict[str, Tensor]:
    """Sequences grouped and filled into rows; `begins` says what of one may be shared."""
    rows = [row for example in examples for row in example.rows]
    groups = best_fit([len(row.tokens) for row in rows], row_tokens, [begins(row) for row in rows])
    return collate([[rows[index] for index in group] for group in groups], pad, begins)


def no_prefix(row: TokenSequence) -> tuple[int, ...]:
    """No token of it is shared."""
    return ()


def shareable_prefix(row: TokenSequence) -> tuple[int, ...]:
    """What others may share of it: its prompt but for the last token, which predicts a label."""
    return row.tokens[: max(0, row.prompt_tokens - 1)]


PrefixTree = dict[int, Any]  # tokens, each with the tree of those that follow it


@dataclass(slots=True)
class PackedRow:
    """Sequences that go into one row, while it is being filled."""

    room: int  # tokens
    members: list[int] = field(default_factory=list)
    tree: PrefixTree = field(default_factory=dict)  # of what the members begin with


def best_fit(
    lengths: Sequence[int], budget: int, beginnings: Sequence[tuple[int, ...]]
) -> list[list[int]]:
    """Indices of `lengths` in groups of at most `budget` tokens, longest first.

    Those that begin alike come one after another. Each goes where it adds the fewest tokens, for
    those of its beginning that are there already are not counted again; of several such groups into
    the fullest. What is longer than the budget has a group of its own.
    """
    longest: dict[tuple[int, ...], int] = {}  # of those that begin alike
    for length, each in zip(lengths, beginnings, strict=True):
        longest[each] = max(longest.get(each, 0), length)
    order = [
        (-longest[each], each, -length) for length, each in zip(lengths, beginnings, strict=True)
    ]
    groups: list[PackedRow] = []
    for index in sorted(range(len(lengths)), key=lambda index: order[index]):
        length, begun = lengths[index], beginnings[index]
        near = [group for group in groups if group.room >= length - len(begun)]
        added = [length - shared_length(group.tree, begun) for group in near]
        fitting = [pair for pair in zip(added, near, strict=True) if pair[0] <= pair[1].room]
        if fitting:
            tokens, group = min(fitting, key=lambda pair: (pair[0], pair[1].room))
        else:
            tokens, group = length, PackedRow(budget)
            groups.append(group)
        group.room -= tokens
        group.members.append(index)
        insert(group.tree, begun)
    return [group.members for group in groups]


def shared_length(tree: PrefixTree, begun: Sequence[int]) -> int:
    """How many of these tokens the tree has from its root on."""
    for depth, token in enumerate(begun):
        if token not in tree:
            return depth
        tree = tree[token]
    return len(begun)


def insert(tree: PrefixTree, begun: Sequence[int]) -> None:
    """Add these tokens to the tree."""
    for token in begun:
        tree = tree.setdefault(token, {})


def collate(
    groups: Sequence[Sequence[TokenSequence]], pad: int, begins: PrefixOf
) -> dict[str, Tensor]:
    """Each group of sequences as one row of tokens; what is left of a row is padding.

    A label stands where its token does. A sequence's first token has none: nothing of its own
    predicts it. Each token of padding is a sequence by itself. A token at j is visible to those
    from j up to, but not including, `visible_until[j]`: the end of its sequence or, where several
    begin with it, of the last of these. In the order of their tokens such are neighbours.
    """
    lines = [row_columns(group, begins) for group in groups]
    width = max(len(each["input_ids"]) for each in lines)
    for each in lines:
        left = width - len(each["input_ids"])
        each["input_ids"] += [pad] * left
        each["labels"] += [IGNORE] * left
        each["position_ids"] += [0] * left
        each["visible_until"] += range(width - left + 1, width + 1)
        each["unlikely"] += [False] * left
    return {name: torch.tensor([each[name] for each in lines]) for name in lines[0]}


def row_columns(group: Sequence[TokenSequence], begins: PrefixOf) -> dict[str, list[Any]]:
    """A row before it is filled up."""
    names = ("input_ids", "position_ids", "labels", "unlikely", "visible_until")
    made: dict[str, list[Any]] = {name: [] for name in names}
    path: list[int] = []  # where the beginning of the last sequence stands
    last: tuple[int, ...] = ()
    for row in sorted(group, key=begins):
        begun = begins(row)
        known = common_prefix_length(last, begun)
        silent = max(1, row.prompt_tokens)
        start, length = len(made["input_ids"]), len(row.tokens)
        end = start + length - known
        path, last = path[:known] + list(range(start, start + len(begun) - known)), begun
        made["input_ids"] += row.tokens[known:]
        made["position_ids"] += range(known, length)
        made["labels"] += [*[IGNORE] * silent, *row.tokens[silent:]][known:length]
        made["unlikely"] += [row.unlikely] * (length - known)
        made["visible_until"] += [end] * (length - known)
        for at in path[:known]:
            made["visible_until"][at] = end
    return made


def common_prefix_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common before they part."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
