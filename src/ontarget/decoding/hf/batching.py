"""Prompts of similar length in batches, longest first: little padding, the memory peak at once.

A batch depends only on the prompts that are left, so a resumed translation makes the same ones.
"""

from collections.abc import Iterator, Sequence

from ontarget.decoding.base import Search
from ontarget.errors import ModelError
from ontarget.models.prompting import Prompt


def batches(prompts: Sequence[Prompt], search: Search) -> Iterator[list[int]]:
    """Indices of prompts: at most `batch` of them, and at most `batch_tokens` with their responses.

    Raises:
        ModelError: the longest prompt and its response alone have more than `batch_tokens`.
    """
    order = sorted(range(len(prompts)), key=lambda i: prompt_size(prompts[i]), reverse=True)
    start = 0
    while start < len(order):
        longest = prompt_size(prompts[order[start]])
        count = rows_of(longest, search)
        yield order[start : start + count]
        start += count


def rows_of(longest: int, search: Search) -> int:
    """How many prompts, padded to `longest` tokens, a batch holds; each beam is a row of its own.

    Raises:
        ModelError: not even one.
    """
    if search.batch_tokens is None:
        return search.batch
    row = search.beams * (longest + search.max_new_tokens)
    if row > search.batch_tokens:
        raise ModelError(
            f"batch_tokens: the longest prompt ({longest} tokens) and max_new_tokens "
            f"{search.max_new_tokens} make {row} tokens with {search.beams} beams, more than "
            f"{search.batch_tokens}; raise batch_tokens"
        )
    return min(search.batch, search.batch_tokens // row)


def prompt_size(prompt: Prompt) -> int:
    """Tokens of encoder and decoder together."""
    return len(prompt.encoder) + len(prompt.tokens)
