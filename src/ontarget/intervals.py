"""What a count out of a count says of a share."""

from math import sqrt
from statistics import NormalDist


def wilson(count: int, judged: int, confidence: float = 0.95) -> tuple[float, float]:
    """Bounds of a binomial share, in percent (Wilson 1927, doi 10.1080/01621459.1927.10502953)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = count / judged, z * z / judged
    centre = (share + weight / 2) / (1 + weight)
    spread = z / (1 + weight) * sqrt(share * (1 - share) / judged + weight / (4 * judged))
    low = centre - spread if count else 0.0  # exactly: rounding would leave 1e-17
    high = centre + spread if count < judged else 1.0
    return 100 * low, 100 * high
