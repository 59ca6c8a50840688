"""A Ray cluster makes the shards; this process writes them."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontarget.cluster import on_cluster
from ontarget.data.cleaning.engines.base import Task
from ontarget.data.cleaning.rows import Audit, audit_rows
from ontarget.data.cleaning.shards import pairs_in, publish_shard, shard_table
from ontarget.records import Parallel


@dataclass(frozen=True, slots=True)
class Cluster:
    """Makes shards on a Ray cluster."""

    address: str | None = None  # "auto", or host and port; None: a cluster of this machine alone
    workers: int | None = None  # cores of a cluster of this machine; None: all

    def map(self, tasks: Iterable[Task], audit: Audit) -> Iterator[int]:
        """Make each shard that is not there yet."""
        paths: deque[Path] = deque()

        def wanted() -> Iterator[tuple[Any, ...] | None]:
            for path, rows in tasks:
                paths.append(path)
                yield None if path.is_file() else (rows,)

        for table in on_cluster(make_table, audit, wanted(), self.address, self.workers):
            path = paths.popleft()
            yield pairs_in(path) if table is None else publish_shard(path, table)


def make_table(audit: Audit, rows: Sequence[Parallel]) -> Any:
    """In a worker: the table of a shard."""
    return shard_table(audit_rows(rows, audit), audit)
