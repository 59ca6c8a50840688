"""The form in which a translation is written; any translation can be rewritten into each."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ontarget.data.constraints.base import Pair
from ontarget.languages.tags import primary

DOTTED_I = ("tr", "az")  # their capital i has a dot, which Unicode's default mapping loses


@dataclass(frozen=True, slots=True, kw_only=True)
class TextForm:
    """One form: how it is asked for, written and recognised."""

    wording: str
    write: Callable[[str], str]
    holds: Callable[[str], bool]


def json_content(text: str) -> object:
    """What a text is as JSON; None if it is none."""
    try:
        content: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content


def is_translation_object(text: str) -> bool:
    """Whether a text is a JSON object with a text as its translation, and nothing else."""
    content = json_content(text)
    return (
        isinstance(content, dict)
        and list(content) == ["translation"]
        and isinstance(content["translation"], str)
    )


def is_upper(text: str) -> bool:
    """Whether a text is in upper case; one without cases is not."""
    return text == text.upper() != text.lower()


def is_quoted(text: str) -> bool:
    """Whether a text is one string in double quotes."""
    return len(text) > 2 and text[0] == text[-1] == '"' and '"' not in text[1:-1]


def is_ordinary(text: str) -> bool:
    """Whether a text is in none of the other forms, and in no block of code."""
    formatted = isinstance(json_content(text), dict | list) or text.startswith("```")
    return not (formatted or is_upper(text) or is_quoted(text))


FORMS = {
    "plain": TextForm(
        wording="Write the translation in ordinary case, without quotes or any other format.",
        write=str,
        holds=is_ordinary,
    ),
    "upper": TextForm(
        wording="Write the translation in upper case.", write=str.upper, holds=is_upper
    ),
    "json": TextForm(
        wording='Write the translation as a JSON object: {"translation": "..."}',
        write=lambda text: json.dumps({"translation": text}, ensure_ascii=False),
        holds=is_translation_object,
    ),
    "quotes": TextForm(
        wording="Write the translation in double quotes.",
        write=lambda text: f'"{text}"',
        holds=is_quoted,
    ),
}


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """The form of a translation, one of these in `FORMS`."""

    names: tuple[str, ...] = tuple(FORMS)

    def values(self, pair: Pair) -> Sequence[str]:
        """The forms in which this translation is in no other form too.

        So upper case is none for a script without cases, nor quotes for a text with quotes.
        """
        return [name for name in self.names if self._is_distinct(name, pair)]

    def wording(self, pair: Pair, value: str) -> str:
        """The sentence that asks for a form."""
        return FORMS[value].wording

    def response(self, pair: Pair, value: str) -> str | None:
        """The translation in this form."""
        return FORMS[value].write(pair.target)

    def holds(self, value: str, response: str) -> bool:
        """Whether a response is in this form, exactly."""
        return FORMS[value].holds(response)

    def _is_distinct(self, name: str, pair: Pair) -> bool:
        if name == "upper" and primary(pair.target_lang) in DOTTED_I:
            return False
        text = FORMS[name].write(pair.target)
        return [other for other, form in FORMS.items() if form.holds(text)] == [name]
