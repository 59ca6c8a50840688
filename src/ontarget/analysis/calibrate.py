"""Detectors measured on files of references, which are read once and in chunks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ontarget.data import readers
from ontarget.data.readers.lines import read_segments
from ontarget.data.readers.sources import reader_of
from ontarget.errors import CorpusError
from ontarget.languages.tags import same_language
from ontarget.languages.writing import letters
from ontarget.offtarget import detectors
from ontarget.offtarget.calibration.counts import Calibration
from ontarget.offtarget.detectors import PAPER
from ontarget.offtarget.detectors.base import (
    Identifier,
    Probabilities,
    ScoredIdentifier,
    Scores,
)
from ontarget.offtarget.judge import identify_with_scores
from ontarget.offtarget.metric import OffTarget
from ontarget.offtarget.verdicts import same_text

ROWS_AT_ONCE = 500
FORM = "CODE=FILE, or CODE,CODE,...=TABLE"
SOURCES = ("en", "de", "ru", "zh")  # source languages where the references have one language only

Texts = Mapping[str, str]  # language -> text
OnCount = Callable[[int], None]  # receives the number of texts measured so far


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """A file of texts whose languages are known."""

    languages: tuple[str, ...]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredDetector:
    """A detector with its rule and votes, and the counts of its verdicts."""

    name: str
    metrics: Mapping[str, OffTarget]  # requested language -> metric
    calibration: Calibration

    @property
    def signature(self) -> str:
        """Everything that the counts depend on besides the texts."""
        return next(iter(self.metrics.values())).signature

    def clear_caches(self) -> None:
        """Forget the texts that were identified."""
        for metric in self.metrics.values():
            for detector in metric.detectors:
                if isinstance(detector, CachedIdentifier):
                    detector.cache.clear()


class CachedIdentifier:
    """An identifier that sees each text once, however many languages are requested."""

    def __init__(self, identifier: Identifier) -> None:
        self.identifier = identifier
        self.name, self.candidate_set = identifier.name, identifier.candidate_set
        self.signature, self.shortest = identifier.signature, identifier.shortest
        self.cache: dict[str, tuple[Probabilities, Scores | None]] = {}

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        """The language probabilities of each text."""
        return [probabilities for probabilities, _ in self.look_up(texts)]

    def look_up(self, texts: Sequence[str]) -> list[tuple[Probabilities, Scores | None]]:
        """The language probabilities of each text, with eldc's scores where there are any."""
        new = [text for text in dict.fromkeys(texts) if text not in self.cache]
        self.cache.update(zip(new, identify_with_scores(self.identifier, new), strict=True))
        return [self.cache[text] for text in texts]


class CachedScores(CachedIdentifier):
    """A cached identifier that has eldc's scores."""

    def identify_with_scores(
        self, texts: Sequence[str]
    ) -> list[tuple[Probabilities, Scores | None]]:
        """The language probabilities of each text, and eldc's scores of it."""
        return self.look_up(texts)


def cached(identifier: Identifier) -> CachedIdentifier:
    """An identifier with a cache."""
    has_scores = isinstance(identifier, ScoredIdentifier)
    return CachedScores(identifier) if has_scores else CachedIdentifier(identifier)


def parse_references(option: str) -> ReferenceFile:
    """A `--references` option: `it=ref.it` or `en,it,nl=dev.tsv.gz`.

    Raises:
        CorpusError: it has another form, or names several languages for a text file.
    """
    codes, equals, path = option.partition("=")
    languages = tuple(codes.split(","))
    if not equals or not path or not all(languages):
        raise CorpusError(f"--references {option}: expected {FORM}, as it=ref.it")
    if len(set(languages)) < len(languages):
        raise CorpusError(f"--references {option}: a language is named twice; name it once")
    if len(languages) > 1 and not is_table(path):
        raise CorpusError(
            f"--references {option}: several languages need a table; expected a name ending in "
            f"{', '.join(readers.endings())}, or one language"
        )
    return ReferenceFile(languages, Path(path))


def check_duplicates(files: Sequence[ReferenceFile]) -> None:
    """Raise CorpusError where the same texts would count twice, or as two languages."""
    seen: set[tuple[str, Path]] = set()
    for file in files:
        path = file.path.resolve()
        for language in file.languages if is_table(str(path)) else ("",):
            if (language, path) in seen:
                raise CorpusError(
                    f"--references: {file.path} is given twice; its texts would count twice, "
                    "give each file once"
                )
            seen.add((language, path))


def check_output(files: Sequence[ReferenceFile], out: Path | None) -> None:
    """Raise CorpusError where the output would overwrite a file of references."""
    for file in files:
        if out is not None and out.resolve() == file.path.resolve():
            raise CorpusError(f"--out {out}: is a file of references; give another place")


