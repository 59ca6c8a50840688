"""Tab-separated text: a header of language codes, then one row a line. No quoting."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ontarget.data.readers.lines import read_lines
from ontarget.errors import CorpusError

SHOWN = 40  # characters of a column name in messages; a file without header has long ones


def read(path: Path, languages: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(key, texts of `languages`) of each line; other columns are ignored.

    Raises:
        CorpusError: a language has no column or two, or a line has too many or too few cells.
    """
    lines = read_lines(path)
    header = next(lines, (1, ""))[1].split("\t")
    if header == [""]:
        return
    columns = {language: column_index(header, language, f"{path}:1") for language in languages}
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) != len(header):
            raise CorpusError(
                f"{path}:{number}: {len(cells)} cells, expected {len(header)} as in the header; "
                "remove tabs and line breaks from the text"
            )
        texts = {language: cells[column] for language, column in columns.items()}
        yield f"{path.name}:{number}", texts


def columns(path: Path) -> list[str]:
    """The cells of the header."""
    return next(read_lines(path), (1, ""))[1].split("\t")


def column_index(header: Sequence[str], language: str, place: str) -> int:
    """The position of a language's column."""
    if header.count(language) != 1:
        raise CorpusError(f"{place}: {column_fault(header, language)}")
    return header.index(language)


def column_fault(names: Sequence[str], language: str) -> str:
    """Why a language does not have exactly one column, and what to do."""
    if language in names:
        return f"two columns are named {language!r}; keep one"
    similar = [name for name in names if name.lower()[:2] == language.lower()[:2]]
    columns = ", ".join(name[:SHOWN] for name in names[:12]) or "nothing"
    remedy = f"rename {similar[0][:SHOWN]!r}" if similar else "add it"
    return f"no column {language!r} among {columns}; {remedy} or leave the language out"
