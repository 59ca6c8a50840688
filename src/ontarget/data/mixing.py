"""How much of each direction is trained on: caps, temperature, repetition.

A direction with n samples gets a share proportional to n^(1/T) (arXiv 1907.05019). T = 1 keeps the
corpus's own proportions, a high T makes all directions equal. Which samples are taken depends on
their rows and a seed only, so both directions of a pair get the same rows, and a larger number of
samples contains a smaller one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ontarget.data.cleaning.rules import row_of
from ontarget.records import Direction, Sample

Count = Annotated[int, Field(gt=0, le=10**9)]


class Mixture(BaseModel):
    """How many samples of each direction are trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    per_direction: Count | None = None  # samples, at most; the paper has 12,000 to 96,000
    temperature: Annotated[float, Field(ge=1)] = 1
    total: Count | None = None  # samples in all; None: as many as there are without repetition


def quotas(counts: Mapping[Direction, int], mix: Mixture) -> dict[Direction, int]:
    """The samples of each direction, of which there are so many.

    With `total` a quota may be larger than what there is: samples are then repeated.
    """
    most = mix.per_direction or max(counts.values(), default=0)
    available = {direction: min(count, most) for direction, count in counts.items() if count}
    weights = {direction: count ** (1 / mix.temperature) for direction, count in available.items()}
    all_weights = sum(weights.values())
    total = float(mix.total or 0) or min(
        (count * all_weights / weights[direction] for direction, count in available.items()),
        default=0.0,
    )
    exact = {direction: total * weight / all_weights for direction, weight in weights.items()}
    return rounded(exact, round(total))


def rounded(exact: Mapping[Direction, float], total: int) -> dict[Direction, int]:
    """Whole numbers with this sum, each within one of the exact one (largest remainders)."""
    whole = {direction: int(value + 1e-9) for direction, value in exact.items()}
    missing = total - sum(whole.values())
    by_remainder = sorted(exact, key=lambda d: (whole[d] - exact[d], d))
    for direction in by_remainder[:missing]:
        whole[direction] += 1
    return whole


def copies(
    keys: Iterable[str], directions: Iterable[Direction], mix: Mixture, seed: int
) -> np.ndarray:
    """How often each sample is taken, by the key and direction of all samples."""
    places: dict[Direction, int] = {}
    codes = np.array([places.setdefault(d, len(places)) for d in directions], np.int32)
    order = np.array([row_hash(key, seed) for key in keys], np.uint64)
    counts = {d: int((codes == place).sum()) for d, place in places.items()}
    taken = np.zeros(len(codes), np.int32)
    for direction, quota in quotas(counts, mix).items():
        inside = np.flatnonzero(codes == places[direction])
        ranked = inside[np.argsort(order[inside], kind="stable")]
        available = ranked[: mix.per_direction]
        repeats, rest = divmod(quota, len(available))
        taken[available] = repeats
        taken[available[:rest]] += 1
    return taken


def row_hash(key: str, seed: int) -> int:
    """A number to sort samples by, the same for all samples of a row."""
    digest = blake2b(f"{seed}/{row_of(key)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def repeated(samples: Iterable[Sample], taken: Iterable[int]) -> Iterator[Sample]:
    """Each sample as often as it is taken; a copy has a key of its own: `train.tsv:17~2/en-it`."""
    for sample, count in zip(samples, taken, strict=True):
        for number in range(1, count + 1):
            yield sample if number == 1 else replace(sample, key=copy_key(sample.key, number))


def copy_key(key: str, number: int) -> str:
    """The key of a copy."""
    row, _, direction = key.rpartition("/")
    return f"{row}~{number}/{direction}"
