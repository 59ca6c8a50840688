"""BLEU and chrF through sacreBLEU, equal lengths enforced and the signatures kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from ontarget.languages import primary

TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
NEEDS = {"ja-mecab": "MeCab", "ko-mecab": "mecab_ko"}  # modules of sacreBLEU's extras
UNSPACED = {"ja", "ko", "th", "lo", "km", "my"}


@dataclass(frozen=True, slots=True)
class Quality:
    """Corpus BLEU and chrF, 0-100, with sacreBLEU's signatures."""

    bleu: float
    chrf: float
    signatures: dict[str, str]


def quality(hypotheses: Sequence[str], references: Sequence[str], target_lang: str) -> Quality:
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
    return Quality(scores[0], scores[1], signatures)


def tokenizer(target_lang: str) -> str:
    """sacreBLEU's tokenizer of a language; `char` for unspaced ones whose extra is absent."""
    language = primary(target_lang)
    wanted = TOKENIZERS.get(language, "char" if language in UNSPACED else "13a")
    needs = NEEDS.get(wanted)
    return wanted if needs is None or find_spec(needs) else "char"
