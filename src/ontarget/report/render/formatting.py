"""Formatting shared by all reports: numbers, escaping, Markdown tables and plain-text tables."""

import re
from collections.abc import Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

MISSING = "-"  # what stands for a missing value
WIDTH = 80  # columns of plain text
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def format_number(value: float | None) -> str:
    """A percentage or score with one decimal, or a dash."""
    return MISSING if value is None else f"{value:.1f}"


def format_percent(value: float | None) -> str:
    """A percentage with one decimal and a percent sign, or a dash."""
    return MISSING if value is None else f"{value:.1f} %"


def format_difference(difference: float | None) -> str:
    """A difference with its sign and one decimal, `0.0` without a sign, or a dash."""
    if difference is None:
        return MISSING
    text = f"{difference:+.1f}"
    return text if float(text) else "0.0"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is left-aligned, all others are right-aligned."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(map(escape_markdown, line))} |\n" for line in lines)


def escape_markdown(text: str) -> str:
    """A text as one line that cannot break a table or the page, nor control a terminal."""
    for character in "\\|`*_<>[]#&":
        text = text.replace(character, f"\\{character}")
    return CONTROL.sub(lambda match: ascii(match[0])[1:-1], " ".join(text.split()))


def text_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int = WIDTH
) -> list[str]:
    """The lines of a plain-text table; the first column is left-aligned, the others right-aligned.

    In a narrow table, the first column is wrapped. Cells are plain text: markup is not interpreted.
    """
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for number, title in enumerate(header):
        if number:
            table.add_column(Text(title), justify="right", no_wrap=True)
        else:
            table.add_column(Text(title), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    file = StringIO()
    # An empty environment, so that COLUMNS and FORCE_COLOR have no influence.
    Console(file=file, width=width, color_system=None, _environ={}).print(table)
    return [line.rstrip() for line in file.getvalue().splitlines()]
