"""The rows of a table and the points of its sweeps, from runs that are finished.

Averages are unweighted means over directions, as the paper gives them. The interval of an
off-target ratio is that of a mean of proportions (`stats.mean_interval`), that of BLEU and chrF a
bootstrap over the segments of each direction.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ontarget import artifacts
from ontarget.analysis.results import read_judged, read_scores
from ontarget.offtarget.ratio import Ratio
from ontarget.records import Direction, JudgedTranslation, Score
from ontarget.reproduction.runs import TITLES, PlannedRun, Reproduction
from ontarget.scoring.averages import mean, mean_of_known
from ontarget.scoring.resampling import draw_resamples, resampled
from ontarget.scoring.sacrebleu import metrics, segment_statistics
from ontarget.stats import Estimate, mean_interval
from ontarget.systems import STAGE2
from ontarget.training.monitoring.model_selection import ValidationResult

SCORED = ("bleu", "chrf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Averages:
    """A system over the directions of one setting; 0-100, intervals 95 %."""

    directions: tuple[Direction, ...]
    segments: int
    off_target: Estimate | None  # None where a direction could not be judged
    floor: float | None  # the same ratio of the references
    bleu: Estimate
    chrf: Estimate
    truncated: int  # translations that were cut
    cells: dict[Direction, tuple[float | None, float]]  # off-target ratio and BLEU


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A row of the table."""

    key: str
    title: str
    run: str
    value: float | None  # of what a sweep changes
    supervised: Averages | None
    zero_shot: Averages | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All rows of a reproduction, and the curve of stage 2."""

    rows: tuple[TableRow, ...]
    curve: tuple[ValidationResult, ...]  # of dev sentences, by step
    signatures: tuple[str, ...]
    seconds: dict[str, float]  # of each run, as its steps say

    def row(self, key: str) -> TableRow | None:
        """The row of a key."""
        return next((row for row in self.rows if row.key == key), None)


@dataclass(frozen=True)
class RunResults:
    """What step 6 of a run wrote."""

    out: Path

    @cached_property
    def scores(self) -> list[Score]:
        """One a system and direction."""
        return read_scores(self.out / "6_evaluate" / "scores.jsonl")

    @cached_property
    def judged(self) -> dict[tuple[str, Direction], list[JudgedTranslation]]:
        """Translations by system and direction."""
        groups: dict[tuple[str, Direction], list[JudgedTranslation]] = {}
        for one in read_judged(self.out / "6_evaluate" / "segments.jsonl"):
            key = one.system, Direction(one.source_lang, one.target_lang)
            groups.setdefault(key, []).append(one)
        return groups

    @property
    def seconds(self) -> float:
        """What the run's steps took."""
        stamps = map(artifacts.read_stamp, sorted(self.out.glob("[0-9]_*")))
        translated = map(artifacts.read_stamp, sorted(self.out.glob("5_translate/*")))
        return sum(float(stamp["seconds"]) for stamp in (*stamps, *translated) if stamp)


def figures_of(reproduction: Reproduction, tell: Callable[[str], None]) -> Figures:
    """The figures of finished runs.

    Raises:
        ArtifactError: a run is not finished, or a file was changed.
    """
    rows: list[TableRow] = []
    signatures: dict[str, None] = {}
    seconds = {}
    for run in reproduction.runs:
        tell(run.name)
        results = RunResults(run.recipe.out)
        rows += rows_of(run, results)
        signatures |= dict.fromkeys(signatures_of(results.scores))
        seconds[run.name] = results.seconds
    order = {key: place for place, key in enumerate(TITLES)}
    rows.sort(key=lambda row: (order.get(row.key, len(order)), row.value or 0))
    path = reproduction.main.recipe.out / STAGE2.folder / "validation.jsonl"
    curve = artifacts.read_jsonl(path, ValidationResult) if path.is_file() else []
    return Figures(
        rows=tuple(rows), curve=tuple(curve), signatures=tuple(signatures), seconds=seconds
    )


def rows_of(run: PlannedRun, results: RunResults) -> list[TableRow]:
    """The rows that a run fills."""
    return [
        TableRow(
            key=key,
            title=TITLES.get(key, key),
            run=run.name,
            value=run.value,
            supervised=averages_of(results, system, supervised=True),
            zero_shot=averages_of(results, system, supervised=False),
        )
        for key, system in run.rows.items()
    ]


def averages_of(results: RunResults, system: str, *, supervised: bool) -> Averages | None:
    """A system's averages over the directions of a setting; None without any."""
    scores = [s for s in results.scores if (s.system, s.supervised) == (system, supervised)]
    if not scores:
        return None
    directions = tuple(Direction(score.source, score.target) for score in scores)
    groups = [results.judged[system, direction] for direction in directions]
    intervals = score_intervals(groups)
    ratios = [Ratio.of(score.verdicts).translations for score in scores]
    bounds = mean_interval(ratios)
    percents = [score.off_target_percent for score in scores]
    average = mean_of_known(percents)
    return Averages(
        directions=directions,
        segments=sum(score.segments for score in scores),
        off_target=None if bounds is None or average is None else Estimate(average, *bounds),
        floor=mean_of_known(score.reference_off_target_percent for score in scores),
        bleu=Estimate(mean([score.bleu for score in scores]), *intervals["bleu"]),
        chrf=Estimate(mean([score.chrf for score in scores]), *intervals["chrf"]),
        truncated=sum(score.truncated for score in scores),
        cells={
            direction: (score.off_target_percent, score.bleu)
            for direction, score in zip(directions, scores, strict=True)
        },
    )


def score_intervals(
    groups: Sequence[Sequence[JudgedTranslation]],
) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals of the means of BLEU and chrF over directions.

    Segments are drawn within each direction, independently of the other directions.
    """
    draws: dict[str, list[list[float]]] = {name: [] for name in SCORED}
    for number, group in enumerate(groups):
        resamples = draw_resamples(len(group), seed=number)
        named = metrics(group[0].target_lang)
        for name in SCORED:
            statistics = segment_statistics(
                named[name],
                [one.hypothesis for one in group],
                [[one.reference for one in group]],
            )
            draws[name].append(list(resampled(named[name], statistics, resamples)))
    intervals = {}
    for name, of_directions in draws.items():
        trials = min(map(len, of_directions))  # fewer for a direction with very many segments
        means = np.mean([values[:trials] for values in of_directions], axis=0)
        low, high = np.percentile(means, [2.5, 97.5])
        intervals[name] = (float(low), float(high))
    return intervals


def signatures_of(scores: Iterable[Score]) -> list[str]:
    """What the scores were measured with."""
    found: dict[str, None] = {}
    for score in scores:
        found[f"off-target: {score.detector}"] = None
        for name, signature in score.signatures.items():
            found[f"{name}: {signature}"] = None
    return list(found)
