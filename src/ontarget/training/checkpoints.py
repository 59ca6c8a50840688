"""States of an unfinished training on disk: each whole or absent, the newest whole one is used.

A state is written beside its place, gets a manifest with the hash of every file, is flushed to the
disk, and takes its place by one rename. What a killed process leaves half-written has no place.
"""

import json
import os
import shutil
from pathlib import Path

from ontarget import artifacts

MANIFEST = "manifest.json"
PARTIAL = ".partial"
CHECKPOINTS_KEPT = 2  # the newest; an older one is there in case that the newest is damaged


def publish(written: Path, folder: Path, step: int) -> Path:
    """Move a state from where it was `written` to its place in `folder`, and older ones out."""
    artifacts.write_json(written / MANIFEST, artifacts.folder_hashes(written))
    for path in written.rglob("*"):
        if path.is_file():
            fsync(path)
    fsync(written)
    place = folder / f"step-{step:09}"
    shutil.rmtree(place, ignore_errors=True)
    written.rename(place)
    fsync(folder)
    for outdated in all_checkpoints(folder)[CHECKPOINTS_KEPT:]:
        shutil.rmtree(outdated, ignore_errors=True)
    return place


def newest(folder: Path) -> Path | None:
    """The newest state whose files are all there and unaltered, if there is one."""
    return next((place for place in all_checkpoints(folder) if is_complete(place)), None)


def all_checkpoints(folder: Path) -> list[Path]:
    """All states that have their place, the newest first."""
    return sorted(folder.glob("step-*"), reverse=True)


def is_complete(place: Path) -> bool:
    """Whether the files are those of the manifest."""
    try:
        known = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        found = artifacts.folder_hashes(place)
    except (OSError, ValueError, RecursionError):
        return False
    found.pop(MANIFEST, None)
    return bool(found) and bool(known == found)


def fsync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
