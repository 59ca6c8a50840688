"""The files that an entry names, each with the reader of its format."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path

from ontarget.data.readers import collections, jsonl, localisation, moses, parquet, tables
from ontarget.data.readers.base import Entry, Reader, Source
from ontarget.data.readers.collections import saved
from ontarget.data.readers.lines import COMPRESSED
from ontarget.errors import CorpusError

READERS: tuple[Reader, ...] = (
    *tables.READERS, *parquet.READERS, *jsonl.READERS, *moses.READERS, *localisation.READERS,
    *collections.READERS,
)  # fmt: skip
ALIGNED, TEXT = moses.READERS
ALWAYS, OPTIONAL = ("path", "format", "languages"), ("fields", "config", "split", "revision")
INSTRUCTIONS = "instructions"  # the format of records that are no translations, in any file
LINKED = "is a link to a folder, which is not followed; give that folder itself as an entry"
NOTES = ("readme", "license", "licence")  # files of a folder that are no text


def endings() -> list[str]:
    """The endings of names by which a format is found, before those of compression."""
    return [ending for reader in READERS for ending in reader.endings]


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file, and its path below the folder or the common folder of a glob."""

    path: Path
    below: str


def sources(corpus: Path | str | Entry) -> list[tuple[Reader, Source]]:
    """What an entry reads, in the order of names; files that are aligned by line are one source.

    Raises:
        CorpusError: there is nothing of this name, or nothing of a known format, or the entry has
            a key that no format of it uses.
    """
    entry = as_entry(corpus)
    if not entry.path:  # as of an unset variable of a shell
        raise CorpusError("the name of a corpus is empty; give one")
    found = sources_of(entry)
    used = dict.fromkeys(key for reader, _ in found for key in reader.keys)
    if unused := [key for key in OPTIONAL if getattr(entry, key) and key not in used]:
        formats = ", ".join(dict.fromkeys(reader.name for reader, _ in found))
        raise CorpusError(
            f"{entry.path}: {unused[0]}: is not used by the format {formats}, which uses "
            f"{', '.join([*ALWAYS, *used])}; leave it out"
        )
    return found


def sources_of(entry: Entry) -> list[tuple[Reader, Source]]:
    """`sources`, whatever the keys of the entry."""
    if is_name(entry):
        return collections.open_entry(entry)
    if saved.is_saved(path := Path(entry.path)):
        return [(saved.READER, Source(name=path.name, paths=(path,), entry=entry))]
    chosen = reader_named(entry.format, entry.path)
    files, explicit = expand(entry)
    if chosen is TEXT:
        groups = [(TEXT, [file]) for file in files]
    elif chosen is ALIGNED:
        groups = [(ALIGNED, group) for group in grouped(with_siblings(files, explicit))]
    elif chosen is not None:
        groups = [(chosen, [file]) for file in files]
    else:
        groups = list(by_name(files, explicit))
    if not groups and not files:
        raise CorpusError(f"{entry.path}: holds no file; give a folder with text, or a file")
    if not groups:
        raise CorpusError(
            f"{entry.path}: unknown format; expected a name ending in {', '.join(endings())}, text "
            "files such as train.en and train.it, or a format"
        )
    return [
        (reader, Source(name=name, paths=tuple(file.path for file in group), entry=entry))
        for (reader, group), name in zip(groups, names_of(groups), strict=True)
    ]


def is_name(corpus: Path | str | Entry) -> bool:
    """Whether an entry names a member of a collection, not a path here."""
    path = as_entry(corpus).path
    return not os.path.lexists(path) and collections.is_name(path)


def as_entry(corpus: Path | str | Entry) -> Entry:
    """An entry, of a path alone if need be."""
    return corpus if isinstance(corpus, Entry) else Entry(path=str(corpus))


def reader_named(format: str | None, place: str) -> Reader | None:
    """The reader of a format; None if the names of files tell it."""
    if format in (None, INSTRUCTIONS):
        return None
    for reader in READERS:
        if reader.name == format:
            return reader
    names = ", ".join([*(reader.name for reader in READERS), INSTRUCTIONS])
    raise CorpusError(f"{place}: format {format!r} is unknown; expected {names}")


def reader_of(path: Path) -> Reader | None:
    """The reader of a file's name, if its ending tells."""
    name = path.name.lower()
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    return next((r for r in READERS if name.endswith(r.endings) and r is not TEXT), None)


def named_split(folder: Path, split: str) -> list[Path]:
    """What a folder has under the name of a split: a file, a folder, the stem of aligned files."""
    found = []
    for path in sorted(folder.iterdir()):
        stem, language = moses.split_name(path)
        if reader := reader_of(path):
            name = Path(path.stem if path.suffix in COMPRESSED else path.name)
            if any(name.name.lower() == split + ending for ending in reader.endings):
                found.append(path)
        elif path.is_dir() and path.name == split:
            found.append(path)
        elif language and (stem == split or stem.startswith(f"{split}.")):
            found.append(folder / stem)
    return list(dict.fromkeys(found))


