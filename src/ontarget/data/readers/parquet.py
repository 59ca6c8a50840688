"""Parquet: a column a language, a struct `translation`, or any other shape of records."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ontarget.data.readers import lines
from ontarget.data.readers.base import Reader, Record, Row, Source
from ontarget.data.readers.shapes.columns import ORDINARY, STRUCT, repeated_name
from ontarget.data.readers.shapes.matching import is_tag
from ontarget.data.readers.shapes.records import read_records, tags_of_table
from ontarget.errors import CorpusError
from ontarget.records import Parallel

ROWS_AT_ONCE = 1000
MOST_BYTES = 4 * lines.LONGEST  # of a text with as many characters


def tags(source: Source) -> list[str]:
    """The tags of the columns of strings, or of the records."""
    return tags_of_table(source, partial(records, None))


def read(source: Source, wanted: Collection[str]) -> Iterator[Row]:
    """The rows; null is a missing text.

    Raises:
        CorpusError: the file is damaged, or a text is too long or no valid one.
    """
    fields = source.entry.fields
    columns = {*(fields.get(tag, tag) for tag in wanted), *fields.values()}
    with opened(source.paths[0]) as (file, _):
        enough = columns <= set(file.schema_arrow.names)  # not if rows name their own languages
    return read_records(source, partial(records, columns if enough else None), wanted)


def records(columns: Collection[str] | None, source: Source) -> Iterator[Record]:
    """The rows, with these columns or with all that can hold texts."""
    (path,) = source.paths
    number = 0
    with opened(path) as (file, done):
        check_types(file.schema_arrow, path)
        chosen = columns_with_text(file.schema_arrow, columns)
        if not chosen and columns is None:
            found = ", ".join(map(str, file.schema_arrow.names[:12])) or "nothing"
            raise CorpusError(f"{path}: no column of strings among {found}; convert them")
        for values in batches(file, path, chosen):
            for row in zip(*values, strict=True):
                number += 1
                done[0] = number
                yield (
                    f"{path}: row {number}",
                    f"{source.name}:{number}",
                    dict(zip(chosen, row, strict=True)),
                )


def check_types(schema: Any, path: Path) -> None:
    """Raise CorpusError where a column that is named like a language holds no text."""
    for field in schema:
        name = str(field.name)
        if is_tag(name) and name not in ORDINARY and not holds_text(field.type):
            raise CorpusError(
                f"{path}: the column {name!r} holds {field.type}, expected strings; convert it, or "
                "rename it if it is no language"
            )


def holds_text(kind: Any) -> bool:
    """Whether a type is one of strings, structs or lists."""
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return bool(is_text(kind) or types.is_struct(kind) or types.is_list(kind))


def columns_with_text(schema: Any, wanted: Collection[str] | None) -> list[str]:
    """The columns of strings, structs and lists."""
    return [
        str(field.name)
        for field in schema
        if holds_text(field.type) and (wanted is None or field.name in wanted)
    ]


def is_text(kind: Any) -> bool:
    """Whether a type is one of strings."""
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def batches(file: Any, path: Path, columns: Sequence[str]) -> Iterator[list[list[Any]]]:
    """The values of each column, a batch of rows at once."""
    first = 1
    for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=list(columns)):
        place = f"{path}: row {first}"
        for name in columns:
            check_lengths(batch.column(name), place, name)
        yield [values_of(batch.column(name), place, name) for name in columns]
        first += batch.num_rows


def check_lengths(array: Any, place: str, name: str) -> None:
    """Raise CorpusError for a text that no other reader would take, before Python has a copy."""
    from pyarrow import compute, large_string, types

    if types.is_dictionary(array.type):
        check_lengths(array.dictionary, place, name)
    elif types.is_struct(array.type):
        for field in array.flatten():
            check_lengths(field, place, name)
    elif types.is_list(array.type):
        check_lengths(array.flatten(), place, name)
    elif is_text(array.type):
        known = array.cast(large_string()) if types.is_string_view(array.type) else array
        size = compute.max(compute.binary_length(known)).as_py() or 0
        if size > MOST_BYTES:
            raise CorpusError(
                f"{place} and the following: the {name!r} text is too long for a sentence ({size} "
                "bytes); remove it"
            )


def check_chunks(metadata: Any, path: Path) -> None:
    """Raise CorpusError where a column's texts are too long on average, which Arrow would read."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.total_uncompressed_size > MOST_BYTES * (chunk.num_values + 1):
                raise CorpusError(
                    f"{path}: the {chunk.path_in_schema!r} texts are too long for sentences "
                    f"({chunk.num_values} in {chunk.total_uncompressed_size} bytes); remove them"
                )


def values_of(array: Any, place: str, name: str) -> list[Any]:
    """The values of a batch. Repeated strings share memory, which a small file could else fill."""
    from pyarrow import types

    if name == STRUCT and types.is_struct(array.type):
        fields = [field.name for field in array.type]
        inner = [values_of(array.field(field), place, field) for field in fields]
        present = array.is_valid().to_pylist()
        rows = zip(*inner, strict=True) if inner else iter([()] * len(array))
        return [
            dict(zip(fields, row, strict=True)) if there else None
            for there, row in zip(present, rows, strict=True)
        ]
    if not types.is_dictionary(array.type):
        return list(array.to_pylist())
    indices = array.indices.to_pylist()
    texts: dict[int | None, Any] = {None: None}
    for index in set(indices) - {None}:
        if not 0 <= index < len(array.dictionary):
            raise CorpusError(f"{place}: the {name!r} column is damaged; write or fetch it again")
        texts[index] = array.dictionary[index].as_py()
    return [texts[index] for index in indices]


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, list[int]]]:
    """The file, and a place for the number of rows read; damage becomes CorpusError."""
    import pyarrow as pa
    from pyarrow import parquet

    done = [0]
    try:
        with parquet.ParquetFile(path) as plain:
            repeated = repeated_name(plain.schema_arrow.names)
            if repeated is not None:
                raise CorpusError(f"{path}: two columns are named {str(repeated)[:40]!r}; keep one")
            check_chunks(plain.metadata, path)
            paths = [plain.schema.column(n).path for n in range(len(plain.schema))]
        with parquet.ParquetFile(path, read_dictionary=paths) as file:
            yield file, done
    except (pa.lib.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"{path}: cannot be read as Parquet after row {done[0]} "
            f"({' '.join(str(error).split())[:160]}); write or fetch it again"
        ) from error


def write(path: Path, languages: Sequence[str], rows: Iterable[Parallel]) -> int:
    """Write a column of strings a language; a missing text is null."""
    import pyarrow as pa
    from pyarrow import parquet

    rows, count = iter(rows), 0
    schema = pa.schema([(language, pa.string()) for language in languages])
    with parquet.ParquetWriter(path, schema, compression="zstd") as out:
        while batch := [row.texts for row in islice(rows, ROWS_AT_ONCE * 10)]:
            content = [{tag: texts.get(tag) for tag in languages} for texts in batch]
            out.write_table(pa.Table.from_pylist(content, schema))
            count += len(batch)
    return count


READERS = (
    Reader(
        name="parquet",
        endings=(".parquet",),
        tags=tags,
        read=read,
        write=write,
        records=partial(records, None),
        keys=("fields",),
    ),
)
