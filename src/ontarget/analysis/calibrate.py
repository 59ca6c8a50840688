"""References and detectors to what is found: each file is read once, in pieces."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ontarget.data import readers
from ontarget.data.readers.lines import read_segments
from ontarget.errors import CorpusError
from ontarget.languages.tags import same_language
from ontarget.languages.writing import letters
from ontarget.offtarget import detectors
from ontarget.offtarget.calibration import Calibration
from ontarget.offtarget.detectors import PAPER
from ontarget.offtarget.detectors.base import Identifier, Probabilities
from ontarget.offtarget.metric import OffTarget
from ontarget.offtarget.verdicts import same_text

ROWS = 500  # held at once
FORM = "CODE=FILE, or CODE,CODE,...=TABLE"
SOURCES = ("en", "de", "ru", "zh")  # asked for where the references name one language only

Texts = Mapping[str, str]  # language -> text
OnCount = Callable[[int], None]  # texts done


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """A file of texts whose languages are known."""

    languages: tuple[str, ...]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredDetector:
    """A detector with its rule and votes, and what it was found to do."""

    name: str
    metrics: Mapping[str, OffTarget]  # language asked for -> metric
    calibration: Calibration

    @property
    def signature(self) -> str:
        """What the numbers depend on besides the texts."""
        return next(iter(self.metrics.values())).signature

    def forget(self) -> None:
        """Let go of the texts that its detectors were asked about."""
        for metric in self.metrics.values():
            for each in metric.detectors:
                if isinstance(each, CachedIdentifier):
                    each.known.clear()


class CachedIdentifier:
    """An identifier that is asked once about a text, whatever the number of targets."""

    def __init__(self, identifier: Identifier) -> None:
        self.identifier = identifier
        self.name, self.answers = identifier.name, identifier.answers
        self.signature = identifier.signature
        self.known: dict[str, Probabilities] = {}

    def shares_of(self, texts: Sequence[str]) -> list[Probabilities]:
        """As the identifier answers, from memory where it was asked before."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        self.known.update(zip(new, self.identifier.shares_of(new), strict=True))
        return [self.known[text] for text in texts]


def parse_references(given: str) -> ReferenceFile:
    """Of `it=ref.it` or `en,it,nl=dev.tsv.gz`.

    Raises:
        CorpusError: it has another form, or a text file several languages.
    """
    codes, equals, path = given.partition("=")
    languages = tuple(codes.split(","))
    if not equals or not path or not all(languages):
        raise CorpusError(f"--references {given}: expected {FORM}, as it=ref.it")
    if len(set(languages)) < len(languages):
        raise CorpusError(f"--references {given}: a language stands there twice; name it once")
    if len(languages) > 1 and not is_table(path):
        raise CorpusError(
            f"--references {given}: several languages, but the name is of no table; expected an "
            f"ending of {', '.join(readers.READERS)}, or one language"
        )
    return ReferenceFile(languages, Path(path))


def check_duplicates(given: Sequence[ReferenceFile]) -> None:
    """Raise CorpusError where the same texts would count twice, or as two languages."""
    seen: set[tuple[str, Path]] = set()
    for each in given:
        path = each.path.resolve()
        for language in each.languages if is_table(str(path)) else ("",):
            if (language, path) in seen:
                raise CorpusError(
                    f"--references: {each.path} is given twice; its texts would count twice, "
                    "give each file once"
                )
            seen.add((language, path))


def check_output(given: Sequence[ReferenceFile], out: Path | None) -> None:
    """Raise CorpusError where what is written would take the place of references."""
    for each in given:
        if out is not None and out.resolve() == each.path.resolve():
            raise CorpusError(f"--out {out}: is a file of references; give another place")


def is_table(path: str) -> bool:
    """Whether a file's columns are languages; any other is text, one segment a line."""
    return path.endswith(tuple(readers.READERS))


def languages_of(given: Sequence[ReferenceFile]) -> list[str]:
    """All of them, in the order given.

    Raises:
        CorpusError: a file is given twice.
    """
    check_duplicates(given)
    return list(dict.fromkeys(code for each in given for code in each.languages))


