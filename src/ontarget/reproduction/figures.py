"""The rows of a table and the points of its sweeps, from runs that are finished.

Averages are unweighted means over directions, as the paper gives them. The interval of an
off-target ratio is `stats.mean_interval`, that of BLEU, chrF and BLEURT a bootstrap. Both take
corpus rows, not segments, as independent: a row's segments say the same in different languages.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sacrebleu.metrics.base import Metric

from ontarget import artifacts
from ontarget.analysis.results import read_judged, read_scores
from ontarget.offtarget.verdicts import is_off_target
from ontarget.records import Direction, JudgedTranslation, Score, corpus_row
from ontarget.reproduction.bleurt import BleurtScores
from ontarget.reproduction.runs import TITLES, PlannedRun, Reproduction
from ontarget.scoring.averages import mean, mean_of_known
from ontarget.scoring.resampling import draw_shared_resamples, resampled
from ontarget.scoring.sacrebleu import (
    SegmentMean,
    Statistics,
    mean_statistics,
    metrics,
    segment_statistics,
)
from ontarget.stats import Estimate, mean_interval
from ontarget.systems import STAGE2
from ontarget.training.monitoring.model_selection import ValidationResult

SCORED = ("bleu", "chrf")
BLEURT = "bleurt"
DirectionStatistics = dict[str, tuple[Metric | SegmentMean, Statistics]]  # by name of the metric


class DirectionFigures(NamedTuple):
    """A system in one direction, 0-100."""

    off_target_percent: float | None  # None where it could not be judged
    bleu: float
    bleurt: float | None = None  # None where it was not asked for


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
    cells: dict[Direction, DirectionFigures]
    bleurt: Estimate | None = None  # 100 times BLEURT's scale; None where it was not asked for


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

    @property
    def has_bleurt(self) -> bool:
        """Whether BLEURT was asked for."""
        settings = [one for row in self.rows for one in (row.supervised, row.zero_shot)]
        return any(one is not None and one.bleurt is not None for one in settings)


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
        seconds = [float(stamp["seconds"]) for stamp in (*stamps, *translated) if stamp]
        return sum(seconds, 0.0)


def translations_of(reproduction: Reproduction) -> Iterator[JudgedTranslation]:
    """All translations of the systems that fill rows.

    Raises:
        ArtifactError: a run is not finished, or a file was changed.
    """
    for run in reproduction.runs:
        for (system, _), translations in RunResults(run.recipe.out).judged.items():
            if system in run.rows.values():
                yield from translations


def figures_of(
    reproduction: Reproduction, tell: Callable[[str], None], bleurt: BleurtScores | None = None
) -> Figures:
    """The figures of finished runs; BLEURT's where the scores of `translations_of` are given.

    Raises:
        ArtifactError: a run is not finished, or a file was changed.
    """
    rows: list[TableRow] = []
    signatures: dict[str, None] = {}
    seconds = {}
    for run in reproduction.runs:
        tell(run.name)
        results = RunResults(run.recipe.out)
        rows += rows_of(run, results, bleurt)
        signatures |= dict.fromkeys(signatures_of(results.scores))
        seconds[run.name] = results.seconds
    if bleurt is not None:
        signatures[f"{BLEURT}: {bleurt.signature}"] = None
    order = {key: place for place, key in enumerate(TITLES)}
    rows.sort(key=lambda row: (order.get(row.key, len(order)), row.value or 0))
    path = reproduction.main.recipe.out / STAGE2.folder / "validation.jsonl"
    curve = artifacts.read_jsonl(path, ValidationResult) if path.is_file() else []
    return Figures(
        rows=tuple(rows), curve=tuple(curve), signatures=tuple(signatures), seconds=seconds
    )


def rows_of(run: PlannedRun, results: RunResults, bleurt: BleurtScores | None) -> list[TableRow]:
    """The rows that a run fills."""
    return [
        TableRow(
            key=key,
            title=TITLES.get(key, key),
            run=run.name,
            value=run.value,
            supervised=averages_of(results, system, bleurt, supervised=True),
            zero_shot=averages_of(results, system, bleurt, supervised=False),
        )
        for key, system in run.rows.items()
    ]


def averages_of(
    results: RunResults, system: str, bleurt: BleurtScores | None, *, supervised: bool
) -> Averages | None:
    """A system's averages over the directions of a setting; None without any."""
    scores = [s for s in results.scores if (s.system, s.supervised) == (system, supervised)]
    if not scores:
        return None
    directions = tuple(Direction(score.source, score.target) for score in scores)
    groups = [results.judged[system, direction] for direction in directions]
    intervals = score_intervals(
        [statistics_of(group, bleurt) for group in groups],
        [[corpus_row(one.key) for one in group] for group in groups],
    )
    means = [None if bleurt is None else mean(bleurt.percents(group)) for group in groups]
    neural = mean_of_known(means)
    bounds = mean_interval([outcomes_of(group) for group in groups])
    average = mean_of_known(score.off_target_percent for score in scores)
    return Averages(
        directions=directions,
        segments=sum(score.segments for score in scores),
        off_target=None if bounds is None or average is None else Estimate(average, *bounds),
        floor=mean_of_known(score.reference_off_target_percent for score in scores),
        bleu=Estimate(mean([score.bleu for score in scores]), *intervals["bleu"]),
        chrf=Estimate(mean([score.chrf for score in scores]), *intervals["chrf"]),
        bleurt=None if neural is None else Estimate(neural, *intervals[BLEURT]),
        truncated=sum(score.truncated for score in scores),
        cells={
            direction: DirectionFigures(score.off_target_percent, score.bleu, of_bleurt)
            for direction, score, of_bleurt in zip(directions, scores, means, strict=True)
        },
    )


def statistics_of(
    group: Sequence[JudgedTranslation], bleurt: BleurtScores | None
) -> DirectionStatistics:
    """Each metric with its statistics of the segments of a direction."""
    named = metrics(group[0].target_lang)
    hypotheses, references = [one.hypothesis for one in group], [one.reference for one in group]
    found: DirectionStatistics = {
        name: (named[name], segment_statistics(named[name], hypotheses, [references]))
        for name in SCORED
    }
    if bleurt is not None:
        found[BLEURT] = SegmentMean(bleurt.signature), mean_statistics(bleurt.percents(group))
    return found


def outcomes_of(group: Sequence[JudgedTranslation]) -> dict[str, bool]:
    """Whether the segments of a direction are off-target, by corpus row; without undecided ones."""
    outcomes = ((corpus_row(one.key), is_off_target(one.verdict)) for one in group)
    return {row: outcome for row, outcome in outcomes if outcome is not None}


def score_intervals(
    directions: Sequence[DirectionStatistics], rows: Sequence[Sequence[str]]
) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals of each metric's mean over directions.

    `rows` has the corpus row of each segment, by direction.
    """
    draws = draw_shared_resamples(rows)
    intervals = {}
    for name in directions[0]:
        of_directions = [
            resampled(*measured[name], drawn)
            for measured, drawn in zip(directions, draws, strict=True)
        ]
        low, high = np.percentile(np.mean(of_directions, axis=0), [2.5, 97.5])
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
