"""Readers of multi-parallel text, one a format; each yields `Parallel` and refuses bad files."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ontarget.data.readers import jsonl, parquet, tsv
from ontarget.errors import CorpusError
from ontarget.records import Parallel

READERS = {
    ".tsv": tsv.read,
    ".tsv.gz": tsv.read,
    ".parquet": parquet.read,
    ".jsonl": jsonl.read,
    ".jsonl.gz": jsonl.read,
}


def read(path: Path, languages: Sequence[str]) -> Iterator[Parallel]:
    """The rows of a corpus file, in file order, each with those of `languages` it has.

    A row is keyed `name:line`. White space around a text is not part of it, line breaks inside it
    are spaces, and an empty text is an absent one.

    Raises:
        CorpusError: the file is missing, empty, misaligned, not UTF-8, or of an unknown format.
    """
    reader = next((READERS[end] for end in READERS if path.name.endswith(end)), None)
    if reader is None:
        raise CorpusError(f"{path}: unknown format; expected a name ending in {', '.join(READERS)}")
    if not path.is_file():
        there = "is no regular file" if os.path.lexists(path) else "no such file"
        found = "is a folder" if path.is_dir() else there
        raise CorpusError(f"{path}: {found}; give the path of a corpus file")
    empty = True
    for key, texts in reader(path, languages):
        empty = False
        kept = {language: " ".join(text.splitlines()).strip() for language, text in texts.items()}
        yield Parallel(key=key, texts={language: text for language, text in kept.items() if text})
    if empty:
        raise CorpusError(f"{path}: holds no row; give a file with text in {', '.join(languages)}")
