"""Translations, in the form of LibreTranslate, with what is known of their language beside it."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from ontarget.errors import visible
from ontarget.languages.names import display_name, is_known, unknown_code
from ontarget.languages.tags import canonical, language_and_script, standard
from ontarget.records import Sample
from ontarget.serving.api.answering import Refused, Service, answers_of
from ontarget.serving.judging import judge_answer, language_probabilities

MOST_TEXTS = 64  # of one request
AUTO = "auto"
NO_ANSWER = ("", {"verdict": "empty", "language": "", "truncated": False})  # to an empty text
Text = str | Annotated[list[str], Field(min_length=1, max_length=MOST_TEXTS)]
Code = Annotated[str, Field(min_length=1, max_length=20)]


class TranslateRequest(BaseModel):
    """One text, or several, to translate."""

    q: Text
    source: Code = AUTO
    target: Code
    format: str = "text"
    api_key: str = ""


class DetectRequest(BaseModel):
    """A text whose language is asked for."""

    q: str
    api_key: str = ""


def translate_routes(service: Service) -> APIRouter:
    """The routes of LibreTranslate's API."""
    routes = APIRouter(tags=["LibreTranslate"])

    @routes.post("/translate", summary="Translations, and the language that they are in")
    async def translate(body: TranslateRequest, request: Request) -> dict[str, Any]:
        check_key(service, request, body.api_key)
        if body.format != "text":
            raise Refused(400, "format: only text is translated here; markup would be changed")
        texts = [body.q] if isinstance(body.q, str) else body.q
        found = await translations(service, request, texts, body.source, body.target)
        if isinstance(body.q, str):
            return {name: values[0] for name, values in found.items()}
        return found

    @routes.post("/detect", summary="The likely languages of a text")
    async def detect(body: DetectRequest, request: Request) -> list[dict[str, Any]]:
        check_key(service, request, body.api_key)
        if not body.q.strip():
            raise Refused(400, "q: is empty; give the text whose language is asked for")
        return await detected(service, body.q)

    @routes.get("/languages", summary="The languages that can be requested")
    async def languages() -> list[dict[str, Any]]:
        return [
            {
                "code": code,
                "name": display_name(code),
                "targets": [other for other in service.languages if other != code],
            }
            for code in service.languages
        ]

    return routes


async def translations(
    service: Service, request: Request, texts: Sequence[str], source: str, target: str
) -> dict[str, Any]:
    """The fields of an answer, each with a value for every text."""
    target = known_language(service, "target", target)
    texts = [one_line(text) for text in texts]
    guesses = [await detected(service, text) if source == AUTO else [] for text in texts]
    sources = [
        guess[0]["language"] if guess else source_language(service, source) for guess in guesses
    ]
    if unnamed := [language for language in sources if not is_known(language)]:
        raise Refused(400, f"source: {unnamed[0]} was detected, which has no name; give its code")
    if source != AUTO and sources[0] == target:
        raise Refused(400, f"source and target are both {target}")
    samples = [
        Sample(
            key=f"q[{number}]",
            source_lang=language,
            asked_lang=target,
            target_lang=target,
            source=text,
            target="",
        )
        for number, (text, language) in enumerate(zip(texts, sources, strict=True))
    ]
    answers = await answered(service, request, [sample for sample in samples if sample.source])
    found: dict[str, Any] = {
        "translatedText": [answers.get(sample.key, NO_ANSWER)[0] for sample in samples],
        "ontarget": [answers.get(sample.key, NO_ANSWER)[1] for sample in samples],
    }
    if source == AUTO:
        unknown = {"language": sources[0], "confidence": 0.0}
        found["detectedLanguage"] = [guess[0] if guess else unknown for guess in guesses]
    return found


async def answered(
    service: Service, request: Request, samples: Sequence[Sample]
) -> dict[str, tuple[str, dict[str, Any]]]:
    """Translations and what is said of them, by the keys of samples."""
    if not samples:
        return {}
    jobs = [await service.at_desk(service.engine.translation_job, sample) for sample in samples]
    rows = await answers_of(service, request, jobs)
    found = {}
    for sample, job, row in zip(samples, jobs, rows, strict=True):
        text = one_line(service.engine.text(job, row))
        cut = {"truncated": service.engine.is_cut(job, row)}
        found[sample.key] = text, await judged(service, sample, text) | cut
    return found


def one_line(text: str) -> str:
    """A text as models translate it, without line breaks.

    Raises:
        UnicodeEncodeError: it has half of a character.
    """
    text.encode()
    return " ".join(text.split())


async def judged(service: Service, sample: Sample, text: str) -> dict[str, Any]:
    """What is said of a translation: its language, and the verdict on it."""
    verdict = await service.at_desk(
        judge_answer, text, sample.asked_lang, sample.source_lang, sample.source
    )
    service.metrics.count_verdict(sample.source_lang, sample.asked_lang, verdict.verdict)
    return {"verdict": verdict.verdict, "language": verdict.language}


async def detected(service: Service, text: str) -> list[dict[str, Any]]:
    """Likely languages, with a confidence of 0-100."""
    found = await service.at_desk(language_probabilities, text)
    return [
        {"language": standard(code), "confidence": round(100 * probability, 1)}
        for code, probability in found.items()
    ]


def source_language(service: Service, source: str) -> str:
    """The source language, where it was given or could not be detected.

    Raises:
        Refused: it is none, or was not detected.
    """
    if source == AUTO:
        raise Refused(400, "source: no language could be detected; give its code")
    return known_language(service, "source", source)


def known_language(service: Service, field: str, code: str) -> str:
    """A language that can be requested; `it` for `it-IT` where only `it` is served.

    Raises:
        Refused: there is no such language, or it is not served.
    """
    if not (code.isascii() and code.replace("-", "").replace("_", "").isalnum()):
        raise Refused(400, f"{field}: {visible(code)} is no language code; GET /languages")
    if not is_known(code):
        raise Refused(400, f"{field}: {unknown_code(code)}")
    served = served_language(code, service.languages)
    if served is None:
        raise Refused(400, f"{field}: {standard(code)} is not served here; GET /languages")
    return served


def served_language(code: str, languages: Iterable[str]) -> str | None:
    """The language itself, else the one without region that is written in the same script.

    So `it-IT` is `it`, and `zh-TW` is `zh-Hant`, not `zh`. `pt-BR` is never `pt-PT`.
    """
    code, languages = standard(code), tuple(languages)
    if code in languages:
        return code
    wanted = canonical(code), language_and_script(code)[1]
    fitting = (
        own
        for own in languages
        if (canonical(own), language_and_script(own)[1]) == wanted and not has_region(own)
    )
    return next(fitting, None) if has_region(code) else None


def has_region(code: str) -> bool:
    """Whether a tag names a region: `pt-BR`, `es-419`."""
    return any(len(part) in (2, 3) for part in code.split("-")[1:])


def check_key(service: Service, request: Request, key: str) -> None:
    """Raise Refused where the token was neither in the headers nor is in the body."""
    checked = request.scope.get("ontarget.token_checked", not service.access.token)
    if not checked and not service.access.admits(key):
        raise Refused(401, "no valid token in Authorization or api_key")
