"""The guard's application: passes requests on, judges answers, asks again, returns the best one.

A streamed answer is waited for, judged, and then sent as a stream.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ontarget.serving.guard.answers import (
    Attempt,
    as_response,
    as_stream,
    fault,
    parsed,
    texts_of_answer,
)
from ontarget.serving.guard.rates import GuardRates
from ontarget.serving.guard.requested import NamedLanguages, known, languages_of_body
from ontarget.serving.guard.retries import changed_request
from ontarget.serving.guard.upstream import (
    MOST_PASSED,
    Forwarded,
    Upstream,
    UpstreamAnswer,
    UpstreamFailed,
    client_of_upstream,
    passed_on,
    path_below,
    streamed,
    whole_answer,
)
from ontarget.serving.judging import NOT_JUDGED, UNJUDGED, LanguageVerdict, judge_answer
from ontarget.serving.limits import Application, BodyLimit, until_left
from ontarget.serving.metrics import Counted, ServerMetrics
from ontarget.serving.security import Access, Guarded

JUDGED = ("/v1/chat/completions", "/v1/completions")
PATHS = (*JUDGED, "/health", "/metrics", "/v1/models")
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
RETRY_AFTER = {"Retry-After": "1"}


@dataclass(slots=True, kw_only=True)
class Guard:
    """What the guard knows while it runs."""

    upstream: Upstream
    client: httpx.AsyncClient
    ways: tuple[str, ...]  # to ask again, in this order, each once
    target_lang: str | None  # of requests that name none in a header
    source_lang: str | None
    most_running: int  # requests at once
    rates: GuardRates = field(default_factory=GuardRates)
    desk: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "judge"))
    running: int = 0

    async def handle(self, request: Request) -> Response:
        """Answer one request below /v1."""
        if self.running >= self.most_running:
            return fault(request, 503, "too many requests run; try again", RETRY_AFTER)
        self.running += 1
        try:
            return await self.answer(request)
        except UpstreamFailed as error:
            return fault(request, error.status, str(error))
        finally:
            self.running -= 1

    async def answer(self, request: Request) -> Response:
        """Judge the answer if it is a text in a language that is known; else pass it on."""
        forwarded = Forwarded(
            method=request.method,
            path=path_below(request.scope["raw_path"], request.scope["query_string"]),
            headers=request.scope["headers"],
            body=await request.body(),
        )
        body = parsed(forwarded.body) if request.url.path in JUDGED else None
        languages = self.languages(request, body) if body is not None else None
        if request.method != "POST" or body is None or languages is None:
            return await self.pass_on(request, forwarded)
        asking = asyncio.ensure_future(self.attempts(forwarded, body, languages))
        leaving = asyncio.ensure_future(until_left(request.receive))
        either: set[asyncio.Future[Any]] = {asking, leaving}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise UpstreamFailed(499, "the client left")
            return asking.result()
        finally:
            asking.cancel()
            leaving.cancel()
            await asyncio.gather(asking, leaving, return_exceptions=True)

    def languages(self, request: Request, body: Mapping[str, Any]) -> NamedLanguages | None:
        """The languages of a request: by headers, by options, or as its text names them.

        Raises:
            UpstreamFailed: a header names none.
        """
        given = []
        for side, option in (("Source", self.source_lang), ("Target", self.target_lang)):
            text = request.headers.get(f"X-Ontarget-{side}")
            code = option if text is None else known(text)
            if text is not None and code is None:
                raise UpstreamFailed(400, f"X-Ontarget-{side}: no language has this code")
            given.append(code)
        named = languages_of_body(body)
        target = given[1] or named.target_lang
        return NamedLanguages(given[0] or named.source_lang, target) if target else None

    async def attempts(
        self, forwarded: Forwarded, body: Mapping[str, Any], languages: NamedLanguages
    ) -> Response:
        """Ask until an answer is on target or the ways are used up; the best answer."""
        clock = asyncio.get_running_loop()
        until = clock.time() + self.upstream.timeout
        stream = body.get("stream") is True
        whole = {name: value for name, value in body.items() if name != "stream_options"}
        whole = whole | {"stream": False} if stream else dict(body)
        first = await self.attempt(forwarded, whole, languages, self.upstream.timeout)
        if isinstance(first, UpstreamAnswer):
            return as_response(first, {"X-Ontarget-Verdict": NOT_JUDGED})
        found, asked, target = [first], 1, languages.target_lang or ""
        for way in self.ways:
            if not min(one.failures for one in found) or clock.time() >= until:
                break
            asked += 1
            changed = changed_request(whole, way, target)
            try:
                next_one = await self.attempt(forwarded, changed, languages, until - clock.time())
            except UpstreamFailed:
                continue
            if isinstance(next_one, Attempt):
                found.append(next_one)
        best = min(found, key=lambda one: one.failures)
        verdicts = [one.worst.verdict for one in found]
        self.rates.count(languages.source_lang, target, verdicts, best.worst.verdict)
        headers = {
            "X-Ontarget-Verdict": best.worst.verdict,
            "X-Ontarget-Language": best.worst.language,
            "X-Ontarget-Attempts": str(asked),
        }
        return as_stream(best, headers) if stream else as_response(best.answer, headers)

    async def attempt(
        self,
        forwarded: Forwarded,
        body: Mapping[str, Any],
        languages: NamedLanguages,
        seconds: float,
    ) -> Attempt | UpstreamAnswer:
        """Ask once and judge; the answer alone where it is an error or holds no text.

        Raises:
            UpstreamFailed: there is no whole answer.
        """
        request = replace(forwarded, body=json.dumps(body).encode())
        answer = await whole_answer(self.client, self.upstream, request, seconds)
        if answer.status != 200:
            return answer
        content = parsed(answer.body)
        if content is None:
            raise UpstreamFailed(502, "the answer of the server behind the guard is not JSON")
        texts = texts_of_answer(content)
        if texts is None:
            return answer
        loop, verdicts = asyncio.get_running_loop(), []
        for text in texts:
            verdicts.append(await loop.run_in_executor(self.desk, self.judge, text, languages))
        return Attempt(answer=answer, content=content, verdicts=verdicts)

    def judge(self, text: str, languages: NamedLanguages) -> LanguageVerdict:
        """The verdict on one text."""
        if languages.target_lang is None:
            return UNJUDGED
        return judge_answer(text, languages.target_lang, languages.source_lang)

    async def pass_on(self, request: Request, forwarded: Forwarded) -> Response:
        """The answer of the other server as it comes."""
        opened = streamed(self.client, self.upstream, forwarded)
        try:
            async with asyncio.timeout(self.upstream.timeout):
                response = await opened.__aenter__()
        except TimeoutError as error:
            raise UpstreamFailed(
                504, "the server behind the guard did not answer in time"
            ) from error

        async def parts() -> AsyncIterator[bytes]:
            count = 0
            try:
                async with asyncio.timeout(self.upstream.timeout):
                    async for part in response.aiter_raw():
                        count += len(part)
                        if count > MOST_PASSED:
                            raise UpstreamFailed(502, "the answer is too long")
                        yield part
            finally:
                await opened.__aexit__(None, None, None)

        passed = StreamingResponse(parts(), response.status_code)
        passed.raw_headers = passed_on(response.headers.raw)
        return passed


def guard_application(guard: Guard, body_bytes: int, token: str) -> Application:
    """The application with its limits. The guard's own token has a header of its own: that of the
    other server's key is passed on.
    """
    metrics = ServerMetrics(lambda: guard.running)
    guard.rates.register(metrics.registry)

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "running": guard.running})

    async def show_metrics(request: Request) -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    @asynccontextmanager
    async def connected(app: Starlette) -> AsyncIterator[None]:
        async with guard.client:  # connections to the server are closed at the end
            yield

    app = Starlette(
        routes=[
            Route("/health", health),
            Route("/metrics", show_metrics),
            Route("/v1/{rest:path}", guard.handle, methods=METHODS),
        ],
        lifespan=connected,
    )
    access = Access(token=token, header=b"x-ontarget-token")
    return Counted(Guarded(BodyLimit(app, body_bytes), access), metrics, PATHS)


def make_guard(
    upstream: Upstream, ways: tuple[str, ...], languages: NamedLanguages, most_running: int
) -> Guard:
    """A guard before a server."""
    return Guard(
        upstream=upstream,
        client=client_of_upstream(upstream, most_running),
        ways=ways,
        target_lang=languages.target_lang,
        source_lang=languages.source_lang,
        most_running=most_running,
    )
