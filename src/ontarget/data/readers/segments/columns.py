"""The text of a row: by the name of its column, or where evaluation harnesses put it."""

import ast
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ontarget.data.readers.lines import check_length
from ontarget.errors import CorpusError

SHOWN = 40  # characters of a column's name in messages
LISTED = 12  # names in messages


class Role(StrEnum):
    """What a text is in an evaluation."""

    HYPOTHESIS = "hypothesis"
    REFERENCE = "reference"
    SOURCE = "source"


# lm-evaluation-harness (samples_*.jsonl): filtered_resps, resps, target. lighteval (details,
# Parquet): model_response.text, doc.choices; before 0.10 predictions, gold. WMT: hypothesis.
NAMES = {
    Role.HYPOTHESIS: (
        "filtered_resps", "resps", "model_response.text", "predictions", "hypothesis",
        "translation", "mt",
    ),
    Role.REFERENCE: ("target", "doc.choices", "gold", "reference", "ref"),
    Role.SOURCE: ("source", "src_text", "src"),
}  # fmt: skip
WRITTEN_OUT = ("predictions", "gold")  # lists as Python writes them, in old lighteval details


def column_of(row: Mapping[str, Any], role: Role, place: str) -> str:
    """The first of the usual columns of a role that a row has.

    Raises:
        CorpusError: it has none.
    """
    for name in NAMES[role]:
        if find_value(row, name)[0]:
            return name
    text = ", or add --format lines if it is text without columns" if len(row) == 1 else ""
    raise CorpusError(
        f"{place}: none of the usual columns of a {role} ({', '.join(NAMES[role])}) is among "
        f"{listed(row)}; name one, as FILE:COLUMN{text}"
    )


def read_column(row: Mapping[str, Any], column: str, role: Role, place: str) -> str:
    """The text of a row's column; a list of one text is that text.

    Raises:
        CorpusError: the row has no such column, or no single usable text in it.
    """
    found, value = find_value(row, column)
    if not found:
        raise CorpusError(missing_column(row, column, place))
    if column in WRITTEN_OUT and isinstance(value, str) and value.startswith("["):
        value = parse_list(value)
    while isinstance(value, list) and len(value) == 1:
        (value,) = value
    if value is None and role is Role.REFERENCE:
        return ""
    if not isinstance(value, str):
        raise CorpusError(f"{place}: {column!r} {fault_of(value, column)}")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise CorpusError(f"{place}: {column!r} contains a NUL or half a surrogate pair; remove it")
    check_length(value, f"{place}: {column!r}")
    return value


def parse_list(text: str) -> Any:
    """A list as Python writes it; the text itself if it is none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def find_value(row: Mapping[str, Any], column: str) -> tuple[bool, Any]:
    """Whether a row has a column, and its value; after dots, keys of objects or places in lists."""
    if column in row:
        return True, row[column]
    value: Any = row
    for part in column.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return False, None
    return True, value


def fault_of(value: Any, column: str) -> str:
    """Why a value is no text, and what to do."""
    if value is None:
        return 'is null, expected text; write "" for an output that is empty'
    if isinstance(value, Mapping):
        names = listed(value)
        return f"is an object with {names}; name one of them, as FILE:{column}.KEY"
    if isinstance(value, list):
        return f"is a list of {len(value)}, expected one text; name its place, FILE:{column}.0"
    return f"is {value!r}, expected text; write strings"


def missing_column(row: Mapping[str, Any], column: str, place: str) -> str:
    """That a row lacks a column, with those that it has."""
    return f"{place}: no column {column!r} among {listed(row)}; name one of them"


def listed(row: Mapping[str, Any]) -> str:
    """The names of columns, with those inside objects."""
    names = []
    for name, value in row.items():
        inside = [f"{name}.{key}" for key in value] if isinstance(value, Mapping) else []
        names += inside or [name]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return (", ".join(str(name)[:SHOWN] for name in names[:LISTED]) or "nothing") + more
