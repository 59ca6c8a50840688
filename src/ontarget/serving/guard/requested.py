"""The languages that a request names: in the words of our templates, in English, or by codes."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from babel import Locale

from ontarget.languages.names import is_known
from ontarget.languages.tags import standard
from ontarget.models.templates import prompt_format_of

LONGEST = 4000  # characters of a text that are looked at from each end
MARK, INPUT = "### Instruction:", "### Input:"  # of the templates that have the source before it
DETAILS = r"(?: \([^()\n]{1,40}\))?"  # `Chinese (Traditional)`
CODE = re.compile(r"<2([A-Za-z]{2,3}(?:[-_][A-Za-z]{2,4})?)>")  # MADLAD-400


class NamedLanguages(NamedTuple):
    """The languages of a request; None where it names none."""

    source_lang: str | None
    target_lang: str | None


NOTHING = NamedLanguages(None, None)


def languages_of_body(body: Mapping[str, Any]) -> NamedLanguages:
    """The languages that a request to /v1/completions or /v1/chat/completions names.

    A chat names them in its last user's turn, else in its system message.
    """
    prompt = body.get("prompt")
    if isinstance(prompt, str):
        return languages_named(prompt)
    messages = body.get("messages")
    turns = (
        [turn for turn in messages if isinstance(turn, dict)] if isinstance(messages, list) else []
    )
    said = [turn for turn in turns if turn.get("role") == "user"][-1:]
    said += [turn for turn in turns if turn.get("role") in ("system", "developer")]
    for turn in said:
        found = languages_of_content(turn.get("content"))
        if found.target_lang:
            return found
    return NOTHING


def languages_of_content(content: Any) -> NamedLanguages:
    """The languages that a message names, in its text or by codes in its parts."""
    if isinstance(content, str):
        return languages_named(content)
    for part in content if isinstance(content, list) else []:
        if not isinstance(part, dict):
            continue
        codes = [part.get(f"{side}_lang_code") for side in ("source", "target")]
        if isinstance(codes[1], str) and is_known(codes[1]):
            return NamedLanguages(known(codes[0]), known(codes[1]))
        found = languages_named(str(part.get("text", "")))
        if found.target_lang:
            return found
    return NOTHING


def known(code: Any) -> str | None:
    """A code in CLDR's spelling; None if it means no language."""
    return standard(code) if isinstance(code, str) and len(code) < 20 and is_known(code) else None


def languages_named(text: str) -> NamedLanguages:
    """The languages that an instruction names; the first one in the text counts.

    The source text may hold an instruction too, and comes after ours in all templates but those
    that mark both, where the last mark counts.
    """
    places = [text.find(mark) for mark in (INPUT, MARK)]
    text = text[text.rfind(MARK) :] if 0 <= places[0] < places[1] else text[:LONGEST]
    if match := CODE.match(text):
        return NamedLanguages(None, known(match[1]))
    found = [(match.start(), languages) for match, languages in matches(text[:LONGEST])]
    return min(found, default=(0, NOTHING), key=lambda pair: pair[0])[1]


def matches(text: str) -> Iterator[tuple[re.Match[str], NamedLanguages]]:
    """The first instruction of each form in a text, with its languages."""
    forms = (("en", english_instruction()), *translated_instructions())
    for language, pattern in forms:
        if match := pattern.search(text):
            source, target = (name and code_of(language, name) for name in match.groups())
            if target:
                yield match, NamedLanguages(source, target)


@cache
def english_instruction() -> re.Pattern[str]:
    """`Translate ... from X to Y`, `... into Y`, `... the following X source text to Y`."""
    name = "|".join(
        re.escape(str(name))
        for name in sorted(map(str, Locale.parse("en").languages.values()), key=len, reverse=True)
    )
    name = rf"((?:{name})\b{DETAILS})"
    return re.compile(
        rf"\b[Tt]ranslat\w*\b(?:[^\n]{{0,80}}?\b(?:from|following) {name})?"
        rf"[^\n]{{0,80}}?\b(?:in)?to {name}"
    )


def code_of(language: str, name: str) -> str | None:
    """The code of a name such as `Chinese (Traditional)` in a language; None if it is none."""
    bare, _, details = name.strip().removesuffix(")").partition(" (")
    code = names(language).get(bare.lower())
    subtags = [subtag_of(language, part) for part in details.split(", ")] if details else []
    return None if code is None else standard("-".join([code, *filter(None, subtags)]))


@cache
def names(language: str) -> Mapping[str, str]:
    """Codes by the names of languages, lower case, in one language."""
    found = Locale.parse(language, sep="-").languages
    return {str(name).lower(): standard(str(code)) for code, name in reversed(list(found.items()))}


@cache
def subtag_of(language: str, detail: str) -> str | None:
    """The script or region of that name; None if there is none."""
    locale = Locale.parse(language, sep="-")
    tables = (locale.scripts, locale.territories)
    return next(
        (str(tag) for table in tables for tag, name in table.items() if name == detail), None
    )


@cache
def translated_instructions() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The instruction of the template target-language in each of its languages, as a pattern."""
    sentences = prompt_format_of("target-language").by_target
    return tuple((language, pattern_of(text.split("\n")[0])) for language, text in sentences)


def pattern_of(sentence: str) -> re.Pattern[str]:
    """A pattern that finds a filled sentence; its groups are source and target."""
    parts = re.split(r"\{(?:source|target)\}", sentence)
    return re.compile(r"([^\n.。।:：]{1,60}?)".join(map(re.escape, parts)))
