"""Tags and texts of a source, record by record, whatever its shape."""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from ontarget.data.readers import lines
from ontarget.data.readers.base import Entry, Record, Row, Source
from ontarget.data.readers.shapes.columns import (
    ORDINARY,
    SAMPLED,
    STRUCT,
    Kind,
    Shape,
    find_shape,
    listed,
)
from ontarget.data.readers.shapes.instructions import language_named, translation_of
from ontarget.data.readers.shapes.matching import is_tag
from ontarget.data.readers.shapes.texts import check_characters
from ontarget.errors import CorpusError
from ontarget.languages.tags import standard

EXPECTED = '{"translation": {"en": "...", "it": "..."}}'

Records = Callable[[Source], Iterator[Record]]
Texts = Mapping[str, str]  # tag -> text


def tags_of_table(source: Source, records: Records) -> list[str]:
    """The tags of a source whose records all have the same columns."""
    shape, rows = find_start(source, records)
    if shape is None:
        return []
    if shape.kind is Kind.COLUMNS:
        return list(shape.columns)
    return tags_of_rows(source, shape, rows)


def tags_of_objects(source: Source, records: Records) -> list[str]:
    """The tags of a source whose records may each have others; all of them are read."""
    shape, rows = find_start(source, records)
    if shape is None:
        return []
    if shape.kind is not Kind.COLUMNS:
        return tags_of_rows(source, shape, rows)
    tags = dict.fromkeys(shape.columns)
    columns = set(shape.columns.values())
    for place, _, record in rows:
        if new := [name for name in record.keys() - columns if is_tag(name)]:
            columns.update(new)
            tags.update(dict.fromkeys(name for name in new if name not in ORDINARY))
        if columns.isdisjoint(record):
            raise CorpusError(
                f"{place}: no language among {listed(list(record))}; expected {', '.join(tags)} "
                "as in the first lines"
            )
    return list(tags)


def tags_of_rows(source: Source, shape: Shape, rows: Iterator[Record]) -> list[str]:
    """The tags of records that each name their own languages."""
    if shape.kind is Kind.PAIR and "source_lang" not in shape.columns:
        place, _, _ = next(rows)
        return list(languages_of(source.entry, place))
    found: dict[str, None] = {}
    for place, _, record in rows:
        found.update(dict.fromkeys(texts_of(record, shape, source.entry, place)))
    return list(found)


def read_records(source: Source, records: Records, wanted: Collection[str]) -> Iterator[Row]:
    """The rows of a source, with the texts of `wanted` tags that each has."""
    shape, rows = find_start(source, records)
    if shape is None:
        return
    if shape.kind is Kind.COLUMNS:
        columns = [(tag, source.entry.fields.get(tag, tag)) for tag in wanted]
        for place, key, record in rows:
            texts = {}
            for tag, column in columns:
                value = record.get(column)
                if value is not None:
                    texts[tag] = checked_text(value, tag, place)
            yield key, texts
        return
    for place, key, record in rows:
        found = texts_of(record, shape, source.entry, place)
        yield key, {tag: text for tag, text in found.items() if tag in wanted}


def find_start(source: Source, records: Records) -> tuple[Shape | None, Iterator[Record]]:
    """The shape of a source's records, None if there are none, and all of them."""
    rows = records(source)
    sample = list(islice(rows, SAMPLED))
    if not sample:
        return None, iter(())
    shape = find_shape(source.entry, [record for _, _, record in sample], sample[0][0])
    return shape, chain(sample, rows)


def texts_of(record: Mapping[str, Any], shape: Shape, entry: Entry, place: str) -> Texts:
    """The texts of a record that names its own languages, by tag; one may be missing.

    Raises:
        CorpusError: it has another shape than the first records.
    """
    if shape.kind is Kind.STRUCT:
        texts = record.get(STRUCT)
        if not isinstance(texts, Mapping):
            raise CorpusError(f"{place}: has no object under 'translation'; expected {EXPECTED}")
    elif shape.kind is Kind.PAIR:
        texts = pair_of(record, shape, entry, place)
    else:
        texts = translation_of(record, shape, entry.languages, place)
    return {tag: checked_text(text, tag, place) for tag, text in texts.items() if text is not None}


def pair_of(record: Mapping[str, Any], shape: Shape, entry: Entry, place: str) -> Mapping[str, Any]:
    """Source and target of a record, by tag."""
    columns = shape.columns
    missing = next((column for column in columns.values() if column not in record), None)
    if missing is not None:
        raise CorpusError(
            f"{place}: no {missing!r} among {listed(list(record))}; expected it as in the first "
            "lines"
        )
    if "source_lang" in columns:
        source, target = (
            named_language(record[columns[role]], columns[role], place)
            for role in ("source_lang", "target_lang")
        )
    else:
        source, target = languages_of(entry, place)
    if source == target:
        raise CorpusError(f"{place}: source and target are both {source}; expected two languages")
    return {source: record[columns["source"]], target: record[columns["target"]]}


def named_language(value: Any, column: str, place: str) -> str:
    """The tag that a record gives in a column, as a tag or as an English name."""
    if isinstance(value, str):
        if is_tag(value):
            return standard(value)
        if name := language_named(value):
            return name
    raise CorpusError(f"{place}: {column!r} is {str(value)[:40]!r}; expected a tag such as it")


def languages_of(entry: Entry, place: str) -> tuple[str, str]:
    """Source and target language as the user names them.

    Raises:
        CorpusError: there are not two.
    """
    if len(entry.languages) != 2:
        raise CorpusError(
            f"{place}: has source and target but not their languages; add languages: [en, it]"
        )
    return entry.languages[0], entry.languages[1]


def checked_text(value: Any, tag: str, place: str) -> str:
    """A value that is a text.

    Raises:
        CorpusError: it is something else, too long, or no valid text.
    """
    if not isinstance(value, str):
        raise CorpusError(f"{place}: the {tag!r} text is not a string; write it as one")
    if len(value) > lines.LONGEST:
        raise CorpusError(
            f"{place}: the {tag!r} text is too long for a sentence ({len(value)} characters); "
            "remove it"
        )
    check_characters(value, f"{tag!r} text", place)
    return value
