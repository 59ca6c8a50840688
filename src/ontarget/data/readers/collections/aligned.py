"""Text files of a collection, aligned by line: the entry's languages are theirs, in order."""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import zip_longest
from pathlib import Path

from ontarget.data.readers.base import Reader, Row, Source
from ontarget.data.readers.lines import read_lines
from ontarget.errors import CorpusError

Lines = Callable[[Path], Iterator[tuple[int, str]]]  # (line number, text)


def tags(source: Source) -> list[str]:
    """The languages of the files."""
    return list(source.entry.languages)


def read(source: Source, wanted: Collection[str], lines: Lines = read_lines) -> Iterator[Row]:
    """The lines of the wanted files, side by side.

    Raises:
        CorpusError: one has fewer lines than another.
    """
    files = dict(zip(source.entry.languages, source.paths, strict=True))
    files = {tag: path for tag, path in files.items() if tag in wanted}
    for number, row in enumerate(zip_longest(*map(lines, files.values())), start=1):
        short = [path for path, line in zip(files.values(), row, strict=True) if line is None]
        if short:
            raise CorpusError(
                f"{short[0]}: ends after {number - 1} segments, before the files that it is "
                "aligned with; fetch it again"
            )
        texts = {tag: text for tag, (_, text) in zip(files, row, strict=True)}
        yield f"{source.name}:{number}", texts


def talk_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The segments of a file of talks (`train.tags.en-it.en`), without lines of metadata."""
    for number, line in read_lines(path):
        if not line.startswith("<"):
            yield number, line


READER = Reader(name="aligned", endings=(), tags=tags, read=read)
TALKS = Reader(name="talks", endings=(), tags=tags, read=partial(read, lines=talk_lines))
