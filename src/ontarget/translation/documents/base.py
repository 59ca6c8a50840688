"""The parts of a document: text to translate, and all that is kept byte for byte."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ontarget.data.readers.lines import read_chunks
from ontarget.errors import TranslationError

LARGEST = 1 << 26  # characters of a document that is read at once
NO_MARKUP = re.compile(r"(?!)")  # matches nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a format needs to know of a translation."""

    source_lang: str  # "": not known
    target_lang: str
    column: str = ""  # with the text; "": found by its name
    out_column: str = ""  # for the translation; "": the target language


@dataclass(frozen=True, slots=True)
class Segment:
    """One text to translate, without line breaks."""

    text: str
    line: int  # in its file, from 1
    render: Callable[[str], str]  # the translation as the file writes it
    untranslated: str  # what the file has where there is no translation
    markup: re.Pattern[str] = NO_MARKUP  # what is kept as it is, besides placeholders and URLs


Part = str | Segment


def same(text: str) -> str:
    """The text itself."""
    return text


def read_whole(path: Path) -> str:
    """The text of a document, with its line ends.

    Raises:
        OnTargetError: it cannot be read, is not UTF-8, or is too large.
    """
    size, chunks = 0, []
    for chunk in read_chunks(path):
        size += len(chunk)
        if size > LARGEST:
            raise TranslationError(
                f"{path}: has more than {LARGEST >> 20} Mi characters; split the document"
            )
        chunks.append(chunk)
    return "".join(chunks)


def line_of(text: str, place: int) -> int:
    """The line of a place in a text, from 1."""
    return text.count("\n", 0, place) + 1
