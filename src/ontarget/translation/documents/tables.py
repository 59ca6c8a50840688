"""TSV and CSV with a header: the translation is a new column, after the others."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from ontarget.data.readers.lines import read_raw_lines
from ontarget.errors import TranslationError
from ontarget.languages.tags import standard
from ontarget.translation.documents.base import Part, Reading, Segment

END = "\r\n"  # cells with one of them are quoted
NAMES = ("source", "text", "src", "sentence", "input")  # of a column with text

Row = Sequence[str]


def parts(path: Path, reading: Reading) -> Iterator[Part]:
    """The rows, one by one; where there is no translation the cell is empty.

    Raises:
        TranslationError: a row has another number of cells than the header.
    """
    is_csv = ".csv" in path.suffixes
    delimiter = delimiter_of(path) if is_csv else "\t"
    write = partial(csv_line, delimiter=delimiter) if is_csv else tsv_line
    header: list[str] = []
    at = 0
    for number, row, end in rows_of(path, delimiter if is_csv else None):
        if not header:
            header = row
            if repeated := next((name for name in header if header.count(name) > 1), None):
                raise TranslationError(
                    f"{path}:{number}: has several columns {repeated!r}; rename all but one"
                )
            at = header.index(text_column(header, reading, path))
            out = new_column(header, reading, f"{path}:{number}")
            yield write([*header, out]) + end
            continue
        if len(row) != len(header):
            raise TranslationError(
                f"{path}:{number}: has {len(row)} cells, the header has {len(header)}; correct it"
            )
        text = " ".join(row[at].split())
        render = renderer(row, write, end)
        yield Segment(text, number, render, render("")) if text else render("")


def delimiter_of(path: Path) -> str:
    """What separates the cells of CSV: semicolons if the header has some and no comma."""
    _, header = next(read_raw_lines(path), (1, ""))
    return ";" if ";" in header and "," not in header else ","


def rows_of(path: Path, delimiter: str | None) -> Iterator[tuple[int, list[str], str]]:
    """(line, cells, line end) of each row that is not empty; of TSV without a delimiter of CSV."""
    if delimiter is None:
        for number, line in read_raw_lines(path):
            if line.strip("\r\n"):
                yield number, line.rstrip("\r\n").split("\t"), line_end(line)
        return
    last = ""

    def lines() -> Iterator[str]:
        nonlocal last
        for _, last in read_raw_lines(path):
            yield last

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row, line_end(last)
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


def new_column(names: Sequence[str], reading: Reading, place: str) -> str:
    """The name of the column for the translation.

    Raises:
        TranslationError: there is one already, whose content would be lost.
    """
    out = reading.out_column or reading.target_lang
    if out in names:
        raise TranslationError(
            f"{place}: has a column or field {out!r} already; name another one for the translation "
            "with --out-column"
        )
    return out


def line_end(line: str) -> str:
    """The line break that a line ends with; the last one may have none."""
    return line[len(line.rstrip("\r\n")) :]


def renderer(row: Row, write: Callable[[Row], str], end: str) -> Callable[[str], str]:
    """The function from a translation to the row's line."""
    return lambda text: write([*row, text]) + end


def tsv_line(row: Row) -> str:
    """Cells with tabs between."""
    return "\t".join(row)


def csv_line(row: Row, delimiter: str) -> str:
    """Cells with a comma or semicolon between, quoted where they must be."""
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator=END).writerow(row)
    return line.getvalue().removesuffix(END)
