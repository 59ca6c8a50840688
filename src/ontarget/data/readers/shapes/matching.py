"""Tags of any style, and which of a file's tags a requested language means."""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from babel.core import get_global

from ontarget.errors import CorpusError
from ontarget.languages.names import is_known
from ontarget.languages.tags import language_and_script, standard

FORM = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z]{4})?([-_]([A-Za-z]{2}|\d{3}))?")


@cache
def is_tag(name: str) -> bool:
    """Whether a whole name is the tag of a known language: `ita`, `ita_Latn`, `it-IT`, `IT`."""
    return FORM.fullmatch(name) is not None and is_known(name)


def match(found: Iterable[str], languages: Sequence[str], place: str) -> dict[str, str]:
    """The tag that each of `languages` means among those found; absent ones are left out.

    The same language, script and region come first: beside `pt-BR`, `pt` is `pt`. Then a language
    without a region is the only one of its script: `it` is `it-IT`.

    Raises:
        CorpusError: two tags mean the same requested language.
    """
    tags = [tag for tag in found if is_tag(tag)]
    chosen = {}
    for language in languages:
        if standard(language) in map(standard, tags):
            same = [tag for tag in tags if meaning(tag) == meaning(language)]
            chosen[language] = only(same, language, place)
    free = [tag for tag in tags if tag not in chosen.values()]
    for language in languages:
        if language in chosen or names_region(language):
            continue
        wanted = language_and_script(language)
        if similar := [tag for tag in free if language_and_script(tag) == wanted]:
            chosen[language] = only(similar, language, place)
    return chosen


@cache
def meaning(tag: str) -> str:
    """`standard`, where a region that only says which script is meant is that script.

    `zh-Hant` of `zh-TW`, the likely region of this script. Beside the language's usual script a
    region is one, as in `pt-BR`.
    """
    code, script = language_and_script(tag)
    region = standard(tag).rpartition("-")[2]
    usual = script == language_and_script(code)[1]
    is_likely = get_global("likely_subtags").get(f"{code}_{script}") == f"{code}_{script}_{region}"
    return f"{code}-{script}" if is_likely and not usual else standard(tag)


def only(tags: Sequence[str], language: str, place: str) -> str:
    """The only tag, or CorpusError."""
    if len(tags) > 1:
        raise CorpusError(
            f"{place}: {tags[0]!r} and {tags[1]!r} both mean {language}; keep one, or name the one "
            f"that is meant by fields: {{{language}: COLUMN}}"
        )
    return tags[0]


def names_region(code: str) -> bool:
    """Whether a tag names a region: `pt-BR`."""
    return any(len(part) != 4 for part in standard(code).split("-")[1:])
