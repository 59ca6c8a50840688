"""Averages of each setting from the first system to the last: the page's overview."""

from collections.abc import Sequence
from dataclasses import dataclass

from ontarget import systems
from ontarget.records import Score
from ontarget.report.figures.tables import Cell, Table, Value, make_table
from ontarget.report.render.formatting import format_number, format_percent
from ontarget.scoring import averages


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Averages of one setting as texts, for every system on the way from the first to the last.

    The control and systems with ways to stay on target are in the table only.
    """

    title: str
    systems: tuple[str, ...]  # titles
    measures: tuple[tuple[str, tuple[str, ...]], ...]  # name, and one value per system
    reference_ratio: str
    table: Table  # of all systems


def draw_changes(scores: Sequence[Score]) -> list[Change]:
    """One change per setting, zero-shot first."""
    changes = []
    for supervised in sorted(averages.settings(scores)):
        group = [score for score in scores if score.supervised == supervised]
        means = [mean for mean in averages.averages(group) if systems.is_step(mean.system)]
        directions = means[-1].directions
        off_target = tuple(format_number(mean.off_target_percent) for mean in means)
        changes.append(
            Change(
                title=f"{systems.SETTINGS[supervised].capitalize()}, {directions} direction"
                + "s" * (directions > 1),
                systems=tuple(systems.title_of(mean.system) for mean in means),
                measures=(
                    ("off-target, %", off_target),
                    ("BLEU", tuple(format_number(mean.bleu) for mean in means)),
                    ("chrF", tuple(format_number(mean.chrf) for mean in means)),
                ),
                reference_ratio=format_percent(means[-1].reference_off_target_percent),
                table=average_table(group),
            )
        )
    return changes


def average_table(scores: Sequence[Score]) -> Table:
    """Averages of each system in one setting, and the off-target ratio of the references."""
    means = averages.averages(scores)
    rows: list[tuple[Value, ...]] = [
        (systems.title_of(mean.system), mean.off_target_percent, mean.bleu, mean.chrf)
        for mean in means
    ]
    rows.append(("references", means[0].reference_off_target_percent, Cell("", ""), Cell("", "")))
    columns = ("system", "off-target %", "BLEU", "chrF")
    return make_table(f"overview-{systems.SETTINGS[means[0].supervised]}", columns, rows)
