"""The off-target ratio: the share of translations that are not in the language asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """An off-target ratio with its counts; percent 0-100."""

    percent: float
    interval: tuple[float, float]  # Wilson, 95 %
    count: int  # off-target segments
    judged: int


def off_target(found: Sequence[str], asked: str) -> Ratio:
    """Share of segments whose language is not `asked`; "" (nothing to identify) is off-target.

    Only the primary subtags are compared: zh is on target where zh-Hans was asked for.

    Raises:
        ValueError: there is no segment.
    """
    if not found:
        raise ValueError(f"off-target ratio for {asked}: no segment to judge")
    count = sum(primary(language) != primary(asked) for language in found)
    return Ratio(
        percent=100 * count / len(found),
        interval=wilson(count, len(found)),
        count=count,
        judged=len(found),
    )


def wilson(count: int, judged: int, confidence: float = 0.95) -> tuple[float, float]:
    """Bounds of a binomial share, in percent (Wilson 1927, doi 10.1080/01621459.1927.10502953)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = count / judged, z * z / judged
    centre = (share + weight / 2) / (1 + weight)
    spread = z / (1 + weight) * sqrt(share * (1 - share) / judged + weight / (4 * judged))
    low = centre - spread if count else 0.0  # exactly: rounding would leave 1e-17
    high = centre + spread if count < judged else 1.0
    return 100 * low, 100 * high


def primary(language: str) -> str:
    """`zh` of `zh-Hans`."""
    return language.replace("_", "-").split("-")[0].lower()
