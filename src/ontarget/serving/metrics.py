"""What Prometheus reads: requests, seconds, queue, batches, verdicts by direction.

Values of labels come from fixed sets or are bounded in number: a client cannot fill the memory.
"""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ontarget.languages.tags import standard
from ontarget.serving.limits import FAILED, Application, Message, Receive, Scope, Send, refuse

DIRECTIONS = 200  # with counters of their own; the others share one
OTHER = "other"
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
log = logging.getLogger("ontarget.serving")


@dataclass(slots=True)
class Directions:
    """Directions with counters of their own: the first ones that are asked for."""

    known: set[str] = field(default_factory=set)

    def label(self, source_lang: str | None, target_lang: str) -> str:
        """`en-it`; `other` where there are too many."""
        name = f"{standard(source_lang) if source_lang else '?'}-{standard(target_lang)}"
        if name not in self.known and len(self.known) >= DIRECTIONS:
            return OTHER
        self.known.add(name)
        return name


class ServerMetrics:
    """The metrics of one server."""

    def __init__(self, waiting: Callable[[], int] | None = None) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "ontarget_requests", "Requests, by path and status.", ["path", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "ontarget_request_seconds", "Seconds from the headers to the end of the answer.",
            ["path"], buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.verdicts = Counter(
            "ontarget_answers", "Translations, by direction and verdict.", ["direction", "verdict"],
            registry=self.registry,
        )  # fmt: skip
        self.batches = Histogram(
            "ontarget_batch_size", "Requests decoded at once.", buckets=SIZES,
            registry=self.registry,
        )  # fmt: skip
        queue = Gauge("ontarget_waiting", "Requests that wait for a batch.", registry=self.registry)
        queue.set_function(waiting or (lambda: 0))
        self.directions = Directions()

    def count_verdict(self, source_lang: str | None, target_lang: str, verdict: str) -> None:
        """Count one judged answer."""
        direction = self.directions.label(source_lang, target_lang)
        self.verdicts.labels(direction, verdict).inc()

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)


@dataclass(frozen=True, slots=True)
class Counted:
    """An application whose requests are counted; it answers 500 where the application fails."""

    app: Application
    metrics: ServerMetrics
    paths: Collection[str]  # with counters of their own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        statuses: list[int] = []
        start = time.perf_counter()
        path = scope["path"] if scope["path"] in self.paths else OTHER

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, send_counted)
        except Exception as error:  # a bug of ours; its text may hold a user's
            log.error("ontarget: %s failed with %s", path, type(error).__name__)
            if not statuses:
                await refuse(scope, send_counted, 500, FAILED)
        finally:
            self.metrics.requests.labels(path, str(statuses[0]) if statuses else "left").inc()
            self.metrics.seconds.labels(path).observe(time.perf_counter() - start)
