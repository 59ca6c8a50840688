"""What is wrong with a score or an answer that was read from a run's folder, in a few words."""

from collections.abc import Iterable

from ontarget.languages.names import is_known
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import JudgedTranslation, Score

VERDICTS = frozenset(each.value for each in Verdict)
ROUNDING = 0.001  # percents are kept to a thousandth


def score_fault(score: Score) -> str | None:
    """Why a score is none: a number out of its range, or one that its counts contradict."""
    ratios = (score.off_target_percent, score.reference_off_target_percent)
    percents = (*ratios, *(score.off_target_interval or ()), score.bleu, score.chrf)
    if score.segments < 1 or not all(0 <= each <= 100 for each in percents if each is not None):
        return "percents from 0 to 100 and at least one segment expected"
    if set(score.verdicts) != VERDICTS or min(score.verdicts.values()) < 0:
        return f"verdicts: a count of each of {', '.join(Verdict)} expected"
    if sum(score.verdicts.values()) != score.segments:
        return f"verdicts: counts that add up to its {score.segments} segments expected"
    if min(score.languages.values(), default=1) < 1:
        return "languages: counts of at least 1 expected"
    return ratio_fault(score) or languages_fault((score.source, score.target))


def ratio_fault(score: Score) -> str | None:
    """Whether the ratio and its interval are another's than the verdicts'."""
    judged = score.segments - score.verdicts[Verdict.UNDECIDED]
    percent, bounds = score.off_target_percent, score.off_target_interval
    if not judged:
        nothing = percent is None and bounds is None
        return None if nothing else "off_target_percent: null expected, for nothing was judged"
    expected = 100 * (judged - score.verdicts[Verdict.ON_TARGET]) / judged
    if percent is None or abs(percent - expected) > ROUNDING:
        return f"off_target_percent: {expected:.3f} expected by its verdicts"
    if bounds is None or not bounds[0] - ROUNDING <= percent <= bounds[1] + ROUNDING:
        return "off_target_interval: one around off_target_percent expected"
    return None


def answer_fault(answer: JudgedTranslation) -> str | None:
    """Why an answer is none: an unknown verdict or language, or a chrF that there cannot be."""
    if not {answer.verdict, answer.reference_verdict} <= VERDICTS:
        return f"verdicts: each one of {', '.join(Verdict)} expected"
    if not 0 <= answer.chrf <= 100:
        return "chrf: a number from 0 to 100 expected"
    return languages_fault((answer.source_lang, answer.target_lang))


def languages_fault(codes: Iterable[str]) -> str | None:
    """Whether CLDR does not know one."""
    unknown = next((code for code in codes if not is_known(code)), None)
    return None if unknown is None else f"a language that CLDR knows expected, not {unknown!r}"
