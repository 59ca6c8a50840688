"""One function a rule: what is wrong with a pair, in words, or None."""

import re
from collections.abc import Callable
from typing import NamedTuple

from ontarget.data.cleaning import texts
from ontarget.data.cleaning.rules import Rules
from ontarget.languages import writing
from ontarget.records import Sample

SCRIPT_SHARE = 0.9  # of a text's letters, in scripts that its language is never written in


class Facts(NamedTuple):
    """A pair, and what is known of it from its row."""

    sample: Sample
    rules: Rules
    reduced: tuple[str, str]  # source and target, `texts.reduced`
    leak: str  # a language in which the row has a text of dev or test; "" for none
    pivot: str  # the reduced text of the pivot, "" without one
    special: re.Pattern[str] | None  # matches special tokens of the model
    markup: bool  # a side may have placeholders, tags or URLs

    @property
    def sides(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """(language, text) of source and target."""
        one = self.sample
        return (one.source_lang, one.source), (one.target_lang, one.target)


def empty(pair: Facts) -> str | None:
    """A side without letters and digits."""
    return next((code for code, text in pair.sides if texts.is_empty(text)), None)


def control(pair: Facts) -> str | None:
    """A character that no sentence has."""
    if not pair.rules.control:
        return None
    for code, text in pair.sides:
        if found := texts.unwanted(text):
            return f"{code} has U+{ord(found):04X}"
    return None


def overlap(pair: Facts) -> str | None:
    """A text of the row that is in dev or test."""
    return f"the {pair.leak} text" if pair.rules.overlap and pair.leak else None


def length(pair: Facts) -> str | None:
    """A side that is too long."""
    for code, text in pair.sides:
        characters, words = pair.rules.max_characters, pair.rules.max_words
        if characters is not None and len(text) > characters:
            return f"{code} has {len(text)} characters"
        if words is not None and len(text) > words and (count := len(text.split())) > words:
            return f"{code} has {count} words"
    return None


def special_tokens(pair: Facts) -> str | None:
    """A special token of the model."""
    if not pair.rules.special_tokens or pair.special is None:
        return None
    for code, text in pair.sides:
        if found := pair.special.search(text):
            return f"{code} has {found[0]!r}"
    return None


def identical(pair: Facts) -> str | None:
    """The same text on both sides."""
    return "" if pair.rules.identical and pair.reduced[0] == pair.reduced[1] else None


def untranslated(pair: Facts) -> str | None:
    """A side that is the text of the pivot, which is neither of the two languages."""
    if not pair.rules.untranslated or not pair.pivot:
        return None
    sides = zip(pair.sides, pair.reduced, strict=True)
    return next((code for (code, _), reduced in sides if reduced == pair.pivot), None)


def script(pair: Facts) -> str | None:
    """A side mostly in letters that its language is never written in."""
    if not pair.rules.script:
        return None
    for code, text in pair.sides:
        foreign = writing.foreign_letters(text, code)
        if foreign and foreign > SCRIPT_SHARE * writing.letters(text):
            return f"{code} is in {writing.script_of(text)}"
    return None


def markup(find: texts.Finder, name: str) -> Callable[[Facts], str | None]:
    """A rule by which both sides have the same placeholders or tags."""

    def check(pair: Facts) -> str | None:
        if not pair.markup or not getattr(pair.rules, name):
            return None
        return texts.difference(pair.sample.source, pair.sample.target, find) or None

    return check


def urls(pair: Facts) -> str | None:
    """A URL or e-mail address that one side has and the other has not, nor another in its place."""
    source, target = pair.sample.source, pair.sample.target
    if not pair.markup or not pair.rules.urls:
        return None
    if len(texts.urls(source)) == len(texts.urls(target)):
        return None
    return texts.difference(source, target, texts.urls)


def numbers(pair: Facts) -> str | None:
    """Numbers of one side that are missing in the other."""
    source, target = pair.sample.source, pair.sample.target
    return "" if pair.rules.numbers and texts.numbers_disagree(source, target) else None


LOCAL: tuple[tuple[str, Callable[[Facts], str | None]], ...] = (  # in the order of `REASONS`
    ("empty", empty),
    ("control", control),
    ("overlap", overlap),
    ("length", length),
    ("special_tokens", special_tokens),
    ("identical", identical),
    ("untranslated", untranslated),
    ("script", script),
    ("placeholders", markup(texts.placeholders, "placeholders")),
    ("tags", markup(texts.tags, "tags")),
    ("urls", urls),
    ("numbers", numbers),
)


def first_fault(pair: Facts) -> tuple[str, str]:
    """The first rule that a pair breaks, and what is wrong in words; ("", "") if none."""
    for name, check in LOCAL:
        detail = check(pair)
        if detail is not None:
            return name, detail
    return "", ""
