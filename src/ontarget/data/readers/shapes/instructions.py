"""Alpaca and chat records, as translations or as general instructions."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from babel import Locale

from ontarget.data.readers.shapes.columns import Kind, Shape
from ontarget.data.readers.shapes.matching import is_tag
from ontarget.data.readers.shapes.texts import check_characters
from ontarget.errors import CorpusError
from ontarget.languages.names import display_name
from ontarget.languages.tags import standard

SPEAKERS = {"human": "user", "gpt": "assistant", "model": "assistant"}  # ShareGPT's, as a chat's
CHATS = ("messages", "conversations")
INTO = re.compile(r"(?:\b(?:into|to|in)\s+)$", re.IGNORECASE)  # before the name of the target


class Turn(NamedTuple):
    """One message of a chat."""

    role: str  # system, user or assistant
    text: str


class Request(NamedTuple):
    """A record's instruction, the text under it (may be empty) and the response."""

    instruction: str
    text: str
    response: str
    system: str = ""


def translation_of(
    record: Mapping[str, Any], shape: Shape, languages: Sequence[str], place: str
) -> dict[str, str]:
    """The source and the response of a record by tag, if its instruction asks for a translation.

    Raises:
        CorpusError: it names no two languages, and the user named none.
    """
    request = request_of(record, shape, place)
    head, text = request.instruction, request.text
    if not text and (found := re.search(r"[:\n]", head)):
        head, text = head[: found.start()], head[found.end() :].strip()
    named = languages_in(head)
    if not named and request.system:
        named, text = languages_in(request.system), request.instruction
    source, target = direction(named, languages, place)
    text = without_labels(text, source, target)
    if not text:
        raise CorpusError(
            f"{place}: no text to translate after the instruction {head[:60]!r}; write it after a "
            "colon or a line break"
        )
    return {source: text, target: request.response}


def direction(
    named: Sequence[tuple[str, bool]], languages: Sequence[str], place: str
) -> tuple[str, str]:
    """Source and target language, from (language, whether it is a target) or from the user."""
    codes = list(dict.fromkeys(code for code, _ in named))
    targets = [code for code, is_target in named if is_target]
    if len(codes) == 2 and len(set(targets)) <= 1:
        target = targets[0] if targets else codes[1]
        return next(code for code in codes if code != target), target
    if len(languages) == 2 and len(codes) < 2:
        source, target = languages
        return (target, source) if targets[:1] == [standard(source)] else (source, target)
    found = " and ".join(map(display_name, codes)) or "no language"
    raise CorpusError(
        f"{place}: the instruction names {found}, expected two languages as in 'Translate from "
        "English to Italian'; add languages: [en, it], or format: instructions if it is no "
        "translation"
    )


def without_labels(text: str, source: str, target: str) -> str:
    """A text without labels as in `English: Good morning\\nItalian:`."""
    name, other = re.escape(display_name(source)), re.escape(display_name(target))
    text = re.sub(rf"\A\s*{name}:\s*", "", text)
    return re.sub(rf"\s*\n\s*{other}:\s*\Z", "", text).strip()


def languages_in(text: str) -> list[tuple[str, bool]]:
    """The languages that a text names in English, and whether `into`, `to` or `in` precedes."""
    return [
        (tag_of(found), INTO.search(text[: found.start()]) is not None)
        for found in pattern().finditer(text)
    ]


def language_named(name: str) -> str | None:
    """The tag of a language's English name: `zh-Hant` of `Chinese (Traditional)`."""
    found = pattern().fullmatch(name.strip())
    return tag_of(found) if found else None


def tag_of(found: re.Match[str]) -> str:
    """The tag of a name that `pattern` found; a script and a region may follow in parentheses."""
    name, details = found.groups()
    code = codes_by_name()[name]
    subtags = [subtags_by_name().get(detail) for detail in details.split(", ")] if details else []
    return standard("-".join([code, *filter(None, subtags)])) if all(subtags) else code


@cache
def codes_by_name() -> dict[str, str]:
    """CLDR's English names of languages."""
    names = Locale.parse("en").languages.items()
    return {str(name): standard(str(code)) for code, name in names if is_tag(str(code))}


@cache
def subtags_by_name() -> dict[str, str]:
    """CLDR's English names of regions and scripts."""
    english = Locale.parse("en")
    return {
        str(name): str(tag)
        for tag, name in (*english.territories.items(), *english.scripts.items())
    }


@cache
def pattern() -> re.Pattern[str]:
    """The longest English name of a language at a place, with its capital letter; and what follows
    in parentheses.
    """
    names = sorted(codes_by_name(), key=len, reverse=True)
    return re.compile(rf"\b({'|'.join(map(re.escape, names))})(?!\w)(?: \(([^()]*)\))?")


