"""Systems against systems as squares and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ontarget import systems
from ontarget.analysis.significance import SystemPair
from ontarget.report.figures.tables import Table, make_table, p_value_cell
from ontarget.systems import title_of

Outcome = Literal["better", "worse", "chance"]
OUTCOMES: dict[int, Outcome] = {1: "better", -1: "worse", 0: "chance"}


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """The system of the row against that of the column."""

    text: str  # the difference in points
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """One measure in one setting; None stands on the diagonal."""

    title: str
    systems: tuple[str, ...]
    rows: tuple[tuple[MatrixCell | None, ...], ...]


def draw_matrices(pairs: Sequence[SystemPair]) -> list[Matrix]:
    """Off-target and chrF of each setting, zero-shot first."""
    found = []
    for supervised in sorted({each.supervised for each in pairs}):
        group = [each for each in pairs if each.supervised == supervised]
        systems = tuple(dict.fromkeys(x for each in group for x in (each.first, each.second)))
        for number, measure in enumerate(("off-target, points of percent", "mean chrF, points")):
            squares = {
                (row, column): draw_cell(pair, number, sign)
                for pair in group
                for row, column, sign in (
                    (pair.second, pair.first, 1), (pair.first, pair.second, -1),
                )
            }  # fmt: skip
            found.append(
                Matrix(
                    title=f"{systems.SETTINGS[supervised].capitalize()}: {measure}",
                    systems=systems,
                    rows=tuple(tuple(squares.get((a, b)) for b in systems) for a in systems),
                )
            )
    return found


def draw_cell(pair: SystemPair, number: int, sign: int) -> MatrixCell:
    """The second system against the first, or the other way round where `sign` is -1."""
    difference, p, segments = (
        (pair.off_target_difference, pair.off_target_p, pair.judged),
        (pair.chrf_difference, pair.chrf_p, pair.segments),
    )[number]
    row, column = (pair.second, pair.first)[::sign]
    outcome = OUTCOMES[sign * pair.verdicts[number]]
    text = "-" if difference is None else signed(sign * difference)
    return MatrixCell(
        text=text,
        outcome=outcome,
        detail=f"{title_of(row)} against {title_of(column)}: {text} points, "
        f"p {p_value_cell(p).text.replace('<', 'under') if p < 0.001 else f'= {p:.3f}'}, "
        f"{segments} segments: "
        + {"better": "better", "worse": "worse", "chance": "may be chance"}[outcome],
    )


def signed(value: float) -> str:
    """With its sign, unless it rounds to nothing; a minus as long as a plus."""
    text = f"{value:+.1f}"
    return text.replace("-", "−") if float(text) else "0.0"


def pair_table(pairs: Sequence[SystemPair]) -> Table:
    """All numbers behind the squares."""
    columns = (
        *("setting", "first", "second", "n judged in both", "off-target in the first alone"),
        *("in the second alone", "difference in points", "p (sign test)"),
        *("n", "chrF difference", "p (randomisation)"),
    )
    rows = (
        (
            *(systems.SETTINGS[x.supervised], title_of(x.first), title_of(x.second)),
            *(x.judged, x.only_first, x.only_second, x.off_target_difference),
            *(p_value_cell(x.off_target_p), x.segments, x.chrf_difference, p_value_cell(x.chrf_p)),
        )
        for x in pairs
    )
    return make_table("significance", columns, rows)
