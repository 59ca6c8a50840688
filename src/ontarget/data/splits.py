"""Train, dev and test rows of a corpus; no sentence of dev or test is in train."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations
from pathlib import Path

from ontarget.data import readers
from ontarget.data.readers.base import Entry
from ontarget.data.readers.lines import read_segments
from ontarget.data.readers.phrasebook import compose_rows
from ontarget.errors import CorpusError
from ontarget.models.special_tokens import any_of
from ontarget.records import Direction, Parallel


def nothing() -> None:
    """There is nothing to check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The rows of a corpus. Those to train on may be streams, which can be read once."""

    train: Iterable[Parallel]
    dev: list[Parallel]
    test: list[Parallel]
    glossary: list[Parallel]  # single phrases of the phrasebook, for step 0 only
    monolingual: Iterable[Parallel]  # rows of one text
    dropped: Mapping[str, int]  # rows of train and monolingual that were left out, by reason
    check: Callable[[], None] = nothing  # once the streams are read: whether they may be used


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFiles:
    """The corpora of each split, and limits."""

    train: tuple[Path | Entry, ...]
    dev: tuple[Path | Entry, ...]
    test: tuple[Path | Entry, ...]
    dev_limit: int | None = None  # rows for each pair of languages
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


class RowFilter:
    """Leaves out rows that are long, shared with dev or test, or have a special token; counts them.

    Attributes:
        dropped: rows that were left out, by reason.
    """

    def __init__(
        self, files: SplitFiles, held_out: Iterable[Parallel], special_tokens: Iterable[str] = ()
    ) -> None:
        self.files = files
        self.held_out = held_out_texts(held_out)
        self.special = any_of(special_tokens)
        self.dropped = Counter(overlap=0, length=0)
        if self.special:
            self.dropped["special_tokens"] = 0
        self.first_shared: tuple[str, str, str] | None = None  # held-out key, own key, language

    def kept(self, rows: Iterable[Parallel]) -> Iterator[Parallel]:
        """The rows that are not left out."""
        for row in rows:
            reason = self._reason(row)
            if reason is None:
                yield row
            else:
                self.dropped[reason] += 1

    def _reason(self, row: Parallel) -> str | None:
        longest = self.files.max_characters
        if longest is not None and longest_text(row) > longest:
            return "length"
        if shared := shared_text(row, self.held_out):
            self.first_shared = self.first_shared or (self.held_out[shared], row.key, shared[0])
            return "overlap"
        if self.special and any(map(self.special.search, row.texts.values())):
            return "special_tokens"
        return None

    def check(self) -> None:
        """Raise CorpusError if rows are shared with dev or test and `drop_overlap` is not set."""
        if self.first_shared is not None and not self.files.drop_overlap:
            held_out, trained, language = self.first_shared
            if held_out.rpartition(":")[0] == trained.rpartition(":")[0]:
                held_out = with_path(held_out, self.files.dev + self.files.test)
                trained = with_path(trained, self.files.train)
            raise CorpusError(
                f"{held_out}: the {language} sentence is in training too ({trained}; "
                f"{self.dropped['overlap']} such row(s)); remove them from training or set "
                "corpus.drop_overlap: true"
            )


def with_path(key: str, corpora: Iterable[Path | Entry]) -> str:
    """A row's key with the path of its corpus, by which two of one name can be told apart."""
    name, _, number = key.rpartition(":")
    last = Path(name).name
    paths = [
        path.with_name(last)  # of aligned files, whose corpus is named by their stem
        for path in chain.from_iterable(map(readers.files, corpora))
        if path.name == last or path.name.startswith(f"{last}.")
    ]
    found = dict.fromkeys(f"{path}:{number}" for path in paths if f"/{path}".endswith(f"/{name}"))
    return " or ".join(found) or key