def request_of(record: Mapping[str, Any], shape: Shape, place: str) -> Request:
    """The last exchange of a chat, or an Alpaca record."""
    if shape.kind is Kind.ALPACA:
        return alpaca_request(record, place)
    turns = turns_of(record, shape.columns["chat"], place)
    system = "\n\n".join(turn.text for turn in turns if turn.role == "system")
    last = [turn for turn in turns if turn.role != "system"][-2:]
    if [turn.role for turn in last] != ["user", "assistant"]:
        raise CorpusError(f"{place}: does not end with a user's turn and the assistant's answer")
    return Request(last[0].text, "", last[1].text, system)


def alpaca_request(record: Mapping[str, Any], place: str) -> Request:
    """An Alpaca record; its input may be missing."""
    instruction, text, response = (record.get(name) for name in ("instruction", "input", "output"))
    if not (isinstance(instruction, str) and isinstance(response, str)) or not (
        text is None or isinstance(text, str)
    ):
        raise CorpusError(f"{place}: expected texts as instruction, input and output")
    return Request(instruction.strip(), (text or "").strip(), response)


def turns_of(record: Mapping[str, Any], column: str, place: str) -> list[Turn]:
    """The turns of a chat: `{role, content}`, or ShareGPT's `{from, value}`."""
    messages = record.get(column)
    if not isinstance(messages, list):
        raise CorpusError(f"{place}: {column!r} is no list of messages; expected one")
    turns = []
    for message in messages:
        fields = message if isinstance(message, Mapping) else {}
        role = fields.get("role", fields.get("from"))
        text = fields.get("content", fields.get("value"))
        role = SPEAKERS.get(role, role) if isinstance(role, str) else None
        if role not in ("system", "user", "assistant") or not isinstance(text, str):
            raise CorpusError(
                f"{place}: a message is no text of system, user or assistant; expected "
                '{"role": "user", "content": "..."}'
            )
        turns.append(Turn(role, text))
    return turns


def instruction_of(record: Mapping[str, Any], place: str) -> tuple[str, str]:
    """Prompt and response of a record that need not be a translation.

    Raises:
        CorpusError: it has another shape, more than one exchange, or half a character.
    """
    for column in CHATS:
        if column in record:
            turns = turns_of(record, column, place)
            roles = [turn.role for turn in turns if turn.role != "system"]
            if roles != ["user", "assistant"]:
                raise CorpusError(
                    f"{place}: a chat of {len(roles)} turns, expected one of the user and one of "
                    "the assistant; write each exchange apart"
                )
            for turn in turns:
                check_characters(turn.text, f"{turn.role} message", place)
            return "\n\n".join(turn.text for turn in turns[:-1]), turns[-1].text
    if "instruction" in record:
        request = alpaca_request(record, place)
        for name in ("instruction", "input", "output"):
            check_characters(record.get(name) or "", name, place)
        return prompt_of(request.instruction, request.text), request.response
    raise CorpusError(
        f"{place}: is no instruction; expected instruction, input and output, or messages"
    )


def prompt_of(instruction: str, text: str) -> str:
    """An instruction with the text under it, if there is one."""
    return "\n\n".join(part for part in (instruction, text) if part)


def conflicts_of(record: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """The prompts that a record's response does not obey: its `conflicts`, each with its input.

    Raises:
        CorpusError: they are no list of different instructions, one is the record's own, or has
            half a character.
    """
    listed = record.get("conflicts")
    if listed is None:
        return ()
    if any(column in record for column in CHATS):
        raise CorpusError(
            f"{place}: conflicts of a chat are not read; write the record as instruction, input "
            "and output"
        )
    if not isinstance(listed, list) or not listed or not all(isinstance(x, str) for x in listed):
        raise CorpusError(
            f"{place}: conflicts is {str(listed)[:40]!r}, expected a list of instructions; write "
            "one, or leave the key out"
        )
    for text in listed:
        check_characters(text, "text of conflicts", place)
    request = alpaca_request(record, place)
    instructions = [text.strip() for text in listed]
    if not all(instructions):
        raise CorpusError(f"{place}: conflicts has an empty instruction; remove it")
    if request.instruction in instructions:
        raise CorpusError(
            f"{place}: conflicts has the record's own instruction {request.instruction[:40]!r}, "
            "which the output obeys; remove it"
        )
    repeated = next((text for text, count in Counter(instructions).items() if count > 1), None)
    if repeated is not None:
        raise CorpusError(f"{place}: conflicts has {repeated[:40]!r} twice; keep one")
    return tuple(prompt_of(text, request.text) for text in instructions)
