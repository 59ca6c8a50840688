"""Where public corpora lie, and whether their files are still those of the first use."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from ontarget.errors import CorpusError

VARIABLE = "ONTARGET_DATA"


def corpora_folder() -> Path:
    """The folder of public corpora: $ONTARGET_DATA, or one in the user's cache."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "ontarget" / "corpora"


def nearest(name: str, names: Iterable[str]) -> str:
    """A question that names what may have been meant, or nothing."""
    similar = get_close_matches(name, list(names), n=3)
    return f"; did you mean {', '.join(similar)}?" if similar else ""


def check_files(folder: Path, paths: Sequence[Path], published: Mapping[str, str]) -> None:
    """Compare files with the published checksums, or with those of their first use.

    The latter are kept in `FOLDER.sha256`, which `sha256sum -c` reads.

    Raises:
        CorpusError: a file has changed, or its checksum cannot be kept.
    """
    record = folder.with_name(f"{folder.name}.sha256")
    known = {
        **recorded(record),
        **{f"{folder.name}/{name}": sum for name, sum in published.items()},
    }
    new = []
    for path in paths:
        name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        found = sha256(path)
        if name not in known:
            new.append(f"{found}  {name}\n")
        elif known[name] != found:
            raise CorpusError(
                f"{path}: has the sha256 {found[:12]}..., but {known[name][:12]}... when it was "
                f"first used or published; fetch it again, or remove {record} to accept the change"
            )
    if new:
        try:
            with record.open("a", encoding="utf-8") as out:
                out.write("".join(new))
        except OSError as error:
            raise CorpusError(
                f"{record}: {error.strerror}; let this file be written once, it keeps checksums"
            ) from error


def recorded(record: Path) -> dict[str, str]:
    """The checksums of the first use by name."""
    if not record.is_file():
        return {}
    sums = {}
    for number, line in enumerate(record.read_text(encoding="utf-8").splitlines(), start=1):
        sum, separator, name = line.partition("  ")
        if not separator:
            raise CorpusError(
                f"{record}:{number}: expected a checksum, two spaces and a name; remove the file"
            )
        sums[name] = sum
    return sums


def sha256(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
