"""Detectors by name: fastText's lid.176, lingua, and fastText models from a local file."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ontarget.errors import DetectorError
from ontarget.languages.tags import same_language
from ontarget.offtarget.detectors.base import Identifier
from ontarget.offtarget.detectors.fasttext import LABELS, FastText, label_of
from ontarget.offtarget.detectors.lingua import LINGUA_CODES, Lingua, lingua_label
from ontarget.offtarget.detectors.model_file import ModelFile, load_model_file, parse_name

NAMED = ("fasttext", "lingua", "paper")  # any other name is a path
PAPER = "paper"  # lid.176 as arXiv 2403.14399 uses it: the top label of all, of any text


def make_detector(name: str, candidates: Sequence[str] | None) -> Identifier:
    """The detector of that name or path; `candidates` restrict what it may answer.

    Raises:
        DetectorError: it is not installed, or no model is there.
    """
    if name in ("fasttext", PAPER):
        return FastText(candidates)
    if name == "lingua":
        return Lingua(candidates)
    return ModelFile(name, candidates)


def second_voter(name: str) -> str:
    """Who votes beside a detector: lingua, and lid.176 beside lingua."""
    return "fasttext" if name == "lingua" else "lingua"


KNOWS: dict[str, Callable[[str], bool]] = {
    "fasttext": lambda code: label_of(code) in LABELS,
    "lingua": lambda code: lingua_label(code) in LINGUA_CODES,
}


def check_known(name: str, languages: Iterable[str]) -> None:
    """Raise DetectorError where a detector does not know a language, with those that do."""
    for code in languages:
        if knows(name, code):
            continue
        others = [each for each, its in KNOWS.items() if its(code)]
        others += ["GlotLID or OpenLID from a file (--detector PATH) may"]
        raise DetectorError(
            f"the detector {name} does not know {code!r}, so every ratio would be 100 %; "
            f"these know it: {', '.join(others)}"
            if len(others) > 1
            else f"the detector {name} does not know {code!r}, so every ratio would be 100 %; "
            f"{others[0]}"
        )


def knows(name: str, code: str) -> bool:
    """Whether a detector has a label of this language.

    Raises:
        DetectorError: there is no such detector.
    """
    its = KNOWS.get("fasttext" if name == PAPER else name)
    if its is not None:
        return its(code)
    return any(same_language(each, code) for each in load_model_file(*parse_name(name))[2])
