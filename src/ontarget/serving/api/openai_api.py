"""Chat and completions of the OpenAI API.

Decoding is greedy. What would change the answer and cannot be done is refused: a temperature other
than 0, several choices, tools. `seed` and `top_p` change nothing, but must be numbers. Fields that
are unknown here are ignored.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, StrictBool

from ontarget.models.chats import Turn
from ontarget.serving.api.answering import Refused, Service, answers_of, is_object_with
from ontarget.serving.batching import Job
from ontarget.serving.limits import FAILED

MOST_PROMPTS = 64  # of one request
HALF = "\ufffd"  # what a token decodes to that holds a part of a character
Stop = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(strict=True, ge=1)]
ONLY = {  # field -> the only value that it may have besides null
    "temperature": 0, "n": 1, "best_of": 1, "echo": False, "logprobs": False, "tools": [],
    "suffix": "", "presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {},
}  # fmt: skip


class _GreedyRequest(BaseModel):
    """What chat and completions have in common."""

    model: str | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    stream: StrictBool | None = None
    seed: Annotated[int | None, Field(strict=True)] = None
    top_p: Annotated[float | None, Field(strict=True, ge=0, le=1)] = None
    temperature: Any = None
    n: Any = None
    best_of: Any = None
    echo: Any = None
    logprobs: Any = None
    tools: Any = None
    suffix: Any = None
    presence_penalty: Any = None
    frequency_penalty: Any = None
    logit_bias: Any = None

    @property
    def most(self) -> int | None:
        """The most new tokens."""
        return self.max_tokens or self.max_completion_tokens

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts that end the answer."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())


class TextPart(BaseModel):
    """A part of a message."""

    type: Literal["text"]
    text: str
    source_lang_code: str | None = None  # as TranslateGemma's chat template reads them
    target_lang_code: str | None = None


class ChatMessage(BaseModel):
    """What one side says."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Annotated[TextPart, is_object_with("type and text")]]

    def turn(self) -> Turn:
        """The message as the chat template gets it."""
        role = "system" if self.role == "developer" else self.role
        if isinstance(self.content, str):
            return role, self.content
        if all(part.source_lang_code is None for part in self.content):
            return role, "".join(part.text for part in self.content)
        return role, [part.model_dump(exclude_none=True) for part in self.content]


Message = Annotated[ChatMessage, is_object_with("role and content")]


class ChatRequest(_GreedyRequest):
    """A chat."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=1000)]


class CompletionRequest(_GreedyRequest):
    """Texts to continue."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=MOST_PROMPTS)]


@dataclass(frozen=True, slots=True)
class ApiForm:
    """How answers of one of the two APIs are written."""

    prefix: str  # of the answer's id
    kind: str
    chunk_kind: str
    whole: Callable[[str], dict[str, Any]]
    part: Callable[[str], dict[str, Any]]


CHAT_FORM = ApiForm(
    "chatcmpl", "chat.completion", "chat.completion.chunk",
    lambda text: {"message": {"role": "assistant", "content": text}},
    lambda text: {"delta": {"role": "assistant", "content": text} if text else {}},
)  # fmt: skip
TEXT_FORM = ApiForm(
    "cmpl", "text_completion", "text_completion",
    lambda text: {"text": text}, lambda text: {"text": text},
)  # fmt: skip


def openai_routes(service: Service) -> APIRouter:
    """The routes below /v1."""
    routes = APIRouter(prefix="/v1", tags=["OpenAI"])

    @routes.get("/models", summary="The model that is served")
    async def models() -> dict[str, Any]:
        entry = {"id": service.model, "object": "model", "created": 0, "owned_by": "ontarget"}
        return {"object": "list", "data": [entry]}

    @routes.post("/chat/completions", summary="The next turn of a chat", response_model=None)
    async def chat(body: ChatRequest, request: Request) -> Any:
        check(service, body)
        turns = [message.turn() for message in body.messages]
        jobs = [await service.at_desk(service.engine.chat_job, turns, most_of(service, body))]
        return await respond(service, request, body, jobs, CHAT_FORM)

    @routes.post("/completions", summary="Texts, continued", response_model=None)
    async def completions(body: CompletionRequest, request: Request) -> Any:
        check(service, body)
        prompts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
        most = most_of(service, body)
        jobs = [await service.at_desk(service.engine.text_job, text, most) for text in prompts]
        return await respond(service, request, body, jobs, TEXT_FORM)

    return routes


def check(service: Service, body: _GreedyRequest) -> None:
    """Raise Refused for another model, or for what greedy decoding cannot do."""
    if body.model is not None and body.model != service.model:
        raise Refused(
            404, f"there is no such model here; the one that is served is {service.model}"
        )
    for name, only in ONLY.items():
        value = getattr(body, name)
        if value is not None and value != only:
            wanted = "decodes greedily: " if name == "temperature" else ""
            raise Refused(400, f"{name}: this server {wanted}takes {only!r} only; leave it out")


