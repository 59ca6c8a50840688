"""Pairs of a corpus, with the columns that say something about them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from ontarget.data import readers
from ontarget.data.constraints.base import Pair
from ontarget.data.readers.base import Entry
from ontarget.data.readers.shapes.matching import is_tag
from ontarget.data.sampling import samples_of
from ontarget.errors import CorpusError
from ontarget.records import Direction

Columns = Mapping[str, Collection[str]]  # column -> what its cells may say, besides nothing


def parse_direction(text: str) -> Direction:
    """Two languages with a hyphen between them: `en-it`, `en-zh-Hant`.

    Raises:
        CorpusError: they are not two different languages, or the hyphens leave open which.
    """
    parts = text.split("-")
    splits = [("-".join(parts[:at]), "-".join(parts[at:])) for at in range(1, len(parts))]
    known = [Direction(*split) for split in splits if all(map(is_tag, split))]
    if len(known) != 1 or len(set(known[0])) != 2:
        raise CorpusError(f"{text!r} is no direction between two languages; write one as en-it")
    return known[0]


def read_pairs(
    corpus: Path | str | Entry, directions: Sequence[str], columns: Columns | None = None
) -> Iterator[Pair]:
    """The pairs of a corpus in each of the directions, `en-it`, that a row has both sides of.

    `columns` are kept as labels; a row names one value, or nothing, in each.

    Raises:
        CorpusError: the corpus cannot be read, or lacks a column, or a cell has another value; a
            direction is unknown or repeated.
    """
    chosen = [parse_direction(text) for text in directions]
    if len(set(chosen)) < len(chosen):
        raise CorpusError(f"{', '.join(directions)}: has a direction twice; name it once")
    languages = list(dict.fromkeys(code for direction in chosen for code in direction))
    labels = read_labels(corpus, columns) if columns else None
    for row in readers.read(corpus, languages):
        own = next(found for key, found in labels if key == row.key) if labels else {}
        for sample in samples_of([row], chosen):
            yield Pair(
                key=sample.key,
                source_lang=sample.source_lang,
                target_lang=sample.target_lang,
                source=sample.source,
                target=sample.target,
                labels=own,
            )


def read_labels(
    corpus: Path | str | Entry, columns: Columns
) -> Iterator[tuple[str, dict[str, str]]]:
    """The key of each row of a corpus with its labels.

    Raises:
        CorpusError: a format has no columns, a row lacks one, or a cell has another value.
    """
    for reader, source in readers.sources(corpus):
        if reader.records is None:
            raise CorpusError(
                f"{source.paths[0]}: {reader.name} has no column {next(iter(columns))!r}; give "
                "TSV, CSV, JSON or Parquet"
            )
        for place, key, record in reader.records(source):
            yield key, {name: label_of(record, name, columns[name], place) for name in columns}


def label_of(record: Mapping[str, object], column: str, known: Collection[str], place: str) -> str:
    """The label in a column of a row; "" without one.

    Raises:
        CorpusError: there is no such column, or the cell has another value.
    """
    expected = f"{' or '.join(known)}, or nothing"
    if column not in record:
        raise CorpusError(f"{place}: has no column {column!r}; add it, with {expected}")
    label = "" if record[column] is None else record[column]
    if label != "" and not (isinstance(label, str) and label in known):
        raise CorpusError(f"{place}: {column} is {str(label)[:40]!r}; write {expected}")
    return str(label)
