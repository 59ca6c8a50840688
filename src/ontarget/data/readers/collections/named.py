"""Public corpora by name, as `corpora.toml` lists them: where they lie, and how to get them."""

import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from ontarget.data.readers import jsonl, localisation
from ontarget.data.readers.base import Entry, Reader, Source
from ontarget.data.readers.collections import aligned
from ontarget.data.readers.collections.checksums import check_files, corpora_folder
from ontarget.data.readers.shapes.matching import match
from ontarget.errors import CorpusError

TABLE = Path(__file__).with_name("corpora.toml")
OPUS = "opus:"
READERS = {
    reader.name: reader
    for reader in (aligned.READER, aligned.TALKS, *jsonl.READERS, *localisation.READERS)
}
CODE = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")  # of FLORES+: eng_Latn


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicCorpus:
    """A row of the table."""

    name: str
    licence: str
    cite: str  # the key of a BibTeX entry
    paper: str  # an address
    fetch: str  # a command
    format: str | None = None  # of its files; None: they cannot be read
    files: str = ""  # a pattern below `folder`
    through: str = ""  # another entry, instead of files
    sha256: Mapping[str, str] = field(default_factory=dict)  # of files, where it is published

    @property
    def folder(self) -> Path:
        """Where its files are expected."""
        return corpora_folder().joinpath(*self.name.split(":"))

    def command(self, languages: Sequence[str]) -> str:
        """The command that fetches it, for two languages."""
        source, target = languages[:2] if len(languages) > 1 else ("SOURCE", "TARGET")
        # OPUS and WMT name directions differently: the former in the order of the alphabet
        pair = sorted((source, target)) if self.name.startswith(OPUS) else (source, target)
        return self.fetch.format(folder=shlex.quote(str(self.folder)), pair="-".join(pair))


@cache
def corpora() -> dict[str, PublicCorpus]:
    """The table, by name."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: public_corpus(name, dict(row)) for name, row in rows.items()}


def public_corpus(name: str, row: dict[str, str]) -> PublicCorpus:
    """A row of the table; that of OPUS corpora follows from name and version."""
    if name.startswith(OPUS):
        corpus, version = name.removeprefix(OPUS), row.pop("version")
        url = f"https://object.pouta.csc.fi/OPUS-{corpus}/{version}/moses/{{pair}}.txt.zip"
        archive = "{folder}/{pair}.txt.zip"
        row |= {
            "files": f"{corpus}.{{pair}}.{{tag}}",
            "format": "aligned",
            "fetch": f"curl -fL --create-dirs -o {archive} {url} && unzip -od {{folder}} {archive}",
        }
    return PublicCorpus(name=name, **row)  # type: ignore[arg-type]


def redirected(corpus: PublicCorpus, entry: Entry) -> Entry:
    """The entry through which a corpus is read.

    Raises:
        CorpusError: the entry does not say in which languages.
    """
    pair = "-".join(entry.languages)
    config = entry.config or ",".join(filter(CODE.fullmatch, entry.languages)) or None
    if "{pair}" in corpus.through and len(entry.languages) != 2:
        raise CorpusError(f"{entry.path}: has many languages; add `languages: [en, de]`")
    if "{pair}" not in corpus.through and config is None:
        raise CorpusError(
            f"{entry.path}: has many languages; add `config: eng_Latn,ita_Latn` and `split: dev`"
        )
    return replace(entry, path=corpus.through.format(pair=pair), config=config)


def sources_of(corpus: PublicCorpus, entry: Entry) -> list[tuple[Reader, Source]]:
    """The files of a corpus in the entry's languages, or in all that were fetched.

    Raises:
        CorpusError: there are none, one has changed, or their format cannot be read.
    """
    if corpus.format is None:
        raise CorpusError(
            f"{entry.path}: its files have a format that cannot be read; fetch them with "
            f"`{corpus.command(entry.languages)}` and convert them to TSV"
        )
    reader = READERS[corpus.format]
    found = groups(corpus, fetched(corpus), entry)
    if not found:
        raise CorpusError(
            f"{entry.path}: not in {corpus.folder}; fetch it with "
            f"`{corpus.command(entry.languages)}`"
        )
    check_files(corpus.folder, [path for source in found for path in source.paths], corpus.sha256)
    return [(reader, source) for source in found]


def fetched(corpus: PublicCorpus) -> list[tuple[Path, str, str]]:
    """(path, pair, tag) of each file that is there; what a pattern does not name is empty.

    Raises:
        CorpusError: a link leads out of the folder.
    """
    shape = re.escape(corpus.files).replace(r"\{pair\}", r"(?P<pair>[\w-]+)")
    shape = shape.replace(r"\{tag\}", r"(?P<tag>[\w-]+)").replace(r"\*\*/", r"(?:.*/)?")
    names = re.compile(shape.replace(r"\*", "[^/]*"))
    found = []
    for path in sorted(corpus.folder.glob(re.sub(r"\{\w+\}", "*", corpus.files))):
        named = names.fullmatch(path.relative_to(corpus.folder).as_posix())
        if named is None or not path.is_file():
            continue
        if not path.resolve().is_relative_to(corpus.folder.resolve()):
            raise CorpusError(f"{path}: is a link out of the folder; copy the file to its place")
        parts = {"pair": "", "tag": ""} | named.groupdict()
        if not (parts["pair"] and parts["tag"]) or parts["tag"] in parts["pair"].split("-"):
            found.append((path, parts["pair"], parts["tag"]))
    return found


def groups(
    corpus: PublicCorpus, files: Sequence[tuple[Path, str, str]], entry: Entry
) -> list[Source]:
    """Sources in the entry's languages: files side by side, or each alone."""
    if corpus.format not in (aligned.READER.name, aligned.TALKS.name):
        return [
            Source(
                name=path.relative_to(corpus.folder).as_posix(),
                paths=(path,),
                # a catalogue's source is English, and its header names the target
                entry=replace(entry, languages=("en", tag) if tag else entry.languages),
            )
            for path, pair, tag in files
            if is_asked(pair.split("-") if pair else ["en", tag], entry)
        ]
    sides: dict[str, dict[str, Path]] = {}
    for path, pair, tag in files:
        sides.setdefault(pair, {})[tag] = path
    # a collection may have a pair in both orders, with the same text
    once = {frozenset(paths): (pair, paths) for pair, paths in reversed(sides.items())}
    return [
        Source(
            name=f"{corpus.name.removeprefix(OPUS)}.{pair}".rstrip("."),
            paths=tuple(paths.values()),
            entry=replace(entry, languages=tuple(paths)),
        )
        for pair, paths in sorted(once.values(), key=lambda side: side[0])
        if len(paths) > 1 and is_asked(list(paths), entry)
    ]


def is_asked(tags: Sequence[str], entry: Entry) -> bool:
    """Whether two of these are among the entry's languages, or it names none."""
    return not entry.languages or len(match(tags, entry.languages, entry.path)) > 1
