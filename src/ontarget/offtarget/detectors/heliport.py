"""heliport: HeLI-OTS in Rust, 220 languages (GPL-3: the user installs it)."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ontarget.errors import DetectorError
from ontarget.languages.tags import canonical, same_language
from ontarget.offtarget.detectors.base import (
    MIN_PROBABILITY,
    Probabilities,
    describe_candidates,
    written_as,
)

PACKAGE = "heliport"
TOP = 8  # labels asked for
NO_LANGUAGE = ("zxx", "und")


class Heliport:
    """HeLI-OTS. Its score is the mean negative log10-probability of a text's words, so that the
    probability of a text falls by a power of ten for each point and word.
    """

    shortest = 15

    def __init__(self, candidates: Sequence[str] | None = None) -> None:
        self.identifier, codes = load_heliport()
        self.name = f"heliport-{version(PACKAGE)}"
        self.codes = {canonical(code): code for code in candidates or codes.values()}
        self.candidate_set = describe_candidates(candidates, len(codes))
        self.signature = f"lid:{self.name}|set:{self.candidate_set}"

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        """The language probabilities of each text."""
        return [self._probabilities(text) for text in texts]

    def _probabilities(self, text: str) -> Probabilities:
        ranked = self.identifier.identify_topk_with_score(text, TOP)
        if not ranked or ranked[0][0] in NO_LANGUAGE:
            return {}
        best, words = ranked[0][1], max(len(text.split()), 1)
        weights: dict[str, float] = {}
        for label, score in ranked:
            code = canonical(label)
            weights[code] = weights.get(code, 0.0) + 10.0 ** (words * (best - score))
        total = sum(weights.values())
        return {
            self.codes[code]: weight / total
            for code, weight in weights.items()
            if code in self.codes and weight / total >= MIN_PROBABILITY
        }


@cache
def load_heliport() -> tuple[Any, dict[str, str]]:
    """The identifier, loaded once a process, and the language code of each of its labels.

    Raises:
        DetectorError: it is not installed.
    """
    try:
        version(PACKAGE)
    except PackageNotFoundError as error:
        raise DetectorError(
            f"the detector heliport is not installed; run pip install {PACKAGE} (GPL-3)"
        ) from error
    import heliport

    identifier = heliport.Identifier()
    labels = list(identifier.get_confidence_all())  # label -> its threshold
    return identifier, {
        label: canonical(label) for label in labels if len(label) == 3 and label not in NO_LANGUAGE
    }


def heliport_knows(code: str) -> bool:
    """Whether heliport has a label of this language in its script; False if it is not installed."""
    try:
        labels = load_heliport()[1].values()
    except DetectorError:
        return False
    both = {"Hans", "Hant"} if canonical(code) == "zh" else None
    return written_as(code, both) and any(same_language(label, code) for label in labels)
