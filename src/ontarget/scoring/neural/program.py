"""The interface of a metric module: how to call an external program and read its scores."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ontarget.programs.environments import OutsideProgram

OUTPUT = "./scores"  # file that every program writes; MetricX needs a folder in the name
BOTH = frozenset({"sources", "references"})


@dataclass(frozen=True, slots=True)
class SegmentTexts:
    """Parallel lists of segments; None for what the model does not take."""

    hypotheses: Sequence[str]
    sources: Sequence[str] | None
    references: Sequence[str] | None


class ModelInputs(NamedTuple):
    """Subsets of "sources" and "references": what a model requires and what it can use."""

    needs: frozenset[str]
    takes: frozenset[str]


class ProgramCall(NamedTuple):
    """Command-line arguments of one call, and the input files in its working directory."""

    arguments: list[str]
    files: dict[str, str]  # name -> content


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(OutsideProgram):
    """An external program that scores segments with a neural metric.

    Its name is its command-line option and the key of its scores.
    """

    model: str  # default model
    fetches: bool  # True: downloads models by name; False: a model is a local folder
    inputs_of: Callable[[str], ModelInputs]  # model name -> inputs
    make_call: Callable[[SegmentTexts, str], ProgramCall]  # texts, model -> call writing OUTPUT
    parse_scores: Callable[[str], list[float]]  # content of OUTPUT -> one score per segment


def segment_lines(texts: Sequence[str]) -> str:
    """The content of a text file with one segment per line.

    Raises:
        ValueError: a segment contains a line break.
    """
    for number, text in enumerate(texts, start=1):
        if "\n" in text or "\r" in text:
            raise ValueError(f"segment {number} contains a line break; expected one line a segment")
    return "".join(f"{text}\n" for text in texts)


def check_finite(values: Sequence[Any]) -> list[float]:
    """Parsed scores as floats.

    Raises:
        ValueError: a score is not a number, NaN or infinite.
    """
    for number, value in enumerate(values, start=1):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not abs(value) <= sys.float_info.max:  # false for NaN, too
            raise ValueError(f"score {number} is {str(value)[:40]!r}; expected a finite number")
    return [float(value) for value in values]
