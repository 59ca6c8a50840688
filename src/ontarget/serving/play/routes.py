"""The application of `play`: its page, the request of a sentence, the answers of the systems.

Models run one request at a time, in one thread. The page gets text as JSON and shows it as text
only; its policy allows its own script and style, by a nonce, and requests to this server.
"""

import asyncio
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from ontarget.languages.names import english_name, is_known
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample
from ontarget.report.assets import page_template, read_asset
from ontarget.serving.api.answering import Refused
from ontarget.serving.api.app import answer_errors
from ontarget.serving.batching import QueueFull
from ontarget.serving.judging import judge_answer
from ontarget.serving.limits import Application, BodyLimit, until_left
from ontarget.serving.play.systems import PlayedAnswer, PlayedSystem
from ontarget.serving.security import Access, Guarded

BODY_BYTES = 2**16
LONGEST_SENTENCE, LONGEST_REQUEST = 2000, 6000  # characters
WAITING = 24  # requests at once; the next one is refused
Code = Annotated[str, Field(min_length=1, max_length=20)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Playground:
    """The systems of a run, and the one thread that they run in."""

    title: str
    languages: tuple[str, ...]
    systems: tuple[PlayedSystem, ...]
    example: Sample  # the page begins with it
    desk: ThreadPoolExecutor
    running: set[threading.Event] = field(default_factory=set)  # of each request, whether to stop

    def system(self, name: str) -> PlayedSystem:
        """The system of a name.

        Raises:
            Refused: there is none.
        """
        for system in self.systems:
            if system.name == name:
                return system
        raise Refused(404, f"system: use one of {', '.join(s.name for s in self.systems)}")


class Asking(BaseModel):
    """A sentence and its direction."""

    source: str = Field(max_length=LONGEST_SENTENCE)
    source_lang: Code
    asked_lang: Code


class Answering(Asking):
    """A request, as the template fills it or edited, for one system."""

    system: Code
    request: str = Field(min_length=1, max_length=LONGEST_REQUEST)


def play_application(playground: Playground) -> Application:
    """The application with its limits; it answers this machine only."""
    return Guarded(BodyLimit(routes_of(playground), BODY_BYTES), Access(token=""))


def routes_of(playground: Playground) -> FastAPI:
    """The application without limits."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(play_routes(playground))
    answer_errors(app)
    return app


def play_routes(playground: Playground) -> APIRouter:
    """The page and what its script asks for."""
    routes = APIRouter()

    @routes.get("/")
    async def page() -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        return HTMLResponse(render_page(nonce), headers=headers_of(nonce))

    @routes.get("/run")
    async def run() -> dict[str, Any]:
        return describe_run(playground)

    @routes.post("/request")
    async def request(body: Asking) -> dict[str, str]:
        sample = sample_of(playground, body)
        return {"request": playground.systems[0].request(sample)}

    @routes.post("/answer")
    async def answer(body: Answering, request: Request) -> dict[str, Any]:
        system, sample = playground.system(body.system), sample_of(playground, body)
        if len(playground.running) >= WAITING:
            raise QueueFull
        stopped = threading.Event()
        playground.running.add(stopped)
        try:
            return await until_answered(
                playground, request, (system, sample, body.request, stopped)
            )
        finally:
            playground.running.discard(stopped)

    return routes


async def until_answered(
    playground: Playground,
    request: Request,
    work: tuple[PlayedSystem, Sample, str, threading.Event],
) -> dict[str, Any]:
    """The answer; it is stopped if the client leaves."""
    loop = asyncio.get_running_loop()
    answering = loop.run_in_executor(playground.desk, answered, *work)
    leaving = asyncio.create_task(until_left(request.receive))
    tasks: set[asyncio.Future[Any]] = {answering, leaving}
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    work[-1].set()
    leaving.cancel()
    return await answering


def answered(
    system: PlayedSystem, sample: Sample, request: str, stopped: threading.Event
) -> dict[str, Any]:
    """What the page is told of an answer."""
    if stopped.is_set():
        raise Refused(499, "the client left")
    answer = system.answer(sample, request, stopped)
    return {"text": answer.text, "cut": answer.cut, **found_language(system, sample, answer)}


def found_language(system: PlayedSystem, sample: Sample, answer: PlayedAnswer) -> dict[str, Any]:
    """The language of an answer, the verdict on it, and the languages that it could begin in."""
    judged = judge_answer(answer.text, sample.asked_lang, sample.source_lang, sample.source)
    return {
        "language": judged.language,
        "language_name": name_of(judged.language, system.prompt_format),
        "verdict": judged.verdict,
        "off_target": judged.is_off_target,
        "first_token": [
            {"language": code, "name": name_of(code, system.prompt_format), "probability": share}
            for code, share in answer.languages.items()
        ],
    }


def sample_of(playground: Playground, body: Asking) -> Sample:
    """The sample that a request is about.

    Raises:
        Refused: a language is not one of the run's, or both are the same.
    """
    for field_name in ("source_lang", "asked_lang"):
        if getattr(body, field_name) not in playground.languages:
            raise Refused(400, f"{field_name}: use one of {', '.join(playground.languages)}")
    if body.source_lang == body.asked_lang:
        raise Refused(400, "both languages are the same; choose another one")
    return Sample(
        key="the sentence", source_lang=body.source_lang, asked_lang=body.asked_lang,
        target_lang=body.asked_lang, source=body.source, target="",
    )  # fmt: skip


def describe_run(playground: Playground) -> dict[str, Any]:
    """What the page shows before anything is asked."""
    form = playground.systems[0].prompt_format
    return {
        "title": playground.title,
        "languages": [{"code": c, "name": name_of(c, form)} for c in playground.languages],
        "systems": [{"name": s.name, "title": s.title} for s in playground.systems],
        "editable": playground.systems[0].reads_words,
        "example": {
            "source": playground.example.source[:LONGEST_SENTENCE],
            "source_lang": playground.example.source_lang,
            "asked_lang": playground.example.asked_lang,
        },
    }


def name_of(language: str, form: PromptFormat) -> str:
    """A language's name in the run, or in English; the code where it has none."""
    own = dict(form.names).get(language)
    return own or (english_name(language) if language and is_known(language) else language)


def render_page(nonce: str) -> str:
    """The page, complete in itself."""
    parts = {"script": read_asset("play.js"), "style": read_asset("play.css")}
    limits = {"longest_sentence": LONGEST_SENTENCE, "longest_request": LONGEST_REQUEST}
    return page_template("play.html").render(nonce=nonce, **parts, **limits)


def headers_of(nonce: str) -> dict[str, str]:
    """Headers that forbid the page everything but its own script, style and server."""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
            "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
