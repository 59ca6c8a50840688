"""Readers of multi-parallel text, one module a format; each yields `Parallel` rows.

tsv          tab-separated text with a header of language codes
jsonl        JSON lines: {"translation": {"en": ..., "it": ...}}
parquet      one string column a language
lines        lines of text files, for the readers above and for files of segments
segments     hypotheses, references and sources, from lines or one column of a table
phrasebook   the embedded corpus, composed from CLDR
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from ontarget.data.readers import jsonl, parquet, tsv
from ontarget.errors import CorpusError
from ontarget.records import Parallel

READERS = {".tsv": tsv, ".tsv.gz": tsv, ".parquet": parquet, ".jsonl": jsonl, ".jsonl.gz": jsonl}


def read(path: Path, languages: Sequence[str]) -> Iterator[Parallel]:
    """The rows of a corpus file, in file order, with those of `languages` that each row has.

    Keys are `name:line`. White space around a text is removed, line breaks inside it become spaces,
    and an empty text counts as missing.

    Raises:
        CorpusError: the file is missing, empty, misaligned, not UTF-8, or of an unknown format.
    """
    reader = reader_of(path)
    empty = True
    for key, texts in reader.read(path, languages):
        empty = False
        clean = {language: " ".join(text.splitlines()).strip() for language, text in texts.items()}
        yield Parallel(key=key, texts={language: text for language, text in clean.items() if text})
    if empty:
        raise CorpusError(f"{path}: has no rows; give a file with text in {', '.join(languages)}")


def columns(path: Path) -> list[str]:
    """The names under which a corpus file has texts, in its order; other columns are among them.

    Raises:
        CorpusError: the file is missing, damaged, or of an unknown format.
    """
    names: list[str] = reader_of(path).columns(path)
    return names


def reader_of(path: Path) -> ModuleType:
    """The module that reads a file of this name.

    Raises:
        CorpusError: there is no such file, or no module for it.
    """
    reader = next((READERS[end] for end in READERS if path.name.endswith(end)), None)
    if reader is None:
        raise CorpusError(f"{path}: unknown format; expected a name ending in {', '.join(READERS)}")
    if not path.is_file():
        fault = "not a regular file" if os.path.lexists(path) else "no such file"
        fault = "is a folder" if path.is_dir() else fault
        raise CorpusError(f"{path}: {fault}; give the path of a corpus file")
    return reader
