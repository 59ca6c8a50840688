"""Shards: the audited pairs of some rows, as a Parquet file.

A shard is a function of its rows and the audit. One that is finished is not made again, so a killed
audit goes on where it was; and who makes it does not change a byte.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ontarget.data.cleaning.duplicates import HASHES, signatures
from ontarget.data.cleaning.rows import Audit, Audited, audit_rows
from ontarget.records import Parallel

PAIRS = 20_000  # of a shard, at most


def shard_rows(rows: Iterable[Parallel], pairs: int) -> Iterator[list[Parallel]]:
    """Rows in portions that have at most `PAIRS` pairs, if each row has at most `pairs`."""
    stream = iter(rows)
    while portion := list(islice(stream, max(1, PAIRS // max(1, pairs)))):
        yield portion


def write_shard(path: Path, rows: Sequence[Parallel], audit: Audit) -> int:
    """Audit rows into a Parquet file, unless it is there; returns its number of pairs."""
    if path.is_file():
        return pairs_in(path)
    return publish_shard(path, shard_table(audit_rows(rows, audit), audit))


def pairs_in(path: Path) -> int:
    """The number of pairs of a finished shard."""
    from pyarrow import parquet

    return int(parquet.read_metadata(path).num_rows)


def publish_shard(path: Path, table: Any) -> int:
    """Write a shard, which appears complete or not at all; returns its number of pairs."""
    from pyarrow import parquet

    partial = path.with_suffix(".partial")
    parquet.write_table(table, partial)
    partial.replace(path)
    return int(table.num_rows)


def shard_table(audited: Sequence[Audited], audit: Audit) -> Any:
    """Audited pairs as an Arrow table, with MinHash signatures where these are needed."""
    import numpy as np
    import pyarrow as pa

    samples = [pair.sample for pair in audited]
    columns: dict[str, Any] = {
        name: pa.array([getattr(sample, name) for sample in samples], pa.string())
        for name in ("key", "source_lang", "target_lang", "source", "target")
    }
    columns |= {
        "reason": pa.array([pair.reason for pair in audited], pa.string()),
        "detail": pa.array([pair.detail for pair in audited], pa.string()),
        "fingerprint": pa.array([pair.fingerprint for pair in audited], pa.uint64()),
        "source_length": pa.array([len(sample.source) for sample in samples], pa.int32()),
        "target_length": pa.array([len(sample.target) for sample in samples], pa.int32()),
        "composed": pa.array([pair.composed for pair in audited], pa.bool_()),
    }
    if any(rules.near_duplicates for rules in audit.cascade.all_rules):
        signed = signatures([(sample.source, sample.target) for sample in samples])
        flat = pa.py_buffer(np.ascontiguousarray(signed).tobytes())
        columns["signature"] = pa.Array.from_buffers(
            pa.binary(2 * HASHES), len(samples), [None, flat]
        )
    return pa.table(columns)
