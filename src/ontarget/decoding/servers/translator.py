"""Translation by an OpenAI-compatible server: several requests at once, in any order of answers."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

from ontarget.decoding.base import Hypothesis, Search, failed
from ontarget.decoding.servers.completions import answer_of, path_of, request_body
from ontarget.decoding.servers.requests import RequestFailed, Server, client_of, post
from ontarget.errors import TranslationError
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample

Item = TypeVar("Item")
IN_A_ROW = 10  # failed segments without a translated one between them: the server is broken


@dataclass(frozen=True, slots=True)
class ServerTranslator:
    """A `Translator` that asks a server. It fails on segments, and raises if the server is dead."""

    server: Server
    prompt_format: PromptFormat
    search: Search
    concurrency: int  # requests at once
    answered: Event = field(default_factory=Event, compare=False)  # whether it ever did

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Translations one by one, as they are finished.

        Raises:
            TranslationError: the server cannot be reached or refuses all requests.
        """
        check_greedy(self.search, "a server")
        yield from iterate(self.answers(samples))

    async def answers(self, samples: Sequence[Sample]) -> AsyncGenerator[dict[int, Hypothesis]]:
        """The same, asynchronously."""
        in_a_row, waiting = 0, iter(enumerate(samples))
        running: set[asyncio.Task[tuple[int, Hypothesis]]] = set()
        async with client_of(self.server, self.concurrency) as client:
            try:
                while True:
                    for index, sample in waiting:
                        running.add(asyncio.create_task(self.ask(client, index, sample)))
                        if len(running) >= self.concurrency:
                            break
                    if not running:
                        return
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    for task in [task for task in running if task.done()]:
                        index, found = task.result()
                        running.remove(task)
                        yield {index: found}
                        in_a_row = in_a_row + 1 if found.error else 0
                        self.check_alive(in_a_row, found)
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    def check_alive(self, in_a_row: int, last: Hypothesis) -> None:
        """Raise TranslationError after too many failures in a row."""
        if in_a_row >= IN_A_ROW:
            raise TranslationError(
                f"{self.server.url}: {in_a_row} segments in a row failed, the last one with: "
                f"{last.error}; look at the server, then run again"
            )

    async def ask(self, client: Any, index: int, sample: Sample) -> tuple[int, Hypothesis]:
        """The index of a sample and its translation."""
        body = {"model": self.server.model} | request_body(sample, self.prompt_format, self.search)
        try:
            path = path_of(self.prompt_format)
            content = await post(client, self.server, path, body, self.answered)
        except RequestFailed as error:
            return index, failed(str(error))
        return index, answer_of(content, self.prompt_format)


@dataclass(frozen=True, slots=True)
class _End:
    """The end of an iterator, by an error or not."""

    error: Exception | None = None


def check_greedy(search: Search, backend: str) -> None:
    """Raise TranslationError for beam search where there is none."""
    if search.beams > 1:
        raise TranslationError(
            f"beams: {search.beams}, but {backend} decodes greedily; set beams 1"
        )


def iterate(source: AsyncGenerator[Item]) -> Iterator[Item]:
    """The items of an asynchronous iterator, which runs in a thread of its own.

    So it goes on while the caller uses an item, and works where an event loop runs already, as in
    notebooks. Leaving the loop cancels it.
    """
    found: SimpleQueue[Item | _End] = SimpleQueue()
    loop = asyncio.new_event_loop()
    task = loop.create_task(collect(source, found))
    thread = Thread(target=run_until_done, args=(loop, task), daemon=True)
    thread.start()
    try:
        while not isinstance(item := found.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


async def collect(source: AsyncGenerator[Item], found: SimpleQueue[Item | _End]) -> None:
    """Put all items into the queue, then how it ended."""
    try:
        async with aclosing(source):
            async for item in source:
                found.put(item)
        found.put(_End())
    except Exception as error:
        found.put(_End(error))


def run_until_done(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    """Run a task until it is finished or cancelled."""
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.run_until_complete(asyncio.sleep(0))  # sockets are closed in the loop's next turn
