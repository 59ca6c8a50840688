"""Formats of documents: a file as parts in order, either text to translate or kept as it is.

base        `Segment`, the parts of a document, and how files are read
lines       plain text, a segment a line
markdown    Markdown, a segment a paragraph, heading, item or cell
html        HTML, a segment a run of text between block elements
po          PO catalogues, a segment a string without a translation
xliff       XLIFF 1.2 and 2.x, a segment a unit without a translation
subtitles   SRT, a segment a cue
tables      TSV and CSV, a segment a row, the translation in a new column
json_lines  JSON lines, a segment a record, the translation in a new field
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path

from ontarget.data.readers.lines import BOM, COMPRESSED, named_damage, open_bytes
from ontarget.errors import TranslationError
from ontarget.translation.documents.base import Part, Reading

FORMATS = {  # ending of a name -> module
    ".txt": "lines", ".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html",
    ".xhtml": "html", ".po": "po", ".pot": "po", ".xliff": "xliff", ".xlf": "xliff",
    ".srt": "subtitles", ".tsv": "tables", ".csv": "tables", ".jsonl": "json_lines",
}  # fmt: skip
MARK = "\ufeff"  # byte-order mark
WITH_COLUMNS = {"tables", "json_lines"}


def format_of(path: Path) -> str | None:
    """The module of a file's format by the ending of its name; None if there is none."""
    if str(path) == "-":
        return "lines"
    name = Path(path.stem) if path.suffix in COMPRESSED else path
    return FORMATS.get(name.suffix.lower())


def read_parts(path: Path, reading: Reading) -> Iterator[Part]:
    """The parts of a file, which together are the whole file.

    Raises:
        OnTargetError: it cannot be read, or is damaged.
    """
    check_regular(path)
    name = format_of(path)
    if name is None:
        raise TranslationError(
            f"{path}: has none of the endings {', '.join(FORMATS)}; rename it, or give its lines "
            "to standard input"
        )
    if (reading.column or reading.out_column) and name not in WITH_COLUMNS:
        raise TranslationError(f"{path}: has no columns; leave --column and --out-column out")
    parts: Callable[[Path, Reading], Iterator[Part]] = import_module(
        f"ontarget.translation.documents.{name}"
    ).parts
    return chain([MARK] if has_mark(path) else [], parts(path, reading))


def check_regular(path: Path) -> None:
    """Raise TranslationError for a pipe or a device, which may never end and is read once."""
    if path.exists() and not path.is_file():
        raise TranslationError(f"{path}: is no regular file; give a file, or - for standard input")


def has_mark(path: Path) -> bool:
    """Whether a file begins with a byte-order mark."""
    with named_damage(path, lambda: 0), open_bytes(path) as stream:
        return stream.read(len(BOM)) == BOM
