"""Evaluation of files of hypotheses, references and sources, one segment a line or row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

from ontarget.analysis.evaluate import EvaluatedTexts, evaluate_texts
from ontarget.data.readers.lines import as_lines
from ontarget.data.readers.segments import (
    Role,
    TableOptions,
    TextFile,
    TextFiles,
    find_files,
    read_texts,
)
from ontarget.errors import CorpusError
from ontarget.offtarget.inside import NOTHING
from ontarget.offtarget.judge import JudgedSegment
from ontarget.offtarget.metric import OffTarget
from ontarget.offtarget.ratio import OffTargetScore
from ontarget.scoring import resampling
from ontarget.scoring.measures import MetricStatistics, SystemOutput, neural
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
    """One segment of a hypotheses file."""

    file: str
    line: int  # from 1; of a table the row
    verdict: str
    language: str  # detected; "" where there is none or more than one
    chrf: float | None  # 0-100; None without references
    foreign_percent: float  # of the letters that are not in names, in stretches
    stretches: tuple[dict[str, int | str], ...]  # characters `start` to `end`, `language`
    added: tuple[str, ...]  # `preamble`, `note`
    target_lang: str
    source: str | None  # None without sources
    hypothesis: str


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

    references: dict[TextFile, list[str]]
    sources: dict[TextFile, list[str]]  # one file at most

    @property
    def files(self) -> dict[TextFile, list[str]]:
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
NO_TABLES = TableOptions()


def evaluate_files(  # noqa: PLR0913 - the options of `ontarget evaluate`
    metric: OffTarget,
    hypotheses: Sequence[Path],
    references: Sequence[Path],
    sources: Path | None,
    neural_metrics: NeuralMetrics = NO_NEURAL_METRICS,
    *,
    tables: TableOptions = NO_TABLES,
    keep_segments: bool = False,
) -> Iterator[Evaluation]:
    """Evaluate files in order; the others are compared with the first.

    A path is a file of lines, or `TABLE` or `TABLE:COLUMN`. Hypotheses alone are read as a stream.
    A byte-order mark and CRLF line ends are removed; an empty line is an empty segment, and an
    empty reference none. Each neural metric runs once for all files.

    Raises:
        CorpusError: a file cannot be used, or nothing in it can be judged.
        ProgramError: a neural metric failed.
    """
    files = find_files(hypotheses, references, sources, tables)
    texts = read_references(metric, files)
    if not texts.files and not keep_segments and len(files.hypotheses) == 1:
        (file,) = files.hypotheses
        ratio = ratio_of(metric, file, metric.judge(read_texts(file, Role.HYPOTHESIS)))
        yield Evaluation(file=str(file), off_target=ratio, scores={}, versus_first=None)
        return
    systems = [evaluate_file(metric, file, texts) for file in files.hypotheses]
    pairs = list(zip(files.hypotheses, systems, strict=True))
    ratios = [ratio_of(metric, file, each.segments, each.references) for file, each in pairs]
    measured = measure_all(systems, texts, neural_metrics)
    for index, (file, system) in enumerate(pairs):
        yield Evaluation(
            file=str(file),
            off_target=ratios[index],
            scores=score_all(measured[index], system.off_target),
            versus_first=compare_all(measured[0], measured[index]) if index else None,
            off_target_versus_first=compare_off_target(systems[0], system) if index else None,
            segment_results=segment_results(file, system, texts, metric) if keep_segments else (),
        )


def measure_all(
    systems: Sequence[EvaluatedTexts], texts: References, neural_metrics: NeuralMetrics
) -> list[dict[str, MetricStatistics]]:
    """The statistics of each system in every metric; each neural metric runs once for all.

    Neural programs read one line a segment, so line breaks inside segments become spaces for them.
    """
    sources = texts.source_texts
    programs = {
        scorer.program.name: neural(
            scorer,
            [SystemOutput(as_lines(system.hypotheses), system.off_target) for system in systems],
            sources and as_lines(sources),
            [as_lines(lines) for lines in texts.references.values()],
            neural_metrics.tell,
        )
        for scorer in neural_metrics.scorers
    }
    return [
        system.statistics | {name: results[index] for name, results in programs.items()}
        for index, system in enumerate(systems)
    ]


def evaluate_file(metric: OffTarget, file: TextFile, texts: References) -> EvaluatedTexts:
    """One file of hypotheses.

    Raises:
        CorpusError: it has another number of segments than its references or sources.
    """
    hypotheses = list(read_texts(file, Role.HYPOTHESIS))
    for other, lines in texts.files.items():
        if len(lines) != len(hypotheses):
            raise CorpusError(
                f"{file}: {len(hypotheses)} segments, but {other} has {len(lines)}; expected as "
                "many in both, one a line or row"
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


def segment_results(
    file: TextFile, system: EvaluatedTexts, texts: References, metric: OffTarget
) -> list[SegmentResult]:
    """Verdict and chrF of each segment, with its texts."""
    missing: list[None] = [None] * len(system.segments)
    rows = zip(
        system.segments, system.chrf or missing, texts.source_texts or missing, system.hypotheses,
        strict=True,
    )  # fmt: skip
    return [
        SegmentResult(
            file=str(file),
            line=line,
            verdict=segment.judged.verdict,
            language=segment.judged.language,
            chrf=None if chrf is None else round(chrf, 2),
            **inside_of(segment),
            target_lang=metric.request.target_lang,
            source=source,
            hypothesis=hypothesis,
        )
        for line, (segment, chrf, source, hypothesis) in enumerate(rows, start=1)
    ]


def inside_of(segment: JudgedSegment) -> dict[str, Any]:
    """What a segment holds besides the translation, as `SegmentResult` names it."""
    inside = segment.inside or NOTHING
    return {
        "foreign_percent": round(100 * inside.foreign_share, 1),
        "stretches": tuple(stretch._asdict() for stretch in inside.stretches),
        "added": inside.added,
    }


def read_references(metric: OffTarget, files: TextFiles) -> References:
    """Read references and sources, and check that the references are in the target language.

    Raises:
        CorpusError: a file is named twice, or most of a reference's segments are off-target.
    """
    repeated = next((each for each in files.references if files.references.count(each) > 1), None)
    if repeated:
        raise CorpusError(f"{repeated}: is given twice as references; name each file once")
    texts = {file: list(read_texts(file, Role.REFERENCE)) for file in files.references}
    for file, lines in texts.items():
        if not any(map(str.strip, lines)):
            raise CorpusError(f"{file}: has no text; give other references, or leave them out")
        ratio = ratio_of(metric, file, metric.judge_references(lines))
        if ratio.percent > MAX_FLOOR_PERCENT:
            most = next(iter(ratio.languages), "no language")
            raise CorpusError(
                f"{file}: {ratio.percent:.0f} % of these references are not in "
                f"{metric.request.target_lang} (most are in {most}); are files swapped, or is the "
                "target language another?"
            )
    sources = files.sources
    return References(
        texts, {} if sources is None else {sources: list(read_texts(sources, Role.SOURCE))}
    )


def ratio_of(
    metric: OffTarget,
    file: TextFile,
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
        raise CorpusError(f"{file}: {error}") from error
