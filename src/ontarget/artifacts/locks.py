"""Locks, so that two processes never write the same place."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ontarget.artifacts.publishing import remove_leftovers
from ontarget.errors import ArtifactError, error_text


class Lock:
    """An exclusive lock on a file, held until its process ends or closes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        self.descriptor = os.open(path, flags, 0o666)  # neither followed nor truncated

    def acquire(self) -> bool:
        """Take the lock; False if another process holds it.

        Raises:
            ArtifactError: it is not a regular file.
        """
        check_regular(self.path, os.fstat(self.descriptor))
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
    with hold(folder, folder / ".lock", "choose another out", keep=True) as lock:
        yield lock


@contextmanager
def lock_output(path: Path) -> Iterator[Lock]:
    """Hold a file or folder that is about to be written, by a lock file beside it.

    Raises:
        ArtifactError: it is neither a file nor a folder, another process writes it, or it cannot
            be written.
    """
    if not path.name:
        raise ArtifactError(f"{path}: is a folder; give the name of a file")
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ArtifactError(f"{path}: is not a regular file; give another place")
    place = path.parent / f".{path.name}.lock"
    with hold(path.parent, place, "give another place", keep=False) as lock:
        remove_leftovers(path)
        yield lock


@contextmanager
def hold(folder: Path, place: Path, remedy: str, *, keep: bool) -> Iterator[Lock]:
    """The lock file `place` in `folder`; unless `keep`, it is removed afterwards."""
    if os.path.lexists(place):
        check_regular(place, place.lstat())  # opening a FIFO or device could wait or have effects
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
        try:
            yield lock
        finally:
            if not keep and lock.is_current():
                place.unlink()
    finally:
        lock.close()


def check_regular(place: Path, status: os.stat_result) -> None:
    """Raise ArtifactError unless a lock file is a regular file."""
    if not stat.S_ISREG(status.st_mode):
        raise ArtifactError(f"{place}: not a file, expected one to lock; remove it")
