"""Detectors by name: fastText's lid.176, lingua, and fastText models from a local file."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ontarget.errors import DetectorError
from ontarget.identify import (
    LABELS,
    LEAST_SHARE,
    PREFIX,
    FastText,
    Identifier,
    Shares,
    answers,
    label,
    shares,
)
from ontarget.languages import primary
from ontarget.verdicts import language, means

NAMED = ("fasttext", "lingua", "paper")  # any other name is a path
HASH = "@sha256:"  # between a path and the digits that its file must have, as signatures have it
PAPER = "paper"  # lid.176 as arXiv 2403.14399 uses it: the top label of all, of any text
LINGUA_CODES = frozenset(
    """
    af ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gu he hi hr hu hy id is it
    ja ka kk ko la lg lt lv mi mk mn mr ms nb nl nn pa pl pt ro ru sk sl sn so sq sr st sv sw ta
    te th tl tn tr ts uk ur vi xh yo zh zu
    """.split()
)  # of lingua 2.1, so that it need not be installed to say what it knows
LINGUA_LABELS = {"fil": "tl", "no": "nb", "sh": "sr", "iw": "he", "in": "id"}


class Lingua:
    """lingua (n-grams of one to five letters), an optional package of 75 languages.

    It errs less than lid.176 on short text of most languages, and takes about a hundred times as
    long. It does not say how its shares were cut, and lowercases by itself.
    """

    def __init__(self, candidates: Sequence[str] | None = None) -> None:
        self.name = f"lingua-{installed('lingua-language-detector', 'lingua')}"
        codes = {lingua_label(code): code for code in candidates or LINGUA_CODES}
        self.answers = answers(candidates, len(LINGUA_CODES))
        self.signature = f"lid:{self.name}|set:{self.answers}"
        self.detector, self.codes = lingua_of(frozenset(codes)), codes

    def shares_of(self, texts: Sequence[str]) -> list[Shares]:
        """How likely each language is, of those that are at all; {} where none is."""
        return [
            {
                self.codes[each.language.iso_code_639_1.name.lower()]: each.value
                for each in found
                if each.value >= LEAST_SHARE
            }
            for found in map(self.detector.compute_language_confidence_values, texts)
        ]


@cache
def lingua_of(codes: frozenset[str]) -> Any:
    """The detector of these languages, built once a process; models load as they are needed."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    wanted = [getattr(IsoCode639_1, code.upper()) for code in sorted(codes)]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*wanted).build()


class ModelFile:
    """A fastText identifier from a local file: GlotLID, OpenLID, lid.176.bin. Nothing is fetched.

    The signature holds the first twelve digits of the file's sha256, so that two models of the
    same name are not taken for one another; `path@sha256:digits` is that very file or refused.
    """

    def __init__(self, name: str, candidates: Sequence[str] | None = None) -> None:
        path, wanted = file_of(name)
        self.model, digest, found = loaded(path, wanted)
        self.name = f"{path.name}@sha256:{digest[:12]}"
        self.found = found
        self.labels = {
            each: next((code for code in candidates if means(each, code)), "")
            if candidates
            else found[each]
            for each in found
        }
        self.labels = {each: code for each, code in self.labels.items() if code}
        self.answers = answers(candidates, len(found))
        self.signature = f"lid:{self.name}|set:{self.answers}"

    def shares_of(self, texts: Sequence[str]) -> list[Shares]:
        """How likely each language is, of those that are at all; {} where none is."""
        return shares(self.model, texts, self.labels)


def file_of(name: str) -> tuple[Path, str]:
    """The path in a detector's name, and the first digits of the sha256 that it must have, if any.

    Raises:
        DetectorError: what stands for digits is none.
    """
    path, mark, digits = name.rpartition(HASH)
    if not mark:
        return Path(name).resolve(), ""
    if not re.fullmatch("[0-9a-f]{8,64}", digits):
        raise DetectorError(f"{name}: after {HASH} 8 to 64 digits 0-9a-f expected")
    return Path(path).resolve(), digits


@cache
def loaded(path: Path, wanted: str) -> tuple[Any, str, dict[str, str]]:
    """A model, the sha256 of its file, and its labels with the code of each.

    Raises:
        DetectorError: there is no such file, its sha256 does not begin with what is `wanted`, or it
            is no fastText model of languages.
    """
    import fasttext

    if not path.is_file() or not path.name.isprintable():
        found = "no such file"
        if path.exists():
            found = "no file" if path.name.isprintable() else "its name is not plain text"
        raise DetectorError(
            f"{path}: {found}; give fasttext, lingua, paper, or the path of a fastText model"
        )
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        refuse_other(path, digest, wanted)
        model = fasttext.load_model(str(path))  # type: ignore[no-untyped-call,attr-defined]
        ranked = model.f.predict("a\n", -1, -1.0, "strict")
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        raise DetectorError(
            f"{path}: is no whole fastText model ({error}); fetch it again"
        ) from error
    labels = [name.removeprefix(PREFIX) for _, name in ranked]
    if "eng_Latn" not in labels and "en" not in labels:
        raise DetectorError(
            f"{path}: a fastText model, but none of languages: it has no label en or eng_Latn"
        )
    return model, digest, {each: language(each) for each in labels}


def refuse_other(path: Path, digest: str, wanted: str) -> None:
    """Raise DetectorError where a file is another than was asked for; nothing of it is read."""
    if not digest.startswith(wanted):
        raise DetectorError(
            f"{path}: its sha256 begins with {digest[: max(12, len(wanted))]}, not with {wanted}; "
            "fetch the model that was meant, or leave the digits out"
        )


def installed(package: str, needed: str) -> str:
    """The version of an optional package.

    Raises:
        DetectorError: it is not installed.
    """
    try:
        return version(package)
    except PackageNotFoundError as error:
        raise DetectorError(
            f"the detector {needed} is not installed; run pip install {package}"
        ) from error


def lingua_label(code: str) -> str:
    """lingua's code of a language: `nb` for `no`."""
    first = primary(code)
    return LINGUA_LABELS.get(first, first)


def detector(name: str, candidates: Sequence[str] | None) -> Identifier:
    """The detector of that name or path; `candidates` restrict what it may answer.

    Raises:
        DetectorError: it is not installed, or no model is there.
    """
    if name in ("fasttext", PAPER):
        return FastText(candidates)
    if name == "lingua":
        return Lingua(candidates)
    return ModelFile(name, candidates)


def second(name: str) -> str:
    """Who votes beside a detector: lingua, and lid.176 beside lingua."""
    return "fasttext" if name == "lingua" else "lingua"


KNOWS: dict[str, Callable[[str], bool]] = {
    "fasttext": lambda code: label(code) in LABELS,
    "lingua": lambda code: lingua_label(code) in LINGUA_CODES,
}


def refuse_unknown(name: str, languages: Iterable[str]) -> None:
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
    return any(means(each, code) for each in loaded(*file_of(name))[2])
