"""What the page draws, as plain data: changes, heat maps, and a table beside each figure."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ontarget import tables
from ontarget.charts import Chart
from ontarget.records import Direction, Score
from ontarget.segments import title
from ontarget.verdicts import Verdict

CONTROL = "stage1-longer"
LEVELS = 10  # of a colour scale, besides 0


class Cell(NamedTuple):
    """A table's cell: as shown, and as its file has it."""

    text: str
    value: str


Value = Cell | str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A figure's numbers; `name` is that of the file."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


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


def cell(value: str | int | float | None) -> Cell:
    """A number is shown to a tenth and kept to a thousandth; a dash stands for what is unknown."""
    if isinstance(value, float):
        return Cell(f"{value:.1f}", f"{value:.3f}".rstrip("0").rstrip("."))
    return Cell("-", "") if value is None else Cell(str(value), str(value))


def p_cell(value: float) -> Cell:
    """A p value."""
    return Cell("< 0.001" if value < 0.001 else f"{value:.3f}", f"{value:.3g}")


def table(name: str, columns: Iterable[str], rows: Iterable[Iterable[Value]]) -> Table:
    """A table of values, some of them cells already."""
    made = (tuple(x if isinstance(x, Cell) else cell(x) for x in row) for row in rows)
    return Table(name=name, columns=tuple(columns), rows=tuple(made))


def systems_of(scores: Iterable[Score]) -> list[str]:
    """The systems, in order of appearance."""
    return list(dict.fromkeys(each.system for each in scores))


def name_of(system: str) -> str:
    """A system in words."""
    return tables.NAMES.get(system, system)


def spoken(scores: Sequence[Score]) -> list[str]:
    """The languages of the scores, in order of appearance."""
    return list(dict.fromkeys(lang for each in scores for lang in (each.source, each.target)))


def changes(scores: Sequence[Score]) -> list[Change]:
    """From system to system in each setting, zero-shot first."""
    found = []
    for supervised in sorted(tables.settings(scores)):
        group = [each for each in scores if each.supervised == supervised]
        means = [each for each in tables.averages(group) if each.system != CONTROL]
        counted = means[-1].directions
        found.append(
            Change(
                title=f"{tables.SETTINGS[supervised].capitalize()}, {counted} direction"
                + "s" * (counted > 1),
                systems=tuple(name_of(each.system) for each in means),
                measures=(
                    ("off-target, %", tuple(tables.shown(x.off_target_percent) for x in means)),
                    ("BLEU", tuple(f"{x.bleu:.1f}" for x in means)),
                    ("chrF", tuple(f"{x.chrf:.1f}" for x in means)),
                ),
                floor=tables.percent(means[-1].reference_off_target_percent),
                table=average_table(group),
            )
        )
    return found


def average_table(scores: Sequence[Score]) -> Table:
    """The averages of each system in one setting, and of the references."""
    means = tables.averages(scores)
    rows: list[tuple[Value, ...]] = [
        (name_of(each.system), each.off_target_percent, each.bleu, each.chrf) for each in means
    ]
    rows.append(("references", means[0].reference_off_target_percent, Cell("", ""), Cell("", "")))
    columns = ("system", "off-target %", "BLEU", "chrF")
    return table(f"overview-{tables.SETTINGS[means[0].supervised]}", columns, rows)


def heat_maps(scores: Sequence[Score]) -> dict[str, tuple[HeatMap, HeatMap]]:
    """Per system the off-target ratio and chrF of every direction."""
    languages = spoken(scores)
    found = {(each.system, each.source, each.target): each for each in scores}
    maps = {}
    for system in systems_of(scores):
        square = [[found.get((system, row, column)) for column in languages] for row in languages]
        maps[system] = (
            HeatMap(
                title="Off-target, %", measure="off_target", languages=tuple(languages),
                rows=squares(square, off_target_square),
            ),
            HeatMap(
                title="chrF", measure="chrf", languages=tuple(languages),
                rows=squares(square, chrf_square),
            ),
        )  # fmt: skip
    return maps


def squares(
    scores: Sequence[Sequence[Score | None]], draw: Callable[[Score], Square]
) -> tuple[tuple[Square | None, ...], ...]:
    """Each score drawn in its place."""
    return tuple(tuple(None if each is None else draw(each) for each in row) for row in scores)


def off_target_square(score: Score) -> Square:
    """Of the off-target ratio."""
    value = score.off_target_percent
    bounds = score.off_target_interval
    undecided = score.verdicts[Verdict.UNDECIDED]
    words = [f"off-target {tables.percent(value)}"]
    if bounds:
        words.append(f"95 % interval {bounds[0]:.1f} to {bounds[1]:.1f}")
    words.append(f"{score.segments} segments, {undecided} of them could not be judged")
    words.append(f"references {tables.percent(score.reference_off_target_percent)}")
    return square(score, value, words)


def chrf_square(score: Score) -> Square:
    """Of chrF."""
    words = [f"chrF {score.chrf:.1f}", f"BLEU {score.bleu:.1f}", f"{score.segments} segments"]
    return square(score, score.chrf, words)


def square(score: Score, value: float | None, words: Sequence[str]) -> Square:
    """One value 0-100 in its place."""
    direction = Direction(score.source, score.target)
    setting = tables.SETTINGS[score.supervised]
    return Square(
        direction=direction,
        text=in_square(value),
        level=None if value is None else int(value * LEVELS / 100 + 0.5),
        supervised=score.supervised,
        detail=f"{title(direction)} ({setting}): {'; '.join(words)}",
    )


def in_square(value: float | None) -> str:
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
            *(name_of(x.system), f"{x.source}-{x.target}", tables.SETTINGS[x.supervised]),
            *(x.segments, x.off_target_percent, *(x.off_target_interval or (None, None))),
            *(x.reference_off_target_percent, x.bleu, x.chrf),
        )
        for x in scores
    )
    return table("scores", columns, rows)


def curve_table(chart: Chart) -> Table:
    """The points of a curve."""
    name = "curve-" + "-".join(re.findall("[a-z0-9]+", chart.title.lower()))
    rows: Iterable[tuple[Value, ...]] = (
        (int(step), *(Cell(f"{x:.4g}", f"{x:.6g}") for x in values)) for step, *values in chart.rows
    )
    return table(name, chart.columns, rows)
