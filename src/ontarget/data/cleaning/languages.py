"""The language of each text, by the off-target metric: what it cannot tell is kept."""

from collections.abc import Sequence
from functools import cache

from ontarget.errors import DetectorError
from ontarget.languages.names import display_name, is_known
from ontarget.languages.tags import distinguishable, primary
from ontarget.offtarget.metric import OffTarget
from ontarget.offtarget.verdicts import Judgement, Verdict

ANOTHER = ("en", "de")  # stands for a source language, of which the verdict does not depend


@cache
def metric_of(language: str) -> OffTarget | None:
    """The metric for text that should be in `language`; None if no detector here knows it."""
    source = next(code for code in ANOTHER if distinguishable(language, code))
    try:
        return OffTarget(target_lang=language, source_lang=source, pivot=source)
    except DetectorError:
        return None


def faults(texts: Sequence[str], language: str) -> list[str]:
    """Of each text, what it is in instead of `language`, in words; "" where nothing is wrong.

    Short texts that the metric cannot decide on have no fault, and neither have texts in a language
    that no detector knows.
    """
    metric = metric_of(language)
    if metric is None:
        return [""] * len(texts)
    return [fault_of(segment.judged) for segment in metric.judge(texts)]


def fault_of(judged: Judgement) -> str:
    """In words, what a text is in; "" if it is in its language, or cannot be judged."""
    if not judged.is_off_target:
        return ""
    if judged.verdict is Verdict.MIXED:
        return "several languages"
    return language_name(judged.language)


def language_name(label: str) -> str:
    """The English name of a detector's label, or the label itself."""
    return display_name(label) if is_known(primary(label)) else label
