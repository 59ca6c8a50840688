"""Systems against systems as squares and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ontarget import tables
from ontarget.figures import Table, name_of, p_cell, table
from ontarget.significance import Pair

Outcome = Literal["better", "worse", "chance"]
OUTCOMES: dict[int, Outcome] = {1: "better", -1: "worse", 0: "chance"}


@dataclass(frozen=True, slots=True)
class Versus:
    """The system of the row against that of the column."""

    text: str  # the difference in points
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """One measure in one setting; None stands on the diagonal."""

    title: str
    systems: tuple[str, ...]
    rows: tuple[tuple[Versus | None, ...], ...]


def matrices(pairs: Sequence[Pair]) -> list[Matrix]:
    """Off-target and chrF of each setting, zero-shot first."""
    found = []
    for supervised in sorted({each.supervised for each in pairs}):
        group = [each for each in pairs if each.supervised == supervised]
        systems = tuple(dict.fromkeys(x for each in group for x in (each.first, each.second)))
        for number, measure in enumerate(("off-target, points of percent", "mean chrF, points")):
            squares = {
                (row, column): versus(pair, number, sign)
                for pair in group
                for row, column, sign in (
                    (pair.second, pair.first, 1), (pair.first, pair.second, -1),
                )
            }  # fmt: skip
            found.append(
                Matrix(
                    title=f"{tables.SETTINGS[supervised].capitalize()}: {measure}",
                    systems=systems,
                    rows=tuple(tuple(squares.get((a, b)) for b in systems) for a in systems),
                )
            )
    return found


def versus(pair: Pair, number: int, sign: int) -> Versus:
    """The second system against the first, or the other way round where `sign` is -1."""
    difference, p, segments = (
        (pair.off_target_difference, pair.off_target_p, pair.judged),
        (pair.chrf_difference, pair.chrf_p, pair.segments),
    )[number]
    row, column = (pair.second, pair.first)[::sign]
    outcome = OUTCOMES[sign * pair.verdicts[number]]
    text = "-" if difference is None else signed(sign * difference)
    return Versus(
        text=text,
        outcome=outcome,
        detail=f"{name_of(row)} against {name_of(column)}: {text} points, "
        f"p {p_cell(p).text.replace('<', 'under') if p < 0.001 else f'= {p:.3f}'}, "
        f"{segments} segments: "
        + {"better": "better", "worse": "worse", "chance": "may be chance"}[outcome],
    )


def signed(value: float) -> str:
    """With its sign, unless it rounds to nothing; a minus as long as a plus."""
    text = f"{value:+.1f}"
    return text.replace("-", "−") if float(text) else "0.0"


def pair_table(pairs: Sequence[Pair]) -> Table:
    """All numbers behind the squares."""
    columns = (
        *("setting", "first", "second", "n judged in both", "off-target in the first alone"),
        *("in the second alone", "difference in points", "p (sign test)"),
        *("n", "chrF difference", "p (randomisation)"),
    )
    rows = (
        (
            *(tables.SETTINGS[x.supervised], name_of(x.first), name_of(x.second)),
            *(x.judged, x.only_first, x.only_second, x.off_target_difference),
            *(p_cell(x.off_target_p), x.segments, x.chrf_difference, p_cell(x.chrf_p)),
        )
        for x in pairs
    )
    return table("significance", columns, rows)
