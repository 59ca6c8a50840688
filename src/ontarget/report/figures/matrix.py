"""Every system against every other: differences with their significance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ontarget import systems
from ontarget.analysis.significance import SystemPair
from ontarget.report.figures.tables import Table, make_table, p_value_cell
from ontarget.report.render.formatting import format_difference
from ontarget.systems import title_of

Outcome = Literal["better", "worse", "chance"]
OUTCOMES: dict[int, Outcome] = {1: "better", -1: "worse", 0: "chance"}
OUTCOME_TEXTS: dict[Outcome, str] = {
    "better": "better", "worse": "worse", "chance": "not significant",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """The row's system compared with the column's."""

    text: str  # the difference in points
    outcome: Outcome
    detail: str  # all numbers of the comparison, for the readout


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """One measure in one setting."""

    title: str
    systems: tuple[str, ...]
    rows: tuple[tuple[MatrixCell | None, ...], ...]  # None on the diagonal


def draw_matrices(pairs: Sequence[SystemPair]) -> list[Matrix]:
    """Matrices of the off-target ratio and of chrF for each setting, zero-shot first."""
    matrices = []
    for supervised in sorted({pair.supervised for pair in pairs}):
        group = [pair for pair in pairs if pair.supervised == supervised]
        names = tuple(dict.fromkeys(name for pair in group for name in (pair.first, pair.second)))
        for measure, title in enumerate(("off-target, percentage points", "mean chrF, points")):
            cells = {}
            for pair in group:
                cells[pair.second, pair.first] = draw_cell(pair, measure, sign=1)
                cells[pair.first, pair.second] = draw_cell(pair, measure, sign=-1)
            matrices.append(
                Matrix(
                    title=f"{systems.SETTINGS[supervised].capitalize()}: {title}",
                    systems=names,
                    rows=tuple(
                        tuple(cells.get((row, column)) for column in names) for row in names
                    ),
                )
            )
    return matrices


def draw_cell(pair: SystemPair, measure: int, *, sign: int) -> MatrixCell:
    """The second system compared with the first, or the reverse if `sign` is -1.

    `measure` is 0 for the off-target ratio and 1 for chrF.
    """
    difference, p_value, segments = (
        (pair.off_target_difference, pair.off_target_p, pair.judged),
        (pair.chrf_difference, pair.chrf_p, pair.segments),
    )[measure]
    row, column = (pair.second, pair.first)[::sign]
    outcome = OUTCOMES[sign * pair.outcomes[measure]]
    # A minus sign is as wide as the plus sign, a hyphen is not.
    text = format_difference(None if difference is None else sign * difference)
    text = text.replace("-", "−") if difference is not None else text
    p_text = p_value_cell(p_value).text
    return MatrixCell(
        text=text,
        outcome=outcome,
        detail=f"{title_of(row)} against {title_of(column)}: {text} points, "
        f"p {p_text if p_text.startswith('<') else f'= {p_text}'}, "
        f"{segments} segments: {OUTCOME_TEXTS[outcome]}",
    )


def pair_table(pairs: Sequence[SystemPair]) -> Table:
    """The numbers behind the matrices."""
    columns = (
        *("setting", "first", "second", "n judged in both", "off-target only in the first"),
        *("only in the second", "difference in points", "p (sign test)"),
        *("n", "chrF difference", "p (randomisation)"),
    )
    rows = (
        (
            systems.SETTINGS[pair.supervised],
            title_of(pair.first),
            title_of(pair.second),
            *(pair.judged, pair.only_first, pair.only_second, pair.off_target_difference),
            *(p_value_cell(pair.off_target_p), pair.segments),
            *(pair.chrf_difference, p_value_cell(pair.chrf_p)),
        )
        for pair in pairs
    )
    return make_table("significance", columns, rows)
