"""Proportions with their intervals, and two paired tests.

The interval and the sign test are SciPy's, imported when first needed. The randomization test is
our own: SciPy's `permutation_test` takes 8 to 67 times as long (docs/decisions/0011-libraries.md).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEED = 12345  # of resampling; sacreBLEU's default
TRIALS = 10_000
SIGNS_AT_ONCE = 4_000_000  # random signs held in memory


def wilson(count: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a binomial proportion, in percent (doi 10.1080/01621459.1927.10502953).

    Raises:
        ValueError: `total` is 0, or `count` is not between 0 and `total`.
    """
    from scipy.stats import binomtest

    bounds = binomtest(count, total).proportion_ci(confidence, method="wilson")
    return 100 * float(bounds.low), 100 * float(bounds.high)


@dataclass(frozen=True, slots=True)
class Proportion:
    """`count` out of `total`; percentages are None where `total` is 0."""

    count: int
    total: int

    @property
    def percent(self) -> float | None:
        """The point estimate, 0-100."""
        return 100 * self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's interval, 95 %, in percent."""
        return wilson(self.count, self.total) if self.total else None


Z = 1.959963984540054  # of a two-sided 95 % interval
ROUNDING = 1e-15  # of a sum of squares


def difference_interval(one: Proportion, two: Proportion) -> tuple[float, float] | None:
    """95 % interval of the difference of two independent proportions, in points.

    Newcombe's hybrid of Wilson's intervals (doi 10.1002/(SICI)1097-0258(19980430)17:8<873). None
    where one has no observations.
    """
    if not one.total or not two.total:
        return None
    first, second = 100 * one.count / one.total, 100 * two.count / two.total
    low_one, high_one = wilson(one.count, one.total)
    low_two, high_two = wilson(two.count, two.total)
    below = math.hypot(first - low_one, high_two - second)
    above = math.hypot(high_one - first, second - low_two)
    return first - second - below, first - second + above


def mean_interval(directions: Sequence[Mapping[str, bool]]) -> tuple[float, float] | None:
    """95 % interval, in percent, of the unweighted mean of the shares of several directions.

    Each direction has the outcomes of its segments by corpus row. Segments of one row, which say
    the same in different languages, may agree, so rows are the independent observations: Wilson's
    interval of as many observations as give the variance between rows, with Student's quantile
    (the modified Wilson interval of Dean and Pagano 2015, doi 10.1093/jssam/smv024). It counts no
    more observations than there are segments; where rows do not differ, as many as rows. None
    where a direction has no outcomes.
    """
    from scipy.stats import t

    if not directions or not all(directions):
        return None
    shares = [sum(outcomes.values()) / len(outcomes) for outcomes in directions]
    mean = sum(shares) / len(shares)
    residuals: dict[str, float] = {}
    for outcomes, share in zip(directions, shares, strict=True):
        for row, outcome in outcomes.items():
            residual = (outcome - share) / (len(outcomes) * len(directions))
            residuals[row] = residuals.get(row, 0.0) + residual
    rows, segments = len(residuals), sum(map(len, directions))
    squares = sum(residual**2 for residual in residuals.values())
    observations = float(rows)
    if rows > 1 and squares > ROUNDING:
        observations = min(float(segments), mean * (1 - mean) * (rows - 1) / (rows * squares))
    quantile = float(t.ppf(0.975, rows - 1)) if rows > 1 else Z
    return wilson_of_share(mean, observations, quantile)


def wilson_of_share(share: float, observations: float, quantile: float) -> tuple[float, float]:
    """Wilson's interval, in percent, of a share 0 to 1 of observations that need be no integer."""
    width = 1 + quantile**2 / observations
    centre = (share + quantile**2 / (2 * observations)) / width
    variance = share * (1 - share) / observations + (quantile / (2 * observations)) ** 2
    half = quantile * math.sqrt(variance) / width
    return 100 * max(centre - half, 0.0), 100 * min(centre + half, 1.0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A percentage with the bounds of its 95 % interval."""

    percent: float
    low: float
    high: float


def rogan_gladen(observed: Proportion, false: Proportion, found: Proportion) -> Estimate | None:
    """The true share behind an observed one, corrected for both errors of the measurement.

    `false` is the share of negatives called positive, `found` that of positives called positive
    (Rogan and Gladen 1978, doi 10.1093/oxfordjournals.aje.a112510), with the interval of Lang and
    Reiczigel (doi 10.1016/j.prevetmed.2013.09.015), which counts the uncertainty of both. Percent,
    cut to 0-100. None where one has no observations, or the measurement tells nothing.
    """
    if not (observed.total and false.total and found.total):
        return None
    share = observed.count / observed.total
    wrong, recall = false.count / false.total, found.count / found.total
    if recall <= wrong:
        return None
    total = observed.total + Z**2
    adjusted = (observed.count + Z**2 / 2) / total
    recalls, rejections = found.total + 2, false.total + 2
    sensitivity = (found.count + 1) / recalls
    specificity = (false.total - false.count + 1) / rejections
    youden = sensitivity + specificity - 1
    if youden <= 0:
        return None
    centre = (adjusted + specificity - 1) / youden
    of_recall = sensitivity * (1 - sensitivity) / recalls
    of_rejection = specificity * (1 - specificity) / rejections
    shift = 2 * Z**2 * (centre * of_recall - (1 - centre) * of_rejection)
    variance = adjusted * (1 - adjusted) / total
    variance += centre**2 * of_recall + (1 - centre) ** 2 * of_rejection
    half = Z * math.sqrt(variance) / youden
    bounds = (centre + shift - half, centre + shift + half)
    low, high = (100 * min(max(bound, 0.0), 1.0) for bound in bounds)
    return Estimate(100 * min(max((share - wrong) / (recall - wrong), 0.0), 1.0), low, high)


def sign_test(only_first: int, only_second: int) -> float:
    """Two-sided exact p value that two discordant counts are equally likely (McNemar's test)."""
    from scipy.stats import binomtest

    if not only_first + only_second:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)


def randomization_test(
    differences: NDArray[np.float64], seed: int = SEED, trials: int = TRIALS
) -> NDArray[np.float64]:
    """Two-sided p value of each column's sum under random signs of the rows (Noreen 1989).

    `differences` is "segment comparison". The p value is the share of trials whose sum is at least
    as extreme. The observed signs count as one more trial, and ties count as exceeding, so a system
    never differs significantly from itself.
    """
    segments, comparisons = differences.shape
    generator = np.random.default_rng(seed)
    totals = differences.sum(0)
    threshold = np.abs(totals) - 1e-6  # ties are exact only up to rounding
    exceeded = np.zeros(comparisons)
    remaining = trials
    while remaining:
        batch = min(remaining, max(1, SIGNS_AT_ONCE // segments))
        bits = generator.integers(0, 256, size=(batch, -(-segments // 8)), dtype=np.uint8)
        ones = np.unpackbits(bits, axis=1, count=segments).astype(np.float64)
        exceeded += (np.abs(2 * (ones @ differences) - totals) >= threshold).sum(0)
        remaining -= batch
    return (exceeded + 1) / (trials + 1)
