"""Evaluation of files of hypotheses, references and sources, one segment a line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from ontarget.analysis.evaluate import EvaluatedTexts, evaluate_texts
from ontarget.data.readers.lines import read_segments
from ontarget.errors import CorpusError
from ontarget.offtarget.metric import JudgedSegment, OffTarget
from ontarget.offtarget.ratio import OffTargetScore
from ontarget.scoring import resampling
from ontarget.scoring.measures import MetricStatistics, neural
from ontarget.scoring.neural.running import NeuralScorer, OnMessage
from ontarget.scoring.resampling import Difference, SystemScore
from ontarget.stats import sign_test

MAX_FLOOR_PERCENT = 50  # of references that may be off-target; with more, they are not references
METRICS = ("bleu", "chrf", "chrf++", "ter")


@dataclass(frozen=True, slots=True, kw_only=True)
class OffTargetDifference:
    """Off-target segments of a system against the first; undecided ones are left out."""

    only_this: int  # off-target in this system alone
    only_first: int
    p: float  # sign test, two-sided, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentResult:
    """One line of a hypotheses file."""

    file: str
    line: int  # from 1
    verdict: str
    language: str  # detected; "" where there is none or more than one
    chrf: float | None  # 0-100; None without references


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One hypotheses file. Scores come with the off-target ratio, which they may hide."""

    file: str
    off_target: OffTargetScore
    scores: dict[str, SystemScore]  # {} without references and neural metrics
    versus_first: dict[str, Difference] | None  # None for the first file and without scores
    off_target_versus_first: OffTargetDifference | None = None
    segment_results: Sequence[SegmentResult] = ()  # where they are kept

    @property
    def segments(self) -> int:
        """Lines of the file."""
        return sum(self.off_target.verdicts.values())


@dataclass(frozen=True, slots=True)
class References:
    """References and sources of an evaluation, by file."""

    references: dict[Path, list[str]]
    sources: dict[Path, list[str]]  # one file at most

    @property
    def files(self) -> dict[Path, list[str]]:
        """All of them."""
        return self.references | self.sources

    @property
    def source_texts(self) -> list[str] | None:
        """The sources, if given."""
        return next(iter(self.sources.values()), None)


@dataclass(frozen=True, slots=True)
class NeuralMetrics:
    """Neural scorers to run, and the function that receives their messages."""

    scorers: Sequence[NeuralScorer]
    tell: OnMessage


NO_NEURAL_METRICS = NeuralMetrics((), lambda _: None)


def evaluate_files(  # noqa: PLR0913 - the options of `ontarget evaluate`
    metric: OffTarget,
    hypotheses: Sequence[Path],
    references: Sequence[Path],
    sources: Path | None,
    neural_metrics: NeuralMetrics = NO_NEURAL_METRICS,
    *,
    keep_segments: bool = False,
) -> Iterator[Evaluation]:
    """Evaluate files in order; the others are compared with the first.

    Hypotheses without references and sources are read as a stream. A byte-order mark and CRLF line
    ends are removed; an empty line is an empty segment. Each neural metric runs once for all files.

    Raises:
        CorpusError: a file cannot be used, or nothing in it can be judged.
        ProgramError: a neural metric's program failed.
    """
    texts = read_references(metric, references, sources)
    if not texts.files and not keep_segments and len(hypotheses) == 1:
        (path,) = hypotheses
        ratio = ratio_of(metric, path, metric.judge(read_segments(path)))
        yield Evaluation(file=str(path), off_target=ratio, scores={}, versus_first=None)
        return
    systems = [evaluate_file(metric, path, texts) for path in hypotheses]
    ratios = [
        ratio_of(metric, path, system.segments, system.references)
        for path, system in zip(hypotheses, systems, strict=True)
    ]
    measured = measure_all(systems, texts, neural_metrics)
    for index, (path, system) in enumerate(zip(hypotheses, systems, strict=True)):
        yield Evaluation(
            file=str(path),
            off_target=ratios[index],
            scores=score_all(measured[index], system.off_target),
            versus_first=compare_all(measured[0], measured[index]) if index else None,
            off_target_versus_first=compare_off_target(systems[0], system) if index else None,
            segment_results=segment_results(path, system) if keep_segments else (),
        )


