"""BLEU and chrF through sacreBLEU, equal lengths enforced and the signatures kept."""

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

TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
NEEDS = {"ja-mecab": "MeCab", "ko-mecab": "mecab_ko"}  # modules of sacreBLEU's extras
UNSPACED = {"ja", "ko", "th", "lo", "km", "my"}


@dataclass(frozen=True, slots=True)
class CorpusQuality:
    """Corpus BLEU and chrF, 0-100, with sacreBLEU's signatures."""

    bleu: float
    chrf: float
    signatures: dict[str, str]


def quality(
    hypotheses: Sequence[str], references: Sequence[str], target_lang: str
) -> CorpusQuality:
    """Corpus scores of one direction; BLEU's tokenizer follows `target_lang`.

    Raises:
        ValueError: the lists are empty or differ in length, which sacreBLEU would cut silently.
    """
    if len(hypotheses) != len(references) or not references:
        raise ValueError(
            f"{len(hypotheses)} hypotheses against {len(references)} references; "
            "give as many of both"
        )
    bleu, chrf = BLEU(tokenize=tokenizer(target_lang)), CHRF()
    scores = [
        each.corpus_score(list(hypotheses), [list(references)]).score for each in (bleu, chrf)
    ]
    signatures = {"bleu": str(bleu.get_signature()), "chrf": str(chrf.get_signature())}
    return CorpusQuality(scores[0], scores[1], signatures)


def tokenizer(target_lang: str) -> str:
    """sacreBLEU's tokenizer of a language; `char` for unspaced ones whose extra is absent."""
    language = primary(target_lang)
    wanted = TOKENIZERS.get(language, "char" if language in UNSPACED else "13a")
    needs = NEEDS.get(wanted)
    return wanted if needs is None or find_spec(needs) else "char"


Statistics = NDArray[np.float64]  # segment x statistic
ASIAN = ("zh", "ja")


@dataclass(frozen=True, slots=True)
class SegmentMean:
    """A metric that is the mean of its segments' scores, whose statistics are (score, 1)."""

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


def segment_statistics(
    metric: Metric, hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> Statistics:
    """Sufficient statistics of each segment; `references` is a list a reference file.

    Raises:
        ValueError: the lists are empty or differ in length, which sacreBLEU would cut silently.
    """
    for number, each in enumerate(references, start=1):
        if len(each) != len(hypotheses) or not each:
            raise ValueError(
                f"{len(hypotheses)} hypotheses against {len(each)} references (file {number}); "
                "give as many of both"
            )
    found = metric._extract_corpus_statistics(list(hypotheses), [list(each) for each in references])
    return np.array(found, dtype=np.float64)


def mean_statistics(scores: Sequence[float]) -> Statistics:
    """Statistics of each segment for `Mean`."""
    return np.array([(score, 1.0) for score in scores], dtype=np.float64)


def score_of(metric: Metric | SegmentMean, total: Statistics) -> float:
    """The score of summed statistics."""
    if isinstance(metric, SegmentMean):
        return float(total[0] / total[1])
    return float(metric._compute_score_from_stats(total.tolist()).score)


def signature_of(metric: Metric | SegmentMean) -> str:
    """What a score depends on besides the texts."""
    return metric.signature if isinstance(metric, SegmentMean) else str(metric.get_signature())


def segment_scores(
    metric: Metric, hypotheses: Sequence[str], references: Sequence[str]
) -> list[float]:
    """The score of each segment by itself."""
    return [score_of(metric, each) for each in segment_statistics(metric, hypotheses, [references])]
