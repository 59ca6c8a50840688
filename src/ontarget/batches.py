"""Token lists to batches: ids, positions, labels, and the sign of each label's loss.

A prompt and its response are tokenised apart and joined, in training as in translation, so a
model is trained on exactly the prompt tokens it will be given. BOS comes with the prompt (where
the tokenizer adds one), EOS closes the response. Of an encoder-decoder these are the decoder's
tokens; the encoder's stand beside them.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

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


Beginning = Callable[[Row], tuple[int, ...]]


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

    An epoch's last step is filled up to a multiple of `share`, what all processes take at once,
    with the index behind all others: that of `blank`.
    """

    def __init__(self, lengths: Sequence[int], step: int, seed: int, *, share: int = 1) -> None:
        self.lengths, self.step, self.seed = lengths, step, seed
        self.missing = -len(lengths) % share
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw another order."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths) + self.missing

    def __iter__(self) -> Iterator[int]:
        order = list(range(len(self.lengths)))
        random.Random(f"{self.seed}/{self.epoch}").shuffle(order)
        for start in range(0, len(order), self.step):
            drawn = order[start : start + self.step]
            yield from sorted(drawn, key=lambda index: self.lengths[index], reverse=True)
        yield from [len(self.lengths)] * self.missing


def blank(examples: Sequence[Example]) -> Example:
    """An example that no loss sees: the shortest one, without its labels."""
    rows = min(examples, key=lambda example: example.length).rows
    return Example(rows=tuple(replace(row, prompt_tokens=len(row.tokens)) for row in rows))


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
    batch = filled([[row] for row in rows], pad, nothing)
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
    batch = in_rows(examples, pad, row_tokens, nothing)
    del batch["visible_until"]
    return batch


def shared(examples: Sequence[Example], pad: int, row_tokens: int) -> dict[str, Tensor]:
    """The same, and what prompts of a row begin with alike stands in it once.

    Returns `visible_until` as well, by which attention is told what each token sees.
    """
    return in_rows(examples, pad, row_tokens, beginning)


def in_rows(
    examples: Sequence[Example], pad: int, row_tokens: int, begins: Beginning
) -> dict[str, Tensor]:
    """Sequences grouped and filled into rows; `begins` says what of one may be shared."""
    rows = [row for example in examples for row in example.rows]
    groups = best_fit([len(row.tokens) for row in rows], row_tokens, [begins(row) for row in rows])
    return filled([[rows[index] for index in group] for group in groups], pad, begins)


def nothing(row: Row) -> tuple[int, ...]:
    """No token of it is shared."""
    return ()


def beginning(row: Row) -> tuple[int, ...]:
    """What others may share of it: its prompt but for the last token, which predicts a label."""
    return row.tokens[: max(0, row.prompt_tokens - 1)]


Tree = dict[int, Any]  # tokens, each with the tree of those that follow it


@dataclass(slots=True)
class Group:
    """Sequences that go into one row, while it is being filled."""

    room: int  # tokens
    members: list[int] = field(default_factory=list)
    tree: Tree = field(default_factory=dict)  # of what the members begin with


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
    groups: list[Group] = []
    for index in sorted(range(len(lengths)), key=lambda index: order[index]):
        length, begun = lengths[index], beginnings[index]
        near = [group for group in groups if group.room >= length - len(begun)]
        added = [length - held(group.tree, begun) for group in near]
        fitting = [pair for pair in zip(added, near, strict=True) if pair[0] <= pair[1].room]
        if fitting:
            tokens, group = min(fitting, key=lambda pair: (pair[0], pair[1].room))
        else:
            tokens, group = length, Group(budget)
            groups.append(group)
        group.room -= tokens
        group.members.append(index)
        grow(group.tree, begun)
    return [group.members for group in groups]


def held(tree: Tree, begun: Sequence[int]) -> int:
    """How many of these tokens the tree has from its root on."""
    for depth, token in enumerate(begun):
        if token not in tree:
            return depth
        tree = tree[token]
    return len(begun)


def grow(tree: Tree, begun: Sequence[int]) -> None:
    """Add these tokens to the tree."""
    for token in begun:
        tree = tree.setdefault(token, {})


def filled(groups: Sequence[Sequence[Row]], pad: int, begins: Beginning) -> dict[str, Tensor]:
    """Each group of sequences as one row of tokens; what is left of a row is padding.

    A label stands where its token does. A sequence's first token has none: nothing of its own
    predicts it. Each token of padding is a sequence by itself. A token at j is visible to those
    from j up to, but not including, `visible_until[j]`: the end of its sequence or, where several
    begin with it, of the last of these. In the order of their tokens such are neighbours.
    """
    lines = [line(group, begins) for group in groups]
    width = max(len(each["input_ids"]) for each in lines)
    for each in lines:
        left = width - len(each["input_ids"])
        each["input_ids"] += [pad] * left
        each["labels"] += [IGNORE] * left
        each["position_ids"] += [0] * left
        each["visible_until"] += range(width - left + 1, width + 1)
        each["unlikely"] += [False] * left
    return {name: torch.tensor([each[name] for each in lines]) for name in lines[0]}


def line(group: Sequence[Row], begins: Beginning) -> dict[str, list[Any]]:
    """A row before it is filled up."""
    names = ("input_ids", "position_ids", "labels", "unlikely", "visible_until")
    made: dict[str, list[Any]] = {name: [] for name in names}
    path: list[int] = []  # where the beginning of the last sequence stands
    last: tuple[int, ...] = ()
    for row in sorted(group, key=begins):
        begun = begins(row)
        known = in_common(last, begun)
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


def in_common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common before they part."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


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
