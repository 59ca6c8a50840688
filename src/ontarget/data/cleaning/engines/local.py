"""Several processes of this machine."""

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process

from ontarget.data.cleaning.engines.base import Engine, Task, ThisProcess
from ontarget.data.cleaning.rows import Audit
from ontarget.data.cleaning.shards import write_shard

SMALL = 5_000_000  # bytes; starting a process takes a second, as long as this does
AHEAD = 2  # shards that wait for each process


@dataclass(frozen=True, slots=True)
class Processes:
    """Makes shards in several processes of this machine."""

    workers: int

    def map(self, tasks: Iterable[Task], audit: Audit) -> Iterator[int]:
        """Make each shard, a few ahead of the one that is waited for."""
        pending: deque[Future[int]] = deque()
        with ProcessPoolExecutor(self.workers, get_context("spawn"), end_with_parent) as pool:
            try:
                for path, rows in tasks:
                    pending.append(pool.submit(write_shard, path, rows, audit))
                    if len(pending) > AHEAD * self.workers:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)


def processes_for(bytes_of_text: int) -> Engine:
    """All cores of this machine, or this process alone if the text is small."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Processes(cores or 1) if bytes_of_text > SMALL and (cores or 1) > 1 else ThisProcess()


def end_with_parent() -> None:
    """In a worker: end when the main process does, however it was killed."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
