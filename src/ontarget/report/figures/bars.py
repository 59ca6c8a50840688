"""Stacked bars: the share of each verdict, and the languages that were detected."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ontarget import systems
from ontarget.analysis.segments import VERDICT_NAMES, direction_title
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import Direction, Score
from ontarget.report.figures.tables import Table, Value, make_table, systems_of
from ontarget.scoring import averages

MAX_LANGUAGES = 5  # named per bar


@dataclass(frozen=True, slots=True, kw_only=True)
class BarPart:
    """The part of a bar with one verdict."""

    verdict: str
    title: str
    segments: int
    percent: float  # of the bar's length
    start: float  # offset, in percent of the bar's length


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The verdicts of one system."""

    system: str
    segments: int
    parts: tuple[BarPart, ...]  # those that are not empty, in the order of `Verdict`
    languages: str  # the most frequent detected languages, as text


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """The bars of all systems for one direction, or for all directions of a setting."""

    key: str  # supervised, zero-shot, or the direction
    title: str
    bars: tuple[Bar, ...]


def draw_bars(scores: Sequence[Score]) -> list[Bars]:
    """Bars for each setting, zero-shot first, then for each direction."""
    groups: dict[str, tuple[str, list[Score]]] = {}
    for supervised in sorted(averages.settings(scores)):
        setting = systems.SETTINGS[supervised]
        members = [score for score in scores if score.supervised == supervised]
        groups[setting] = (f"all {setting} directions", members)
    for score in scores:
        direction = Direction(score.source, score.target)
        groups.setdefault(str(direction), (direction_title(direction), []))[1].append(score)
    return [
        Bars(
            key=key,
            title=title,
            bars=tuple(
                draw_bar(system, [score for score in group if score.system == system])
                for system in systems_of(group)
            ),
        )
        for key, (title, group) in groups.items()
    ]


def draw_bar(system: str, scores: Sequence[Score]) -> Bar:
    """The segments of all `scores` of a system in one bar."""
    verdicts = sum_counts(score.verdicts for score in scores)
    languages = sum_counts(score.languages for score in scores)
    segments = sum(verdicts.values())
    parts = []
    before = 0
    for verdict in Verdict:
        if count := verdicts[verdict]:
            parts.append(
                BarPart(
                    verdict=verdict.value,
                    title=VERDICT_NAMES[verdict],
                    segments=count,
                    percent=100 * count / segments,
                    start=100 * before / segments,
                )
            )
            before += count
    return Bar(
        system=system,
        segments=segments,
        parts=tuple(parts),
        languages=describe_languages(languages, segments),
    )


def sum_counts(counts: Iterable[dict[str, int]]) -> Counter[str]:
    """The sum of several counts by key."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total


def describe_languages(languages: Counter[str], segments: int) -> str:
    """The most frequent languages as percentages of all segments, judged or not."""
    if not segments:
        return ""
    texts = [
        f"{code} {100 * count / segments:.1f} %"
        for code, count in languages.most_common(MAX_LANGUAGES)
    ]
    if (others := len(languages) - len(texts)) > 0:
        texts.append(f"{others} more")
    return ", ".join(texts)


def verdict_table(scores: Sequence[Score]) -> Table:
    """The numbers behind the bars: segments by verdict and by detected language."""
    columns = ("system", "direction", "setting", "n", *VERDICT_NAMES.values(), "languages detected")
    rows: Iterable[tuple[Value, ...]] = (
        (
            systems.title_of(score.system),
            f"{score.source}-{score.target}",
            systems.SETTINGS[score.supervised],
            score.segments,
            *(score.verdicts[verdict] for verdict in Verdict),
            " ".join(f"{code}:{count}" for code, count in score.languages.items()),
        )
        for score in scores
    )
    return make_table("verdicts", columns, rows)
