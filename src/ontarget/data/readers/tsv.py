"""Tab-separated text: a header of language codes, then one meaning a line. No quoting."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ontarget.data.readers.lines import read_lines
from ontarget.errors import CorpusError

SHOWN = 40  # characters of a column's name; a text without header has long ones


def read(path: Path, languages: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(key, texts of `languages`) of each line; other columns are left out.

    Raises:
        CorpusError: a language has no column or two, or a line has more or fewer cells.
    """
    rows = read_lines(path)
    header = next(rows, (1, ""))[1].split("\t")
    if header == [""]:  # nothing at all
        return
    places = {language: column_index(header, language, f"{path}:1") for language in languages}
    for number, line in rows:
        cells = line.split("\t")
        if len(cells) != len(header):
            raise CorpusError(
                f"{path}:{number}: {len(cells)} cells, expected {len(header)} as in the header; "
                "remove tabs and line breaks from the text"
            )
        yield f"{path.name}:{number}", {language: cells[at] for language, at in places.items()}


def column_index(header: Sequence[str], language: str, where: str) -> int:
    """The position of a language's one column."""
    if header.count(language) != 1:
        raise CorpusError(f"{where}: {column_fault(header, language)}")
    return header.index(language)


def column_fault(names: Sequence[str], language: str) -> str:
    """Why there is not one column for `language`, and what to do."""
    if language in names:
        return f"two columns are named {language!r}; keep one"
    likely = [name for name in names if name.lower()[:2] == language.lower()[:2]]
    found = ", ".join(name[:SHOWN] for name in names[:12]) or "nothing"
    hint = f"rename {likely[0][:SHOWN]!r}" if likely else "add it"
    return f"no column {language!r} among {found}; {hint} or drop the language from the recipe"
