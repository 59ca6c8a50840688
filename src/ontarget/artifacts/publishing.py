"""Files and folders that appear complete or not at all."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TextIO

from ontarget.artifacts.stamps import STAMP
from ontarget.errors import ArtifactError, OnTargetError, error_text

MARK = "made_from"  # file with the fingerprint of an unfinished step
FULL_DISK = (
    "No space left on device", "os error 28", "Disk quota exceeded", "File too large",
    "unexpected pos",  # PyTorch's message for a file that is shorter than what was written
)  # fmt: skip


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


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left of `path`; whoever writes it must hold its lock."""
    for kind in ("partial", "outdated"):
        for leftover in path.parent.glob(f".{escape(path.name)}.*.{kind}"):
            remove_tree(leftover)


def remove_tree(path: Path) -> None:
    """Remove a file or folder, if it exists; of a link the link, never what it points to."""
    if path.is_symlink() or path.is_file():
        with suppress(OSError):
            path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def check_replaceable(folder: Path, sign: str = STAMP) -> None:
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
    if not is_unfinished(folder, made_from):
        remove_tree(folder)
        folder.mkdir(parents=True)
        (folder / MARK).write_text(made_from, encoding="utf-8")


def is_unfinished(folder: Path, made_from: str) -> bool:
    """Whether a killed step left this folder, and was made from the same."""
    try:
        mark = (folder / MARK).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return mark == made_from and not folder.is_symlink()
