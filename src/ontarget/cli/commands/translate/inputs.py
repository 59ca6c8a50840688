"""What the arguments of `translate` mean: sentences, files, standard input, and where to."""

from dataclasses import dataclass
from pathlib import Path

from ontarget.cli.console import one_line
from ontarget.data.readers.lines import STDIN
from ontarget.errors import TranslationError
from ontarget.translation.documents import check_regular, format_of


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
    targets = targets_of(to)
    files = [Path(text) for text in inputs if is_file(text)]
    texts = [text for text in inputs if not is_file(text)]
    if texts and (files or out or any(columns)):
        raise TranslationError(
            f"{one_line(texts[0])[:60]!r} is a sentence, whose translation is printed; leave the "
            "files, --out and columns out, or give it in a file"
        )
    if STDIN in files and len(files) + len(targets) > 2 and not out:
        raise TranslationError("-: several translations need --out FOLDER/")
    place = Path(out + "/" if out.endswith("/") else out) if out else None
    in_folder = place is not None and (out.endswith("/") or place.is_dir())
    if place and not in_folder and len(files) * len(targets) > 1:
        raise TranslationError(f"{out}: several translations need a folder; write {out}/")
    if in_folder or not place:
        check_outputs(files, targets, place)
    if place and in_folder:
        place.mkdir(parents=True, exist_ok=True)
    return TranslationInputs(
        texts=tuple(texts), files=tuple(files), source=source, targets=targets, out=place,
        column=columns[0], out_column=columns[1],
    )  # fmt: skip


def targets_of(to: str) -> tuple[str, ...]:
    """The languages that --to names.

    Raises:
        TranslationError: one is empty, unknown or named twice.
    """
    from ontarget.languages.names import is_known, unknown_code

    targets = tuple(to.split(","))
    if "" in targets:
        raise TranslationError(
            f"--to: {to!r} has an empty language; write codes with commas between, as in it,nl"
        )
    if unknown := next((code for code in targets if not is_known(code)), None):
        raise TranslationError(unknown_code(unknown))
    if len(set(targets)) < len(targets):
        raise TranslationError(f"--to: {to} names a language twice; name each once")
    return targets


def check_outputs(files: list[Path], targets: tuple[str, ...], folder: Path | None) -> None:
    """Raise TranslationError where two translations would have one name, or that of an input."""
    from ontarget.translation.files import output_of

    inputs = {path.resolve(): path for path in files if path != STDIN}
    made: dict[Path, Path] = {}
    for path in files:
        for target in targets:
            beside = output_of(Path("stdin.txt") if path == STDIN else path, target, None, False)
            out = folder / beside.name if folder else beside
            place = out.resolve()
            other = made.setdefault(place, path)
            if other is not path:
                raise TranslationError(
                    f"{other} and {path}: the translations of both would be {out}; rename one, or "
                    "translate them one by one into different folders"
                )
            if place in inputs:
                raise TranslationError(
                    f"{inputs[place]}: is an input, and would be replaced by the translation of "
                    f"{path}; leave it out, or give --out FOLDER/"
                )


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
        is_special = path.exists() and not (exists or is_folder)
    except (OSError, ValueError):  # too long, or with a NUL
        return False
    if is_special:
        check_regular(path)
    if is_folder and "/" in text:
        raise TranslationError(f"{text}: is a folder; name its files")
    looks = not any(char.isspace() for char in text) and ("/" in text or format_of(path))
    if looks and not exists:
        raise TranslationError(f"{text}: no such file; correct the path")
    return exists
