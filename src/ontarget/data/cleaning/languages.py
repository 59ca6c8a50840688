"""The language of each text, by the off-target metric: what it cannot tell is kept."""

from collections import Counter
from collections.abc import Sequence
from functools import cache

from ontarget.errors import CorpusError, DetectorError
from ontarget.languages.names import display_name, is_known
from ontarget.languages.tags import distinguishable, primary
from ontarget.offtarget.metric import OffTarget
from ontarget.offtarget.verdicts import Judgement, Verdict
from ontarget.records import Parallel

JUDGED, FEWEST = 200, 20  # first texts of a column, and decided ones that are evidence
MOST = 0.5  # of the decided texts
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


def check_columns(rows: Sequence[Parallel], place: str) -> None:
    """Raise CorpusError where most texts of a language are in one other language.

    Such a column has the wrong name, or two columns are swapped. Texts that cannot be judged do not
    count, and of fewer than `FEWEST` others nothing is said.
    """
    for language in dict.fromkeys(code for row in rows for code in row.texts):
        texts = [row.texts[language] for row in rows if language in row.texts][:JUDGED]
        metric = metric_of(language)
        if metric is None:
            continue
        judged = [segment.judged for segment in metric.judge(texts)]
        decided = [one for one in judged if one.verdict is not Verdict.UNDECIDED]
        labels = Counter(one.language for one in decided if one.is_off_target and one.language)
        label, count = labels.most_common(1)[0] if labels else ("", 0)
        if len(decided) >= FEWEST and count > MOST * len(decided):
            raise CorpusError(
                f"{place}: {language!r} looks {100 * count / len(decided):.0f} % "
                f"{language_name(label)} in its first {len(texts)} texts; name its language "
                "rightly, or leave it out"
            )


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
