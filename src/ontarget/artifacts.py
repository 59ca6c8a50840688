"""Files and folders that are written completely or not at all, and the step.json that signs them.

A step works in a hidden folder beside its final place and takes that place by one rename when it is
done. A killed or failed step leaves at most the hidden folder, which the next run removes. Links
inside a run folder are never followed: what they point to is not ours to change.
"""

import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, TextIO, TypeVar

from ontarget.errors import ArtifactError, OnTargetError

STAMP = "step.json"
FULL_DISK = (
    "No space left on device", "os error 28", "Disk quota exceeded", "File too large",
    "unexpected pos",  # PyTorch's message for a file that is shorter than what was written
)  # fmt: skip

Record = TypeVar("Record")


@contextmanager
def publish_folder(
    folder: Path, sign: str = STAMP, still_locked: Callable[[], None] = lambda: None
) -> Iterator[Path]:
    """A folder to write into; it becomes `folder` when the block ends, and vanishes if it fails.

    An earlier `folder` is replaced if it is empty or contains the file `sign`, which shows that
    this program made it. `still_locked` is called before anything is replaced.

    Raises:
        ArtifactError: the disk is full, or the place cannot be written or holds something else.
    """
    check_replaceable(folder, sign)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    outdated = folder.with_name(f".{folder.name}.{os.getpid()}.outdated")
    try:
        remove_leftovers(folder)
        partial.mkdir(parents=True)
        yield partial
        still_locked()
        check_replaceable(folder, sign)
        if folder.exists():
            folder.rename(outdated)
        partial.rename(folder)
        remove_tree(outdated)
    except OnTargetError:
        raise
    except Exception as error:  # safetensors reports a full disk with an exception of its own
        if isinstance(error, OSError) or any(words in str(error) for words in FULL_DISK):
            raise ArtifactError(
                f"{folder}: cannot be written ({error_text(error)}); make room or choose another "
                "out, then run again: finished steps are kept"
            ) from error
        raise
    finally:
        remove_tree(partial)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left of `folder`; whoever writes it must hold its lock."""
    for kind in ("partial", "outdated"):
        for path in folder.parent.glob(f".{folder.name}.*.{kind}"):
            remove_tree(path)


def remove_tree(path: Path) -> None:
    """Remove a folder, if there is one; a link is removed itself, never what it points to."""
    if path.is_symlink():
        with suppress(OSError):
            path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def check_replaceable(folder: Path, sign: str) -> None:
    """Raise ArtifactError where `folder` is something that this program did not make."""
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise ArtifactError(
            f"{folder}: not a folder, expected one of ours or nothing; move it away"
        )
    if any(folder.iterdir()) and not (folder / sign).is_file():
        raise ArtifactError(
            f"{folder}: holds no {sign}, so it may not be ours; move it away or choose another out"
        )


def check_no_links(root: Path, path: Path) -> None:
    """Raise ArtifactError where a link lies on the way from `root` (excluded) down to `path`."""
    place = root
    for part in path.relative_to(root).parts:
        place = place / part
        if place.is_symlink():
            raise ArtifactError(
                f"{place}: is a link, expected a folder of this run; remove the link"
            )


@contextmanager
def publish_file(path: Path) -> Iterator[TextIO]:
    """A text to write; it becomes the file `path` when the block ends, and vanishes if it fails.

    Raises:
        ArtifactError: the place is not a file or cannot be written; found before the block runs.
    """
    partial = path.parent / f".{path.name}.{os.getpid()}.partial"
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "not a regular file"
        raise ArtifactError(f"{path}: is {kind}; give the name of a file")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with suppress(FileNotFoundError):
            partial.unlink()
        with open(os.open(partial, flags, 0o666), "w", encoding="utf-8") as out:
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
    """Prepare the folder of what a killed step can resume from; empty it if it is of another."""
    mark = folder / "made_from"
    try:
        same = not folder.is_symlink() and mark.read_text(encoding="utf-8") == made_from
    except (OSError, UnicodeDecodeError):
        same = False
    if not same:
        remove_tree(folder)
        folder.mkdir(parents=True)
        mark.write_text(made_from, encoding="utf-8")


def error_text(error: Exception) -> str:
    """An exception's message, as one line."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(words.split())


