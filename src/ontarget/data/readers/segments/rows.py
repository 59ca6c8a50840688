"""Rows of JSON lines, CSV, TSV and Parquet, each with its place for messages."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ontarget.data.readers import jsonl, tables
from ontarget.data.readers.parquet import ROWS_AT_ONCE
from ontarget.data.readers.segments.columns import NAMES, Role, find_value, missing_column
from ontarget.data.readers.segments.files import TextFile
from ontarget.errors import CorpusError, read_fault

Row = Mapping[str, Any]
Rows = Iterator[tuple[str, Row]]  # (place, row)
DIRECTION = ("tgt_lang", "target_lang")  # columns that tell the directions of one file apart


def read_rows(file: TextFile, role: Role) -> Rows:
    """The rows of a file that meet its conditions.

    Raises:
        CorpusError: the file is damaged, a condition names no column, or rows have several target
            languages and no condition chooses one.
    """
    read = READERS[file.format]
    columns = {file.column} if file.column else set(NAMES[role])
    columns |= {column for column, _ in file.where} | set(DIRECTION)
    seen: dict[str, str] = {}
    for place, row in read(file.path, columns):
        if meets(row, file.where, place):
            check_one_direction(row, seen, place)
            yield place, row


def meets(row: Row, where: tuple[tuple[str, str], ...], place: str) -> bool:
    """Whether a row has each condition's value in its column."""
    for column, value in where:
        found, content = find_value(row, column)
        if not found:
            raise CorpusError(missing_column(row, column, place))
        if str(content) != value:
            return False
    return True


def check_one_direction(row: Row, seen: dict[str, str], place: str) -> None:
    """Raise CorpusError where a row's target language differs from that of earlier rows."""
    for column in DIRECTION:
        language = row.get(column)
        if isinstance(language, str) and seen.setdefault(column, language) != language:
            raise CorpusError(
                f"{place}: {column} is {language!r}, but {seen[column]!r} above; choose the rows "
                f"of one target language with --where {column}={seen[column]}"
            )


def read_jsonl(path: Path, columns: set[str]) -> Rows:
    """One object a line; empty lines at the end are ignored."""
    for number, content in jsonl.read_objects(path):
        yield f"{path}:{number}", content


def read_table(cells_of: Callable[[Path], tables.Cells], path: Path, columns: set[str]) -> Rows:
    """The rows of a table with a header."""
    for number, row in tables.rows_of(path, cells_of(path)):
        yield f"{path}:{number}", row


def read_parquet(path: Path, columns: set[str]) -> Rows:
    """The rows of the columns that may be needed; other columns are not read."""
    import pyarrow as pa
    from pyarrow import parquet

    number = 0
    check_readable(path)
    try:
        with parquet.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            needed = {part for name in columns for part in (name, name.split(".")[0])}
            chosen = [name for name in names if name in needed] or names
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=chosen):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}: row {number}", dict.fromkeys(names, None) | row
    except (pa.lib.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"{path}: cannot be read as Parquet after row {number} "
            f"({' '.join(str(error).split())[:160]}); write or fetch it again"
        ) from error


def check_readable(path: Path) -> None:
    """Raise CorpusError in the system's words for a file that cannot be opened."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise CorpusError(f"{path}: {read_fault(error)}") from error


READERS: dict[str, Callable[[Path, set[str]], Rows]] = {
    "jsonl": read_jsonl,
    "csv": partial(read_table, tables.comma_cells),
    "tsv": partial(read_table, tables.tab_cells),
    "parquet": read_parquet,
}
