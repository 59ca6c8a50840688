"""Text files with a sentence a line: one file a language, aligned by line; or one file alone.

`train.en` and `train.it`, `name.en-it.en` and `name.en-it.it`, `en.txt` and `it.txt`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path

from ontarget.data.readers.base import Entry, Reader, Row, Source
from ontarget.data.readers.lines import COMPRESSED, create_text, read_lines
from ontarget.data.readers.shapes.columns import ROLES, TEXT_ROLES
from ontarget.data.readers.shapes.matching import is_tag
from ontarget.errors import CorpusError
from ontarget.records import Parallel

TEXT_ENDING = ".txt"


def split_name(path: Path) -> tuple[str, str]:
    """A name's stem and the tag or role in it: ("train", "en") of `train.en.gz`, or with ""."""
    name = path.name
    if path.suffix in COMPRESSED:
        name = name.removesuffix(path.suffix)
    plain = name.removesuffix(TEXT_ENDING)
    stem, dot, last = plain.rpartition(".")
    if dot and stem and (is_tag(last) or role_of(last)):
        return stem, last
    if plain != name and is_tag(plain):
        return "", plain  # en.txt
    return plain, ""


def role_of(ending: str) -> str | None:
    """`source` for an ending such as `src`."""
    return next((role for role in TEXT_ROLES if ending in ROLES[role].split()), None)


def language_of(path: Path, entry: Entry) -> str:
    """The language of a file, by its name or as the user says.

    Raises:
        CorpusError: neither tells.
    """
    _, ending = split_name(path)
    role = role_of(ending)
    if role and len(entry.languages) == 2:
        return entry.languages[TEXT_ROLES.index(role)]
    if ending and not role:
        return ending
    if len(entry.languages) == 1:
        return entry.languages[0]
    remedy = "languages: [en, it]" if role else "languages: [it]"
    raise CorpusError(f"{path}: is text of an unknown language; name it .it or so, or add {remedy}")


def tags(source: Source) -> list[str]:
    """The language of each file."""
    found = [language_of(path, source.entry) for path in source.paths]
    repeated = next((tag for tag in found if found.count(tag) > 1), None)
    if repeated is not None:
        one, other = [
            path for path, tag in zip(source.paths, found, strict=True) if tag == repeated
        ][:2]
        raise CorpusError(f"{one}: and {other.name} are both {repeated}; give one of them")
    return found


def read(source: Source, wanted: Collection[str]) -> Iterator[Row]:
    """The lines of the files, side by side.

    Raises:
        CorpusError: the files have different numbers of lines.
    """
    languages = tags(source)
    files = [read_lines(path) for path in source.paths]
    for number, lines in enumerate(zip_longest(*files), 1):
        if None in lines:
            raise CorpusError(different_lengths(source.paths, lines, files, number))
        texts = {
            tag: line[1]
            for tag, line in zip(languages, lines, strict=True)
            if line is not None and tag in wanted
        }
        yield f"{source.name}:{number}", texts


def different_lengths(
    paths: Sequence[Path],
    lines: Sequence[tuple[int, str] | None],
    files: Sequence[Iterator[tuple[int, str]]],
    number: int,
) -> str:
    """That aligned files have different numbers of lines, with both."""
    counts = {
        path: number - 1 if line is None else number + sum(1 for _ in file)
        for path, line, file in zip(paths, lines, files, strict=True)
    }
    short = min(counts, key=lambda path: counts[path])
    long = max(counts, key=lambda path: counts[path])
    return (
        f"{short}:{counts[short]}: ends here, but {long.name} has {counts[long]} lines; align "
        "them, or read one alone with format: text"
    )


def write(path: Path, languages: Sequence[str], rows: Iterable[Parallel]) -> int:
    """Write a file a language, `path.en` and `path.it`; a missing text is an empty line."""
    count = 0
    with ExitStack() as stack:
        files = {
            language: stack.enter_context(create_text(path.with_name(f"{path.name}.{language}")))
            for language in languages
        }
        for row in rows:
            count += 1
            for language, out in files.items():
                text = row.texts.get(language, "")
                if "\n" in text or "\r" in text:
                    raise CorpusError(
                        f"{row.key}: the {language!r} text has a line break, which a file of lines "
                        "cannot hold; write .csv or .jsonl"
                    )
                out.write(text + "\n")
    return count


READERS = (
    Reader(name="moses", endings=(), tags=tags, read=read, write=write),
    Reader(name="text", endings=(TEXT_ENDING,), tags=tags, read=read),
)
