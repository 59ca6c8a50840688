"""Conflicts from the model's own answers: its answer to one instruction is unlikely under another.

    answered   Translate from Italian to Dutch: Apri il file    the model begins: Open the file
    asked      Translate from Italian to German: Apri il file   unlikely: Open the file

Whatever language the answer is in, it must not answer both instructions. So no reference and no
language identifier is needed.

An answer is one of many that the model might give, and stage 2 can teach it to spread its
probability over all of them: then none of them has a slope, and it stays in the wrong language. So
at each place all tokens are unlikely together that were plausible under the first instruction
(docs/results/real-models.md).

Some answers may begin alike in any language: with a number, or a name that the source has. Such
tokens take no loss, see `is_shared`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import regex

from ontarget.models.prompting import Beginning, Prompt
from ontarget.training.batches.sequences import (
    Example,
    OwnConflict,
    TokenSequence,
    token_sequence,
)

WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
Decode = Callable[[Sequence[int]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAnswers:
    """How the model that is being trained answers."""

    begin: Callable[[Sequence[Prompt], int], list[Beginning]]  # greedily, at most so many tokens
    decode: Decode  # without special tokens, spaces kept


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


def conflict_row(own: OwnConflict, answer: Beginning, decode: Decode) -> TokenSequence:
    """The answer under the other instruction, weighted by reach."""
    tokens = answer.tokens[: own.tokens]
    shared = shared_tokens(tokens, own.source, decode)
    row = token_sequence(
        own.key,
        own.asked,
        tokens,
        unlikely=True,
        by_reach=True,
        weights=[0.0 if flag else 1.0 for flag in shared],
        alternatives=[
            ()
            if flag
            else tuple(t for t in others if not shared_tokens([t], own.source, decode)[0])
            for flag, others in zip(shared, answer.plausible, strict=False)
        ],
    )
    return row.blank if own.blank else row


def shared_tokens(tokens: Sequence[int], source: str, decode: Decode) -> list[bool]:
    """Which tokens of an answer belong to words that any language may share with the source.

    Tokens without a word are shared if their text is in the source, as a blank always is.
    """
    text = decode(tokens)
    words = [match.span() for match in WORD.finditer(text)]
    ends = [len(decode(tokens[:count])) for count in range(len(tokens) + 1)]
    flags = []
    for start, end in zip(ends, ends[1:], strict=False):
        touched = [(a, b) for a, b in words if a < end and b > start]
        shared = (
            text[start:end].strip() in source
            if not touched
            else all(is_shared(text[a:b], source, unfinished=b == len(text)) for a, b in touched)
        )
        flags.append(end > start and shared)  # special tokens have no text
    return flags


def is_shared(word: str, source: str, *, unfinished: bool) -> bool:
    """Whether a word could stand in an answer in any language.

    It is in the source and not written in small letters: a name, a term or a number. The last word
    of an answer may be unfinished.
    """
    if word.islower():
        return False
    words = WORD.findall(source)
    return any(other.startswith(word) if unfinished else other == word for other in words)
