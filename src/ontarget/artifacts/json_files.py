"""Records as JSON and JSON lines."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO, TypeVar

from ontarget.errors import ArtifactError, error_text

Record = TypeVar("Record")


def write_json(path: Path, content: object) -> None:
    """`content` as indented JSON."""
    path.write_text(
        json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8"
    )


def write_jsonl(path: Path, records: Iterable[Any]) -> int:
    """Dataclass records or mappings as JSON lines; returns their number."""
    with path.open("w", encoding="utf-8") as out:
        return write_records(out, records)


def write_records(out: TextIO, records: Iterable[Any]) -> int:
    """The same into an open file."""
    count = 0
    for count, record in enumerate(records, start=1):  # noqa: B007
        content = record if isinstance(record, Mapping) else asdict(record)
        out.write(json.dumps(content, ensure_ascii=False) + "\n")
    return count


def read_jsonl(path: Path, kind: type[Record]) -> list[Record]:
    """The JSON lines of `path`, each as a `kind`.

    Raises:
        ArtifactError: a line is missing or damaged.
    """
    records = []
    number = 1
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):  # noqa: B007
                records.append(kind(**json.loads(line)))
    except (ValueError, TypeError, RecursionError) as error:
        raise ArtifactError(
            f"{path}:{number}: not a valid {kind.__name__} ({error_text(error)}); "
            "remove its folder and run again"
        ) from error
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error_text(error)}); run the step that writes it"
        ) from error
    return records
