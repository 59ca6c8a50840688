"""Checkpoints of an unfinished training: complete or absent, verified before they are used.

A checkpoint is written into a partial folder, gets a manifest with the hash of every file, is
flushed to disk, and becomes `step-<number>` by one rename. A process that is killed while writing
leaves only its partial folder. Symbolic links are never followed.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from ontarget import artifacts

MANIFEST = "manifest.json"
PARTIAL = ".partial"  # followed by the id of the writing process
CHECKPOINTS_KEPT = 2  # the newest, and one more in case that it is damaged
NAME = re.compile(r"step-\d{9}")


def publish(written: Path, folder: Path, step: int) -> Path:
    """Move the checkpoint from `written` into `folder` and remove outdated ones; returns its path.

    Raises:
        OSError: the disk is full, or `folder` cannot be written.
    """
    artifacts.write_json(written / MANIFEST, artifacts.folder_hashes(written))
    for path in written.rglob("*"):
        if path.is_file():
            fsync(path)
    fsync(written)
    checkpoint = folder / f"step-{step:09}"
    remove(checkpoint)
    written.rename(checkpoint)
    fsync(folder)
    for outdated in all_checkpoints(folder)[CHECKPOINTS_KEPT:]:
        remove(outdated)
    return checkpoint


def prepare_partial(folder: Path, process: int) -> Path:
    """An empty partial folder for this process; those of processes that ended are removed."""
    partial = folder / f"{PARTIAL}-{process}"
    for path in folder.glob(f"{PARTIAL}*"):
        if path == partial or not is_running(path.name.removeprefix(f"{PARTIAL}-")):
            remove(path)
    partial.mkdir(parents=True)
    return partial


def is_running(process: str) -> bool:
    """Whether a process of this machine has the id `process`."""
    if not (process.isascii() and process.isdecimal()):
        return False
    try:
        os.kill(int(process), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def remove(path: Path) -> None:
    """Remove a folder, file or link itself, as far as possible; `path` may be missing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def newest(folder: Path) -> Path | None:
    """The newest complete checkpoint, if there is one."""
    return next(complete_checkpoints(folder), None)


def complete_checkpoints(folder: Path) -> Iterator[Path]:
    """Checkpoints that are complete and unaltered, the newest first."""
    return (path for path in all_checkpoints(folder) if is_complete(path))


def all_checkpoints(folder: Path) -> list[Path]:
    """All checkpoints, the newest first, whatever their condition; links and files do not count."""
    paths = (path for path in folder.glob("step-*") if NAME.fullmatch(path.name))
    return sorted((p for p in paths if p.is_dir() and not p.is_symlink()), reverse=True)


def is_complete(checkpoint: Path) -> bool:
    """Whether the checkpoint has exactly the files of its manifest, none of them altered."""
    if any(path.is_symlink() for path in checkpoint.rglob("*")):
        return False
    try:
        expected = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))
        hashes = artifacts.folder_hashes(checkpoint)
    except (OSError, ValueError, RecursionError):
        return False
    hashes.pop(MANIFEST, None)
    return bool(hashes) and bool(expected == hashes)


def fsync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
