"""JSON lines: the translation is a new field of each record, after the others."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ontarget.data.readers.lines import read_raw_lines
from ontarget.errors import TranslationError
from ontarget.translation.documents.base import Part, Reading, Segment
from ontarget.translation.documents.tables import new_column, text_column


def parts(path: Path, reading: Reading) -> Iterator[Part]:
    """The records, one by one; where there is no translation the field is an empty text."""
    column = ""
    for number, line in read_raw_lines(path):
        if not line.strip():
            yield line
            continue
        record = record_of(line, path, number)
        column = column or text_column(list(record), reading, path)
        text = record.get(column)
        if not isinstance(text, str):
            raise TranslationError(
                f"{path}:{number}: the field {column!r} is {type(text).__name__}, not text; "
                "correct the record"
            )
        out = new_column(list(record), reading, f"{path}:{number}")
        yield from record_parts(text, number, writer_of(line, out))


def record_parts(text: str, number: int, write: Callable[[str], str]) -> Iterator[Part]:
    """The segment of a record, or the record with an empty translation of an empty text."""
    single = " ".join(text.split())
    if single:
        yield Segment(single, number, write, write(""))
    else:
        yield write("")


def record_of(line: str, path: Path, number: int) -> dict[str, Any]:
    """The record of a line.

    Raises:
        TranslationError: it is none.
    """
    try:
        record = json.loads(line, object_pairs_hook=unique_fields)
        if "\\u" in line:
            json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise TranslationError(
            f"{path}:{number}: has half of a surrogate pair, which is no character; correct the "
            "record"
        ) from error
    except (ValueError, RecursionError) as error:
        raise TranslationError(
            f"{path}:{number}: is not JSON ({error}); write one record a line"
        ) from error
    if not isinstance(record, dict):
        raise TranslationError(f"{path}:{number}: is no record with fields; write {{...}}")
    return record


def unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a record.

    Raises:
        ValueError: two have one name.
    """
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("two fields have one name")
    return record


def writer_of(line: str, out: str) -> Callable[[str], str]:
    """The function from a translation to the record's line, whose fields stay byte for byte."""
    end = line.rindex("}")
    name = json.dumps(out, ensure_ascii=False)
    return lambda text: (
        f"{line[:end].rstrip()}, {name}: {json.dumps(text, ensure_ascii=False)}{line[end:]}"
    )
