"""What a count out of a count says of a share."""

from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


def wilson(count: int, judged: int, confidence: float = 0.95) -> tuple[float, float]:
    """Bounds of a binomial share, in percent (Wilson 1927, doi 10.1080/01621459.1927.10502953)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = count / judged, z * z / judged
    centre = (share + weight / 2) / (1 + weight)
    spread = z / (1 + weight) * sqrt(share * (1 - share) / judged + weight / (4 * judged))
    low = centre - spread if count else 0.0  # exactly: rounding would leave 1e-17
    high = centre + spread if count < judged else 1.0
    return 100 * low, 100 * high


@dataclass(frozen=True, slots=True)
class Proportion:
    """A count out of a count; percent 0-100, None of nothing."""

    count: int
    of: int

    @property
    def percent(self) -> float | None:
        """The point estimate."""
        return 100 * self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's, 95 %."""
        return wilson(self.count, self.of) if self.of else None


def sign_test(only_first: int, only_second: int) -> float:
    """Two-sided p of as unequal counts where both are as likely (McNemar's test, exact)."""
    total, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(
        exp(lgamma(total + 1) - lgamma(k + 1) - lgamma(total - k + 1) - total * log(2))
        for k in range(fewer + 1)
    )
    return min(1.0, 2 * tail)


SEED = 12345
TRIALS = 10_000
AT_ONCE = 4_000_000  # draws held in memory


def randomization_test(apart: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Two-sided p of each column's sum where each row's sign is chance (Noreen 1989).

    The observation counts as a trial. A trial that differs by as much counts as more, so a system
    does not differ from itself.
    """
    segments, columns = apart.shape
    draw = np.random.default_rng(seed)
    observed = np.abs(apart.sum(0)) - 1e-6
    exceeded = np.zeros(columns)
    left = TRIALS
    while left:
        trials = min(left, max(1, AT_ONCE // segments))
        bits = draw.integers(0, 256, size=(trials, -(-segments // 8)), dtype=np.uint8)
        signs = np.unpackbits(bits, axis=1, count=segments).astype(np.float64)
        exceeded += (np.abs(2 * (signs @ apart) - apart.sum(0)) >= observed).sum(0)
        left -= trials
    return (exceeded + 1) / (TRIALS + 1)
