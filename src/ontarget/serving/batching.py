"""Concurrent requests in one batch: a bounded queue, and one thread that owns the model."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from ontarget.models.prompting import Prompt

GATHER_SECONDS = 0.004  # that the first request of a batch waits for others


class QueueFull(Exception):
    """More requests wait than the queue holds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """One prompt that waits for its answer. Cancelling `found` drops it."""

    prompt: Prompt
    ends: tuple[int, ...]  # tokens that end the answer
    most: int  # new tokens
    watch: Callable[[Sequence[int]], bool] | None = None  # sees the tokens so far; False: enough
    found: "Future[list[int]]" = field(default_factory=Future)  # at most `most` new tokens

    @property
    def size(self) -> int:
        """Tokens that it takes in a batch at most."""
        return len(self.prompt.tokens) + len(self.prompt.encoder) + self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How much waits, and how much is decoded at once."""

    queue: int  # requests that wait
    rows: int  # of a batch
    tokens: int  # of a batch, padded, with its answers; a single request may have more


class BatchQueue:
    """Jobs in the order of their arrival, run in batches by one thread.

    `run` gets a batch and sets the result of each job; `started` gets the size of each batch.
    """

    def __init__(
        self,
        run: Callable[[list[Job]], None],
        limits: BatchLimits,
        started: Callable[[int], None] = lambda size: None,
    ) -> None:
        self.run, self.limits, self.started = run, limits, started
        self.waiting: deque[Job] = deque()
        self.changed = threading.Condition()
        self.stopped = False
        self.thread = threading.Thread(target=self.work, name="model", daemon=True)

    def __len__(self) -> int:
        return len(self.waiting)

    def submit(self, jobs: Sequence[Job]) -> None:
        """Put all jobs into the queue, or none.

        Raises:
            QueueFull: there is no room for all of them.
        """
        with self.changed:
            if len(self.waiting) + len(jobs) > self.limits.queue:
                self.forget_cancelled()
            if len(self.waiting) + len(jobs) > self.limits.queue:
                raise QueueFull
            self.waiting.extend(jobs)
            self.changed.notify()

    def forget_cancelled(self) -> None:
        """Remove jobs whose clients have left."""
        left = [job for job in self.waiting if not job.found.cancelled()]
        self.waiting.clear()
        self.waiting.extend(left)

    def work(self) -> None:
        """Run batches until the queue is stopped; a batch that fails fails its jobs only."""
        while jobs := self.take():
            self.started(len(jobs))
            try:
                self.run(jobs)
            except Exception as error:
                for job in jobs:
                    fail(job, error)

    def take(self) -> list[Job]:
        """The next batch; [] when the queue is stopped."""
        with self.changed:
            while True:
                while not self.waiting and not self.stopped:
                    self.changed.wait()
                until = time.monotonic() + GATHER_SECONDS
                while len(self.waiting) < self.limits.rows and not self.stopped:
                    rest = until - time.monotonic()
                    if rest <= 0:
                        break
                    self.changed.wait(rest)
                if self.stopped:
                    return []
                self.forget_cancelled()
                if self.waiting:
                    return self.first_batch()

    def first_batch(self) -> list[Job]:
        """The first job, and those after it that end alike and fit beside it."""
        batch: list[Job] = []
        widest = 0
        later: list[Job] = []
        for job in self.waiting:
            width = max(widest, job.size)
            fits = len(batch) < self.limits.rows and (len(batch) + 1) * width <= self.limits.tokens
            if not batch or (fits and job.ends == batch[0].ends):
                batch.append(job)
                widest = width
            else:
                later.append(job)
        self.waiting.clear()
        self.waiting.extend(later)
        return batch

    def start(self) -> None:
        """Start the thread."""
        self.thread.start()

    def stop(self) -> None:
        """Fail what waits; the batch that is being decoded is finished first."""
        with self.changed:
            self.stopped = True
            left = list(self.waiting)
            self.waiting.clear()
            self.changed.notify()
        for job in left:
            job.found.cancel()
        self.thread.join()


def finish(job: Job, tokens: list[int]) -> None:
    """Give a job its result, unless its client has left."""
    if job.found.set_running_or_notify_cancel():
        job.found.set_result(tokens)


def fail(job: Job, error: Exception) -> None:
    """Give a job its error, unless it has a result or its client has left."""
    if not job.found.done() and job.found.set_running_or_notify_cancel():
        job.found.set_exception(error)
