"""BCP-47 language codes, their English and own names, from CLDR through Babel."""

from functools import cache

from babel import Locale
from babel.core import UnknownLocaleError


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
