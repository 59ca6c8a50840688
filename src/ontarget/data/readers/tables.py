"""Tables of text with a header: TSV without quoting, CSV as RFC 4180 says, TSV quoted so."""

import csv
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path

from ontarget.data.readers import lines
from ontarget.data.readers.base import Entry, Reader, Record, Row, Source
from ontarget.data.readers.lines import create_text, read_raw_lines
from ontarget.data.readers.shapes.columns import ROLES, SAMPLED, Kind, plain, repeated_name
from ontarget.data.readers.shapes.instructions import language_named
from ontarget.data.readers.shapes.matching import is_tag
from ontarget.data.readers.shapes.records import Texts, find_start, read_records, tags_of_table
from ontarget.errors import CorpusError
from ontarget.records import Parallel

SHOWN = 40  # characters of a column's name in messages; a file without header has long ones

Cells = Iterator[tuple[int, list[str]]]  # (line number, cells)


def tab_cells(path: Path) -> Cells:
    """The cells of each line between tabs; quotes are ordinary characters."""
    for number, line in read_raw_lines(path):
        yield number, line.rstrip("\r\n").split("\t")


def comma_cells(path: Path) -> Cells:
    """The cells of CSV; semicolons separate them if the header has some and no comma."""
    _, header = next(read_raw_lines(path), (1, ""))
    return quoted_cells(path, ";" if ";" in header and "," not in header else ",")


def quoted_cells(path: Path, delimiter: str) -> Cells:
    """The cells of each row, with the number of its first line; quoted as RFC 4180 says."""
    last = size = 0

    def rows() -> Iterator[str]:
        nonlocal last, size
        for last, line in read_raw_lines(path):  # noqa: B007 - the reader's place
            size += len(line)
            if size > lines.LONGEST:
                raise CorpusError(
                    f"{path}:{last}: a row longer than {lines.LONGEST} characters; is a quote "
                    "never closed?"
                )
            yield line

    csv.field_size_limit(lines.LONGEST)
    reader = csv.reader(rows(), delimiter=delimiter, strict=True)
    first = 1
    try:
        for cells in reader:
            if cells:
                yield first, cells
            first, size = last + 1, 0
    except csv.Error as error:
        raise CorpusError(
            f"{path}:{last}: broken CSV quoting ({error}); expected cells with commas, quotes or "
            'line breaks between double quotes, and "" for a quote inside'
        ) from error