def measure_all(
    systems: Sequence[EvaluatedTexts], texts: References, neural_metrics: NeuralMetrics
) -> list[dict[str, MetricStatistics]]:
    """The statistics of each system in every metric; each neural metric runs once for all."""
    programs = {
        scorer.program.name: neural(
            scorer,
            [system.output for system in systems],
            texts.source_texts,
            list(texts.references.values()),
            neural_metrics.tell,
        )
        for scorer in neural_metrics.scorers
    }
    return [
        system.statistics | {name: results[index] for name, results in programs.items()}
        for index, system in enumerate(systems)
    ]


def evaluate_file(metric: OffTarget, path: Path, texts: References) -> EvaluatedTexts:
    """One file of hypotheses.

    Raises:
        CorpusError: it has another number of segments than its references or sources.
    """
    hypotheses = list(read_segments(path))
    for other, lines in texts.files.items():
        if len(lines) != len(hypotheses):
            raise CorpusError(
                f"{path}: {len(hypotheses)} segments, but {other} has {len(lines)}; expected as "
                "many in both, one a line"
            )
    return evaluate_texts(
        metric,
        hypotheses,
        sources=texts.source_texts,
        references=list(texts.references.values()),
        names=METRICS,
    )


def score_all(
    measured: dict[str, MetricStatistics], off_target: Sequence[bool | None]
) -> dict[str, SystemScore]:
    """Every metric's score of a system."""
    return {name: resampling.system_score(*each, off_target) for name, each in measured.items()}


def compare_all(
    first: dict[str, MetricStatistics], other: dict[str, MetricStatistics]
) -> dict[str, Difference] | None:
    """Every metric's difference of a system from the first; None without metrics."""
    return {
        name: resampling.compare_systems(each.metric, first[name].system, each.system)
        for name, each in other.items()
    } or None


def compare_off_target(first: EvaluatedTexts, other: EvaluatedTexts) -> OffTargetDifference | None:
    """Off-target segments of a system against the first; None if their lengths differ."""
    if len(first.segments) != len(other.segments):
        return None
    pairs = list(zip(first.off_target, other.off_target, strict=True))
    only_first, only_this = pairs.count((True, False)), pairs.count((False, True))
    return OffTargetDifference(
        only_this=only_this, only_first=only_first, p=sign_test(only_first, only_this)
    )


def segment_results(path: Path, system: EvaluatedTexts) -> list[SegmentResult]:
    """Verdict and chrF of each line."""
    missing: list[float | None] = [None] * len(system.segments)
    chrf = system.chrf or missing
    return [
        SegmentResult(
            file=str(path),
            line=line,
            verdict=segment.judged.verdict,
            language=segment.judged.language,
            chrf=None if value is None else round(value, 2),
        )
        for line, (segment, value) in enumerate(zip(system.segments, chrf, strict=True), start=1)
    ]


def read_references(
    metric: OffTarget, references: Sequence[Path], sources: Path | None
) -> References:
    """Read references and sources, and check that the references are in the target language.

    Raises:
        CorpusError: a file is named twice, or most of a reference's segments are off-target.
    """
    repeated = next((path for path in references if list(references).count(path) > 1), None)
    if repeated:
        raise CorpusError(f"{repeated}: is given twice as references; name each file once")
    texts = {path: list(read_segments(path)) for path in references}
    for path, lines in texts.items():
        ratio = ratio_of(metric, path, metric.judge(lines))
        if ratio.percent > MAX_FLOOR_PERCENT:
            most = next(iter(ratio.languages), "no language")
            raise CorpusError(
                f"{path}: {ratio.percent:.0f} % of these references are not in "
                f"{metric.request.target_lang} (most are in {most}); are files swapped, or is the "
                "target language another?"
            )
    return References(texts, {} if sources is None else {sources: list(read_segments(sources))})


def ratio_of(
    metric: OffTarget,
    path: Path,
    segments: Iterator[JudgedSegment] | Sequence[JudgedSegment],
    references: Sequence[JudgedSegment] | None = None,
) -> OffTargetScore:
    """The off-target ratio of a file.

    Raises:
        CorpusError: no segment could be judged.
    """
    try:
        return metric.score(segments, repeat(None) if references is None else references)
    except ValueError as error:
        raise CorpusError(f"{path}: {error}") from error
