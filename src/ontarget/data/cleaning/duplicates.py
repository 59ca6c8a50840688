"""Pairs that an earlier pair makes superfluous: the same text, or nearly the same.

Near duplicates have almost the same 4-grams of characters, in both languages together. They are
found by MinHash (Broder 1997) and banding: pairs that agree in all five hashes of one of twelve
bands are compared. A pair with a Jaccard similarity of s does so with probability 1 - (1 - s^5)^12.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt16, UInt64

from ontarget.data.cleaning.texts import reduced

GRAM = 4  # characters
BANDS, BAND = 12, 5  # hashes a band
HASHES = BANDS * BAND
SEED = 1
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd and without pattern, so that products spread


def repeated(fingerprints: UInt64[np.ndarray, " pair"]) -> Bool[np.ndarray, " pair"]:
    """Which pairs have the fingerprint of an earlier one."""
    later = np.ones(len(fingerprints), dtype=bool)
    later[np.unique(fingerprints, return_index=True)[1]] = False
    return later


def signatures(texts: Sequence[tuple[str, str]]) -> UInt16[np.ndarray, "pair hash"]:
    """MinHash signatures of sources and targets: 16 bits of each hash."""
    from rensa import RMinHash

    hashed = [np.concatenate([grams(source, 0), grams(target, 1)]) for source, target in texts]
    starts = np.cumsum([0, *map(len, hashed)]).tolist()
    flat = np.concatenate(hashed) if hashed else np.zeros(0, dtype=np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(flat, starts, HASHES, SEED)
    rows = np.array(matrix.to_rows(), dtype=np.uint32).reshape(len(texts), HASHES)
    return rows.astype(np.uint16)


def grams(text: str, side: int) -> UInt64[np.ndarray, " gram"]:
    """The 4-grams of a text's letters and digits as numbers; `side` tells two languages apart."""
    points = np.frombuffer(reduced(text).ljust(GRAM).encode("utf-32-le"), dtype=np.uint32)
    count = len(points) - GRAM + 1
    return mixed([points[start : start + count] for start in range(GRAM)], side)


def band_keys(signed: UInt16[np.ndarray, "pair hash"], band: int) -> UInt64[np.ndarray, " pair"]:
    """One number a pair for the hashes of a band: equal where all of them are."""
    columns = range(band * BAND, (band + 1) * BAND)
    return mixed([signed[:, column] for column in columns], band)


def mixed(columns: Sequence[np.ndarray], seed: int) -> UInt64[np.ndarray, " row"]:
    """Numbers of each row made into one, of 64 bits."""
    keys = np.full(len(columns[0]), seed + 1, dtype=np.uint64)
    for column in columns:
        keys = (keys ^ column.astype(np.uint64)) * FACTOR
        keys ^= keys >> np.uint64(29)
    return keys


def nearly_repeated(
    signed: UInt16[np.ndarray, "pair hash"], similarity: Float[np.ndarray, " pair"]
) -> Bool[np.ndarray, " pair"]:
    """Which pairs are at least as similar to an earlier one as `similarity` says for them.

    Each pair is compared with the first of those that agree in a band. The similarity is estimated
    by the share of equal hashes.
    """
    near = np.zeros(len(signed), dtype=bool)
    for band in range(BANDS):
        for bucket in buckets(band_keys(signed, band)):
            first, later = bucket[0], bucket[1:]
            equal = (signed[later] == signed[first]).mean(axis=1)
            near[later[equal >= similarity[later]]] = True
    return near


def buckets(keys: UInt64[np.ndarray, " pair"]) -> Iterator[Int[np.ndarray, " member"]]:
    """Places of equal keys, in order, where there are several."""
    order = np.argsort(keys, kind="stable")
    ends = np.flatnonzero(np.diff(keys[order])) + 1
    starts = np.concatenate([[0], ends])
    stops = np.concatenate([ends, [len(keys)]])
    for start, stop in zip(starts, stops, strict=True):
        if stop - start > 1:
            yield order[start:stop]
