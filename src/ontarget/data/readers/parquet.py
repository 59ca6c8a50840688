"""Parquet: one string column a language, one row of parallel text a row."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ontarget.data.readers.lines import LONGEST
from ontarget.data.readers.tsv import column_fault
from ontarget.errors import CorpusError

ROWS_AT_ONCE = 1000


def read(path: Path, languages: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(key, texts of `languages`) of each row; null is a missing text.

    Raises:
        CorpusError: the file is damaged, or a language has no column of strings.
    """
    import pyarrow as pa
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as file:  # type: ignore[no-untyped-call]
            check_columns(path, file.schema_arrow, languages)
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=list(languages)):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path.name}:{number}", checked_texts(row, f"{path}: row {number}")
    except (pa.lib.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"{path}: cannot be read as Parquet after row {number} "
            f"({' '.join(str(error).split())[:160]}); write or fetch it again"
        ) from error


def columns(path: Path) -> list[str]:
    """The names in the file's schema."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:  # type: ignore[no-untyped-call]
            return [str(name) for name in file.schema_arrow.names]
    except (pa.lib.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"{path}: cannot be read as Parquet ({' '.join(str(error).split())[:160]}); write or "
            "fetch it again"
        ) from error


def check_columns(path: Path, schema: Any, languages: Sequence[str]) -> None:
    """Raise CorpusError unless every language has exactly one column of strings."""
    from pyarrow import types  # type: ignore[attr-defined]

    for language in languages:
        if schema.names.count(language) != 1:
            raise CorpusError(f"{path}: {column_fault(schema.names, language)}")
        kind = schema.field(language).type
        if not (types.is_string(kind) or types.is_large_string(kind)):
            raise CorpusError(
                f"{path}: the column {language!r} holds {kind}, expected strings; convert it"
            )


def checked_texts(row: Mapping[str, str | None], place: str) -> dict[str, str]:
    """The texts of a row.

    Raises:
        CorpusError: one contains NUL or is too long.
    """
    texts = {language: text for language, text in row.items() if text is not None}
    for language, text in texts.items():
        if "\0" in text or len(text) > LONGEST:
            fault = "contains a NUL" if "\0" in text else "is too long for a sentence"
            raise CorpusError(
                f"{place}: the {language!r} text {fault} ({len(text)} characters); remove it"
            )
    return texts
