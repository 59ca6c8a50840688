"""What routes share: the model, its queue, the thread for short work, metrics, checks of bodies."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from ontarget.serving.batching import BatchQueue, Job
from ontarget.serving.engine import ModelEngine
from ontarget.serving.limits import until_left
from ontarget.serving.metrics import ServerMetrics
from ontarget.serving.security import Access

Result = TypeVar("Result")


class Refused(Exception):
    """A request that cannot be served, with the status of its answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """All that routes need. The desk is one thread: tokenizing and judging long texts blocks it,
    not the event loop.
    """

    model: str  # the name that it is served under
    languages: tuple[str, ...]
    engine: ModelEngine
    queue: BatchQueue
    metrics: ServerMetrics
    access: Access
    desk: ThreadPoolExecutor

    async def at_desk(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """The result of `work`, done by the desk."""
        return await asyncio.get_running_loop().run_in_executor(self.desk, work, *arguments)


async def answers_of(
    service: Service, request: Request, jobs: Sequence[Job]
) -> list[Sequence[int]]:
    """The tokens of each job; all are dropped if the client leaves.

    Raises:
        QueueFull: there is no room for them.
    """
    service.queue.submit(jobs)
    answers = asyncio.gather(*(asyncio.wrap_future(job.found) for job in jobs))
    leaving = asyncio.create_task(until_left(request.receive))
    either: set[asyncio.Future[Any]] = {answers, leaving}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not answers.done():
            raise Refused(499, "the client left")
        return list(answers.result())
    finally:
        leaving.cancel()
        for job in jobs:
            job.found.cancel()
        answers.cancel()
        await asyncio.gather(answers, leaving, return_exceptions=True)


def is_object_with(fields: str) -> BeforeValidator:
    """A check that a value is an object, whose message names the fields that it must have."""

    def checked(value: Any) -> Any:
        if not isinstance(value, dict):
            raise PydanticCustomError("no_object", f"must be an object with {fields}")  # type: ignore[arg-type,unused-ignore]
        return value

    return BeforeValidator(checked)
