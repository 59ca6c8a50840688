"""A file of segments, and the column of it that is meant: `PATH` or `PATH:COLUMN`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ontarget.data.readers.lines import STDIN
from ontarget.errors import CorpusError

LINES = "lines"
FORMATS = (LINES, "jsonl", "csv", "tsv", "parquet")
COMPRESSED = (".gz", ".zst")
NOT_READ = {
    ".json": "one JSON document; write one object a line (jq -c '.[]' a.json > a.jsonl)",
    ".xml": "XML; extract the text, one segment a line (wmt-unwrap does so for WMT's)",
    ".sgm": "SGML; extract the text, one segment a line",
    ".xlsx": "a spreadsheet; export it as CSV",
    ".arrow": "an Arrow file; write it as Parquet",
}


@dataclass(frozen=True, slots=True)
class TextFile:
    """Segments: a file of lines, or one column of the rows that meet all conditions of `where`."""

    path: Path
    format: str  # one of FORMATS
    column: str = ""  # "": found by its name; dots reach into objects: `doc.source`
    where: tuple[tuple[str, str], ...] = ()  # (column, value)

    def __str__(self) -> str:
        return f"{self.path}:{self.column}" if self.column else str(self.path)


def text_file(
    name: Path, format: str | None = None, where: tuple[tuple[str, str], ...] = ()
) -> TextFile:
    """The file that `PATH` or `PATH:COLUMN` means; its format follows from its name if not given.

    Conditions are dropped for files of lines: they are for the tables beside them.

    Raises:
        CorpusError: the format is unknown, or one that is not read.
    """
    if format is not None and format not in FORMATS:
        raise CorpusError(f"--format {format}: unknown; expected {', '.join(FORMATS)}")
    path, column = split_column(name)
    found = format or format_of(path)
    return TextFile(path, found, column, () if found == LINES else where)


def split_column(name: Path) -> tuple[Path, str]:
    """A path and the column after its colon, "" if there is none; a file's own name may have one.

    A colon in front of which there is no file belongs to the path, unless that path's ending is a
    table's, as it is in most slips of the pen.
    """
    text = str(name)
    if name.exists():
        return name, ""
    cuts = [at for at, character in enumerate(text) if character == ":" and 0 < at < len(text) - 1]
    for at in cuts:
        path = Path(text[:at])
        if path == STDIN or path.exists():
            return path, text[at + 1 :]
    for at in cuts:
        if ending_of(Path(text[:at])).removeprefix(".") in FORMATS:
            return Path(text[:at]), text[at + 1 :]
    return name, ""


def ending_of(path: Path) -> str:
    """The ending of a name in lower case, before that of a compressed file: `.jsonl`."""
    name = Path(path.stem) if path.suffix in COMPRESSED else path
    return name.suffix.lower()


def format_of(path: Path) -> str:
    """The format by the name: lines, unless the ending says otherwise.

    Raises:
        CorpusError: it is one that is not read.
    """
    ending = ending_of(path)
    if ending in NOT_READ:
        raise CorpusError(f"{path}: is {NOT_READ[ending]}, or add --format if the name misleads")
    name = {".ndjson": "jsonl"}.get(ending, ending.removeprefix("."))
    return name if name in FORMATS else LINES


def parse_condition(text: str) -> tuple[str, str]:
    """`COLUMN=VALUE` as a pair.

    Raises:
        CorpusError: it has another form.
    """
    column, equals, value = text.partition("=")
    if not (column and equals):
        raise CorpusError(f"--where {text}: expected COLUMN=VALUE, such as tgt_lang=cs_CZ")
    return column, value


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How tables among the files of an evaluation are read."""

    format: str | None = None  # of hypotheses and what else is in their files; None: by their names
    where: tuple[tuple[str, str], ...] = ()  # conditions on rows, for all tables


@dataclass(frozen=True, slots=True)
class TextFiles:
    """The files of an evaluation."""

    hypotheses: tuple[TextFile, ...]
    references: tuple[TextFile, ...]
    sources: TextFile | None


def find_files(
    hypotheses: Sequence[Path],
    references: Sequence[Path],
    sources: Path | None,
    options: TableOptions,
) -> TextFiles:
    """The files that names mean, each with its format and column.

    Raises:
        CorpusError: a format is unknown, or there are conditions on rows and no tables.
    """
    systems = tuple(text_file(name, options.format, options.where) for name in hypotheses)
    formats = {file.path: file.format for file in systems}
    others = [
        text_file(name, formats.get(split_column(name)[0]), options.where)
        for name in [*references, *([] if sources is None else [sources])]
    ]
    files = TextFiles(
        systems, tuple(others[: len(references)]), None if sources is None else others[-1]
    )
    if options.where and not any(file.where for file in (*systems, *others)):
        raise CorpusError(
            f"--where {'='.join(options.where[0])}: chooses rows of tables, but all files are read "
            "as lines; give tables, or leave it out"
        )
    return files
