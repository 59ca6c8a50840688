"""Scores of a whole system and of parts of it, bootstrap intervals, and paired tests.

A score is given for all segments, for the on-target ones only, and with off-target segments
counted as empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric

from ontarget.scoring.sacrebleu import SegmentMean, Statistics, score_of, signature_of
from ontarget.stats import SEED, TRIALS

RESAMPLES = 1000
DRAWS_AT_ONCE = 20_000_000  # segment numbers held in memory


@dataclass(frozen=True, slots=True)
class SystemScore:
    """One metric of one system, on the metric's own scale (percent for sacreBLEU's).

    Lower is better for TER and MetricX.
    """

    score: float
    low: float  # bootstrap, 95 %
    high: float
    signature: str  # sacreBLEU's, or program, version and model
    on_target_only: float | None  # None without on-target segments
    off_target_as_empty: float


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric, this system minus the first; both tests are two-sided."""

    difference: float  # this system's score minus the first's
    bootstrap_p: float  # paired bootstrap (Koehn 2004)
    randomisation_p: float  # approximate randomisation (Riezler and Maxwell 2005)


def resampled(
    metric: Metric | SegmentMean, statistics: Statistics, draws: NDArray[np.int64]
) -> Statistics:
    """Scores of resamples; `draws` has the segment numbers of one resample in each row."""
    return np.array([score_of(metric, statistics[draw].sum(0)) for draw in draws])


def draw_resamples(segments: int, seed: int = SEED) -> NDArray[np.int64]:
    """Segment numbers of `RESAMPLES` bootstrap samples; fewer if there are very many segments."""
    count = min(RESAMPLES, max(100, DRAWS_AT_ONCE // segments))
    return np.random.default_rng(seed).choice(segments, size=(count, segments), replace=True)


def draw_shared_resamples(rows: Sequence[Sequence[str]]) -> list[NDArray[np.int64]]:
    """Bootstrap samples of several directions, whose segments come from these corpus rows.

    A row, which a direction has once, is drawn in all its directions or in none. Rows are drawn
    among those of the same directions, so the number of segments of each direction stays as it is;
    the only row of its directions is always drawn.
    """
    places = [{row: place for place, row in enumerate(of_direction)} for of_direction in rows]
    strata: dict[tuple[int, ...], list[str]] = {}
    for row in dict.fromkeys(chain.from_iterable(rows)):
        directions = tuple(number for number, known in enumerate(places) if row in known)
        strata.setdefault(directions, []).append(row)
    parts: list[list[NDArray[np.int64]]] = [[] for _ in rows]
    for seed, (directions, members) in enumerate(strata.items()):
        draws = draw_resamples(len(members), seed)
        for number in directions:
            parts[number].append(np.array([places[number][row] for row in members])[draws])
    trials = min(map(len, chain.from_iterable(parts)))  # there are fewer draws of very many rows
    return [
        np.concatenate([part[:trials] for part in of_direction], axis=1) for of_direction in parts
    ]


def system_score(
    metric: Metric | SegmentMean,
    statistics: Statistics,
    empty: Statistics,
    off_target: Sequence[bool | None],
) -> SystemScore:
    """One metric of a system; `off_target` is None for segments that could not be judged.

    `empty` has the statistics of empty hypotheses against the same references; only the rows of
    off-target segments are used.
    """
    on = np.array([outcome is False for outcome in off_target], dtype=bool)
    off = np.array([outcome is True for outcome in off_target], dtype=bool)
    scores = resampled(metric, statistics, draw_resamples(len(statistics)))
    low, high = np.percentile(scores, [2.5, 97.5])
    return SystemScore(
        score=score_of(metric, statistics.sum(0)),
        low=float(low),
        high=float(high),
        signature=signature_of(metric),
        on_target_only=score_of(metric, statistics[on].sum(0)) if on.any() else None,
        off_target_as_empty=score_of(metric, np.where(off[:, None], empty, statistics).sum(0)),
    )


def compare_systems(
    metric: Metric | SegmentMean, first: Statistics, other: Statistics, seed: int = SEED
) -> Difference:
    """A system minus the first; p values as `sacrebleu.significance` computes them."""
    observed = score_of(metric, other.sum(0)) - score_of(metric, first.sum(0))
    draws = draw_resamples(len(first), seed)
    differences = np.abs(resampled(metric, other, draws) - resampled(metric, first, draws))
    exchanged = exchange(metric, first, other, draw_exchanges(len(first), seed))
    return Difference(
        difference=observed,
        bootstrap_p=p_value(differences - differences.mean(), abs(observed)),
        randomisation_p=p_value(exchanged, abs(observed)),
    )


def draw_exchanges(segments: int, seed: int) -> NDArray[np.bool_]:
    """The segments that are not swapped in each trial; fewer trials for very many segments."""
    count = min(TRIALS, max(100, 5 * DRAWS_AT_ONCE // segments))
    return np.random.default_rng(seed).integers(2, size=(count, segments), dtype=bool)


def exchange(
    metric: Metric | SegmentMean, first: Statistics, other: Statistics, stays: NDArray[np.bool_]
) -> Statistics:
    """Absolute differences between two systems after swapping the segments that do not stay."""
    total = first.sum(0) + other.sum(0)
    differences = first - other
    sums = np.array([differences[row].sum(0) for row in stays]) + other.sum(0)
    return np.array([abs(score_of(metric, one) - score_of(metric, total - one)) for one in sums])


def p_value(differences: Statistics, observed: float) -> float:
    """Share of trials above the observed difference, which counts as one trial itself."""
    return float((np.sum(differences > observed) + 1) / (len(differences) + 1))
