"""Files for `ontarget evaluate` (Dutch sources, Italian translations) and for recipes."""

import json
from pathlib import Path
from typing import Any

from support.commands import run_command
from support.texts import TEXTS

LANGUAGES = ("--source-lang", "nl", "--target-lang", "it")
IT, NL = TEXTS["it"], TEXTS["nl"]
ROWS = 3  # repetitions of the four sentences

Content = list[str] | bytes  # lines, or a file's bytes


def write_file(folder: Path, name: str, content: Content) -> Path:
    """Write a file below `folder`."""
    raw = content if isinstance(content, bytes) else "".join(f"{x}\n" for x in content).encode()
    path = folder / name
    path.write_bytes(raw)
    return path


def file_options(folder: Path, **contents: Content) -> list[str | Path]:
    """Options with `hypotheses`, `references` and `sources`, perfect unless given."""
    perfect: dict[str, Content] = {
        "hypotheses": IT * ROWS,
        "references": IT * ROWS,
        "sources": NL * ROWS,
    }
    arguments: list[str | Path] = list(LANGUAGES)
    for name, content in perfect.items():
        path = write_file(folder, f"{name}.txt", contents.get(name, content))
        arguments += [f"--{name}", path]
    return arguments


def evaluate(*arguments: str | Path) -> list[dict[str, Any]]:
    """The JSON objects that the command prints."""
    result = run_command("evaluate", *arguments, "--json")
    assert result.code == 0, result.stderr
    assert result.stderr == ""
    return [json.loads(line) for line in result.stdout.splitlines()]


def corpus(folder: Path, **contents: bytes) -> dict[str, str]:
    """Files for each split, with one row unless their content is given."""
    for name in ("train", "dev", "test"):
        text = f"en\tit\tnl\n{name} a\t{name} b\t{name} c\n".encode()
        (folder / f"{name}.tsv").write_bytes(contents.get(name, text))
    return {name: str(folder / f"{name}.tsv") for name in ("train", "dev", "test")}
