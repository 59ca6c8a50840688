"""Servers of this package, run in threads on this machine."""

import gc
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from ontarget.models.templates import PromptFormat
from ontarget.serving import running
from ontarget.serving.api.answering import Service
from ontarget.serving.api.app import application, service_of
from ontarget.serving.batching import BatchLimits
from ontarget.serving.engine import ModelEngine
from support.models import chatty

TEMPLATE = PromptFormat(template="To {target}: {input}")
LONGEST = 16  # new tokens
BODY = 4096  # bytes


@dataclass
class Running:
    """A server that runs, and what is behind it."""

    url: str
    port: int
    service: Service
    batches: list[int] = field(default_factory=list)

    def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=30, trust_env=False, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30, trust_env=False, **options)


@contextmanager
def threaded(application: Any) -> Iterator[int]:
    """A server of an application, in a thread; its port."""
    listener = running.bind("127.0.0.1", 0)
    listener.listen(running.BACKLOG)
    server = running.server_on(application, 1)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        gc.collect()  # what is left open is a warning here, and not in a later test


@contextmanager
def model_server(  # noqa: PLR0913 - the server's options
    *,
    token: str = "",
    languages: Sequence[str] = ("en", "it", "nl"),
    form: PromptFormat = TEMPLATE,
    queue: int = 64,
    rows: int = 8,
    held: threading.Event | None = None,
) -> Iterator[Running]:
    """`serve` with a tiny model; no batch begins before `held` is set."""
    engine = ModelEngine(chatty(), form, LONGEST)
    limits = BatchLimits(queue=queue, rows=rows, tokens=2**16)
    service = service_of(engine, "tiny", languages, limits, token)
    batches: list[int] = []

    def started(size: int) -> None:
        batches.append(size)
        if held is not None:
            held.wait(30)

    service.queue.started = started
    service.queue.start()
    try:
        with threaded(application(service, BODY)) as port:
            yield Running(f"http://127.0.0.1:{port}", port, service, batches)
    finally:
        if held is not None:
            held.set()
        service.queue.stop()
        service.desk.shutdown()


def events_of(text: str) -> list[Any]:
    """The contents of server-sent events; the last one must be [DONE]."""
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert lines[-1] == "[DONE]", text
    return [json.loads(line) for line in lines[:-1]]
