"""Conflicts from the model's own answers: its answer to one instruction is unlikely under another.

    answered   Translate from Italian to Dutch: Apri il file    the model begins: Open the file
    asked      Translate from Italian to German: Apri il file   unlikely: Open the file

Whatever language the answer is in, it must not answer both instructions. So no reference and no
language identifier is needed, and since the answers are the model's own, it cannot evade the loss
by other words of the wrong language (docs/results/real-models.md).

Some answers may begin alike in any language: with a number, or a name that the source has. Such
tokens take no loss, see `is_shared`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import regex

from ontarget.models.prompting import Prompt
from ontarget.training.batches.sequences import (
    Example,
    OwnConflict,
    Tokens,
    TokenSequence,
    token_sequence,
)

WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
LETTER = regex.compile(r"\p{L}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAnswers:
    """How the model that is being trained answers."""

    begin: Callable[[Sequence[Prompt], int], list[Tokens]]  # greedily, at most so many tokens
    decode: Callable[[Sequence[int]], str]  # without special tokens, spaces kept


def with_answers(examples: Sequence[Example], answers: OwnAnswers) -> Iterator[Example]:
    """The examples with their own conflicts, if any, as rows; the model answers all at once."""
    asked = [example.own for example in examples if example.own]
    most = max((own.tokens for own in asked), default=0)
    starts = iter(answers.begin([own.answered for own in asked], most) if asked else ())
    for example in examples:
        if example.own is None:
            yield example
        else:
            row = conflict_row(example.own, next(starts), answers.decode)
            yield replace(example, rows=(*example.rows, row), own=None)


def conflict_row(
    own: OwnConflict, answer: Sequence[int], decode: Callable[[Sequence[int]], str]
) -> TokenSequence:
    """The answer under the other instruction, weighted by reach."""
    answer = answer[: own.tokens]
    row = token_sequence(
        own.key,
        own.asked,
        answer,
        unlikely=True,
        by_reach=True,
        weights=[0.0 if shared else 1.0 for shared in shared_tokens(answer, own.source, decode)],
    )
    return replace(row, prompt_tokens=len(row.tokens), weights=()) if own.blank else row


def shared_tokens(
    tokens: Sequence[int], source: str, decode: Callable[[Sequence[int]], str]
) -> list[bool]:
    """Which tokens of an answer belong to words that any language may share with the source."""
    text = decode(tokens)
    words = [match.span() for match in WORD.finditer(text)]
    ends = [len(decode(tokens[:count])) for count in range(len(tokens) + 1)]
    flags = []
    for start, end in zip(ends, ends[1:], strict=False):
        touched = [(a, b) for a, b in words if a < end and b > start]
        shared = all(is_shared(text[a:b], source, unfinished=b == len(text)) for a, b in touched)
        flags.append(end > start and shared)  # special tokens have no text
    return flags


def is_shared(word: str, source: str, *, unfinished: bool) -> bool:
    """Whether a word could stand in an answer in any language.

    It has no letter, or is in the source and not written in small letters: a name or a term. The
    last word of an answer may be unfinished.
    """
    if not LETTER.search(word):
        return True
    if word.islower():
        return False
    words = WORD.findall(source)
    return any(other.startswith(word) if unfinished else other == word for other in words)
