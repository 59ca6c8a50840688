"""Scores of whole systems: all segments, on-target only, off-target as empty; and differences.

Every score is computed from sufficient statistics of each segment, extracted once, so subsets and
resamples cost no second extraction. BLEU, chrF, chrF++ and TER are sacreBLEU's own to the last
digit; the score of an outside program is the mean of its segments' scores.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric

from ontarget.scoring.sacrebleu import SegmentMean, Statistics, score_of, signature_of

SEED = 12345  # sacreBLEU's
RESAMPLES = 1000
TRIALS = 10_000  # of approximate randomisation
AT_ONCE = 20_000_000  # draws held in memory


@dataclass(frozen=True, slots=True)
class SystemScore:
    """One metric of one system, in its own scale: sacreBLEU's 0-100, a program's whatever it has.

    Of TER and MetricX lower is better.
    """

    score: float
    low: float  # bootstrap, 95 %
    high: float
    signature: str  # sacreBLEU's, or program, version and model
    on_target_only: float | None  # of the on-target segments; None where there is none
    off_target_as_empty: float  # off-target segments given as empty


@dataclass(frozen=True, slots=True)
class Difference:
    """A system against the first in one metric, both tests two-sided."""

    difference: float  # this system's score less the first's
    bootstrap_p: float  # paired bootstrap (Koehn 2004)
    randomisation_p: float  # approximate randomisation (Riezler and Maxwell 2005)


def resampled(
    metric: Metric | SegmentMean, its: Statistics, drawn: NDArray[np.int64]
) -> Statistics:
    """Scores of resamples; `drawn` has one row of segment numbers each."""
    return np.array([score_of(metric, its[row].sum(0)) for row in drawn])


def draws(segments: int, seed: int = SEED) -> NDArray[np.int64]:
    """Segment numbers of `RESAMPLES` bootstrap samples; fewer samples of very many segments."""
    count = min(RESAMPLES, max(100, AT_ONCE // segments))
    return np.random.default_rng(seed).choice(segments, size=(count, segments), replace=True)


def system_score(
    metric: Metric | SegmentMean,
    its: Statistics,
    empty: Statistics,
    masks: tuple[list[bool], list[bool]],
) -> SystemScore:
    """One metric of a system; `masks` say which segments are on-target and which off-target.

    `empty` are the statistics of empty hypotheses against the same references; those of segments
    that are not off-target are not looked at.
    """
    on, off = (np.array(mask, dtype=bool) for mask in masks)
    low, high = np.percentile(resampled(metric, its, draws(len(its))), [2.5, 97.5])
    return SystemScore(
        score=score_of(metric, its.sum(0)),
        low=float(low),
        high=float(high),
        signature=signature_of(metric),
        on_target_only=score_of(metric, its[on].sum(0)) if on.any() else None,
        off_target_as_empty=score_of(metric, np.where(off[:, None], empty, its).sum(0)),
    )


def compare_systems(
    metric: Metric | SegmentMean, first: Statistics, other: Statistics, seed: int = SEED
) -> Difference:
    """A system against the first; p values as sacrebleu.significance computes them."""
    found = score_of(metric, other.sum(0)) - score_of(metric, first.sum(0))
    drawn = draws(len(first), seed)
    apart = np.abs(resampled(metric, other, drawn) - resampled(metric, first, drawn))
    shuffled = swapped(metric, first, other, selections(len(first), seed))
    return Difference(
        difference=found,
        bootstrap_p=p_value(apart - apart.mean(), abs(found)),
        randomisation_p=p_value(shuffled, abs(found)),
    )


def selections(segments: int, seed: int) -> NDArray[np.bool_]:
    """Which segments stay where they are in each trial; fewer trials of very many segments."""
    count = min(TRIALS, max(100, 5 * AT_ONCE // segments))
    return np.random.default_rng(seed).integers(2, size=(count, segments), dtype=bool)


def swapped(
    metric: Metric | SegmentMean, first: Statistics, other: Statistics, chosen: NDArray[np.bool_]
) -> Statistics:
    """Absolute differences of two systems after they exchanged the segments not chosen."""
    total = first.sum(0) + other.sum(0)
    apart = first - other
    ones = np.array([apart[some].sum(0) for some in chosen]) + other.sum(0)
    return np.array([abs(score_of(metric, one) - score_of(metric, total - one)) for one in ones])


def p_value(found: Statistics, observed: float) -> float:
    """How often chance alone exceeds the observed difference, the observation counted in."""
    return float((np.sum(found > observed) + 1) / (len(found) + 1))
