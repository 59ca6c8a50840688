"""Heat maps: off-target ratio and chrF of every direction, one row a source language."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ontarget import systems
from ontarget.analysis.segments import direction_title
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import Direction, Score
from ontarget.report.figures.tables import Table, Value, make_table, systems_of
from ontarget.report.render.formatting import MISSING, format_percent

LEVELS = 10  # of the colour scale, besides 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """One direction in a heat map."""

    direction: Direction
    text: str
    level: int | None  # of the colour, 0 to `LEVELS`; None if no segment could be judged
    supervised: bool
    detail: str  # all numbers of the direction, for the readout


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """One measure of one system: rows are source languages, columns are target languages."""

    title: str
    measure: str  # off_target or chrf
    languages: tuple[str, ...]
    rows: tuple[tuple[Square | None, ...], ...]  # None: the direction was not evaluated


def draw_heat_maps(scores: Sequence[Score]) -> dict[str, tuple[HeatMap, HeatMap]]:
    """For each system, heat maps of the off-target ratio and of chrF."""
    languages = tuple(dict.fromkeys(code for score in scores for code in direction_of(score)))
    by_direction = {(score.system, direction_of(score)): score for score in scores}
    maps = {}
    for system in systems_of(scores):
        rows = [
            [by_direction.get((system, Direction(source, target))) for target in languages]
            for source in languages
        ]
        maps[system] = (
            HeatMap(
                title="Off-target, %", measure="off_target", languages=languages,
                rows=draw_squares(rows, off_target_square),
            ),
            HeatMap(
                title="chrF", measure="chrf", languages=languages,
                rows=draw_squares(rows, chrf_square),
            ),
        )  # fmt: skip
    return maps


def direction_of(score: Score) -> Direction:
    """The direction of a score."""
    return Direction(score.source, score.target)


def draw_squares(
    rows: Sequence[Sequence[Score | None]], draw: Callable[[Score], Square]
) -> tuple[tuple[Square | None, ...], ...]:
    """A square for each score."""
    return tuple(tuple(draw(score) if score else None for score in row) for row in rows)


def off_target_square(score: Score) -> Square:
    """The off-target ratio of a direction."""
    bounds = score.off_target_interval
    undecided = score.verdicts[Verdict.UNDECIDED]
    details = [f"off-target {format_percent(score.off_target_percent)}"]
    if bounds:
        details.append(f"95 % interval {bounds[0]:.1f} to {bounds[1]:.1f}")
    details.append(f"{score.segments} segments, of which {undecided} could not be judged")
    details.append(f"references {format_percent(score.reference_off_target_percent)}")
    return draw_square(score, score.off_target_percent, details)


def chrf_square(score: Score) -> Square:
    """The chrF of a direction."""
    details = [f"chrF {score.chrf:.1f}", f"BLEU {score.bleu:.1f}", f"{score.segments} segments"]
    return draw_square(score, score.chrf, details)


def draw_square(score: Score, value: float | None, details: Sequence[str]) -> Square:
    """A value, 0-100, with its colour."""
    direction = direction_of(score)
    setting = systems.SETTINGS[score.supervised]
    return Square(
        direction=direction,
        text=square_text(value),
        level=None if value is None else int(value * LEVELS / 100 + 0.5),
        supervised=score.supervised,
        detail=f"{direction_title(direction)} ({setting}): {'; '.join(details)}",
    )


def square_text(value: float | None) -> str:
    """An integer, but with one decimal below 10, so that a small ratio does not look like 0."""
    if value is None:
        return MISSING
    return f"{value:.1f}" if 0 < value < 9.95 else f"{value:.0f}"


def score_table(scores: Sequence[Score]) -> Table:
    """The numbers behind the heat maps of all systems."""
    columns = (
        *("system", "direction", "setting", "n", "n judged", "off-target %", "low", "high"),
        *("references %", "BLEU", "chrF"),
    )
    rows: Iterable[tuple[Value, ...]] = (
        (
            systems.title_of(score.system),
            str(direction_of(score)),
            systems.SETTINGS[score.supervised],
            score.segments,
            score.segments - score.verdicts[Verdict.UNDECIDED],
            score.off_target_percent,
            *(score.off_target_interval or (None, None)),
            score.reference_off_target_percent,
            score.bleu,
            score.chrf,
        )
        for score in scores
    )
    return make_table("scores", columns, rows)