class Lock:
    """An exclusive lock on a file, held until its process ends or closes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        self.descriptor = os.open(path, flags, 0o666)  # neither followed nor truncated

    def acquire(self) -> bool:
        """Take the lock; False if another process holds it.

        Raises:
            OSError: it is not a regular file.
        """
        if not stat.S_ISREG(os.fstat(self.descriptor).st_mode):
            raise OSError(0, "not a file")
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return self.is_current()

    def is_current(self) -> bool:
        """Whether the path still leads to the locked file; not if a folder on it was moved."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), self.path.lstat())
        except OSError:
            return False

    def check(self) -> None:
        """Raise ArtifactError where the path does not lead to the locked file any more."""
        if not self.is_current():
            raise ArtifactError(
                f"{self.path.parent}: was moved or replaced while it was in use; nothing more is "
                "written there: run again"
            )

    def close(self) -> None:
        """Release the lock."""
        os.close(self.descriptor)


@contextmanager
def lock_folder(folder: Path) -> Iterator[Lock]:
    """Hold `folder`, which is made if missing, for this process only.

    Raises:
        ArtifactError: another process works in it, or it cannot be made.
    """
    place = folder / ".lock"
    if os.path.lexists(place) and not stat.S_ISREG(place.lstat().st_mode):
        raise ArtifactError(f"{place}: not a file, expected one to lock; remove it")
    with hold(folder, place, "choose another out", keep=True) as lock:
        yield lock


@contextmanager
def lock_output(path: Path) -> Iterator[Lock]:
    """Hold a file or folder that is about to be written, by a lock file beside it.

    Raises:
        ArtifactError: another process writes it, or its folder cannot be written.
    """
    place = path.parent / f".{path.name}.lock"
    with hold(path.parent, place, "give another place", keep=False) as lock:
        yield lock


@contextmanager
def hold(folder: Path, place: Path, remedy: str, *, keep: bool) -> Iterator[Lock]:
    """The lock file `place` in `folder`; unless `keep`, it is removed afterwards."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = Lock(place)
    except OSError as error:
        raise ArtifactError(
            f"{folder}: cannot be written ({error_text(error)}); {remedy}"
        ) from error
    try:
        if not lock.acquire():
            raise ArtifactError(f"{folder}: another ontarget works there; wait for it or {remedy}")
        yield lock
        if not keep and lock.is_current():
            place.unlink()
    finally:
        lock.close()


def fingerprint(content: object) -> str:
    """SHA-256 of `content` as canonical JSON."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file, computed once a process for the same size and time."""
    status = path.stat()
    return hash_at(path.absolute(), status.st_size, status.st_mtime_ns)


@cache
def hash_at(path: Path, size: int, nanoseconds: int) -> str:
    """SHA-256 of a file as it was at that time."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below `folder`, by relative name, without step.json files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != STAMP)
    return {str(path.relative_to(folder)): file_hash(path) for path in files}


def write_stamp(folder: Path, content: Mapping[str, Any]) -> None:
    """Write step.json: `content`, the hash of every file in `folder`, and its own hash."""
    signed = json.loads(
        json.dumps({**content, "outputs": folder_hashes(folder)}, ensure_ascii=False, default=str)
    )
    write_json(folder / STAMP, {**signed, "sha256": fingerprint(signed)})


def read_stamp(folder: Path) -> dict[str, Any] | None:
    """The step.json of `folder`; None where it or a file that it lists is missing or altered."""
    try:
        content: dict[str, Any] = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        if content.pop("sha256") != fingerprint(content):
            return None
        outputs = [(folder / name, expected) for name, expected in content["outputs"].items()]
        complete = all(path.is_file() and file_hash(path) == digest for path, digest in outputs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # the step will be redone
    return content if complete and {"fingerprint", "result"} <= set(content) else None


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
