"""TODO."""

from collections.abc import Iterable
from functools import cache

from babel.core import get_global


def primary(code: str) -> str:
    """`zh` of `zh-Hans`."""
    return code.replace("_", "-").split("-")[0].lower()


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


def names_script(code: str) -> bool:
    """Whether a code says how the language is written: `zh-Hant`, `zh-TW`, `sr-Latn`."""
    return "-" in code or "_" in code


# A label that means the language asked for although it is another code: members of a
# macrolanguage (ISO 639-3) and the macrolanguage itself.
MEMBERS = {
    "zh": {"wuu", "yue", "gan", "hak", "nan", "lzh"}, "ar": {"arz", "apc", "ary", "acm", "ajp"},
    "no": {"nb", "nn"}, "fa": {"prs"}, "az": {"azb"}, "sh": {"hr", "bs", "sr"}, "hr": {"sh"},
    "bs": {"sh"}, "sr": {"sh"},
}  # fmt: skip
MACROLANGUAGES = frozenset({"no", "sh"})  # kept apart from nb and sr, which CLDR takes them for


@cache
def same_language(label: str, code: str) -> bool:
    """Whether a detector's label is the language of `code`; script and region are not compared."""
    found, asked = canonical(label), canonical(code)
    return found == asked or found in MEMBERS.get(asked, ())


def distinguishable(code: str, other: str) -> bool:
    """Whether text in one language can be known not to be in the other, by label or by script."""
    if not same_language(code, other) and not same_language(other, code):
        return True
    return bool(names_script(code) and names_script(other)) and (
        language_and_script(code)[1] != language_and_script(other)[1]
    )


@cache
def canonical(code: str) -> str:
    """The shortest code of a language: `zh` for `cmn_Hani`, `no` stays what it is."""
    first = primary(code)
    return first if first in MACROLANGUAGES else language_and_script(first)[0]
