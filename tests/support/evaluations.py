"""Files to evaluate."""

from pathlib import Path
from typing import Any

from support.texts import TEXTS

LANGUAGES = ("--source-lang", "nl", "--target-lang", "it")
IT, NL = TEXTS["it"], TEXTS["nl"]


ROWS = 3  # times the four sentences


def written(folder: Path, name: str, content: list[str] | bytes) -> Path:
    raw = content if isinstance(content, bytes) else "".join(f"{x}\n" for x in content).encode()
    path = folder / name
    path.write_bytes(raw)
    return path


def options(folder: Path, **files: list[str] | bytes) -> list[str | Path]:
    """`hypotheses`, `references`, `sources` with the right content where none is given."""
    content: dict[str, Any] = {
        "hypotheses": IT * ROWS,
        "references": IT * ROWS,
        "sources": NL * ROWS,
    }
    found: list[str | Path] = list(LANGUAGES)
    for name, right in content.items():
        found += [f"--{name}", written(folder, f"{name}.txt", files.get(name, right))]
    return found
