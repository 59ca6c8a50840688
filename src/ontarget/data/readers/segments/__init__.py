"""Hypotheses, references and sources from the files that people have, one segment a row.

files     a file, and the column of it that is meant
rows      the rows of JSON lines, CSV, TSV and Parquet
columns   the text of a row, and where evaluation harnesses put it
"""

from collections.abc import Iterator
from pathlib import Path

from ontarget.data.readers.lines import read_segments
from ontarget.data.readers.segments.columns import Role, column_of, read_column
from ontarget.data.readers.segments.files import (
    LINES,
    TableOptions,
    TextFile,
    TextFiles,
    find_files,
    parse_condition,
    split_column,
)
from ontarget.data.readers.segments.rows import read_rows
from ontarget.errors import CorpusError

__all__ = [
    "Role",
    "TableOptions",
    "TextFile",
    "TextFiles",
    "find_files",
    "parse_condition",
    "read_texts",
    "split_column",
]


def read_texts(file: TextFile, role: Role) -> Iterator[str]:
    """The segments of a file, as they are read; a missing reference is an empty text.

    Without a column, the first of `columns.NAMES[role]` that the first row has is read.

    Raises:
        CorpusError: the file cannot be read, has no such column, or a row has no text in it.
    """
    if file.format == LINES:
        if file.column:
            raise CorpusError(
                f"{file.path}: is read as lines of text, which have no column {file.column!r}; add "
                "--format jsonl, csv, tsv or parquet, or leave the column out"
            )
        yield from read_one_column(file.path)
        return
    column = file.column
    empty = True
    for place, row in read_rows(file, role):
        column = column or column_of(row, role, place)
        empty = False
        yield read_column(row, column, role, place)
    if empty:
        among = f" with {' and '.join(map('='.join, file.where))}" if file.where else ""
        raise CorpusError(f"{file.path}: has no rows{among}; expected one segment a row")


def read_one_column(path: Path) -> Iterator[str]:
    """The lines of a file.

    Raises:
        CorpusError: it is a table: its lines, two or more, all have the same number of tabs.
    """
    filled = 0
    tabs: set[int] = set()
    for text in read_segments(path):
        if text:
            filled += 1
            tabs.add(text.count("\t"))
        yield text
    if filled > 1 and len(tabs) == 1 and (count := tabs.pop()):
        raise CorpusError(
            f"{path}: every line has {count} {'tab' if count == 1 else 'tabs'}, so it holds "
            f"{count + 1} columns side by side; name it .tsv with a header and give "
            "FILE.tsv:COLUMN, or cut the column out"
        )
