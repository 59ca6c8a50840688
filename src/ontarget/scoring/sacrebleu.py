"""sacreBLEU, wrapped once: metrics of a language, statistics of segments, scores of their sums.

All scores come from sacreBLEU's sufficient statistics of each segment, extracted once, so scores
of subsets and resamples cost no second extraction and equal sacreBLEU's own to the last digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from ontarget.languages.tags import primary

Statistics = NDArray[np.float64]  # "segment statistic"

TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
NEEDS = {"ja-mecab": "MeCab", "ko-mecab": "mecab_ko"}  # modules of sacreBLEU's extras
UNSPACED = {"ja", "ko", "th", "lo", "km", "my"}
ASIAN = ("zh", "ja")


@dataclass(frozen=True, slots=True)
class SegmentMean:
    """A metric that is the mean of segment scores, such as COMET; its statistics are (score, 1)."""

    signature: str


def metrics(target_lang: str) -> dict[str, Metric]:
    """BLEU, chrF, chrF++ and TER with the tokenizers of a language."""
    asian = primary(target_lang) in ASIAN
    return {
        "bleu": BLEU(tokenize=tokenizer(target_lang)),
        "chrf": CHRF(),
        "chrf++": CHRF(word_order=2),
        "ter": TER(normalized=asian, asian_support=asian),
    }


def tokenizer(target_lang: str) -> str:
    """BLEU's tokenizer; `char` for languages without spaces whose extra is not installed."""
    language = primary(target_lang)
    name = TOKENIZERS.get(language, "char" if language in UNSPACED else "13a")
    needs = NEEDS.get(name)
    return name if needs is None or find_spec(needs) else "char"


def segment_statistics(
    metric: Metric, hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> Statistics:
    """Sufficient statistics of each segment; `references` is one list for each reference file.

    Raises:
        ValueError: the lists are empty or differ in length, which sacreBLEU would cut silently.
    """
    for number, texts in enumerate(references, start=1):
        if len(texts) != len(hypotheses) or not texts:
            raise ValueError(
                f"{len(hypotheses)} hypotheses against {len(texts)} references (file {number}); "
                "give as many of both"
            )
    rows = metric._extract_corpus_statistics(list(hypotheses), [list(r) for r in references])
    return np.array(rows, dtype=np.float64)


def mean_statistics(scores: Sequence[float]) -> Statistics:
    """Statistics of each segment for `SegmentMean`."""
    return np.array([(score, 1.0) for score in scores], dtype=np.float64)


def score_of(metric: Metric | SegmentMean, total: Statistics) -> float:
    """The score of summed statistics."""
    if isinstance(metric, SegmentMean):
        return float(total[0] / total[1])
    return float(metric._compute_score_from_stats(total.tolist()).score)


def signature_of(metric: Metric | SegmentMean) -> str:
    """Everything that a score depends on besides the texts."""
    return metric.signature if isinstance(metric, SegmentMean) else str(metric.get_signature())


def segment_scores(metric: Metric, statistics: Statistics) -> list[float]:
    """The score of each segment by itself."""
    return [score_of(metric, row) for row in statistics]