def detectors_to_measure(
    names: Sequence[str],
    votes: Sequence[int],
    languages: Sequence[str],
    candidates: Sequence[str] | None,
) -> list[MeasuredDetector]:
    """Each detector with each number of votes, `paper` with one; each set of voters once.

    What a detector may answer are all languages, or the candidates and the languages measured.

    Raises:
        DetectorError: a code or detector is unknown, or not installed.
    """
    chosen = list(dict.fromkeys([*candidates, *languages])) if candidates else None
    asked: dict[str, CachedIdentifier] = {}  # by signature: systems share their detectors
    found: dict[frozenset[str], MeasuredDetector] = {}
    for name in dict.fromkeys(names):
        for count in [1] if name == PAPER and 1 in votes else dict.fromkeys(votes):
            voters = [name, detectors.second_voter(name)][:count]
            if frozenset(voters) in found:
                continue
            metrics = {
                code: metric_for(voters, code, chosen, [*languages, *(candidates or ())])
                for code in languages
            }
            for each in metrics.values():
                each.detectors = [
                    asked.setdefault(x.signature, CachedIdentifier(x)) for x in each.detectors
                ]
            found[frozenset(voters)] = MeasuredDetector(
                name="+".join(voters), metrics=metrics, calibration=Calibration()
            )
    return list(found.values())


def metric_for(
    voters: Sequence[str], target: str, candidates: Sequence[str] | None, languages: Sequence[str]
) -> OffTarget:
    """The metric for a target. Its rule wants a source, on which off-target or not never hangs."""
    others = [*languages, *SOURCES]
    source = next(
        each
        for each in others
        if not same_language(each, target) and not same_language(target, each)
    )
    return OffTarget(
        target_lang=target,
        source_lang=source,
        pivot=source,
        candidates=candidates,
        detector=voters[0],
        votes=len(voters),
    )


def measure(
    given: Sequence[ReferenceFile], found: Sequence[MeasuredDetector], tell: OnCount
) -> int:
    """Count what each system calls all the texts; returns how many lines had no text.

    A text is asked for in its own language, and in each other one where that says something else.

    Raises:
        CorpusError: a file is not as expected, or a language has no text.
    """
    for each in given:
        next(read_rows(each))  # before anything takes long
    languages = languages_of(given)
    rows = (row for each in given for row in read_rows(each))
    done = blank = 0
    while chunk := list(islice(rows, ROWS)):
        for language in languages:
            here = [(row, letters(row[language])) for row in chunk if language in row]
            for system in found:
                count_texts(system, language, here)
            for system in found:
                system.forget()
            done += len(here)
            tell(done)
        blank += sum(not row for row in chunk)
    for language in languages:
        if not found[0].calibration.references(language).texts:
            files = ", ".join(str(each.path) for each in given if language in each.languages)
            raise CorpusError(f"{files}: no text in {language}; give references that have some")
    return blank


def read_rows(given: ReferenceFile) -> Iterator[Texts]:
    """What a file holds, without texts of white space alone.

    Raises:
        CorpusError: it is not as expected.
    """
    if is_table(str(given.path)):
        yield from (row.texts for row in readers.read(given.path, given.languages))
        return
    (language,) = given.languages
    for text in read_segments(given.path):
        yield {language: text} if text.strip() else {}


def count_texts(system: MeasuredDetector, language: str, here: Sequence[tuple[Texts, int]]) -> None:
    """Count texts in `language`, given as (row, letters of its text in that language)."""
    for target, metric in system.metrics.items():
        if target != language and (
            same_language(target, language) or same_language(language, target)
        ):
            continue
        asked = [
            (row[language], length)
            for row, length in here
            if target == language or target not in row or not same_text(row[language], row[target])
        ]
        judged = metric.judge([text for text, _ in asked])
        for (_, length), segment in zip(asked, judged, strict=True):
            system.calibration.add((language, target), length, segment.judged)
    first = system.metrics[language].detectors[0]
    shares = first.shares_of([row[language] for row, _ in here])
    for (_, length), each in zip(here, shares, strict=True):
        system.calibration.add_top(language, length, each)