def rows_of(
    path: Path, cells: Cells, header: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, row by column) of a table; the first row is its header unless one is given.

    Raises:
        CorpusError: the header lacks names or repeats one, or a row has too many or too few cells.
    """
    names = list(header) or check_header(next(cells, (1, []))[1], f"{path}:1")
    for number, row in cells:
        check_width(row, names, path, number)
        yield number, dict(zip(names, row, strict=True))


def check_width(row: Sequence[str], header: Sequence[str], path: Path, number: int) -> None:
    """Raise CorpusError unless a row has a cell a column."""
    if row == [""] and len(header) > 1:
        raise CorpusError(f"{path}:{number}: is a blank line; remove it")
    if len(row) != len(header):
        raise CorpusError(
            f"{path}:{number}: {len(row)} cells, expected {len(header)} as in the header; quote "
            "cells with line breaks (CSV), or remove tabs and line breaks from the text (TSV)"
        )


def check_header(header: list[str], place: str) -> list[str]:
    """The header; raises CorpusError unless it names each column once."""
    if header in ([], [""]):
        raise CorpusError(f"{place}: has no header; expected the names of the columns")
    repeated = repeated_name(header)
    if repeated is not None:
        raise CorpusError(f"{place}: two columns are named {repeated[:SHOWN]!r}; keep one")
    return header


def records(cells_of: Callable[[Path], Cells], source: Source) -> Iterator[Record]:
    """The rows of a table; an empty file has none."""
    (path,) = source.paths
    cells = cells_of(path)
    start = list(islice(cells, SAMPLED + 1))
    if not start:
        return
    if cells_of is tab_cells and source.entry.format is None:
        check_not_quoted(start, path)
    place, name = f"{path}:", f"{source.name}:"
    header = header_in_mind(start[0][1], source.entry, f"{path}:1")
    for number, row in rows_of(path, chain(start, cells), header):
        yield f"{place}{number}", f"{name}{number}", row


def read_columns(
    cells_of: Callable[[Path], Cells], source: Source, columns: Texts
) -> Iterator[Row]:
    """The rows of a table with a column a language, by tag; twice as fast as from its records."""
    (path,) = source.paths
    cells = cells_of(path)
    first = next(cells)
    header = header_in_mind(first[1], source.entry, f"{path}:1")
    if header:
        cells = chain([first], cells)
    header = header or first[1]
    places = [(tag, header.index(column)) for tag, column in columns.items()]
    name = f"{source.name}:"
    for number, row in cells:
        check_width(row, header, path, number)
        yield f"{name}{number}", {tag: row[place] for tag, place in places}


def header_in_mind(first: Sequence[str], entry: Entry, place: str) -> Sequence[str]:
    """The user's languages, as the header of a table of two columns without one.

    Raises:
        CorpusError: the first row seems to be a header, but of names that mean nothing here.
    """
    known = [
        cell for cell in first if is_tag(cell) or plain(cell) in " ".join(ROLES.values()).split()
    ]
    if known or entry.fields or not len(first) == len(entry.languages) == 2:
        return ()
    if any(map(language_named, first)):
        raise CorpusError(
            f"{place}: is {first[0][:SHOWN]!r} a header? name its columns by tags such as en, it, "
            "or remove it"
        )
    return entry.languages


def check_not_quoted(start: Sequence[tuple[int, list[str]]], path: Path) -> None:
    """Raise CorpusError where most rows have cells between double quotes."""
    rows = start[1:]
    quoted = [n for n, row in rows if any(c[:1] == c[-1:] == '"' and len(c) > 1 for c in row)]
    if 2 * len(quoted) > len(rows):
        raise CorpusError(
            f"{path}:{quoted[0]}: looks quoted: {len(quoted)} of the first {len(rows)} rows have a "
            "cell between double quotes; add format: tsv-quoted, or format: tsv if they are text"
        )


def write_tsv(path: Path, languages: Sequence[str], rows: Iterable[Parallel]) -> int:
    """Write rows; raises CorpusError for a text with a tab or a line break."""
    count = 0
    with create_text(path) as out:
        out.write("\t".join(languages) + "\n")
        for row in rows:
            count += 1
            cells = [row.texts.get(language, "") for language in languages]
            for language, text in zip(languages, cells, strict=True):
                if "\t" in text or "\n" in text or "\r" in text:
                    raise CorpusError(
                        f"{row.key}: the {language!r} text has a tab or a line break, which TSV "
                        "cannot hold; write .csv or .jsonl"
                    )
            out.write("\t".join(cells) + "\n")
    return count


def write_quoted(
    delimiter: str, path: Path, languages: Sequence[str], rows: Iterable[Parallel]
) -> int:
    """Write rows, quoted where they must be."""
    count = 0
    with create_text(path) as out:
        writer = csv.writer(out, delimiter=delimiter)
        writer.writerow(languages)
        for row in rows:
            count += 1
            writer.writerow([row.texts.get(language, "") for language in languages])
    return count


def table_reader(
    name: str,
    endings: tuple[str, ...],
    cells_of: Callable[[Path], Cells],
    write: Callable[[Path, Sequence[str], Iterable[Parallel]], int],
) -> Reader:
    """The reader of a kind of table."""
    own = partial(records, cells_of)

    def tags(source: Source) -> list[str]:
        return tags_of_table(source, own)

    def read(source: Source, wanted: Collection[str]) -> Iterator[Row]:
        shape, _ = find_start(source, own)
        if shape is None or shape.kind is not Kind.COLUMNS:
            return read_records(source, own, wanted)
        return read_columns(cells_of, source, {tag: shape.columns[tag] for tag in wanted})

    return Reader(
        name=name, endings=endings, tags=tags, read=read, write=write, records=own, keys=("fields",)
    )


READERS = (
    table_reader("tsv", (".tsv", ".tab"), tab_cells, write_tsv),
    table_reader("csv", (".csv",), comma_cells, partial(write_quoted, ",")),
    table_reader(
        "tsv-quoted", (), partial(quoted_cells, delimiter="\t"), partial(write_quoted, "\t")
    ),
)
