"""Proportions with their intervals, and two paired tests.

The interval and the sign test are SciPy's, imported when first needed. The randomization test is
our own: SciPy's `permutation_test` takes 8 to 67 times as long (docs/decisions/0011-libraries.md).
"""

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
