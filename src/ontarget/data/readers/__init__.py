"""Readers of parallel text, one record a format; `docs/formats.md` lists them.

base           the records `Entry`, `Source` and `Reader`
sources        the files of an entry, each with its reader
tables         TSV and CSV
parquet        Parquet
jsonl          JSON lines and JSON documents
moses          text files, one a language, aligned by line
shapes/        where texts and languages are in a record
localisation/  TMX, XLIFF and PO
collections/   datasets of the Hub, test sets and public corpora that have names
lines          lines of text files, plain or compressed
sizes          how many rows a corpus has, about
segments/      hypotheses, references and sources, from lines or one column of a table
phrasebook     the embedded corpus, composed from CLDR
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from ontarget.data.readers.base import Entry, Instruction, Reader, Source
from ontarget.data.readers.shapes.columns import listed
from ontarget.data.readers.shapes.instructions import conflicts_of, instruction_of
from ontarget.data.readers.shapes.matching import match
from ontarget.data.readers.sources import (
    INSTRUCTIONS,
    READERS,
    as_entry,
    endings,
    is_name,
    named_split,
    reader_of,
    sources,
)
from ontarget.errors import CorpusError
from ontarget.records import Parallel

__all__ = [
    "READERS",
    "Entry",
    "Instruction",
    "Reader",
    "Source",
    "as_entry",
    "columns",
    "endings",
    "files",
    "is_name",
    "named_split",
    "read",
    "read_exactly",
    "read_instructions",
    "read_with_conflicts",
    "reader_of",
    "sources",
]


def read(corpus: Path | str | Entry, languages: Sequence[str]) -> Iterator[Parallel]:
    """The rows of an entry, source by source, with those of `languages` that each row has.

    Keys are `name:line`. White space around a text is removed, line breaks inside it become spaces,
    and an empty text counts as missing. A language that the entry lacks is absent.

    Raises:
        CorpusError: the entry cannot be read, has no rows, or none of the languages.
    """
    return rows_of(as_entry(corpus), languages, on_one_line)


def read_exactly(corpus: Path | str | Entry, languages: Sequence[str]) -> Iterator[Parallel]:
    """`read`, with the white space of each text as it is.

    Raises:
        CorpusError: the entry cannot be read, has no rows, or none of the languages.
    """
    return rows_of(as_entry(corpus), languages, str)


def on_one_line(text: str) -> str:
    """A text without line breaks, and without white space around it."""
    lines = text.splitlines()
    return lines[0].strip() if len(lines) == 1 else " ".join(lines).strip()


def rows_of(
    entry: Entry, languages: Sequence[str], clean: Callable[[str], str]
) -> Iterator[Parallel]:
    """The rows of an entry; a text that `clean` leaves empty is missing."""
    if entry.format == INSTRUCTIONS:
        raise CorpusError(
            f"{entry.path}: holds instructions, not parallel text; leave out format: instructions"
        )
    tags: dict[str, None] = {}
    count = 0
    for reader, source in sources(entry):
        found = reader.tags(source)
        tags.update(dict.fromkeys(found))
        chosen = match(found, languages, str(source.paths[0]) if source.paths else source.name)
        if chosen:
            names = {tag: language for language, tag in chosen.items()}
            for key, texts in reader.read(source, names):
                count += 1
                cleaned = {names[tag]: clean(text) for tag, text in texts.items()}
                if not all(cleaned.values()):
                    cleaned = {language: text for language, text in cleaned.items() if text}
                yield Parallel(key=key, texts=cleaned)
    if not count:
        raise CorpusError(f"{entry.path}: {nothing_read(list(tags), languages)}")


def nothing_read(tags: Sequence[str], languages: Sequence[str]) -> str:
    """Why an entry has no rows in these languages."""
    if match(tags, languages, "") or not tags:
        return f"has no rows; give a file with text in {', '.join(languages)}"
    return (
        f"has no text in {', '.join(languages)}, only in {listed(tags)}; rename its columns or "
        "files, or give other languages"
    )


def columns(corpus: Path | str | Entry) -> list[str]:
    """The tags under which an entry has text, as it spells them.

    Raises:
        CorpusError: the entry cannot be read.
    """
    found = (reader.tags(source) for reader, source in sources(corpus))
    return list(dict.fromkeys(chain.from_iterable(found)))


def files(corpus: Path | str | Entry) -> tuple[Path, ...]:
    """Every local file that an entry reads.

    Raises:
        CorpusError: there is nothing of this name.
    """
    paths = chain.from_iterable(source.paths for _, source in sources(corpus))
    return tuple(chain.from_iterable(sorted(p.rglob("*")) if p.is_dir() else [p] for p in paths))


def read_instructions(corpus: Path | str | Entry) -> Iterator[Instruction]:
    """The prompts and responses of Alpaca or chat records, translations or not.

    Raises:
        CorpusError: a file has no records, or one of them is no single exchange.
    """
    for instruction, _ in read_with_conflicts(corpus):
        yield instruction


def read_with_conflicts(
    corpus: Path | str | Entry,
) -> Iterator[tuple[Instruction, tuple[str, ...]]]:
    """The same, each with the prompts that its response does not obey, as its record lists them.

    Raises:
        CorpusError: also where such a list is faulty.
    """
    for reader, source in sources(corpus):
        if reader.records is None:
            raise CorpusError(
                f"{source.paths[0]}: {reader.name} has no instructions; give JSON, CSV or Parquet"
            )
        for place, key, record in reader.records(source):
            prompt, response = instruction_of(record, place)
            yield Instruction(key, prompt, response), conflicts_of(record, place)