def most_of(service: Service, body: _GreedyRequest) -> int | None:
    """The most new tokens that a request asks for.

    Raises:
        Refused: they are more than the server allows.
    """
    if body.most is not None and body.most > service.engine.most:
        raise Refused(400, f"max_tokens: {body.most}, this server allows {service.engine.most}")
    return body.most


async def respond(
    service: Service, request: Request, body: _GreedyRequest, jobs: Sequence[Job], form: ApiForm
) -> Any:
    """Run the jobs and answer, at once or in parts."""
    head = {
        "id": f"{form.prefix}-{uuid4().hex}",
        "object": form.chunk_kind if body.stream else form.kind,
        "created": int(time.time()),
        "model": service.model,
    }
    if body.stream:
        if len(jobs) > 1:
            raise Refused(400, "stream: give one prompt, or leave stream out")
        parts = TextParts(service, jobs[0], body.stops)
        service.queue.submit([parts.job])
        return StreamingResponse(events(parts, head, form), media_type="text/event-stream")
    rows = await answers_of(service, request, [watched(service, job, body.stops) for job in jobs])
    choices = []
    for index, (job, row) in enumerate(zip(jobs, rows, strict=True)):
        text, stopped = before_stop(service.engine.text(job, row), body.stops)
        reason = "length" if not stopped and service.engine.is_cut(job, row) else "stop"
        end = {"index": index, "finish_reason": reason, "logprobs": None}
        choices.append(form.whole(text) | end)
    return head | {"choices": choices, "usage": usage(jobs, rows)}


def watched(service: Service, job: Job, stops: Sequence[str]) -> Job:
    """The job, ended when one of the texts `stops` has been written."""
    if not stops:
        return job
    return replace(
        job, watch=lambda tokens: not before_stop(service.engine.text(job, tokens), stops)[1]
    )


def usage(jobs: Sequence[Job], rows: Sequence[Sequence[int]]) -> dict[str, int]:
    """Tokens of prompts and answers."""
    prompts = sum(len(job.prompt.tokens) + len(job.prompt.encoder) for job in jobs)
    made = sum(map(len, rows))
    return {
        "prompt_tokens": prompts,
        "completion_tokens": made,
        "total_tokens": prompts + made,
    }


def before_stop(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text before the first of `stops`, and whether there was one."""
    places = [place for place in map(text.find, stops) if place >= 0]
    return (text[: min(places)], True) if places else (text, False)


class TextParts:
    """The text of one job in parts, as its tokens come."""

    def __init__(self, service: Service, job: Job, stops: Sequence[str]) -> None:
        self.service, self.stops = service, stops
        self.loop = asyncio.get_running_loop()
        self.news: asyncio.Queue[list[int] | None] = asyncio.Queue()
        self.job = replace(job, watch=self.watch)
        self.sent = ""
        self.reason = "stop"

    def watch(self, tokens: Sequence[int]) -> bool:
        """Pass on the tokens so far; called by the thread that owns the model."""
        self.loop.call_soon_threadsafe(self.news.put_nowait, list(tokens))
        text = self.service.engine.text(self.job, tokens)
        return not before_stop(text, self.stops)[1]

    async def texts(self) -> AsyncIterator[str]:
        """Parts of the text; the client's leaving cancels the job."""
        engine, done = self.service.engine, asyncio.wrap_future(self.job.found)
        done.add_done_callback(lambda _: self.news.put_nowait(None))
        try:
            while (tokens := await self.news.get()) is not None:
                text, stopped = before_stop(engine.text(self.job, tokens), self.stops)
                if part := self.next_part(text if stopped else self.certain(text)):
                    yield part
            row = done.result()
            text, stopped = before_stop(engine.text(self.job, row), self.stops)
            self.reason = "length" if not stopped and engine.is_cut(self.job, row) else "stop"
            if part := self.next_part(text):
                yield part
        finally:
            self.job.found.cancel()

    def certain(self, text: str) -> str:
        """What later tokens cannot change: without half a character or the beginning of a stop."""
        held = max((len(stop) - 1 for stop in self.stops), default=0)
        text = text.rstrip(HALF)
        return text[: len(text) - held] if held else text

    def next_part(self, text: str) -> str:
        """What is new in the text."""
        part = text[len(self.sent) :]
        self.sent += part
        return part


async def events(parts: TextParts, head: dict[str, Any], form: ApiForm) -> AsyncIterator[str]:
    """The server-sent events of an answer."""
    end: dict[str, Any] = {"index": 0, "finish_reason": None, "logprobs": None}
    try:
        async for text in parts.texts():
            yield event(head | {"choices": [form.part(text) | end]})
        yield event(head | {"choices": [form.part("") | end | {"finish_reason": parts.reason}]})
    except Exception:  # the status has been sent already
        fault = {"message": FAILED, "type": "server_error"}
        yield event({"error": fault})
    yield "data: [DONE]\n\n"


def event(content: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"data: {json.dumps(content)}\n\n"
