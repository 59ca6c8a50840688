"""What the arguments of `translate` mean: sentences, files, standard input, and where to."""

from dataclasses import dataclass
from pathlib import Path

from ontarget.cli.console import one_line
from ontarget.data.readers.lines import STDIN
from ontarget.errors import TranslationError
from ontarget.translation.documents import format_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationInputs:
    """What is translated, and where to."""

    texts: tuple[str, ...]
    files: tuple[Path, ...]
    source: str
    targets: tuple[str, ...]
    out: Path | None
    column: str
    out_column: str


def inputs_of(
    inputs: list[str], source: str, to: str, out: str, columns: tuple[str, str]
) -> TranslationInputs:
    """The inputs of a command line.

    Raises:
        TranslationError: a file does not exist, or outputs would collide.
    """
    targets = tuple(to.split(","))
    files = [Path(text) for text in inputs if is_file(text)]
    texts = [text for text in inputs if not is_file(text)]
    if len(set(targets)) < len(targets):
        raise TranslationError(f"--to: {to} names a language twice; name each once")
    if texts and (files or out or any(columns)):
        raise TranslationError(
            f"{one_line(texts[0])[:60]!r} is a sentence, whose translation is printed; leave the "
            "files, --out and columns out, or give it in a file"
        )
    if STDIN in files and len(files) + len(targets) > 2 and not out:
        raise TranslationError("-: several translations need --out FOLDER/")
    place = Path(out + "/" if out.endswith("/") else out) if out else None
    if place and (out.endswith("/") or place.is_dir()):
        place.mkdir(parents=True, exist_ok=True)
    elif place and len(files) * len(targets) > 1:
        raise TranslationError(f"{out}: several translations need a folder; write {out}/")
    return TranslationInputs(
        texts=tuple(texts), files=tuple(files), source=source, targets=targets, out=place,
        column=columns[0], out_column=columns[1],
    )  # fmt: skip


def is_file(text: str) -> bool:
    """Whether an argument is a file; no sentence has a known ending or only a path.

    Raises:
        TranslationError: it looks like a file, and there is none.
    """
    if text == "-":
        return True
    try:
        path = Path(text)
        exists = path.is_file()
        is_folder = path.is_dir()
    except (OSError, ValueError):  # too long, or with a NUL
        return False
    if is_folder and "/" in text:
        raise TranslationError(f"{text}: is a folder; name its files")
    looks = not any(char.isspace() for char in text) and ("/" in text or format_of(path))
    if looks and not exists:
        raise TranslationError(f"{text}: no such file; correct the path")
    return exists
