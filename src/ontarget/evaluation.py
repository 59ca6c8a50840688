"""Files of hypotheses, references and sources, one segment a line, to what is found in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from ontarget import systems
from ontarget.corpora.lines import lines
from ontarget.errors import CorpusError
from ontarget.evaluated import Evaluated
from ontarget.measures import Measure, System, lexical, neural
from ontarget.metric import OffTarget, Segment
from ontarget.qe.running import Scorer, Tell
from ontarget.tally import OffTargetScore
from ontarget.verdicts import Verdict

LONGEST = 100_000  # characters; a longer line is no segment, and makes every mean meaningless
MOST_FLOOR = 50  # percent; above, the references are none


@dataclass(frozen=True, slots=True)
class Held:
    """What hypotheses are held against, read whole."""

    references: dict[Path, list[str]]
    sources: dict[Path, list[str]]  # of one file at most
    floor: list[Segment]  # the first references, judged

    @property
    def files(self) -> dict[Path, list[str]]:
        """All of them."""
        return self.references | self.sources


@dataclass(frozen=True, slots=True)
class JudgedFile:
    """A file of hypotheses with what was found of its language."""

    path: Path
    system: System
    on_target: list[bool]
    off_target: OffTargetScore


@dataclass(frozen=True, slots=True)
class Outside:
    """Programs to ask, and who is told what they say meanwhile."""

    scorers: Sequence[Scorer]
    tell: Tell


NOBODY = Outside((), lambda _: None)


def evaluate(
    metric: OffTarget,
    hypotheses: Sequence[Path],
    references: Sequence[Path],
    sources: Path | None,
    outside: Outside = NOBODY,
) -> Iterator[Evaluated]:
    """Evaluate files in order; the first is what the others are compared with.

    Hypotheses alone are read as a stream. A byte-order mark at the start and CRLF line ends are
    taken off; an empty line is an empty segment. Programs are asked once, for all files.

    Raises:
        CorpusError: a file is not as expected, or nothing in it can be judged.
        ProgramError: an outside program failed.
    """
    held = hold(metric, references, sources)
    if not held.files:
        for path in hypotheses:
            ratio = counted(metric, path, metric.judge(segments(path)), repeat(None))
            yield Evaluated(file=str(path), off_target=ratio, scores={}, versus_first=None)
        return
    read = [judged(metric, path, held) for path in hypotheses]
    texts = next(iter(held.sources.values()), None), list(held.references.values())
    of_programs = {  # first, for they may fail
        scorer.program.name: neural(scorer, [each.system for each in read], *texts, outside.tell)
        for scorer in outside.scorers
    }
    every = [
        lexical(each.system, texts[1], metric.asked.target_lang)
        | {name: found[number] for name, found in of_programs.items()}
        for number, each in enumerate(read)
    ]
    for number, (each, its) in enumerate(zip(read, every, strict=True)):
        yield evaluated(each, its, every[0] if number else {})


def judged(metric: OffTarget, path: Path, held: Held) -> JudgedFile:
    """One file, read whole.

    Raises:
        CorpusError: it has not as many segments as what it is held against.
    """
    texts = list(segments(path))
    for other, lines_of_it in held.files.items():
        if len(lines_of_it) != len(texts):
            raise CorpusError(
                f"{path}: {len(texts)} segments, but {other} has {len(lines_of_it)}; expected as "
                "many in both, one a line"
            )
    given = list(zip(*held.references.values(), strict=True)) if held.references else None
    found = list(metric.judge(texts, next(iter(held.sources.values()), None), given))
    return JudgedFile(
        path=path,
        system=System(texts, [each.judged.is_off_target for each in found]),
        on_target=[each.judged.verdict is Verdict.ON_TARGET for each in found],
        off_target=counted(metric, path, found, held.floor or repeat(None)),
    )


def evaluated(found: JudgedFile, its: dict[str, Measure], first: dict[str, Measure]) -> Evaluated:
    """One file; `first` is what the first file was measured by, {} for itself."""
    masks = (found.on_target, found.system.off_target)
    versus = {
        name: systems.difference(each.metric, first[name].its, each.its)
        for name, each in its.items()
        if name in first
    }
    return Evaluated(
        file=str(found.path),
        off_target=found.off_target,
        scores={name: systems.system_score(*each, masks) for name, each in its.items()},
        versus_first=versus or None,
    )


def hold(metric: OffTarget, references: Sequence[Path], sources: Path | None) -> Held:
    """Read references and sources and judge the references.

    Raises:
        CorpusError: a file is named twice, or most of a reference's segments are not in the target
            language.
    """
    twice = next((path for path in references if list(references).count(path) > 1), None)
    if twice:
        raise CorpusError(f"{twice}: is given twice as references; name each file of them once")
    texts = {path: list(segments(path)) for path in references}
    judged = {path: list(metric.judge(each)) for path, each in texts.items()}
    for path, found in judged.items():
        ratio = counted(metric, path, found, repeat(None))
        if ratio.percent > MOST_FLOOR:
            most = next(iter(ratio.languages), "no language")
            raise CorpusError(
                f"{path}: {ratio.percent:.0f} % of these references are not in "
                f"{metric.asked.target_lang} (most are in {most}); are files swapped, or is the "
                "target language another?"
            )
    read = {} if sources is None else {sources: list(segments(sources))}
    return Held(texts, read, next(iter(judged.values()), []))


def counted(
    metric: OffTarget, path: Path, found: Iterable[Segment], floor: Iterable[Segment | None]
) -> OffTargetScore:
    """The ratio of a file.

    Raises:
        CorpusError: no segment could be judged.
    """
    try:
        return metric.counted(found, floor)
    except ValueError as error:
        raise CorpusError(f"{path}: {error}") from error


def segments(path: Path) -> Iterator[str]:
    """A file's segments, one a line.

    Raises:
        CorpusError: it has no line, one that is too long, or one with a carriage return in it.
    """
    number = 0
    for number, text in lines(path):
        if len(text) > LONGEST:
            raise CorpusError(
                f"{path}:{number}: {len(text)} characters, at most {LONGEST} expected; is it one "
                "segment a line?"
            )
        if "\r" in text:
            raise CorpusError(
                f"{path}:{number}: a carriage return inside the line; expected lines that end with "
                "LF or CRLF"
            )
        yield text
    if not number:
        raise CorpusError(f"{path}: holds no line; expected one segment a line")
