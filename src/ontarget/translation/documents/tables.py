"""TSV and CSV with a header: the translation is a new column, after the others."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ontarget.data.readers.lines import read_raw_lines
from ontarget.errors import TranslationError
from ontarget.languages.tags import standard
from ontarget.translation.documents.base import Part, Reading, Segment

NAMES = ("source", "text", "src", "sentence", "input")  # of a column with text

Row = Sequence[str]


def parts(path: Path, reading: Reading) -> Iterator[Part]:
    """The rows, one by one; where there is no translation the cell is empty.

    Raises:
        TranslationError: a row has another number of cells than the header.
    """
    is_csv = ".csv" in path.suffixes
    write = csv_line if is_csv else tsv_line
    header: list[str] = []
    at = to = 0
    for number, row in rows_of(path, is_csv):
        if not header:
            header = row
            at = header.index(text_column(header, reading, path))
            out = reading.out_column or reading.target_lang
            to = header.index(out) if out in header else len(header)
            yield write(replaced(header, to, out))
            continue
        if len(row) != len(header):
            raise TranslationError(
                f"{path}:{number}: has {len(row)} cells, the header has {len(header)}; correct it"
            )
        text = " ".join(row[at].split())
        empty = write(replaced(row, to, ""))
        yield Segment(text, number, renderer(row, to, write), empty) if text else empty


def rows_of(path: Path, is_csv: bool) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row that is not empty."""
    lines = (line for _, line in read_raw_lines(path))
    if not is_csv:
        for number, line in enumerate(lines, start=1):
            if line.strip("\r\n"):
                yield number, line.rstrip("\r\n").split("\t")
        return
    reader = csv.reader(lines, strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise TranslationError(
            f"{path}:{reader.line_num}: is not CSV ({error}); correct it"
        ) from error


def text_column(names: Sequence[str], reading: Reading, path: Path) -> str:
    """The name of the column with the text.

    Raises:
        TranslationError: there is none.
    """
    if reading.column:
        found = [name for name in names if name == reading.column]
    else:
        found = [n for n in names if reading.source_lang and is_language(n, reading.source_lang)]
        found = found or [name for name in names if name.strip().lower() in NAMES]
        found = found or (list(names) if len(names) == 1 else [])
    if not found:
        wanted = repr(reading.column) if reading.column else "with the text"
        raise TranslationError(
            f"{path}: no column {wanted} among {', '.join(names)[:80]}; name one with --column"
        )
    return found[0]


def is_language(name: str, language: str) -> bool:
    """Whether a column's name is the code of a language."""
    return name.isascii() and bool(name.strip()) and standard(name.strip()) == standard(language)


def replaced(row: Row, to: int, text: str) -> list[str]:
    """A row with a text at a place, which may be the one after its last."""
    return [*row[:to], text, *row[to + 1 :]]


def renderer(row: Row, to: int, write: Callable[[Row], str]) -> Callable[[str], str]:
    """The function from a translation to the row's line."""
    return lambda text: write(replaced(row, to, text))


def tsv_line(row: Row) -> str:
    """A line of cells with tabs between."""
    return "\t".join(row) + "\n"


def csv_line(row: Row) -> str:
    """A line of cells with commas between, quoted where they must be."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(row)
    return line.getvalue()
