"""TODO."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ontarget.errors import DetectorError
from ontarget.languages.tags import primary
from ontarget.offtarget.detectors.base import MIN_PROBABILITY, Probabilities, describe_answers

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
        self.name = f"lingua-{installed_version('lingua-language-detector', 'lingua')}"
        codes = {lingua_label(code): code for code in candidates or LINGUA_CODES}
        self.answers = describe_answers(candidates, len(LINGUA_CODES))
        self.signature = f"lid:{self.name}|set:{self.answers}"
        self.detector, self.codes = build_lingua(frozenset(codes)), codes

    def shares_of(self, texts: Sequence[str]) -> list[Probabilities]:
        """How likely each language is, of those that are at all; {} where none is."""
        return [
            {
                self.codes[each.language.iso_code_639_1.name.lower()]: each.value
                for each in found
                if each.value >= MIN_PROBABILITY
            }
            for found in map(self.detector.compute_language_confidence_values, texts)
        ]


@cache
def build_lingua(codes: frozenset[str]) -> Any:
    """The detector of these languages, built once a process; models load as they are needed."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    wanted = [getattr(IsoCode639_1, code.upper()) for code in sorted(codes)]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*wanted).build()


def installed_version(package: str, needed: str) -> str:
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
