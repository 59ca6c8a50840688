"""The application of `serve`: routes, errors, a page about them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from ontarget import __version__
from ontarget.errors import OnTargetError, visible
from ontarget.offtarget.calibration import grades
from ontarget.serving.api.answering import Refused, Service
from ontarget.serving.api.openai_api import openai_routes
from ontarget.serving.api.translate_api import translate_routes
from ontarget.serving.batching import BatchLimits, BatchQueue, QueueFull
from ontarget.serving.engine import ModelEngine
from ontarget.serving.limits import FAILED, Application, BodyLimit, error_content
from ontarget.serving.metrics import Counted, ServerMetrics
from ontarget.serving.security import Access, Guarded

SHOWN = 300  # characters of an error
EXPECTED = "Input should be "  # before what Pydantic expects
RETRY_AFTER = {"Retry-After": "1"}
OWN_CHECK = ("/translate", "/detect")
PATHS = (
    "/", "/health", "/metrics", "/openapi.json", "/languages", "/translate", "/detect",
    "/v1/models", "/v1/completions", "/v1/chat/completions",
)  # fmt: skip
STRICT = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


def service_of(
    engine: ModelEngine, model: str, languages: Sequence[str], limits: BatchLimits, token: str
) -> Service:
    """All that routes need, for a model that is loaded; the queue's thread is not started yet."""
    metrics = ServerMetrics(lambda: len(queue))
    queue = BatchQueue(engine.run, limits, metrics.batches.observe)
    return Service(
        model=model,
        languages=tuple(languages) or tuple(sorted(grades.table()["languages"])),
        engine=engine,
        queue=queue,
        metrics=metrics,
        access=Access(token=token, open_paths=("/health", "/languages"), own_check=OWN_CHECK),
        desk=ThreadPoolExecutor(1, "desk"),
    )


def application(service: Service, body_bytes: int) -> Application:
    """The application with its limits."""
    guarded = Guarded(BodyLimit(routes_of(service), body_bytes), service.access)
    return Counted(guarded, service.metrics, PATHS)


def routes_of(service: Service) -> FastAPI:
    """The application without limits. Its page loads nothing: /docs of FastAPI would use a CDN."""
    app = FastAPI(title="ontarget", version=__version__, docs_url=None, redoc_url=None)
    app.include_router(openai_routes(service))
    app.include_router(translate_routes(service))

    @app.get("/health", tags=["Server"], summary="Whether the model's thread is alive")
    async def health() -> JSONResponse:
        alive = service.queue.thread.is_alive()
        content = {"status": "ok" if alive else "failed", "waiting": len(service.queue)}
        return JSONResponse(content, 200 if alive else 503)

    @app.get("/metrics", tags=["Server"], summary="Metrics for Prometheus")
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(page_of(app), headers=STRICT)

    answer_errors(app)
    return app


def answer_errors(app: FastAPI) -> None:
    """Answer bad requests with one line, in the form of the API that they belong to."""

    def answer(request: Request, status: int, text: str, **headers: str) -> JSONResponse:
        content = error_content(request.url.path, status, visible(text)[:SHOWN])
        return JSONResponse(content, status, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(request, 400, describe(error.errors(), error.body))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        return answer(request, error.status_code, str(error.detail))

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return answer(request, error.status, str(error))

    @app.exception_handler(OnTargetError)
    async def bad_input(request: Request, error: OnTargetError) -> JSONResponse:
        return answer(request, 400, str(error))

    @app.exception_handler(UnicodeEncodeError)
    async def half(request: Request, error: UnicodeEncodeError) -> JSONResponse:
        return answer(request, 400, "a text holds half a character (a lone surrogate)")

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return answer(request, 500, FAILED)

    @app.exception_handler(QueueFull)
    async def full(request: Request, error: QueueFull) -> JSONResponse:
        return answer(request, 503, "too many requests wait; try again", **RETRY_AFTER)


def describe(faults: Sequence[dict[str, Any]], body: Any) -> str:
    """What is wrong with a body, without repeating it: the faults that lie deepest in one field."""
    if not isinstance(body, dict) or faults[0]["type"] == "json_invalid":
        return "the body is no JSON object in UTF-8, or its Content-Type is not application/json"
    places = [json_path(fault, body) for fault in faults]
    field = places[0][:1]
    depth = max(len(place) for place in places if place[:1] == field)
    place = next(place for place in places if place[:1] == field and len(place) == depth)
    found = [fault for fault, own in zip(faults, places, strict=True) if own == place]
    finer = [fault for fault in found if not fault["type"].endswith("_type")]
    first, *others = dict.fromkeys(fault["msg"] for fault in finer or found)
    texts = [first, *(text.removeprefix(EXPECTED) for text in others)]
    named = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return f"{named.removeprefix('.') or 'body'}: {' or '.join(texts)}"


def json_path(fault: dict[str, Any], body: Any) -> tuple[str | int, ...]:
    """Where a fault is in the JSON, without the names that Pydantic gives the members of unions."""
    path: list[str | int] = []
    *_, last = parts = fault["loc"][1:] or ("",)
    for part in parts:
        missing = fault["type"] == "missing" and part is last
        if isinstance(body, dict) and isinstance(part, str) and (part in body or missing):
            path.append(part)
            body = body.get(part)
        elif isinstance(body, list) and isinstance(part, int) and part < len(body):
            path.append(part)
            body = body[part]
    return tuple(path)


def page_of(app: FastAPI) -> str:
    """A page that lists the routes, without scripts."""
    rows = [
        f"<tr><td>{method.upper()}</td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(str(details.get('summary', '')))}</td></tr>"
        for path, methods in app.openapi()["paths"].items()
        for method, details in methods.items()
    ]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>ontarget</title>"
        "<style>body{font:16px sans-serif;margin:2em}td{padding:.2em 1em .2em 0}</style>"
        f"<h1>ontarget {__version__}</h1><table>{''.join(rows)}</table>"
        "<p>Schemas: <a href=/openapi.json>/openapi.json</a></p></html>"
    )
