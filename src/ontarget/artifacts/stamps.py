"""step.json: what made a folder, from what, and the hash of each of its files."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ontarget.artifacts.json_files import write_json

STAMP = "step.json"


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
        if not isinstance(content["result"], dict) or "fingerprint" not in content:
            return None
        outputs = [(folder / name, expected) for name, expected in content["outputs"].items()]
        complete = all(path.is_file() and file_hash(path) == digest for path, digest in outputs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # the step will be redone
    return content if complete else None


def stamp_fault(folder: Path) -> str:
    """What is wrong where `read_stamp` finds nothing."""
    if not (folder / STAMP).is_file():
        return "not made yet"
    try:
        outputs = json.loads((folder / STAMP).read_text(encoding="utf-8"))["outputs"]
        for name, expected in outputs.items():
            path = folder / name
            if not path.is_file():
                return f"{name} is missing"
            if file_hash(path) != expected:
                return f"{name} is altered"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return f"{STAMP} is altered"
