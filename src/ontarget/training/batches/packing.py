"""Token sequences to batches: ids, positions, labels, and which loss each label takes."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ontarget.models.padding import right_padded
from ontarget.training.batches.sequences import Example, Tokens, TokenSequence
from ontarget.training.losses import IGNORE

PrefixOf = Callable[[TokenSequence], Tokens]  # the part of a sequence that others may share
PrefixTree = dict[int, Any]  # a token, and the tree of the tokens that follow it


def padded(examples: Sequence[Example], pad: int) -> dict[str, Tensor]:
    """One sequence per row, padded on the right.

    Returns `input_ids`, `attention_mask` and the targets of `collate` ("row time"). The mask is
    all ones: no token attends to what is right of it, and with sliding windows a masked padding
    token may attend to nothing, which makes the row NaN. For an encoder-decoder `input_ids` and
    `attention_mask` belong to the encoder, which does attend to its padding, and the rest belongs
    to `decoder_input_ids`.
    """
    sequences = [sequence for example in examples for sequence in example.rows]
    batch = collate([[sequence] for sequence in sequences], pad, no_prefix)
    del batch["position_ids"], batch["visible_until"]
    if not sequences[0].encoder:
        return batch | {"attention_mask": torch.ones_like(batch["input_ids"])}
    batch["decoder_input_ids"] = batch.pop("input_ids")
    return batch | right_padded([sequence.encoder for sequence in sequences], pad)


def packed(examples: Sequence[Example], pad: int, row_tokens: int) -> dict[str, Tensor]:
    """Several sequences per row of at most `row_tokens`; a longer sequence has its own row.

    Returns `input_ids`, `position_ids` and the targets of `collate` ("row time"). Positions restart
    with each sequence, by which attention keeps sequences apart.
    """
    batch = pack_rows(examples, pad, row_tokens, no_prefix)
    del batch["visible_until"]
    return batch


def prefix_shared(examples: Sequence[Example], pad: int, row_tokens: int) -> dict[str, Tensor]:
    """Like `packed`, but a prefix common to several prompts is stored once per row.

    Also returns `visible_until`, from which the attention mask is made.
    """
    return pack_rows(examples, pad, row_tokens, shareable_prefix)


def pack_rows(
    examples: Sequence[Example], pad: int, row_tokens: int, prefix_of: PrefixOf
) -> dict[str, Tensor]:
    """Distribute the sequences over rows and collate them."""
    sequences = [sequence for example in examples for sequence in example.rows]
    lengths = [len(sequence.tokens) for sequence in sequences]
    rows = even_rows(lengths, row_tokens, [prefix_of(sequence) for sequence in sequences])
    return collate([[sequences[index] for index in row] for row in rows], pad, prefix_of)


def no_prefix(sequence: TokenSequence) -> Tokens:
    """Share nothing."""
    return ()


def shareable_prefix(sequence: TokenSequence) -> Tokens:
    """The prompt without its last token, which predicts a label of this sequence alone."""
    return sequence.tokens[: max(0, sequence.prompt_tokens - 1)]


@dataclass(slots=True)
class PackedRow:
    """A row while it is being filled."""

    room: int  # tokens
    members: list[int] = field(default_factory=list)  # indices of sequences
    tree: PrefixTree = field(default_factory=dict)  # of the members' prefixes


def even_rows(lengths: Sequence[int], budget: int, prefixes: Sequence[Tokens]) -> list[list[int]]:
    """As many rows as `best_fit` needs for this budget, of the smallest budget that suffices.

    Rows are padded to the longest one, so filling some to the budget would leave padding in others.
    """

    def rows_within(tokens: int) -> list[list[int]]:
        return best_fit(lengths, tokens, prefixes)

    rows = len(rows_within(budget))
    budgets = range(max(lengths), budget + 1)  # empty if a sequence is longer than the budget
    enough = bisect_left(budgets, -rows, key=lambda tokens: -len(rows_within(tokens)))
    return rows_within(budgets[enough] if budgets else budget)


def best_fit(lengths: Sequence[int], budget: int, prefixes: Sequence[Tokens]) -> list[list[int]]:
    """Indices of sequences, grouped into rows of at most `budget` tokens: best-fit decreasing.

    Sequences with the same prefix are placed one after another, longest first. Each goes to the
    row where it adds the fewest tokens, as shared ones are not counted again, and among such rows
    to the fullest. A sequence longer than the budget has a row of its own.
    """
    longest: dict[Tokens, int] = {}  # by prefix
    for length, prefix in zip(lengths, prefixes, strict=True):
        longest[prefix] = max(longest.get(prefix, 0), length)
    order = [(-longest[prefix], prefix, -n) for n, prefix in zip(lengths, prefixes, strict=True)]
    rows: list[PackedRow] = []
    for index in sorted(range(len(lengths)), key=lambda index: order[index]):
        length, prefix = lengths[index], prefixes[index]
        possible = [row for row in rows if row.room >= length - len(prefix)]
        added = [length - shared_length(row.tree, prefix) for row in possible]
        fitting = [pair for pair in zip(added, possible, strict=True) if pair[0] <= pair[1].room]
        if fitting:
            tokens, row = min(fitting, key=lambda pair: (pair[0], pair[1].room))
        else:
            tokens, row = length, PackedRow(budget)
            rows.append(row)
        row.room -= tokens
        row.members.append(index)
        insert(row.tree, prefix)
    return [row.members for row in rows]


def shared_length(tree: PrefixTree, prefix: Sequence[int]) -> int:
    """The number of leading tokens of `prefix` that are in the tree."""
    for depth, token in enumerate(prefix):
        if token not in tree:
            return depth
        tree = tree[token]
    return len(prefix)


def insert(tree: PrefixTree, prefix: Sequence[int]) -> None:
    """Add a prefix to the tree."""
    for token in prefix:
        tree = tree.setdefault(token, {})


def collate(
    rows: Sequence[Sequence[TokenSequence]], pad: int, prefix_of: PrefixOf
) -> dict[str, Tensor]:
    """Tensors of the rows, padded on the right to equal length.

    The targets are `labels`, `unlikely`, `continues` and `weights`, see `fused.TokenTargets`, and
    `alternatives` ("row time set") if a label has any. A label is at the position of its own token;
    the shift is made in `forward.model_loss`. The first token of a sequence has no label, since no
    token of the sequence predicts it. A token at j is visible to the tokens from j up to, but not
    including, `visible_until[j]`: the end of its sequence, or of the last sequence that shares the
    token. Every padding token is a sequence of its own.
    """
    columns = [row_columns(row, prefix_of) for row in rows]
    width = max(len(row["input_ids"]) for row in columns)
    for row in columns:
        padding = width - len(row["input_ids"])
        row["input_ids"] += [pad] * padding
        row["labels"] += [IGNORE] * padding
        row["position_ids"] += [0] * padding
        row["visible_until"] += range(width - padding + 1, width + 1)
        row["unlikely"] += [False] * padding
        row["continues"] += [False] * padding
        row["weights"] += [0.0] * padding
        row["alternatives"] += [()] * padding
    sets = [row.pop("alternatives") for row in columns]
    batch = {name: torch.tensor([row[name] for row in columns]) for name in columns[0]}
    most = max(len(tokens) for row in sets for tokens in row)
    if most:
        rows_of_sets = [
            [[*tokens, *[IGNORE] * (most - len(tokens))] for tokens in row] for row in sets
        ]
        batch["alternatives"] = torch.tensor(rows_of_sets)
    return batch


def row_columns(sequences: Sequence[TokenSequence], prefix_of: PrefixOf) -> dict[str, list[Any]]:
    """One row, not yet padded; sorting by prefix puts sequences that share one side by side."""
    names = (
        "input_ids", "position_ids", "visible_until", "labels", "unlikely", "continues", "weights",
        "alternatives",
    )  # fmt: skip
    row: dict[str, list[Any]] = {name: [] for name in names}
    path: list[int] = []  # where in the row each token of the last sequence's prefix is
    last: Tokens = ()
    for sequence in sorted(sequences, key=prefix_of):
        prefix = prefix_of(sequence)
        shared = common_prefix_length(last, prefix)
        unlabelled = max(1, sequence.prompt_tokens)
        start, length = len(row["input_ids"]), len(sequence.tokens)
        end = start + length - shared
        path = path[:shared] + list(range(start, start + len(prefix) - shared))
        last = prefix
        row["input_ids"] += sequence.tokens[shared:]
        row["position_ids"] += range(shared, length)
        labels = [*[IGNORE] * unlabelled, *sequence.tokens[unlabelled:]]
        row["labels"] += labels[shared:length]
        row["unlikely"] += [sequence.unlikely] * (length - shared)
        row["continues"] += [sequence.by_reach and at > unlabelled for at in range(shared, length)]
        row["weights"] += token_weights(sequence)[shared:length]
        row["alternatives"] += token_alternatives(sequence)[shared:length]
        row["visible_until"] += [end] * (length - shared)
        for index in path[:shared]:
            row["visible_until"][index] = end
    return row


def token_weights(sequence: TokenSequence) -> list[float]:
    """The weight of each token of the sequence; those of the prompt have no label."""
    response = len(sequence.tokens) - sequence.prompt_tokens
    return [*[0.0] * sequence.prompt_tokens, *(sequence.weights or [1.0] * response)]


def token_alternatives(sequence: TokenSequence) -> list[Tokens]:
    """The alternatives to each token of the sequence as a label."""
    response = len(sequence.tokens) - sequence.prompt_tokens
    return [*[()] * sequence.prompt_tokens, *(sequence.alternatives or [()] * response)]


def common_prefix_length(one: Sequence[int], other: Sequence[int]) -> int:
    """The number of leading tokens that two sequences have in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
