"""BCP-47 language codes, their English and own names, from CLDR through Babel."""

from collections.abc import Iterable
from functools import cache

from babel import Locale
from babel.core import UnknownLocaleError, get_global


def primary(code: str) -> str:
    """`zh` of `zh-Hans`."""
    return code.replace("_", "-").split("-")[0].lower()


@cache
def english_name(code: str) -> str:
    """`Italian` for `it`, as instructions name it.

    Raises:
        KeyError: CLDR has no English name for `code`.
    """
    parts = code.replace("_", "-").split("-")
    names = Locale.parse("en")
    name = str(names.languages[parts[0]])
    if len(parts) == 1:
        return name
    more = [str(names.scripts.get(part) or names.territories[part]) for part in parts[1:]]
    return f"{name} ({', '.join(more)})"


@cache
def own_name(code: str) -> str:
    """`italiano` for `it`; the English name where CLDR lacks the language's own."""
    try:
        return Locale.parse(code.replace("-", "_")).get_language_name() or english_name(code)
    except (UnknownLocaleError, ValueError):
        return english_name(code)


def is_known(code: str) -> bool:
    """Whether CLDR names this language."""
    try:
        return bool(english_name(code))
    except KeyError:
        return False


def code_among(code: str, others: Iterable[str]) -> str | None:
    """Which of a model's own codes means the language `code`, if any does.

    For `it` that is the one of `it`, `it_IT`, `ita_Latn`, `__it__` and `>>ita<<` that there is;
    a script is compared where a code names one, a region is not.
    """
    wanted = language_and_script(code)
    for other in others:
        bare = other.strip("_<>")
        if bare.replace("_", "").isalpha():
            language, script = language_and_script(bare)
            named = any(len(part) == 4 for part in bare.split("_")[1:])
            if language == wanted[0] and (script == wanted[1] or not named):
                return other
    return None


def language_and_script(code: str) -> tuple[str, str]:
    """`("zh", "Hans")` for `zh`, `zho_Hans` and `zh-CN`: the language by its shortest code."""
    first, *parts = code.replace("-", "_").split("_")
    language = str(get_global("language_aliases").get(first, first))
    language = {"no": "nb"}.get(language, language)  # Norwegian is written so unless it says nn
    likely = get_global("likely_subtags")
    for script in parts:
        if len(script) == 4:
            return language, script.title()
    full = likely.get("_".join([language, *parts])) or likely.get(language, "")
    return language, str(full).split("_")[1] if full else ""
