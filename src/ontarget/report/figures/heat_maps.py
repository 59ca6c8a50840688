"""What the page draws, as plain data: changes, heat maps, and a table beside each figure."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ontarget import systems
from ontarget.analysis.segments import direction_title
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import Direction, Score
from ontarget.report.figures.curves import Chart
from ontarget.report.figures.tables import Cell, Table, Value, make_table, systems_of
from ontarget.report.render import tables
from ontarget.scoring import averages
from ontarget.systems import title_of

CONTROL = "stage1-longer"
LEVELS = 10  # of a colour scale, besides 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """One direction in a heat map."""

    direction: Direction
    text: str
    level: int | None  # 0 to `LEVELS`; None where nothing could be judged
    supervised: bool
    detail: str  # all there is to say, in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """One measure of one system: a row a source language, a column a target language."""

    title: str
    measure: str  # off_target or chrf
    languages: tuple[str, ...]
    rows: tuple[tuple[Square | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A setting's averages from the first system to the last, as shown."""

    title: str
    systems: tuple[str, ...]  # in words; the control is on no way
    measures: tuple[tuple[str, tuple[str, ...]], ...]  # name, and the value of each system
    floor: str
    table: Table  # of all systems


def languages_of(scores: Sequence[Score]) -> list[str]:
    """The languages of the scores, in order of appearance."""
    return list(dict.fromkeys(lang for each in scores for lang in (each.source, each.target)))


def draw_changes(scores: Sequence[Score]) -> list[Change]:
    """From system to system in each setting, zero-shot first."""
    found = []
    for supervised in sorted(averages.settings(scores)):
        group = [each for each in scores if each.supervised == supervised]
        means = [each for each in averages.averages(group) if each.system != CONTROL]
        counted = means[-1].directions
        found.append(
            Change(
                title=f"{systems.SETTINGS[supervised].capitalize()}, {counted} direction"
                + "s" * (counted > 1),
                systems=tuple(title_of(each.system) for each in means),
                measures=(
                    (
                        "off-target, %",
                        tuple(tables.format_number(x.off_target_percent) for x in means),
                    ),
                    ("BLEU", tuple(f"{x.bleu:.1f}" for x in means)),
                    ("chrF", tuple(f"{x.chrf:.1f}" for x in means)),
                ),
                floor=tables.format_percent(means[-1].reference_off_target_percent),
                table=average_table(group),
            )
        )
    return found


def average_table(scores: Sequence[Score]) -> Table:
    """The averages of each system in one setting, and of the references."""
    means = averages.averages(scores)
    rows: list[tuple[Value, ...]] = [
        (title_of(each.system), each.off_target_percent, each.bleu, each.chrf) for each in means
    ]
    rows.append(("references", means[0].reference_off_target_percent, Cell("", ""), Cell("", "")))
    columns = ("system", "off-target %", "BLEU", "chrF")
    return make_table(f"overview-{systems.SETTINGS[means[0].supervised]}", columns, rows)


def draw_heat_maps(scores: Sequence[Score]) -> dict[str, tuple[HeatMap, HeatMap]]:
    """Per system the off-target ratio and chrF of every direction."""
    languages = languages_of(scores)
    found = {(each.system, each.source, each.target): each for each in scores}
    maps = {}
    for system in systems_of(scores):
        square = [[found.get((system, row, column)) for column in languages] for row in languages]
        maps[system] = (
            HeatMap(
                title="Off-target, %", measure="off_target", languages=tuple(languages),
                rows=draw_squares(square, off_target_square),
            ),
            HeatMap(
                title="chrF", measure="chrf", languages=tuple(languages),
                rows=draw_squares(square, chrf_square),
            ),
        )  # fmt: skip
    return maps


def draw_squares(
    scores: Sequence[Sequence[Score | None]], draw: Callable[[Score], Square]
) -> tuple[tuple[Square | None, ...], ...]:
    """Each score drawn in its place."""
    return tuple(tuple(None if each is None else draw(each) for each in row) for row in scores)


def off_target_square(score: Score) -> Square:
    """Of the off-target ratio."""
    value = score.off_target_percent
    bounds = score.off_target_interval
    undecided = score.verdicts[Verdict.UNDECIDED]
    words = [f"off-target {tables.format_percent(value)}"]
    if bounds:
        words.append(f"95 % interval {bounds[0]:.1f} to {bounds[1]:.1f}")
    words.append(f"{score.segments} segments, {undecided} of them could not be judged")
    words.append(f"references {tables.format_percent(score.reference_off_target_percent)}")
    return draw_square(score, value, words)


def chrf_square(score: Score) -> Square:
    """Of chrF."""
    words = [f"chrF {score.chrf:.1f}", f"BLEU {score.bleu:.1f}", f"{score.segments} segments"]
    return draw_square(score, score.chrf, words)


def draw_square(score: Score, value: float | None, words: Sequence[str]) -> Square:
    """One value 0-100 in its place."""
    direction = Direction(score.source, score.target)
    setting = systems.SETTINGS[score.supervised]
    return Square(
        direction=direction,
        text=square_text(value),
        level=None if value is None else int(value * LEVELS / 100 + 0.5),
        supervised=score.supervised,
        detail=f"{direction_title(direction)} ({setting}): {'; '.join(words)}",
    )


def square_text(value: float | None) -> str:
    """As short as it can be without a small ratio looking like none."""
    if value is None:
        return "-"
    return f"{value:.1f}" if 0 < value < 9.95 else f"{value:.0f}"


def score_table(scores: Sequence[Score]) -> Table:
    """What the heat maps show."""
    columns = (
        *("system", "direction", "setting", "n", "off-target %", "low", "high"),
        *("references %", "BLEU", "chrF"),
    )
    rows: Iterable[tuple[Value, ...]] = (
        (
            *(title_of(x.system), f"{x.source}-{x.target}", systems.SETTINGS[x.supervised]),
            *(x.segments, x.off_target_percent, *(x.off_target_interval or (None, None))),
            *(x.reference_off_target_percent, x.bleu, x.chrf),
        )
        for x in scores
    )
    return make_table("scores", columns, rows)


def curve_table(chart: Chart) -> Table:
    """The points of a curve."""
    name = "curve-" + "-".join(re.findall("[a-z0-9]+", chart.title.lower()))
    rows: Iterable[tuple[Value, ...]] = (
        (int(step), *(Cell(f"{x:.4g}", f"{x:.6g}") for x in values)) for step, *values in chart.rows
    )
    return make_table(name, chart.columns, rows)