def is_table(path: str) -> bool:
    """Whether a file has one column a language; any other file has one text a line."""
    return reader_of(Path(path)) is not None


def languages_of(files: Sequence[ReferenceFile]) -> list[str]:
    """All languages, in the order given.

    Raises:
        CorpusError: a file is given twice.
    """
    check_duplicates(files)
    return list(dict.fromkeys(code for file in files for code in file.languages))


def detectors_to_measure(
    names: Sequence[str],
    votes: Sequence[int],
    languages: Sequence[str],
    candidates: Sequence[str] | None,
) -> list[MeasuredDetector]:
    """Each detector with each number of votes (`paper` with one); no set of voters twice.

    Detectors may answer all their languages, or `candidates` and the measured languages.

    Raises:
        DetectorError: a code or detector is unknown, or not installed.
    """
    answers = list(dict.fromkeys([*candidates, *languages])) if candidates else None
    shared: dict[str, CachedIdentifier] = {}  # by signature, between sets of voters
    measured: dict[frozenset[str], MeasuredDetector] = {}
    for name in dict.fromkeys(names):
        for count in [1] if name == PAPER and 1 in votes else dict.fromkeys(votes):
            voters = [name, detectors.second_voter(name)][:count]
            if frozenset(voters) in measured:
                continue
            sources = [*languages, *(candidates or ()), *SOURCES]
            metrics = {code: metric_for(voters, code, answers, sources) for code in languages}
            for metric in metrics.values():
                metric.detectors = [
                    shared.setdefault(detector.signature, cached(detector))
                    for detector in metric.detectors
                ]
            measured[frozenset(voters)] = MeasuredDetector(
                name="+".join(voters), metrics=metrics, calibration=Calibration()
            )
    return list(measured.values())


def metric_for(
    voters: Sequence[str], target: str, candidates: Sequence[str] | None, sources: Sequence[str]
) -> OffTarget:
    """The metric for a target.

    `OffTarget` needs a source language; it does not affect the decision, so any distinct one of
    `sources` will do.
    """
    source = next(code for code in sources if not overlaps(code, target))
    return OffTarget(
        target_lang=target,
        source_lang=source,
        pivot=source,
        candidates=candidates,
        detector=voters[0],
        votes=len(voters),
    )


def overlaps(one: str, other: str) -> bool:
    """Whether one of two languages includes the other."""
    return same_language(one, other) or same_language(other, one)


def measure(
    files: Sequence[ReferenceFile], measured: Sequence[MeasuredDetector], tell: OnCount
) -> int:
    """Count every detector's verdicts on all texts; returns the number of lines without text.

    Each text is requested in its own language, and in every other language whose text differs.

    Raises:
        CorpusError: a file cannot be used, or a language has no text.
    """
    for file in files:
        next(read_rows(file))  # fail before anything takes long
    languages = languages_of(files)
    rows = (row for file in files for row in read_rows(file))
    done = blank = 0
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        for language in languages:
            texts = [(row, letters(row[language])) for row in chunk if language in row]
            for detector in measured:
                count_texts(detector, language, texts)
            for detector in measured:
                detector.clear_caches()
            done += len(texts)
            tell(done)
        blank += sum(not row for row in chunk)
    for language in languages:
        if not measured[0].calibration.references(language).texts:
            paths = ", ".join(str(file.path) for file in files if language in file.languages)
            raise CorpusError(f"{paths}: no text in {language}; give references that have some")
    return blank


def read_rows(file: ReferenceFile) -> Iterator[Texts]:
    """The texts of each row or line; blank texts are left out.

    Raises:
        CorpusError: the file cannot be used.
    """
    if is_table(str(file.path)):
        yield from (row.texts for row in readers.read(file.path, file.languages))
        return
    (language,) = file.languages
    for text in read_segments(file.path):
        yield {language: text} if text.strip() else {}


def count_texts(
    detector: MeasuredDetector, language: str, rows: Sequence[tuple[Texts, int]]
) -> None:
    """Count the verdicts on texts in `language`, given as (row, letters of its text)."""
    for target, metric in detector.metrics.items():
        if target != language and overlaps(target, language):
            continue
        selected = [
            (row[language], length)
            for row, length in rows
            if target == language or target not in row or not same_text(row[language], row[target])
        ]
        segments = metric.judge([text for text, _ in selected])
        for (_, length), segment in zip(selected, segments, strict=True):
            detector.calibration.add((language, target), length, segment.judged)
    first = detector.metrics[language].detectors[0]
    answers = first.identify([row[language] for row, _ in rows])
    for (_, length), probabilities in zip(rows, answers, strict=True):
        detector.calibration.add_top(language, length, probabilities)
