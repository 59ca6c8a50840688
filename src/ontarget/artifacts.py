"""Folders written whole or not at all, each with a step.json: what made it, from what.

A step works in a hidden folder beside its own, which takes its place by one rename when the step
is done. A killed or failed step leaves at most that hidden folder, which the next run removes.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, TextIO, TypeVar

from ontarget.errors import ArtifactError, OnTargetError

STAMP = "step.json"
FULL_DISK = (
    "No space left on device", "os error 28", "Disk quota exceeded", "File too large",
    "unexpected pos",  # of PyTorch, whose file did not become as long as was written
)  # fmt: skip

Record = TypeVar("Record")


@contextmanager
def publish_folder(folder: Path, sign: str = STAMP) -> Iterator[Path]:
    """A folder to write into; it becomes `folder` when the block ends, and vanishes if it fails.

    An earlier one is replaced if it is empty or holds the file `sign`, so that it is ours.

    Raises:
        ArtifactError: the disk is full, or the place cannot be written or holds something else.
    """
    check_replaceable(folder, sign)
    partial = folder.with_name(f".{folder.name}.partial")
    outdated = folder.with_name(f".{folder.name}.outdated")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        shutil.rmtree(outdated, ignore_errors=True)  # of a run killed between the two renames
        if folder.exists():
            folder.rename(outdated)
        partial.rename(folder)
        shutil.rmtree(outdated, ignore_errors=True)
    except OnTargetError:
        raise
    except Exception as error:  # safetensors reports a full disk with an exception of its own
        if isinstance(error, OSError) or any(sign in str(error) for sign in FULL_DISK):
            raise ArtifactError(
                f"{folder}: cannot be written ({error_text(error)}); make room or choose another out, "
                "then run again: finished steps are kept"
            ) from error
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_replaceable(folder: Path, sign: str) -> None:
    """Raise ArtifactError where `folder` is something that is not ours to remove."""
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise ArtifactError(
            f"{folder}: is no folder, expected one of ours or nothing; move it away"
        )
    if any(folder.iterdir()) and not (folder / sign).is_file():
        raise ArtifactError(
            f"{folder}: holds no {sign}, so it may not be ours; move it away or choose another out"
        )


@contextmanager
def publish_file(path: Path) -> Iterator[TextIO]:
    """A text to write; it becomes the file `path` when the block ends, and vanishes if it fails.

    Raises:
        ArtifactError: the place is no file or cannot be written; this is found before the block.
    """
    partial = path.parent / f".{path.name}.partial"
    if path.exists() and not path.is_file():
        found = "a folder" if path.is_dir() else "no regular file"
        raise ArtifactError(f"{path}: is {found}; give the name of a file")
    try:
        with partial.open("w", encoding="utf-8") as out:
            yield out
        partial.replace(path)
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be written ({error_text(error)}); give another place"
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def prepare_unfinished(folder: Path, made_from: str) -> None:
    """Prepare the folder of what a killed step can go on from; empty it if it is of another."""
    mark = folder / "made_from"
    try:
        same = mark.read_text(encoding="utf-8") == made_from
    except (OSError, UnicodeDecodeError):
        same = False
    if not same:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        mark.write_text(made_from, encoding="utf-8")


def error_text(error: Exception) -> str:
    """An exception's own words, in one line."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(words.split())


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process.

    Raises:
        ArtifactError: another process works in it, or it cannot be made.
    """
    place = folder / ".lock"
    if place.exists() and not place.is_file():  # a pipe would be waited for
        raise ArtifactError(f"{place}: is no file, expected one to lock; remove it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = place.open("w")
    except OSError as error:
        raise ArtifactError(
            f"{folder}: cannot be written ({error_text(error)}); choose another out"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArtifactError(
                f"{folder}: another ontarget works there; wait for it or choose another out"
            ) from error
        yield


def fingerprint(content: object) -> str:
    """SHA-256 of `content` as canonical JSON."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file, computed once a process for the same size and time."""
    found = path.stat()
    return hash_at(path.absolute(), found.st_size, found.st_mtime_ns)


@cache
def hash_at(path: Path, size: int, nanoseconds: int) -> str:
    """SHA-256 of a file as it was at a time."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def folder_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below `folder`, by relative name; a step.json is left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != STAMP)
    return {str(path.relative_to(folder)): file_hash(path) for path in files}


def write_stamp(folder: Path, content: Mapping[str, Any]) -> None:
    """Write step.json: `content` and the hash of every file in `folder`."""
    write_json(folder / STAMP, {**content, "outputs": folder_hashes(folder)})


def read_stamp(folder: Path) -> dict[str, Any] | None:
    """The step.json of `folder`; None where it, or a file that it lists, is missing or altered."""
    try:
        content: dict[str, Any] = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        made = [(folder / name, known) for name, known in content["outputs"].items()]
        whole = all(path.is_file() and file_hash(path) == known for path, known in made)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # absent or damaged: the step is redone
    return content if whole and {"fingerprint", "result"} <= set(content) else None


def write_json(path: Path, content: object) -> None:
    """`content` as indented JSON."""
    path.write_text(
        json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8"
    )


def write_jsonl(path: Path, records: Iterable[Any]) -> int:
    """Dataclass records or mappings as JSON lines; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8") as out:
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
    except (ValueError, TypeError) as error:
        raise ArtifactError(
            f"{path}:{number}: is no {kind.__name__} ({error_text(error)}); "
            "remove its folder and run again"
        ) from error
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error_text(error)}); run the step that writes it"
        ) from error
    return records
