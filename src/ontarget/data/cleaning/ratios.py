"""How the lengths of a source and its translation belong together, learnt from the pairs.

The model is that of Gale and Church (1993, "A program for aligning sentences in bilingual
corpora"): a target of t characters for a source of s has the mean c*s, and a variance that grows
with the length, so that

    z = (t - c*s) / sqrt(s + t)

has the same spread for short and for long pairs. Centre and spread are medians, which stay where
they are until half of the pairs are wrong.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

FEWEST = 200  # pairs; of fewer nothing is learnt, and none is dropped
NORMAL = 1.4826  # standard deviation of a normal distribution over its median absolute deviation
LEAST_SPREAD = 0.3  # texts that are translated word by word would leave no room otherwise
SLACK = 12  # characters that a pair may differ by in any case


class LengthModel(NamedTuple):
    """What was learnt of one pair of languages."""

    ratio: float  # characters of the target for one of the source
    centre: float  # median of z
    spread: float  # its standard deviation, estimated by the median absolute deviation

    def deviations(
        self, source: Int[np.ndarray, " pair"], target: Int[np.ndarray, " pair"]
    ) -> Float[np.ndarray, " pair"]:
        """Standard deviations of each pair from the centre; 0 within `SLACK` characters."""
        z = standardised(source, target, self.ratio)
        near = np.abs(target - self.ratio * source) <= SLACK
        return np.where(near, 0.0, np.abs(z - self.centre) / self.spread)


def learn(source: Int[np.ndarray, " pair"], target: Int[np.ndarray, " pair"]) -> LengthModel | None:
    """The model of pairs with these lengths in characters; None of too few."""
    if len(source) < FEWEST:
        return None
    ratio = float(np.median(target / np.maximum(source, 1)))
    z = standardised(source, target, ratio)
    centre = float(np.median(z))
    spread = NORMAL * float(np.median(np.abs(z - centre)))
    return LengthModel(ratio, centre, max(spread, LEAST_SPREAD))


def standardised(
    source: Int[np.ndarray, " pair"], target: Int[np.ndarray, " pair"], ratio: float
) -> Float[np.ndarray, " pair"]:
    """`(t - c*s) / sqrt(s + t)`."""
    difference: np.ndarray = (target - ratio * source) / np.sqrt(np.maximum(source + target, 1))
    return difference
