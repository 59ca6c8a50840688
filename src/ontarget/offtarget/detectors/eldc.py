"""eldc, Nito-ELD in C (Apache-2.0): n-gram scores of sixty languages."""

import math
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from ontarget.languages.tags import language_and_script, standard
from ontarget.offtarget.detectors.base import (
    MIN_PROBABILITY,
    Probabilities,
    Scores,
    describe_candidates,
)

ELDC_LABELS = frozenset(
    """
    am ar az be bg bn ca cs da de el en es et eu fa fi fr gu he hi hr hu hy is it ja ka kn ko ku lo
    lt lv ml mr ms nl no or pa pl pt ro ru sk sl sq sr sv ta te th tl tr uk ur vi yo zh
    """.split()
)
# What a label is written in, where that is not its likely script: texts of the other script were
# not in eldc's training data.
SCRIPTS = {"ku": "Arab", "sr": "Cyrl"}
LABEL_OF_CODE = {"nb": "no", "nn": "no", "fil": "tl"}
TOP = 8  # scores asked for; those further down never decide

# eldc scores a text 0-1 for each language. Probabilities follow from them by a softmax, after
# multiplying by a factor that grows with the text's length in UTF-8 bytes. Fitted by maximum
# likelihood (docs/decisions/0013-default-detector.md).
SCALE, SCALE_BY_LENGTH = -2.48, 5.64
LEAST_SCALE = 0.5


class Eldc:
    """eldc alone, with calibrated probabilities."""

    shortest = 8

    def __init__(self, candidates: Sequence[str] | None = None) -> None:
        self.name = f"eldc-{version('eldc')}"
        self.codes = {eldc_label(code): code for code in candidates or ELDC_LABELS}
        self.candidate_set = describe_candidates(candidates, len(ELDC_LABELS))
        self.signature = f"lid:{self.name}|set:{self.candidate_set}"

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        """The language probabilities of each text."""
        return [probabilities for probabilities, _ in self.identify_with_scores(texts)]

    def identify_with_scores(
        self, texts: Sequence[str]
    ) -> list[tuple[Probabilities, Scores | None]]:
        """The language probabilities of each text, and the scores that they follow from."""
        return [
            (self._select(softmax(scores, text)), scores)
            for text, scores in zip(texts, map(scorer(), texts), strict=True)
        ]

    def _select(self, probabilities: Probabilities) -> Probabilities:
        return {
            self.codes[label]: probability
            for label, probability in probabilities.items()
            if label in self.codes and probability >= MIN_PROBABILITY
        }


def softmax(scores: Scores, text: str) -> Probabilities:
    """Probabilities of the scored labels; {} without any, as for digits."""
    if not scores:
        return {}
    factor = scale_of(text)
    best = max(scores.values())
    weights = {label: math.exp(factor * (score - best)) for label, score in scores.items()}
    total = sum(weights.values())
    return {label: weight / total for label, weight in weights.items()}


def scale_of(text: str) -> float:
    """Nats for a difference of 1 between two scores of a text."""
    return max(SCALE + SCALE_BY_LENGTH * math.log(len(text.encode())), LEAST_SCALE)


def eldc_label(code: str) -> str:
    """eldc's label of a language: `no` for `nb`."""
    language = standard(code).split("-")[0]
    return LABEL_OF_CODE.get(language, language)


def eldc_knows(code: str) -> bool:
    """Whether eldc has a label of this language in its script."""
    label = eldc_label(code)
    script = language_and_script(code)[1]
    return label in ELDC_LABELS and script in (
        SCRIPTS.get(label, language_and_script(label)[1]), "Hant" if label == "zh" else ""
    )  # fmt: skip


@cache
def scorer() -> Any:
    """Text to the `TOP` scores, best first; loaded once a process."""
    import eldc

    eldc.init()
    detector = eldc.instance()
    detector.set_scores(TOP)
    details = detector.detect_details
    return lambda text: details(text).scores
