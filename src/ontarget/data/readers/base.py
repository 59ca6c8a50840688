"""What a reader of parallel text is: one record a format, in one module each."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ontarget.records import Parallel

# (key, texts by the file's own tags); a key is "train.tsv:17", unique within the source
Row = tuple[str, Mapping[str, str]]
# (place for messages, key, content by column or field)
Record = tuple[str, str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One corpus as a recipe or a command names it: a path, a glob, a folder, or a name."""

    path: str  # or "hf:org/dataset", "sacrebleu:wmt22/en-de", "opus:Tatoeba", ...
    format: str | None = None  # of a `Reader`; None: by the name
    languages: tuple[str, ...] = ()  # source and target, where the corpus does not name them
    fields: Mapping[str, str] = field(default_factory=dict)  # {"source": "src_text", ...}
    config: str | None = None  # of a Hugging Face dataset
    split: str | None = None  # of a Hugging Face dataset
    revision: str | None = None  # of a Hugging Face dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What one reader reads at once: a file, a pair of files, a folder, a dataset."""

    name: str  # in the keys of its rows: the file's name
    paths: tuple[Path, ...]  # several for files that are aligned line by line
    entry: Entry  # with what the user said about it


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A format of parallel text.

    `tags` returns the tags under which the source has text, as the source spells them. `read`
    yields its rows in order, with the texts of `wanted` tags that each row has, and raises
    `CorpusError` in one line with file and line for every kind of damage. `write` writes rows of
    these languages and returns how many. `records`, of a format whose rows have columns or fields,
    yields them as they are.
    """

    name: str  # the value of `format:`
    endings: tuple[str, ...]  # of names, before those of compression: (".tsv",)
    tags: Callable[[Source], list[str]]
    read: Callable[[Source, Collection[str]], Iterator[Row]]
    write: Callable[[Path, Sequence[str], Iterable[Parallel]], int] | None = None
    records: Callable[[Source], Iterator[Record]] | None = None
    keys: tuple[str, ...] = ()  # of an `Entry`, that it uses beside path, format and languages


class Instruction(NamedTuple):
    """A prompt that need not ask for a translation, and its response."""

    key: str
    prompt: str
    response: str