def open_splits(
    files: SplitFiles,
    languages: Sequence[str],
    special_tokens: Iterable[str] = (),
    *,
    filtered: bool = True,
) -> Splits:
    """The splits of a corpus of files, with streams to train on; see `RowFilter`.

    Train is not filtered if rules of cleaning will do so.

    Raises:
        CorpusError: a file cannot be used; `check` raises it if a sentence of dev or test is in
            train too.
    """
    dev, test = read_held_out(files, languages)
    rows = RowFilter(files, [*test, *dev], special_tokens)
    train = read_split(files.train, languages)
    return Splits(
        train=rows.kept(train) if filtered else train,
        monolingual=rows.kept(read_texts(files.monolingual)),
        dev=dev,
        test=test,
        glossary=[],
        dropped=rows.dropped,
        check=rows.check,
    )


def read_splits(
    files: SplitFiles,
    languages: Sequence[str],
    special_tokens: Iterable[str] = (),
    *,
    filtered: bool = True,
) -> Splits:
    """`open_splits`, all in memory.

    Raises:
        CorpusError: a file cannot be used, or a sentence of dev or test is in train too.
    """
    splits = open_splits(files, languages, special_tokens, filtered=filtered)
    complete = replace(splits, train=list(splits.train), monolingual=list(splits.monolingual))
    complete.check()
    return complete


def read_held_out(
    files: SplitFiles, languages: Sequence[str]
) -> tuple[list[Parallel], list[Parallel]]:
    """The rows of dev and of test."""
    dev, test = (read_split(corpora, languages) for corpora in (files.dev, files.test))
    return (
        list(first_rows(dev, languages, files.dev_limit)),
        list(first_rows(test, languages, files.test_limit)),
    )


def first_rows(
    rows: Iterable[Parallel], languages: Sequence[str], limit: int | None
) -> Iterator[Parallel]:
    """The first `limit` rows for each pair of languages: of a multi-parallel corpus, of all pairs.

    A row is kept while one of its pairs needs more, so that a pair can have more than `limit`.
    """
    if limit is None:
        yield from rows
        return
    needed = Counter({frozenset(pair): limit for pair in combinations(languages, 2)})
    for row in rows:
        pairs = [frozenset(pair) for pair in combinations(row.texts, 2)]
        if any(needed[pair] > 0 for pair in pairs):
            yield row
            needed.subtract(pairs)
        if not +needed:
            return


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


def read_split(corpora: Sequence[Path | Entry], languages: Sequence[str]) -> Iterator[Parallel]:
    """The rows of these corpora that have text in at least two of the languages."""
    rows = (row for corpus in corpora for row in readers.read(corpus, languages))
    return (row for row in rows if len(row.texts) > 1)


def read_texts(files: Mapping[str, Sequence[Path]]) -> Iterator[Parallel]:
    """The rows of monolingual text, by language."""
    for language, paths in files.items():
        for path in paths:
            yield from read_monolingual(path, language)


def read_monolingual(path: Path, language: str) -> Iterator[Parallel]:
    """The lines of a text file as rows of one text; blank lines are left out."""
    for number, text in enumerate(read_segments(path), 1):
        if text.strip():
            yield Parallel(key=f"{language}/{path.name}:{number}", texts={language: text.strip()})


def longest_text(row: Parallel) -> int:
    """Characters of the longest text."""
    return max(map(len, row.texts.values()))


def held_out_texts(rows: Iterable[Parallel]) -> dict[tuple[str, str], str]:
    """(language, text) of dev and test -> key of the row that has it."""
    return {(language, text): row.key for row in rows for language, text in row.texts.items()}


def shared_text(row: Parallel, held_out: Mapping[tuple[str, str], str]) -> tuple[str, str] | None:
    """(language, text) of the first text of a row that is held out too, or None."""
    return next((pair for pair in row.texts.items() if pair in held_out), None)


def check_directions(
    rows: Collection[Parallel], place: Path | str, directions: Sequence[Direction]
) -> None:
    """Raise CorpusError unless every direction has a row with both sides."""
    for source, target in directions:
        if not any(source in row.texts and target in row.texts for row in rows):
            raise CorpusError(missing_direction(place, Direction(source, target)))


def missing_direction(place: Path | str, direction: Direction) -> str:
    """That a split has no text in a direction, and what to do."""
    source, target = direction
    return (
        f"{place}: no row has both {source} and {target}; drop the direction {direction} or add "
        "text for it"
    )
