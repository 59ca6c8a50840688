"""The language of an answer, and whether it is the requested one."""

from dataclasses import dataclass
from functools import lru_cache

from ontarget.errors import DetectorError
from ontarget.languages.tags import same_language
from ontarget.offtarget.detectors import DEFAULT, make_detector
from ontarget.offtarget.detectors.base import Identifier, Probabilities
from ontarget.offtarget.metric import OffTarget
from ontarget.offtarget.verdicts import Verdict

PIVOT = "en"
NOT_JUDGED = "not_judged"
DIRECTIONS = 128  # whose metrics are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageVerdict:
    """What the off-target metric says of one answer."""

    verdict: str  # a value of `Verdict`, or `not_judged`
    language: str  # detected; "" where there is none or more than one
    is_off_target: bool


UNJUDGED = LanguageVerdict(verdict=NOT_JUDGED, language="", is_off_target=False)


@lru_cache(DIRECTIONS)
def metric_of(source_lang: str, target_lang: str) -> OffTarget | None:
    """The metric of a direction; None where the detector cannot judge it."""
    try:
        return OffTarget(target_lang=target_lang, source_lang=source_lang, pivot=PIVOT)
    except DetectorError:
        return None


def judge_answer(
    text: str, target_lang: str, source_lang: str | None, source: str | None = None
) -> LanguageVerdict:
    """The verdict on an answer. Without a source language, nothing is in the source's language."""
    stand_in = PIVOT if not same_language(PIVOT, target_lang) else "de"
    metric = metric_of(source_lang or stand_in, target_lang)
    if metric is None:
        return UNJUDGED
    (segment,) = metric.judge([text], None if source is None else [source])
    verdict, language = segment.judged
    if source_lang is None and verdict is Verdict.SOURCE_LANGUAGE:
        verdict = Verdict.PIVOT if same_language(language, PIVOT) else Verdict.OTHER
    return LanguageVerdict(
        verdict=verdict.value, language=language, is_off_target=segment.judged.is_off_target
    )


@lru_cache(1)
def detector() -> Identifier:
    """The default detector, of all its languages."""
    return make_detector(DEFAULT, None)


def language_probabilities(text: str) -> Probabilities:
    """How likely a text is in each language, likeliest first; {} where none is."""
    return detector().identify([text])[0]
