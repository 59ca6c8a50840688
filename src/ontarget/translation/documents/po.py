"""PO catalogues: every empty msgstr gets a translation; all other lines stay as they are.

Of a message with plural forms, the first form translates the msgid and the others the msgid_plural.
Line breaks and tabs in a message are kept.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ontarget.data.readers.localisation.po import ESCAPED, ESCAPES
from ontarget.errors import TranslationError
from ontarget.translation.documents.base import Part, Reading, Segment, read_whole
from ontarget.translation.protect import has_words

STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
LINE = re.compile(  # a keyword and strings, which are one: "Mon" "day"
    rf"(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)?\s*{STRING.pattern}(?:\s*{STRING.pattern})*"
)
MARKS = {"\n": "\u21b5\u23ce\u00b6", "\t": "\u21e5\u21b9\u2b7e"}  # one of them stands for it
MARKUP = re.compile(f"[{''.join(MARKS.values())}]")


@dataclass(slots=True)
class _Entry:
    """The strings of one message so far, by keyword."""

    texts: dict[str, str] = field(default_factory=dict)
    last: str = ""


def parts(path: Path, reading: Reading) -> Iterator[Part]:
    """The catalogue, whose empty strings are segments.

    Raises:
        TranslationError: a line is no part of a catalogue.
    """
    lines = read_whole(path).splitlines(keepends=True)
    entry = _Entry()
    for at, line in enumerate(lines):
        text = line.strip()
        if not text or text.startswith("#"):
            yield line
            continue
        match = LINE.fullmatch(text)
        if match is None or not (match[1] or entry.last):
            raise TranslationError(
                f'{path}:{at + 1}: expected a keyword and a string, such as msgid "Hello"; correct '
                "the file"
            )
        keyword = match[1] or entry.last
        if keyword in ("msgctxt", "msgid") and entry.last.startswith("msgstr") and match[1]:
            entry = _Entry()
        entry.last = keyword
        entry.texts[keyword] = entry.texts.get(keyword, "") + "".join(
            unescape_text(string)
            for string in STRING.findall(text, match.end(1) if match[1] else 0)
        )
        goes_on = at + 1 < len(lines) and lines[at + 1].lstrip().startswith('"')
        if keyword.startswith("msgstr") and not entry.texts[keyword] and not goes_on:
            yield from string_parts(entry, line, at + 1)
        else:
            yield with_language(line, entry, reading)


def with_language(line: str, entry: _Entry, reading: Reading) -> str:
    """A line of the header that leaves the language open names it."""
    if entry.texts.get("msgid") == "" and "msgctxt" not in entry.texts:
        return re.sub(r'"Language: *\\n"', f'"Language: {reading.target_lang}\\\\n"', line)
    return line


def string_parts(entry: _Entry, line: str, number: int) -> Iterator[Part]:
    """An empty string: the text of its message, a segment a line."""
    first = entry.last in ("msgstr", "msgstr[0]")
    text = entry.texts.get("msgid" if first else "msgid_plural", "")
    if not has_words(text):
        yield line if not text else line.replace('""', f'"{escape_text(text)}"', 1)
        return
    before, _, after = line.partition('""')
    edge = len(text) - len(text.lstrip()), len(text.rstrip())
    start, inner, end = text[: edge[0]], text[edge[0] : edge[1]], text[edge[1] :]
    marks = {
        char: next((mark for mark in those if mark not in text), those[0])
        for char, those in MARKS.items()
    }

    def render(translation: str) -> str:
        for char, mark in marks.items():
            translation = translation.replace(mark, char)
        return f'"{escape_text(start + translation + end)}"'

    yield before
    for char, mark in marks.items():
        inner = inner.replace(char, mark)
    yield Segment(inner, number, render, '""', MARKUP)
    yield after


def skeleton(text: str) -> list[str]:
    """The keywords, in order."""
    return re.findall(r'(?m)^\s*(msg[\w\[\]]+)\s*"', text)


def unescape_text(text: str) -> str:
    """What a string in quotes stands for."""
    return re.sub(r"\\(.)", lambda match: ESCAPED.get(match[1], match[0]), text)


def escape_text(text: str) -> str:
    """A text as it stands in quotes."""
    return text.translate(ESCAPES)
