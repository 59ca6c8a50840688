"""A Ray cluster: one on this machine, or one that is there already.

Shards are Ray tasks, not a Ray dataset: tasks keep the order of the corpus, a finished shard needs
none, and how many are in flight is ours to limit. Tables come back to this process, which writes
them, so the machines need no common file system; they need ontarget, of the same version.
"""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from ontarget import __version__
from ontarget.data.cleaning.engines.base import Task
from ontarget.data.cleaning.rows import Audit, audit_rows
from ontarget.data.cleaning.shards import pairs_in, publish_shard, shard_table
from ontarget.errors import RecipeError, error_text
from ontarget.records import Parallel

AHEAD = 2  # shards that wait for each core of the cluster


@dataclass(frozen=True, slots=True)
class Cluster:
    """Makes shards on a Ray cluster."""

    address: str | None = None  # "auto", or host and port; None: a cluster of this machine alone
    workers: int | None = None  # cores of a cluster of this machine; None: all

    def map(self, tasks: Iterable[Task], audit: Audit) -> Iterator[int]:
        """Make each shard, a few ahead of the one that is waited for."""
        with connected(self.address, self.workers) as ray:
            shared = ray.put(audit)
            make = ray.remote(num_cpus=1)(make_table)
            ahead = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
            pending: deque[tuple[Any, Any]] = deque()
            for path, rows in tasks:
                wanted = None if path.is_file() else make.remote(rows, shared, __version__)
                pending.append((path, wanted))
                if len(pending) > ahead:
                    yield finish(ray, *pending.popleft())
            while pending:
                yield finish(ray, *pending.popleft())


def make_table(rows: Sequence[Parallel], audit: Audit, version: str) -> Any:
    """In a worker: the table of a shard.

    Raises:
        RuntimeError: the worker has another version of ontarget.
    """
    if version != __version__:
        raise RuntimeError(f"this worker has ontarget {__version__}, the driver {version}")
    return shard_table(audit_rows(rows, audit), audit)


def finish(ray: Any, path: Any, wanted: Any) -> int:
    """Write a shard once its table is there; returns its number of pairs."""
    if wanted is None:
        return pairs_in(path)
    try:
        return publish_shard(path, ray.get(wanted))
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        raise RecipeError(
            f"engine ray: a task failed ({error_text(cause)[:200]}); finished shards are kept: "
            "mend the cluster and run again"
        ) from error


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[Any]:
    """The module `ray`, connected to a cluster; one that was started here is stopped.

    Raises:
        RecipeError: Ray is not installed, or there is no cluster at the address.
    """
    if find_spec("ray") is None:
        raise RecipeError("engine ray: Ray is not installed; pip install 'ontarget[ray]'")
    import ray

    if ray.is_initialized():  # by the program that calls us
        yield ray
        return
    local: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(
            address=address, log_to_driver=False, logging_level=logging.ERROR,
            **({} if address else local),
        )  # fmt: skip
    except (ConnectionError, ValueError) as error:
        raise RecipeError(
            f"engine {address}: no Ray cluster answers ({error_text(error)[:160]}); give its "
            "address, or `ray` for one of this machine"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
