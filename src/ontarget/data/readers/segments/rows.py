"""Rows of JSON lines, CSV, TSV and Parquet, each with its place for messages."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ontarget.data.readers import tsv
from ontarget.data.readers.jsonl import unique_keys
from ontarget.data.readers.lines import read_lines
from ontarget.data.readers.parquet import ROWS_AT_ONCE
from ontarget.data.readers.segments.columns import NAMES, Role, find_value, missing_column
from ontarget.data.readers.segments.files import TextFile
from ontarget.errors import CorpusError

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
    blank = ""
    for number, line in read_lines(path):
        place = f"{path}:{number}"
        if not line.strip():
            blank = blank or place
            continue
        if blank:
            raise CorpusError(f"{blank}: an empty line among JSON lines; remove it")
        try:
            content = json.loads(line, object_pairs_hook=unique_keys)
        except (ValueError, RecursionError) as error:
            raise CorpusError(
                f"{place}: is not JSON ({error}); expected one object a line"
            ) from error
        if not isinstance(content, dict):
            raise CorpusError(
                f"{place}: is JSON, but no object; expected one such as "
                '{"hypothesis": "...", "reference": "..."}'
            )
        yield place, content


def read_csv(path: Path, columns: set[str]) -> Rows:
    """Comma-separated values with a header and standard quoting (RFC 4180)."""
    last = 0

    def lines() -> Iterator[str]:
        nonlocal last
        for last, line in read_lines(path):  # noqa: B007 - the reader's place
            yield f"{line}\n"

    reader = csv.reader(lines(), strict=True)
    try:
        header = check_header(next(reader, []), f"{path}:1")
        first = last + 1
        for cells in reader:
            place = f"{path}:{first}"
            first = last + 1
            if cells:
                check_cells(cells, header, place)
                yield place, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise CorpusError(
            f"{path}:{last}: broken CSV quoting ({error}); expected cells with commas, quotes or "
            'line breaks between double quotes, and "" for a quote inside'
        ) from error


def read_tsv(path: Path, columns: set[str]) -> Rows:
    """Tab-separated cells with a header, without quoting."""
    lines = read_lines(path)
    header = check_header(next(lines, (1, ""))[1].split("\t"), f"{path}:1")
    for number, line in lines:
        cells = line.split("\t")
        check_cells(cells, header, f"{path}:{number}")
        yield f"{path}:{number}", dict(zip(header, cells, strict=True))


def check_header(header: list[str], place: str) -> list[str]:
    """The header; raises CorpusError unless it names each column once."""
    if header in ([], [""]):
        raise CorpusError(f"{place}: has no header; expected the names of the columns")
    repeated = next((name for name in header if header.count(name) > 1), None)
    if repeated is not None:
        raise CorpusError(f"{place}: {tsv.column_fault(header, repeated)}")
    return header


def check_cells(cells: list[str], header: list[str], place: str) -> None:
    """Raise CorpusError unless a row has one cell a column."""
    if len(cells) != len(header):
        raise CorpusError(
            f"{place}: {len(cells)} cells, expected {len(header)} as in the header; quote cells "
            "with line breaks (CSV), or remove tabs and line breaks from the text (TSV)"
        )


def read_parquet(path: Path, columns: set[str]) -> Rows:
    """The rows of the columns that may be needed; other columns are not read."""
    import pyarrow as pa
    from pyarrow import parquet

    number = 0
    check_readable(path)
    try:
        with parquet.ParquetFile(path) as file:  # type: ignore[no-untyped-call]
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
        raise CorpusError(f"{path}: {error.strerror}; make the file readable") from error


READERS: dict[str, Callable[[Path, set[str]], Rows]] = {
    "jsonl": read_jsonl,
    "csv": read_csv,
    "tsv": read_tsv,
    "parquet": read_parquet,
}
