"""Train, dev and test rows of a corpus; no sentence of dev or test is in train."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from ontarget.data import readers
from ontarget.data.readers.lines import read_segments
from ontarget.data.readers.phrasebook import compose_rows
from ontarget.errors import CorpusError
from ontarget.records import Direction, Parallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The rows of a corpus."""

    train: list[Parallel]
    dev: list[Parallel]
    test: list[Parallel]
    glossary: list[Parallel]  # single phrases of the phrasebook, for step 0 only
    monolingual: list[Parallel]  # rows of one text
    dropped: dict[str, int]  # rows of train and monolingual that were left out, by reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFiles:
    """Corpus files and their limits."""

    train: tuple[Path, ...]
    dev: tuple[Path, ...]
    test: tuple[Path, ...]
    dev_limit: int | None = None  # rows
    test_limit: int | None = None
    max_characters: int | None = None  # rows of train with a longer text are left out
    drop_overlap: bool = False  # leave out rows of train that share a sentence with dev or test
    monolingual: Mapping[str, Sequence[Path]] = field(default_factory=dict)  # text by language


@dataclass(frozen=True, slots=True, kw_only=True)
class PhrasebookSizes:
    """Rows of the embedded corpus."""

    train: int
    dev: int
    test: int
    glossary: int


def read_splits(files: SplitFiles, languages: Sequence[str]) -> Splits:
    """The splits of a corpus of files.

    Raises:
        CorpusError: a file cannot be used, or a sentence of dev or test is in train too.
    """
    optional = [language for language in languages if language in files.monolingual]
    rows = read_split(files.train, languages, None, optional=optional)
    for language, paths in files.monolingual.items():
        rows += (row for path in paths for row in read_monolingual(path, language))
    longest = files.max_characters
    train = [row for row in rows if longest is None or longest_text(row) <= longest]
    dev = read_split(files.dev, languages, files.dev_limit)
    test = read_split(files.test, languages, files.test_limit)
    overlap = find_overlap(train, [*test, *dev])
    if overlap and not files.drop_overlap:
        held_out, trained, language = overlap[0]
        raise CorpusError(
            f"{held_out}: the {language} sentence is in training too ({trained}; "
            f"{len(overlap)} such row(s)); remove them from training or set "
            "corpus.drop_overlap: true"
        )
    leaked = {trained for _, trained, _ in overlap}
    kept = [row for row in train if row.key not in leaked]
    return Splits(
        train=[row for row in kept if len(row.texts) > 1],
        monolingual=[row for row in kept if len(row.texts) == 1],
        dev=dev,
        test=test,
        glossary=[],
        dropped={"overlap": len(leaked), "length": len(rows) - len(train)},
    )


def compose_splits(sizes: PhrasebookSizes, languages: tuple[str, ...], seed: int) -> Splits:
    """The splits of the embedded phrasebook.

    Test comes first, then dev, then train, so that no split depends on the size of a later one.

    Raises:
        CorpusError: CLDR lacks a language, or cannot compose this many distinct sentences.
    """
    held_out = sizes.test + sizes.dev
    rows = list(
        compose_rows(languages, seed, held_out=held_out, train=sizes.train, glossary=sizes.glossary)
    )
    end = held_out + sizes.train
    return Splits(
        train=rows[held_out:end],
        dev=rows[sizes.test : held_out],
        test=rows[: sizes.test],
        glossary=rows[end:],
        monolingual=[],
        dropped={"overlap": 0, "length": 0},
    )


def read_split(
    paths: Sequence[Path],
    languages: Sequence[str],
    limit: int | None,
    *,
    optional: Sequence[str] = (),
) -> list[Parallel]:
    """The rows of these files that have text in at least two of the languages.

    A file may lack `optional` languages.
    """
    rows = (row for path in paths for row in readers.read(path, present(path, languages, optional)))
    return list(islice((row for row in rows if len(row.texts) > 1), limit))


def present(path: Path, languages: Sequence[str], optional: Sequence[str]) -> Sequence[str]:
    """`languages` without optional ones that a corpus file lacks."""
    if not optional:
        return languages
    absent = set(optional) - set(readers.columns(path))
    return [language for language in languages if language not in absent]


def read_monolingual(path: Path, language: str) -> Iterator[Parallel]:
    """The lines of a text file as rows of one text; blank lines are left out."""
    for number, text in enumerate(read_segments(path), 1):
        if text.strip():
            yield Parallel(key=f"{language}/{path.name}:{number}", texts={language: text.strip()})


def longest_text(row: Parallel) -> int:
    """Characters of the longest text."""
    return max(map(len, row.texts.values()))


def find_overlap(
    train: Iterable[Parallel], held_out: Iterable[Parallel]
) -> list[tuple[str, str, str]]:
    """Each row of train that shares a sentence: (held-out key, training key, language)."""
    keys = {(language, text): row.key for row in held_out for language, text in row.texts.items()}
    overlap = []
    for row in train:
        shared = next((pair for pair in row.texts.items() if pair in keys), None)
        if shared:
            overlap.append((keys[shared], row.key, shared[0]))
    return overlap


def check_directions(
    rows: Sequence[Parallel], place: Path | str, directions: Sequence[Direction]
) -> None:
    """Raise CorpusError unless every direction has a row with both sides."""
    for source, target in directions:
        if not any(source in row.texts and target in row.texts for row in rows):
            raise CorpusError(
                f"{place}: no row has both {source} and {target}; "
                f"drop the direction {source}-{target} or add text for it"
            )
