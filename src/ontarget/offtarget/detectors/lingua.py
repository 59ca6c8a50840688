"""lingua, an optional package."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ontarget.errors import DetectorError
from ontarget.languages.tags import primary
from ontarget.offtarget.detectors.base import (
    MIN_PROBABILITY,
    Probabilities,
    describe_candidates,
)

PACKAGE = "lingua-language-detector"
LINGUA_CODES = frozenset(
    """
    af ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gu he hi hr hu hy id is it
    ja ka kk ko la lg lt lv mi mk mn mr ms nb nl nn pa pl pt ro ru sk sl sn so sq sr st sv sw ta
    te th tl tn tr ts uk ur vi xh yo zh zu
    """.split()
)  # of lingua 2.1, so that recipes can be checked without the package
LINGUA_LABELS = {"fil": "tl", "no": "nb", "sh": "sr", "iw": "he", "in": "id"}


class Lingua:
    """lingua (n-grams of one to five letters), 75 languages.

    It errs less than lid.176 on short text of most languages and takes about a hundred times as
    long. It lowercases the text by itself.
    """

    shortest = 15

    def __init__(self, candidates: Sequence[str] | None = None) -> None:
        self.name = f"lingua-{installed_version()}"
        self.codes = {lingua_label(code): code for code in candidates or LINGUA_CODES}
        self.candidate_set = describe_candidates(candidates, len(LINGUA_CODES))
        self.signature = f"lid:{self.name}|set:{self.candidate_set}"
        self.detector = build_lingua(frozenset(self.codes))

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        """The language probabilities of each text."""
        return [
            {
                self.codes[result.language.iso_code_639_1.name.lower()]: result.value
                for result in self.detector.compute_language_confidence_values(text)
                if result.value >= MIN_PROBABILITY
            }
            for text in texts
        ]


@cache
def build_lingua(codes: frozenset[str]) -> Any:
    """The detector of these languages, built once a process; its models load when needed."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    languages = [getattr(IsoCode639_1, code.upper()) for code in sorted(codes)]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*languages).build()


def installed_version() -> str:
    """The version of the package.

    Raises:
        DetectorError: it is not installed.
    """
    try:
        return version(PACKAGE)
    except PackageNotFoundError as error:
        raise DetectorError(
            f"the detector lingua is not installed; run pip install {PACKAGE}"
        ) from error


def lingua_label(code: str) -> str:
    """lingua's code of a language: `nb` for `no`."""
    language = primary(code)
    return LINGUA_LABELS.get(language, language)
