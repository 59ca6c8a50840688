"""Parquet: one string column a language, one meaning a row."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ontarget.data.readers.lines import LONGEST
from ontarget.data.readers.tsv import column_fault
from ontarget.errors import CorpusError

ROWS = 1000  # read at once


def read(path: Path, languages: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(key, texts of `languages`) of each row; null is an absent text.

    Raises:
        CorpusError: the file is damaged, or a language has no column of strings.
    """
    import pyarrow as pa
    from pyarrow import parquet, types  # type: ignore[attr-defined]

    number = 0
    try:
        with parquet.ParquetFile(path) as opened:  # type: ignore[no-untyped-call]
            names = opened.schema_arrow.names
            for language in languages:
                if names.count(language) != 1:
                    raise CorpusError(f"{path}: {column_fault(names, language)}")
                kind = opened.schema_arrow.field(language).type
                if not (types.is_string(kind) or types.is_large_string(kind)):
                    raise CorpusError(
                        f"{path}: the column {language!r} holds {kind}, expected strings; "
                        "convert it"
                    )
            for batch in opened.iter_batches(batch_size=ROWS, columns=list(languages)):
                for row in batch.to_pylist():
                    number += 1
                    texts = {language: text for language, text in row.items() if text is not None}
                    for language, text in texts.items():
                        if "\0" in text or len(text) > LONGEST:
                            found = "holds a NUL" if "\0" in text else "is no sentence any more"
                            raise CorpusError(
                                f"{path}: row {number}: the {language!r} text {found} "
                                f"({len(text)} characters); remove it"
                            )
                    yield f"{path.name}:{number}", texts
    except (pa.lib.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"{path}: cannot be read as Parquet after row {number} "
            f"({' '.join(str(error).split())[:160]}); "
            "write or fetch it again"
        ) from error
