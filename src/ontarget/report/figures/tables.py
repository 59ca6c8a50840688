"""Tables of numbers: each cell has a rounded text for the page and a precise value for export."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ontarget.records import Score
from ontarget.report.render.formatting import MISSING, format_number

SMALLEST_P = 0.001  # smaller p values are shown as "< 0.001"


class Cell(NamedTuple):
    """A cell's text on the page, and its value in the exported file."""

    text: str
    value: str


Value = Cell | str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The numbers of a figure; `name` is the file name of the export."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def make_cell(value: str | int | float | None) -> Cell:
    """Floats have one decimal on the page and three in the file; None is a dash and empty."""
    if isinstance(value, float):
        return Cell(format_number(value), f"{value:.3f}".rstrip("0").rstrip("."))
    return Cell(MISSING, "") if value is None else Cell(str(value), str(value))


def p_value_cell(value: float) -> Cell:
    """A p value."""
    text = f"< {SMALLEST_P}" if value < SMALLEST_P else f"{value:.3f}"
    return Cell(text, f"{value:.3g}")


def make_table(name: str, columns: Iterable[str], rows: Iterable[Iterable[Value]]) -> Table:
    """A table of values; values that are cells already stay unchanged."""
    cells = (
        tuple(value if isinstance(value, Cell) else make_cell(value) for value in row)
        for row in rows
    )
    return Table(name=name, columns=tuple(columns), rows=tuple(cells))


def systems_of(scores: Iterable[Score]) -> list[str]:
    """The systems, in order of appearance."""
    return list(dict.fromkeys(score.system for score in scores))
