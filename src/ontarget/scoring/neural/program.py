"""What is asked of an outside program that scores segments: files in, one number a segment out."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

OUTPUT = "./scores"  # what each command is told to write; MetricX needs the folder in the name
BOTH = frozenset({"sources", "references"})


@dataclass(frozen=True, slots=True)
class SegmentTexts:
    """Segments to score, side by side; what a model does not take is None."""

    hypotheses: Sequence[str]
    sources: Sequence[str] | None
    references: Sequence[str] | None


class ModelInputs(NamedTuple):
    """Which of `sources` and `references` a model must have, and which it takes."""

    needs: frozenset[str]
    takes: frozenset[str]


class ProgramCall(NamedTuple):
    """Arguments of one call, and the files that must lie in its working folder."""

    arguments: list[str]
    files: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A scorer in an environment of its own."""

    name: str  # its option, the key of its scores, its folder
    title: str
    executable: str  # in the environment's bin
    package: str  # the distribution whose version is signed
    model: str  # unless another is named
    fetches: bool  # models by name; if not, they are folders that lie there
    install: tuple[str, ...]  # shell commands; {folder} is the environment's
    uses: Callable[[str], ModelInputs]  # of a model
    job: Callable[[SegmentTexts, str], ProgramCall]  # texts and model to a call that writes OUTPUT
    scores: Callable[[str], list[float]]  # what it wrote to a score a segment


def segment_lines(texts: Sequence[str]) -> str:
    """A text file of one segment a line.

    Raises:
        ValueError: a segment has a line end in it, and would be two.
    """
    for number, text in enumerate(texts, start=1):
        if "\n" in text or "\r" in text:
            raise ValueError(f"segment {number} has a line end in it; expected one line a segment")
    return "".join(f"{text}\n" for text in texts)


def check_finite(values: Sequence[Any]) -> list[float]:
    """Scores that are numbers.

    Raises:
        ValueError: one is none, or infinite.
    """
    for number, value in enumerate(values, start=1):
        number_like = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number_like or not abs(value) <= sys.float_info.max:  # nan is not, either
            raise ValueError(f"score {number} is {str(value)[:40]!r}; expected a finite number")
    return [float(value) for value in values]
