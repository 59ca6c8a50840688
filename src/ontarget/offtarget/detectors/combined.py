"""The default: eldc and lid.176 as one detector, by calibrated log-odds.

eldc knows sixty languages and errs least on short text; lid.176 knows 176. Within eldc's languages
the log-odds of both are added. Whether the text is in one of the others is decided first, from
lid.176's probabilities of those and from how well eldc's best label fits. All weights grow with the
logarithm of the text's length; they were fitted by maximum likelihood on half of the texts, and are
the same for every language (docs/decisions/0013-default-detector.md).
"""

import math
from collections.abc import Sequence
from importlib.metadata import version

from ontarget.offtarget.detectors.base import Probabilities, Scores, describe_candidates
from ontarget.offtarget.detectors.eldc import (
    ELDC_LABELS,
    LEAST_SCALE,
    SCALE,
    SCALE_BY_LENGTH,
    eldc_knows,
    eldc_label,
    scale_of,
    scorer,
)
from ontarget.offtarget.detectors.fasttext import (
    CODE_OF_LABEL,
    LABELS,
    load_lid_176,
    predict,
)

FASTTEXT, FASTTEXT_BY_LENGTH = 0.053, 0.134  # weight of lid.176's log-probability
OTHER = (-6.18, 4.81, -0.226)  # log-odds of a language outside eldc's: constant, its score, lid.176
OTHER_BY_LENGTH = (3.69, -3.93, 0.308)
PRIOR = 3.0  # log-odds for a language outside eldc's that was requested
SMALLEST = 0.01  # probability that lid.176 does not report
CLEAR_SCORE, CLEAR_LEAD = 0.85, 4.0  # of eldc, in nats; lid.176 need not be asked then
# Languages that eldc also answers for a neighbour that it does not know: lid.176 is always asked.
HAS_UNKNOWN_NEIGHBOUR = frozenset({"hr", "ku", "ms", "nl"})


class Combined:
    """eldc and lid.176 together.

    Args:
        candidates: the languages it may answer; None: all.
        target_lang: the language that the texts were requested in.
    """

    shortest = 8

    def __init__(self, candidates: Sequence[str] | None = None, target_lang: str = "") -> None:
        self.name = f"eldc-{version('eldc')}+fasttext-176-ftz"
        self.candidates = {eldc_label(code): code for code in reversed(candidates or ())}
        is_other = bool(target_lang) and not eldc_knows(target_lang)
        self.expected = {eldc_label(target_lang)} if is_other else set[str]()
        self.candidate_set = describe_candidates(candidates, len(LABELS | ELDC_LABELS))
        expected = ",".join(sorted(self.expected))
        self.signature = f"lid:{self.name}|set:{self.candidate_set}|expects:{expected}"
        self.codes = {label: CODE_OF_LABEL.get(label, label) for label in LABELS}

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        """The language probabilities of each text."""
        return [probabilities for probabilities, _ in self.identify_with_scores(texts)]

    def identify_with_scores(
        self, texts: Sequence[str]
    ) -> list[tuple[Probabilities, Scores | None]]:
        """The language probabilities of each text, and eldc's scores of it."""
        scored = list(map(scorer(), texts))
        doubtful = [n for n, text in enumerate(texts) if not is_clear(scored[n], text)]
        asked = dict(
            zip(
                doubtful,
                predict(load_lid_176(), [texts[index] for index in doubtful], self.codes),
                strict=True,
            )
        )
        return [
            (self._select(asked.get(index), scores, texts[index]), scores)
            for index, scores in enumerate(scored)
        ]

    def _select(self, asked: Probabilities | None, scores: Scores, text: str) -> Probabilities:
        if asked is None:
            best = next(iter(scores))
            probabilities: Probabilities = {best: 1.0}
        else:
            probabilities = combine(asked, scores, len(text.encode()), self.expected)
        if not self.candidates:
            return probabilities
        return {
            self.candidates[eldc_label(code)]: probability
            for code, probability in probabilities.items()
            if eldc_label(code) in self.candidates
        }


def is_clear(scores: Scores, text: str) -> bool:
    """Whether eldc alone is certain: a high score, far above the next."""
    if len(scores) < 2:
        return False
    (label, best), (_, second), *_ = scores.items()
    return (
        best >= CLEAR_SCORE
        and scale_of(text) * (best - second) >= CLEAR_LEAD
        and label not in HAS_UNKNOWN_NEIGHBOUR
    )


def combine(
    fasttext: Probabilities, scores: Scores, size: int, expected: set[str]
) -> Probabilities:
    """Probabilities of all labels, likeliest first, from both detectors' evidence.

    `size` is the text's length in UTF-8 bytes; `expected` is the label of the target language if
    that is outside eldc's.
    """
    known: dict[str, float] = {}
    other: dict[str, float] = {}
    for code, probability in fasttext.items():
        label = eldc_label(code)
        if label in ELDC_LABELS and label not in expected:
            known[label] = known.get(label, 0.0) + probability
        else:
            other[code] = probability
    if not scores:
        return fasttext
    log_size = math.log(size)
    share = other_share(other, known, max(scores.values()), log_size, expected)
    weight = FASTTEXT + FASTTEXT_BY_LENGTH * log_size
    scale = max(SCALE + SCALE_BY_LENGTH * log_size, LEAST_SCALE)
    logits = {
        label: weight * math.log(max(known.get(label, 0.0), SMALLEST))
        + scale * scores.get(label, 0.0)
        for label in {*scores, *known} - expected
    }
    if not logits:
        return fasttext
    best = max(logits.values())
    weights = {label: math.exp(value - best) for label, value in logits.items()}
    total = sum(weights.values()) / (1.0 - share)
    combined = {label: value / total for label, value in weights.items()}
    if share:
        total = sum(other.values()) / share
        combined |= {label: value / total for label, value in other.items()}
    return dict(sorted(combined.items(), key=lambda pair: -pair[1]))


def other_share(
    other: Probabilities, known: Probabilities, score: float, log_size: float, expected: set[str]
) -> float:
    """The probability that the language is none of eldc's."""
    if not other:
        return 0.0
    odds = math.log(max(sum(other.values()), SMALLEST) / max(sum(known.values()), SMALLEST))
    constant, by_score, by_odds = (
        fixed + by_length * log_size
        for fixed, by_length in zip(OTHER, OTHER_BY_LENGTH, strict=True)
    )
    logit = constant + by_score * score + by_odds * odds
    if not expected.isdisjoint(map(eldc_label, other)):
        logit += PRIOR
    return 1.0 / (1.0 + math.exp(-max(min(logit, 30.0), -30.0)))
