"""Where segments went: the shares of verdicts, and the languages found."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ontarget import systems
from ontarget.analysis.segments import VERDICT_NAMES, direction_title
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import Direction, Score
from ontarget.report.figures.tables import Table, Value, make_table, systems_of
from ontarget.scoring import averages
from ontarget.systems import title_of

FEW = 5  # languages named beside a bar


@dataclass(frozen=True, slots=True, kw_only=True)
class BarPart:
    """A part of a bar."""

    verdict: str
    words: str
    segments: int
    percent: float
    start: float  # percent of the bar's length that lies before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Where one system's segments went."""

    system: str
    segments: int
    shares: tuple[BarPart, ...]  # those that are not 0
    languages: str  # found, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """All systems in one direction, or in all of a setting."""

    key: str  # supervised, zero-shot, or the direction
    title: str
    bars: tuple[Bar, ...]


def draw_bars(scores: Sequence[Score]) -> list[Bars]:
    """Where segments went: in each setting, zero-shot first, then in each direction."""
    groups: dict[str, tuple[str, list[Score]]] = {}
    for supervised in sorted(averages.settings(scores)):
        name = systems.SETTINGS[supervised]
        of_setting = [each for each in scores if each.supervised == supervised]
        groups[name] = (f"all {name} directions", of_setting)
    for each in scores:
        direction = Direction(each.source, each.target)
        groups.setdefault(str(direction), (direction_title(direction), []))[1].append(each)
    return [
        Bars(
            key=key,
            title=words,
            bars=tuple(
                draw_bar(system, [each for each in group if each.system == system])
                for system in systems_of(group)
            ),
        )
        for key, (words, group) in groups.items()
    ]


def draw_bar(system: str, scores: Sequence[Score]) -> Bar:
    """All segments of a system's scores together."""
    verdicts = sum_counts(each.verdicts for each in scores)
    languages = sum_counts(each.languages for each in scores)
    segments = sum(verdicts.values())
    shares = []
    before = 0
    for verdict in Verdict:
        count = verdicts[verdict]
        if count:
            of_all = 100 * count / segments
            start = 100 * before / segments
            shares.append(BarPart(verdict=verdict.value, words=VERDICT_NAMES[verdict], segments=count,
                                percent=of_all, start=start))  # fmt: skip
        before += count
    return Bar(
        system=system,
        segments=segments,
        shares=tuple(shares),
        languages=describe_languages(languages, segments),
    )


def sum_counts(counts: Iterable[dict[str, int]]) -> Counter[str]:
    """The sum of counts."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def describe_languages(languages: Counter[str], segments: int) -> str:
    """The most frequent languages with their shares of all segments."""
    if not segments:
        return ""
    few = [f"{code} {100 * n / segments:.1f} %" for code, n in languages.most_common(FEW)]
    more = len(languages) - len(few)
    return ", ".join([*few, *([f"{more} more"] if more > 0 else [])])


def verdict_table(scores: Sequence[Score]) -> Table:
    """What the bars show: segments of each verdict."""
    columns = ("system", "direction", "setting", "n", *VERDICT_NAMES.values(), "languages found")
    rows: Iterable[tuple[Value, ...]] = (
        (
            *(title_of(x.system), f"{x.source}-{x.target}", systems.SETTINGS[x.supervised]),
            x.segments,
            *(x.verdicts[verdict] for verdict in Verdict),
            " ".join(f"{code}:{count}" for code, count in x.languages.items()),
        )
        for x in scores
    )
    return make_table("verdicts", columns, rows)
