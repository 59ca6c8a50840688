"""TODO."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ontarget.records import Score


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


def make_cell(value: str | int | float | None) -> Cell:
    """A number is shown to a tenth and kept to a thousandth; a dash stands for what is unknown."""
    if isinstance(value, float):
        return Cell(f"{value:.1f}", f"{value:.3f}".rstrip("0").rstrip("."))
    return Cell("-", "") if value is None else Cell(str(value), str(value))


def p_value_cell(value: float) -> Cell:
    """A p value."""
    return Cell("< 0.001" if value < 0.001 else f"{value:.3f}", f"{value:.3g}")


def make_table(name: str, columns: Iterable[str], rows: Iterable[Iterable[Value]]) -> Table:
    """A table of values, some of them cells already."""
    made = (tuple(x if isinstance(x, Cell) else make_cell(x) for x in row) for row in rows)
    return Table(name=name, columns=tuple(columns), rows=tuple(made))


def systems_of(scores: Iterable[Score]) -> list[str]:
    """The systems, in order of appearance."""
    return list(dict.fromkeys(each.system for each in scores))
