"""Files of hypotheses, references and sources, one segment a line, to what is found in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from ontarget.data.readers.lines import read_segments
from ontarget.errors import CorpusError
from ontarget.offtarget.metric import JudgedSegment, OffTarget
from ontarget.offtarget.ratio import OffTargetScore
from ontarget.offtarget.verdicts import Verdict
from ontarget.scoring import resampling
from ontarget.scoring.measures import MetricStatistics, SystemOutput, lexical, neural
from ontarget.scoring.neural.running import NeuralScorer, OnMessage
from ontarget.scoring.resampling import Difference, SystemScore

MAX_FLOOR_PERCENT = 50  # percent; above, the references are none


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One hypotheses file. Scores are never without the off-target ratio, which they may hide."""

    file: str
    off_target: OffTargetScore
    scores: dict[str, SystemScore]  # {} where nothing to score with is given
    versus_first: dict[str, Difference] | None  # None for the first file and without scores

    @property
    def segments(self) -> int:
        """Lines of the file."""
        return sum(self.off_target.verdicts.values())


@dataclass(frozen=True, slots=True)
class ReferenceTexts:
    """What hypotheses are held against, read whole."""

    references: dict[Path, list[str]]
    sources: dict[Path, list[str]]  # of one file at most
    floor: list[JudgedSegment]  # the first references, judged

    @property
    def files(self) -> dict[Path, list[str]]:
        """All of them."""
        return self.references | self.sources


@dataclass(frozen=True, slots=True)
class JudgedFile:
    """A file of hypotheses with what was found of its language."""

    path: Path
    system: SystemOutput
    on_target: list[bool]
    off_target: OffTargetScore


@dataclass(frozen=True, slots=True)
class NeuralMetrics:
    """Programs to ask, and who is told what they say meanwhile."""

    scorers: Sequence[NeuralScorer]
    tell: OnMessage


NO_NEURAL_METRICS = NeuralMetrics((), lambda _: None)


def evaluate(
    metric: OffTarget,
    hypotheses: Sequence[Path],
    references: Sequence[Path],
    sources: Path | None,
    outside: NeuralMetrics = NO_NEURAL_METRICS,
) -> Iterator[Evaluation]:
    """Evaluate files in order; the first is what the others are compared with.

    Hypotheses alone are read as a stream. A byte-order mark at the start and CRLF line ends are
    taken off; an empty line is an empty segment. Programs are asked once, for all files.

    Raises:
        CorpusError: a file is not as expected, or nothing in it can be judged.
        ProgramError: an outside program failed.
    """
    held = read_references(metric, references, sources)
    if not held.files:
        for path in hypotheses:
            ratio = count_ratio(metric, path, metric.judge(read_segments(path)), repeat(None))
            yield Evaluation(file=str(path), off_target=ratio, scores={}, versus_first=None)
        return
    read = [judge_file(metric, path, held) for path in hypotheses]
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
        yield evaluate_system(each, its, every[0] if number else {})


def judge_file(metric: OffTarget, path: Path, held: ReferenceTexts) -> JudgedFile:
    """One file, read whole.

    Raises:
        CorpusError: it has not as many segments as what it is held against.
    """
    texts = list(read_segments(path))
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
        system=SystemOutput(texts, [each.judged.is_off_target for each in found]),
        on_target=[each.judged.verdict is Verdict.ON_TARGET for each in found],
        off_target=count_ratio(metric, path, found, held.floor or repeat(None)),
    )


def evaluate_system(
    found: JudgedFile, its: dict[str, MetricStatistics], first: dict[str, MetricStatistics]
) -> Evaluation:
    """One file; `first` is what the first file was measured by, {} for itself."""
    masks = (found.on_target, found.system.off_target)
    versus = {
        name: resampling.compare_systems(each.metric, first[name].its, each.its)
        for name, each in its.items()
        if name in first
    }
    return Evaluation(
        file=str(found.path),
        off_target=found.off_target,
        scores={name: resampling.system_score(*each, masks) for name, each in its.items()},
        versus_first=versus or None,
    )


def read_references(
    metric: OffTarget, references: Sequence[Path], sources: Path | None
) -> ReferenceTexts:
    """Read references and sources and judge the references.

    Raises:
        CorpusError: a file is named twice, or most of a reference's segments are not in the target
            language.
    """
    twice = next((path for path in references if list(references).count(path) > 1), None)
    if twice:
        raise CorpusError(f"{twice}: is given twice as references; name each file of them once")
    texts = {path: list(read_segments(path)) for path in references}
    judged = {path: list(metric.judge(each)) for path, each in texts.items()}
    for path, found in judged.items():
        ratio = count_ratio(metric, path, found, repeat(None))
        if ratio.percent > MAX_FLOOR_PERCENT:
            most = next(iter(ratio.languages), "no language")
            raise CorpusError(
                f"{path}: {ratio.percent:.0f} % of these references are not in "
                f"{metric.asked.target_lang} (most are in {most}); are files swapped, or is the "
                "target language another?"
            )
    read = {} if sources is None else {sources: list(read_segments(sources))}
    return ReferenceTexts(texts, read, next(iter(judged.values()), []))


def count_ratio(
    metric: OffTarget,
    path: Path,
    found: Iterable[JudgedSegment],
    floor: Iterable[JudgedSegment | None],
) -> OffTargetScore:
    """The ratio of a file.

    Raises:
        CorpusError: no segment could be judged.
    """
    try:
        return metric.counted(found, floor)
    except ValueError as error:
        raise CorpusError(f"{path}: {error}") from error
