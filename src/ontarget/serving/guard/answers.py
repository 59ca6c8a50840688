"""Answers of the other server: what they say, and how they are passed on. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ontarget.decoding.servers.completions import is_unicode
from ontarget.serving.guard.upstream import UpstreamAnswer
from ontarget.serving.judging import LanguageVerdict
from ontarget.serving.limits import error_content


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An answer of the other server, and what it says."""

    answer: UpstreamAnswer
    content: Mapping[str, Any]
    verdicts: Sequence[LanguageVerdict]  # of its choices

    @property
    def worst(self) -> LanguageVerdict:
        """The verdict on the first choice that is off-target, else on the first one."""
        return next(
            (verdict for verdict in self.verdicts if verdict.is_off_target), self.verdicts[0]
        )

    @property
    def failures(self) -> int:
        """Choices that are off-target."""
        return sum(verdict.is_off_target for verdict in self.verdicts)


def parsed(content: bytes) -> dict[str, Any] | None:
    """A JSON object; None for anything else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def texts_of_answer(content: Mapping[str, Any]) -> list[str] | None:
    """The text of each choice; None where a choice has none, as in calls of tools."""
    try:
        choices = content["choices"]
        texts = [c["message"]["content"] if "message" in c else c["text"] for c in choices]
    except (LookupError, TypeError):
        return None
    usable = all(isinstance(text, str) and is_unicode(text) for text in texts)
    return texts if texts and usable else None


def as_response(answer: UpstreamAnswer, headers: Mapping[str, str]) -> Response:
    """The other server's answer with the guard's headers."""
    response = Response(answer.body, answer.status)
    response.raw_headers = [
        *answer.headers,
        (b"content-length", str(len(answer.body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in headers.items()),
    ]
    return response


def as_stream(attempt: Attempt, headers: Mapping[str, str]) -> Response:
    """A judged answer as server-sent events: each choice's text, then its end."""
    head = {name: attempt.content.get(name) for name in ("id", "created", "model")}
    events = []
    for index, choice in enumerate(attempt.content["choices"]):
        chat = "message" in choice
        head["object"] = "chat.completion.chunk" if chat else "text_completion"
        text = choice["message"]["content"] if chat else choice["text"]
        part = {"delta": {"role": "assistant", "content": text}} if chat else {"text": text}
        empty: dict[str, Any] = {"delta": {}} if chat else {"text": ""}
        reason = choice.get("finish_reason", "stop")
        for piece, end in ((part, None), (empty, reason)):
            events.append(head | {"choices": [piece | {"index": index, "finish_reason": end}]})
    lines = [*map(json.dumps, events), "[DONE]"]
    body = "".join(f"data: {line}\n\n" for line in lines)
    return Response(body, media_type="text/event-stream", headers=dict(headers))


def fault(
    request: Request, status: int, text: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error of the guard itself."""
    return JSONResponse(error_content(request.url.path, status, text), status, headers=headers)
