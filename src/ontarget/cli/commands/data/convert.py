"""`convert`: parallel text from any format into any other."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ontarget import artifacts
from ontarget.artifacts import signals
from ontarget.cli.console import write
from ontarget.data import readers
from ontarget.data.readers import Entry, Reader
from ontarget.data.readers.shapes.matching import is_tag
from ontarget.errors import ArtifactError, CorpusError, error_text
from ontarget.languages.names import unknown_code
from ontarget.languages.tags import standard
from ontarget.records import Parallel

MOSES = "moses"
MOSES_NAME = "corpus"  # of the files in a folder


def convert(  # noqa: PLR0913 - a command's options
    inputs: Annotated[
        list[str], typer.Argument(metavar="IN...", help="Files, folders, patterns or names.")
    ],
    out: Annotated[
        str,
        typer.Argument(metavar="OUT", help="A file; for Moses a stem as out.en-it, or a folder/."),
    ],
    languages: Annotated[
        str | None, typer.Option(help="en,it: those to write, and those of a nameless pair.")
    ] = None,
    source_format: Annotated[str | None, typer.Option("--from", help="The input's format.")] = None,
    target_format: Annotated[str | None, typer.Option("--to", help="The output's format.")] = None,
    fields: Annotated[
        str | None, typer.Option(help="source=src,target=tgt: the input's columns.")
    ] = None,
) -> None:
    """Convert parallel text: TSV, CSV, Parquet, JSON, Moses, TMX, XLIFF, PO, datasets, corpora.

    Example: ontarget convert train.en train.parquet
    """
    check_names(inputs, out)
    codes = parse_languages(languages)
    columns = parse_fields(fields)
    entries = [
        Entry(path=path, format=source_format, languages=codes, fields=columns) for path in inputs
    ]
    reader = writer_of(out, target_format)
    place = place_of(out, reader)
    check_not_read(place, entries)
    chosen = codes or tags_of(entries)
    rows = CountedRows(entries, chosen)
    with publish_files(place) as unfinished:
        count = reader.write(unfinished, chosen, rows) if reader.write else 0
    left_out = f"; {rows.count - count:,} without text for this format" * (rows.count > count)
    write(f"{count:,} rows in {', '.join(chosen)}: {out}{left_out}")


def check_names(inputs: Sequence[str], out: str) -> None:
    """Raise an error for an empty name, as of an unset variable of a shell, or an odd output."""
    if not all(inputs) or not out:
        raise CorpusError("the name of an input or of the output is empty; give one")
    if os.path.lexists(out) and not Path(out).is_dir() and not is_ordinary(Path(out)):
        raise ArtifactError(f"{out}: is a link, pipe or device, not a file; give another place")


def is_ordinary(path: Path) -> bool:
    """Whether a path is a file, and no link to one."""
    return path.is_file() and not path.is_symlink()


class CountedRows:
    """The rows of some entries, and how many were read."""

    def __init__(self, entries: Sequence[Entry], languages: Sequence[str]) -> None:
        self.entries, self.languages, self.count = entries, languages, 0
        self.unseen = set(languages)

    def __iter__(self) -> Iterator[Parallel]:
        """Raises CorpusError behind the last row if a language has no text."""
        for entry in self.entries:
            for row in readers.read_exactly(entry, self.languages):
                self.count += 1
                if self.unseen:
                    self.unseen -= row.texts.keys()
                yield row
        if self.unseen:
            raise CorpusError(
                f"{self.entries[0].path}: has no text in {', '.join(sorted(self.unseen))}; leave "
                "the language out"
            )


def parse_languages(option: str | None) -> tuple[str, ...]:
    """The tags of `--languages`.

    Raises:
        CorpusError: one is unknown or repeated.
    """
    codes = tuple(option.split(",")) if option else ()
    for code in codes:
        if not is_tag(code):
            raise CorpusError(f"--languages {option}: {unknown_code(code)}")
    if len(set(map(standard, codes))) < len(codes):
        raise CorpusError(f"--languages {option}: a language is named twice; name it once")
    return codes


def parse_fields(option: str | None) -> dict[str, str]:
    """The columns of `--fields`, by role or language."""
    pairs = [pair.partition("=") for pair in option.split(",")] if option else []
    if not all(name and column for name, _, column in pairs):
        raise CorpusError(f"--fields {option}: expected NAME=COLUMN, as source=src,target=tgt")
    return {name: column for name, _, column in pairs}


def writer_of(out: str, format: str | None) -> Reader:
    """The format of the output, by its name unless it is given.

    Raises:
        CorpusError: it is unknown, or can only be read.
    """
    written = {reader.name: reader for reader in readers.READERS if reader.write}
    if format is not None:
        if format not in written:
            raise CorpusError(f"--to {format}: expected {', '.join(written)}")
        return written[format]
    found = readers.reader_of(Path(out))
    if found is not None and found.name in written:
        return found
    pair = Path(out).suffix.removeprefix(".").split("-")
    if out.endswith("/") or Path(out).is_dir() or (len(pair) == 2 and all(map(is_tag, pair))):
        return written[MOSES]
    endings = [ending for reader in written.values() for ending in reader.endings]
    raise CorpusError(
        f"{out}: unknown format; expected a name ending in {', '.join(endings)}, for Moses one "
        "such as out.en-it or a folder/, or --to FORMAT"
    )


def place_of(out: str, reader: Reader) -> Path:
    """Where to write: the file, or the stem of several."""
    path = Path(out)
    if reader.name == MOSES and (out.endswith("/") or path.is_dir()):
        return path / MOSES_NAME
    if path.is_dir():
        raise ArtifactError(f"{out}: is a folder; give the name of a file")
    return path


def check_not_read(place: Path, entries: Sequence[Entry]) -> None:
    """Raise CorpusError where the output would replace a file that is read."""
    for entry in entries:
        for path in readers.files(entry):
            if path.resolve() == place.resolve() or (
                path.resolve().parent == place.resolve().parent
                and is_tag(path.name.removeprefix(f"{place.name}."))
            ):
                raise CorpusError(f"{place}: would replace {path}, which is read; write elsewhere")


def tags_of(entries: Sequence[Entry]) -> list[str]:
    """The languages of all entries, each as it is spelled first.

    Raises:
        CorpusError: there are none.
    """
    found: dict[str, str] = {}
    for entry in entries:
        for tag in readers.columns(entry):
            found.setdefault(standard(tag), tag)
    if not found:
        raise CorpusError(f"{entries[0].path}: has no text; give a file with rows")
    return list(found.values())


@contextmanager
def publish_files(place: Path) -> Iterator[Path]:
    """Where to write a file, or files with this stem; they move to `place` when the block ends.

    Raises:
        ArtifactError: the folder cannot be written to.
        Stopped: a signal ended it; nothing is left of it.
    """
    unfinished = place.parent / f".convert.{os.getpid()}.partial"
    try:
        with signals.raising_stopped("stopped; nothing was converted"):
            place.parent.mkdir(exist_ok=True)
            artifacts.remove_tree(unfinished)  # of a killed process with this number
            unfinished.mkdir()
            yield unfinished / place.name
            for path in sorted(unfinished.iterdir()):
                os.replace(path, place.parent / path.name)
    except OSError as error:
        words = error_text(error).replace(str(unfinished / place.name), str(place))
        raise ArtifactError(f"{place}: cannot be written ({words}); give another place") from error
    finally:
        artifacts.remove_tree(unfinished)
