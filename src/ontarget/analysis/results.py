"""Scores and judged translations as step 6 wrote them, read back and checked.

A file in a run folder may have been edited, so every value is checked against its range and
against the counts beside it before anything is drawn or compared.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ontarget import artifacts
from ontarget.errors import ArtifactError
from ontarget.languages.names import is_known
from ontarget.languages.tags import same_language
from ontarget.offtarget.ratio import Ratio
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import Direction, JudgedTranslation, Score
from ontarget.systems import STAGE2

Record = TypeVar("Record")

VERDICTS = frozenset(verdict.value for verdict in Verdict)
ROUNDING = 0.001  # percentages are kept to a thousandth
SURROGATE = re.compile("[\ud800-\udfff]")


def read_scores(path: Path) -> list[Score]:
    """The scores of a run.

    Raises:
        ArtifactError: a line is damaged, or a value is impossible.
    """
    return read_records(path, Score, score_fault)


def read_confusions(path: Path, languages: Sequence[str]) -> dict[Direction, Counter[str]]:
    """In how many segments of each direction a run was answered in another one of `languages`.

    Of the system that stage 2 starts from: stage 1, or base without it; of all systems if the
    scores have neither. Empty if there is no such file.

    Raises:
        ArtifactError: a line is damaged, or a value is impossible.
    """
    scores = read_scores(path) if path.is_file() else []
    names = {score.system for score in scores}
    start = next((name for name in STAGE2.starts_from if name in names), None)
    confusions: dict[Direction, Counter[str]] = {}
    for score in scores:
        if start not in (None, score.system):
            continue
        counts = confusions.setdefault(Direction(score.source, score.target), Counter())
        for label, segments in score.languages.items():
            for language in languages:
                if same_language(label, language) and not same_language(label, score.target):
                    counts[language] += segments
    return confusions


def read_judged(path: Path) -> list[JudgedTranslation]:
    """The judged translations of all systems of a run.

    Raises:
        ArtifactError: a line is damaged, or a value is impossible.
    """
    return read_records(path, JudgedTranslation, translation_fault)


def read_records(
    path: Path, kind: type[Record], fault_of: Callable[[Record], str | None]
) -> list[Record]:
    """The JSON lines of `path`, each checked to be a valid `kind`.

    Raises:
        ArtifactError: a line is damaged, or has a fault.
    """
    remedy = "remove its folder and run again"
    records: list[Record] = []
    adapter = TypeAdapter(kind)
    for number, line in enumerate(artifacts.read_jsonl(path, dict), start=1):
        place = f"{path}:{number}: not a valid {kind.__name__}"
        try:
            record = adapter.validate_python(line)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise ArtifactError(f"{place} ({key}: {first['msg']}); {remedy}") from error
        if fault := surrogate_fault(line) or fault_of(record):
            raise ArtifactError(f"{place} ({fault}); {remedy}")
        records.append(record)
    return records


def surrogate_fault(line: dict[str, Any]) -> str | None:
    """Whether a text holds half of a surrogate pair, which cannot be written as UTF-8."""
    key = next((key for key, text in line.items() if SURROGATE.search(str(text))), None)
    return key and f"{key}: expected whole characters, found half a surrogate pair"


def score_fault(score: Score) -> str | None:
    """The fault of a score, or None: a value out of range, or one that its counts contradict."""
    ratios = (score.off_target_percent, score.reference_off_target_percent)
    percents = (*ratios, *(score.off_target_interval or ()), score.bleu, score.chrf)
    if score.segments < 1 or not all(0 <= x <= 100 for x in percents if x is not None):
        return "expected percentages from 0 to 100 and at least one segment"
    if not 0 <= score.truncated <= score.segments:
        return f"truncated: expected a count of its {score.segments} segments"
    if set(score.verdicts) != VERDICTS or min(score.verdicts.values()) < 0:
        return f"verdicts: expected a count of each of {', '.join(Verdict)}"
    if sum(score.verdicts.values()) != score.segments:
        return f"verdicts: expected counts that add up to its {score.segments} segments"
    if min(score.languages.values(), default=1) < 1:
        return "languages: expected counts of at least 1"
    return ratio_fault(score) or languages_fault((score.source, score.target))


def ratio_fault(score: Score) -> str | None:
    """Whether the ratio and its interval contradict the verdicts."""
    expected = Ratio.of(score.verdicts).percent
    percent, bounds = score.off_target_percent, score.off_target_interval
    if expected is None:
        empty = percent is None and bounds is None
        return None if empty else "off_target_percent: expected null, since nothing was judged"
    if percent is None or abs(percent - expected) > ROUNDING:
        return f"off_target_percent: expected {expected:.3f} by its verdicts"
    if bounds is None or not bounds[0] - ROUNDING <= percent <= bounds[1] + ROUNDING:
        return "off_target_interval: expected one around off_target_percent"
    return None


def translation_fault(translation: JudgedTranslation) -> str | None:
    """What is impossible in a judged translation: verdict, language or chrF."""
    if not {translation.verdict, translation.reference_verdict} <= VERDICTS:
        return f"verdicts: expected one of {', '.join(Verdict)}"
    if not 0 <= translation.chrf <= 100:
        return "chrf: expected a number from 0 to 100"
    return languages_fault((translation.source_lang, translation.target_lang))


def languages_fault(codes: Iterable[str]) -> str | None:
    """Whether CLDR does not know one of these codes."""
    unknown = next((code for code in codes if not is_known(code)), None)
    return None if unknown is None else f"expected a language that CLDR knows, not {unknown!r}"