def expand(entry: Entry) -> tuple[list[NamedFile], bool]:
    """The files of an entry, and whether it names one file.

    Raises:
        CorpusError: there are none.
    """
    path = Path(entry.path)
    if path.is_file():
        return [NamedFile(path, path.name)], True
    if path.is_dir():
        return files_below(path), False
    if os.path.lexists(path):
        raise CorpusError(f"{path}: not a regular file; give the path of a corpus file")
    if found := sorted(dict.fromkeys(matching(entry.path))):
        top = Path(os.path.commonpath([file if file.is_dir() else file.parent for file in found]))
        files = [file for file in found if file.is_file() and not is_note(file)]
        files += [f.path for folder in found if folder.is_dir() for f in files_below(folder)]
        return [NamedFile(f, str(f.relative_to(top))) for f in dict.fromkeys(files)], False
    if siblings := [NamedFile(file, file.name) for file in files_of_stem(path.parent, path.name)]:
        return siblings, False
    fault = "no file has such a name" if glob.has_magic(entry.path) else "no such file"
    raise CorpusError(f"{path}: {fault}; give the path of a corpus file")


def matching(pattern: str) -> Iterator[Path]:
    """What a pattern matches; as in a shell, not hidden names unless it begins a part with a dot.

    Links to folders can lead round in a circle, so none is followed behind the first wildcard.

    Raises:
        CorpusError: the pattern goes through a link to a folder.
    """
    parts = Path(pattern).parts
    plain = list(takewhile(lambda part: not glob.has_magic(part), parts))
    if len(plain) < len(parts):
        yield from below(Path(*plain), parts[len(plain) :])


def below(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """What the parts of a pattern match in a folder."""
    part, *rest = parts
    if part == "**":
        yield from below(folder, rest) if rest else [folder]
    for path in entries_of(folder):
        hidden = path.name.startswith(".") and not part.startswith(".")
        if hidden or not (part == "**" or fnmatchcase(path.name, part)):
            continue
        is_folder = path.is_dir()
        if is_folder and path.is_symlink():
            raise CorpusError(f"{path}: {LINKED}")
        if is_folder and (part == "**" or rest):
            yield from below(path, parts if part == "**" else rest)
        elif not rest:
            yield path


def entries_of(folder: Path) -> list[Path]:
    """What is in a folder; nothing if it is none.

    Raises:
        CorpusError: it cannot be read.
    """
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise CorpusError(f"{folder}: {error.strerror}; make the folder readable") from error


def is_note(path: Path) -> bool:
    """Whether a file is about a corpus, such as README.md."""
    return path.stem.lower() in NOTES


def files_below(folder: Path) -> list[NamedFile]:
    """The files in a folder and its folders, without hidden files and notes.

    Raises:
        CorpusError: there is a link to a folder, or one out of the folder.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") for part in parts) or is_note(path):
            continue
        if path.is_symlink() and path.is_dir():
            raise CorpusError(f"{path}: {LINKED}")
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise CorpusError(f"{path}: is a link out of the folder; copy the file to its place")
        if path.is_file():
            found.append(NamedFile(path, "/".join(parts)))
    return found


def files_of_stem(folder: Path, stem: str) -> list[Path]:
    """The text files `stem.en`, `stem.it`, ... of a folder."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if moses.split_name(path)[0] == stem
        and moses.split_name(path)[1]
        and reader_of(path) is None
        and path.is_file()
    )


def with_siblings(files: Sequence[NamedFile], explicit: bool) -> list[NamedFile]:
    """A file that is named alone with those that are aligned with it."""
    if not explicit or not moses.split_name(files[0].path)[1]:
        return list(files)
    path = files[0].path
    stem, _ = moses.split_name(path)
    return [NamedFile(sibling, sibling.name) for sibling in files_of_stem(path.parent, stem)]


def by_name(files: Sequence[NamedFile], explicit: bool) -> Iterator[tuple[Reader, list[NamedFile]]]:
    """Readers with their files, as the names tell; in a folder, other files are left out."""
    texts = []
    for file in files:
        if reader := reader_of(file.path):
            yield reader, [file]
        elif moses.split_name(file.path)[1] or file.path.name.endswith(moses.TEXT_ENDING):
            texts.append(file)
    for group in grouped(with_siblings(texts, explicit) if texts else texts):
        yield ALIGNED if len(group) > 1 else TEXT, group


def grouped(files: Iterable[NamedFile]) -> list[list[NamedFile]]:
    """Files with the same stem in the same folder; others are alone."""
    groups: dict[tuple[Path, str], list[NamedFile]] = {}
    for file in files:
        stem, language = moses.split_name(file.path)
        groups.setdefault((file.path.parent, stem if language else file.path.name), []).append(file)
    return list(groups.values())


def names_of(groups: Sequence[tuple[Reader, Sequence[NamedFile]]]) -> list[str]:
    """The name of each source in keys: the file's, or its path where two share one."""
    short = [name_of(reader, group[0].path.name, group) for reader, group in groups]
    return [
        name if short.count(name) == 1 else name_of(reader, group[0].below, group)
        for name, (reader, group) in zip(short, groups, strict=True)
    ]


def name_of(reader: Reader, name: str, group: Sequence[NamedFile]) -> str:
    """A file's name; of aligned files the stem."""
    if len(group) == 1:
        return name
    stem, _ = moses.split_name(group[0].path)
    folder = name.rpartition("/")[0]
    return f"{folder}/{stem}".strip("/") or "-".join(moses.split_name(f.path)[1] for f in group)
