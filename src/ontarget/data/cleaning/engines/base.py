"""What an engine is."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from ontarget.data.cleaning.rows import Audit
from ontarget.data.cleaning.shards import write_shard
from ontarget.records import Parallel

Task = tuple[Path, Sequence[Parallel]]  # a shard's file, and its rows


@runtime_checkable
class Engine(Protocol):
    """Makes shards: in this process, in several ones, or on a cluster."""

    def map(self, tasks: Iterable[Task], audit: Audit) -> Iterator[int]:
        """Make each shard; yields how many pairs each has, in order."""


class ThisProcess:
    """Makes one shard after the other."""

    def map(self, tasks: Iterable[Task], audit: Audit) -> Iterator[int]:
        """Make each shard."""
        for path, rows in tasks:
            yield write_shard(path, rows, audit)
