"""Names of languages, from CLDR through Babel."""

from difflib import get_close_matches
from functools import cache

from babel import Locale, UnknownLocaleError

from ontarget.languages.tags import canonical, standard


def english_name(code: str) -> str:
    """The English name as an instruction uses it: `Italian` for `it`, `ita` and `ita_Latn`.

    Raises:
        KeyError: CLDR has no English name for `code`.
    """
    return name_in("en", code)


@cache
def name_in(language: str, code: str) -> str:
    """The name of the language `code` in `language`: `inglese` for `en` in `it`.

    Raises:
        KeyError: CLDR has no such name.
    """
    try:
        locale = Locale.parse(standard(language), sep="-")
    except (ValueError, UnknownLocaleError) as error:
        raise KeyError(language) from error
    bare, *subtags = standard(code).split("-")
    name = str(locale.languages[bare])
    if not subtags:
        return name
    details = [str(locale.scripts.get(tag) or locale.territories[tag]) for tag in subtags]
    return f"{name} ({', '.join(details)})"


def display_name(code: str) -> str:
    """The English name, or the code of a language that CLDR does not name."""
    return english_name(code) if is_known(code) else code


def is_known(code: str) -> bool:
    """Whether CLDR has an English name for this code."""
    try:
        return bool(english_name(code))
    except KeyError:
        return False


@cache
def suggestion(code: str) -> str | None:
    """The known code that was probably meant: `it` for `ita`, `Italian` and `Italain`."""
    english = Locale.parse("en").languages
    short = canonical(code)
    if short != code and is_known(short):
        return short
    by_name = {str(name).lower(): str(key) for key, name in english.items()}
    if code.lower() in by_name:
        return by_name[code.lower()]
    close = get_close_matches(code.lower(), by_name, n=1, cutoff=0.8)
    if close:
        return by_name[close[0]]
    codes = [str(key) for key in english if len(str(key)) == 2]
    return next(iter(get_close_matches(code, codes, n=1)), None)


def unknown_code(code: str) -> str:
    """The error text for an unknown code, with a suggestion where there is one."""
    guess = suggestion(code)
    remedy = f"did you mean {guess}?" if guess else "give a code such as it or zh-Hant"
    return f"CLDR knows no language {code!r}; {remedy}"
