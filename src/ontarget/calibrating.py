"""References and detectors to what is found: each file is read once, in pieces."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ontarget import corpora, detectors
from ontarget.calibration import Calibration
from ontarget.detectors import PAPER
from ontarget.errors import CorpusError
from ontarget.evaluation import segments
from ontarget.identify import Identifier, Shares
from ontarget.metric import OffTarget
from ontarget.scripts import letters
from ontarget.verdicts import means, same

ROWS = 500  # held at once
FORM = "CODE=FILE, or CODE,CODE,...=TABLE"
SOURCES = ("en", "de", "ru", "zh")  # asked for where the references name one language only

Row = Mapping[str, str]  # language -> text
Tell = Callable[[int], None]  # texts done


@dataclass(frozen=True, slots=True)
class References:
    """A file of texts whose languages are known."""

    languages: tuple[str, ...]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
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
                if isinstance(each, Once):
                    each.known.clear()


class Once:
    """An identifier that is asked once about a text, whatever the number of targets."""

    def __init__(self, identifier: Identifier) -> None:
        self.identifier = identifier
        self.name, self.answers = identifier.name, identifier.answers
        self.signature = identifier.signature
        self.known: dict[str, Shares] = {}

    def shares_of(self, texts: Sequence[str]) -> list[Shares]:
        """As the identifier answers, from memory where it was asked before."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        self.known.update(zip(new, self.identifier.shares_of(new), strict=True))
        return [self.known[text] for text in texts]


def references(given: str) -> References:
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
            f"ending of {', '.join(corpora.READERS)}, or one language"
        )
    return References(languages, Path(path))


def refuse_twice(given: Sequence[References]) -> None:
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


def refuse_overwriting(given: Sequence[References], out: Path | None) -> None:
    """Raise CorpusError where what is written would take the place of references."""
    for each in given:
        if out is not None and out.resolve() == each.path.resolve():
            raise CorpusError(f"--out {out}: is a file of references; give another place")


def is_table(path: str) -> bool:
    """Whether a file's columns are languages; any other is text, one segment a line."""
    return path.endswith(tuple(corpora.READERS))


def languages_of(given: Sequence[References]) -> list[str]:
    """All of them, in the order given.

    Raises:
        CorpusError: a file is given twice.
    """
    refuse_twice(given)
    return list(dict.fromkeys(code for each in given for code in each.languages))


def systems(
    names: Sequence[str],
    votes: Sequence[int],
    languages: Sequence[str],
    candidates: Sequence[str] | None,
) -> list[System]:
    """Each detector with each number of votes, `paper` with one; each set of voters once.

    What a detector may answer are all languages, or the candidates and the languages measured.

    Raises:
        DetectorError: a code or detector is unknown, or not installed.
    """
    chosen = list(dict.fromkeys([*candidates, *languages])) if candidates else None
    asked: dict[str, Once] = {}  # by signature: systems share their detectors
    found: dict[frozenset[str], System] = {}
    for name in dict.fromkeys(names):
        for count in [1] if name == PAPER and 1 in votes else dict.fromkeys(votes):
            voters = [name, detectors.second(name)][:count]
            if frozenset(voters) in found:
                continue
            metrics = {
                code: metric_of(voters, code, chosen, [*languages, *(candidates or ())])
                for code in languages
            }
            for each in metrics.values():
                each.detectors = [asked.setdefault(x.signature, Once(x)) for x in each.detectors]
            found[frozenset(voters)] = System(
                name="+".join(voters), metrics=metrics, calibration=Calibration()
            )
    return list(found.values())


def metric_of(
    voters: Sequence[str], target: str, candidates: Sequence[str] | None, languages: Sequence[str]
) -> OffTarget:
    """The metric for a target. Its rule wants a source, on which off-target or not never hangs."""
    others = [*languages, *SOURCES]
    source = next(each for each in others if not means(each, target) and not means(target, each))
    return OffTarget(
        target_lang=target,
        source_lang=source,
        pivot=source,
        candidates=candidates,
        detector=voters[0],
        votes=len(voters),
    )


def measure(given: Sequence[References], found: Sequence[System], tell: Tell) -> int:
    """Count what each system calls all the texts; returns how many lines had no text.

    A text is asked for in its own language, and in each other one where that says something else.

    Raises:
        CorpusError: a file is not as expected, or a language has no text.
    """
    for each in given:
        next(rows_of(each))  # before anything takes long
    languages = languages_of(given)
    rows = (row for each in given for row in rows_of(each))
    done = blank = 0
    while chunk := list(islice(rows, ROWS)):
        for language in languages:
            here = [(row, letters(row[language])) for row in chunk if language in row]
            for system in found:
                count(system, language, here)
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


def rows_of(given: References) -> Iterator[Row]:
    """What a file holds, without texts of white space alone.

    Raises:
        CorpusError: it is not as expected.
    """
    if is_table(str(given.path)):
        yield from (row.texts for row in corpora.read(given.path, given.languages))
        return
    (language,) = given.languages
    for text in segments(given.path):
        yield {language: text} if text.strip() else {}


def count(system: System, language: str, here: Sequence[tuple[Row, int]]) -> None:
    """Count texts in `language`, given as (row, letters of its text in that language)."""
    for target, metric in system.metrics.items():
        if target != language and (means(target, language) or means(language, target)):
            continue
        asked = [
            (row[language], length)
            for row, length in here
            if target == language or target not in row or not same(row[language], row[target])
        ]
        judged = metric.judge([text for text, _ in asked])
        for (_, length), segment in zip(asked, judged, strict=True):
            system.calibration.add((language, target), length, segment.judged)
    first = system.metrics[language].detectors[0]
    shares = first.shares_of([row[language] for row, _ in here])
    for (_, length), each in zip(here, shares, strict=True):
        system.calibration.add_top(language, length, each)
