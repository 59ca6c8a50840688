"""Language tags: the shortest code, the script, and which tags mean the same language.

CLDR's tables are read through Babel. langcodes was rejected: its tables are older, and they lack
members of macrolanguages that detectors return (docs/decisions/0011-libraries.md).
"""

from collections.abc import Iterable
from functools import cache

from babel.core import get_global

# Labels that count as the requested language: members of a macrolanguage (ISO 639-3), and the
# macrolanguage itself if detectors cannot separate its members.
MEMBERS = {
    "zh": {"wuu", "yue", "gan", "hak", "nan", "lzh"},
    "ar": {"arz", "apc", "ary", "acm", "ajp"},
    "no": {"nb", "nn"}, "nb": {"no"}, "nn": {"no"}, "az": {"azb"}, "sh": {"hr", "bs", "sr"},
    "hr": {"sh"}, "bs": {"sh"}, "sr": {"sh"},
}  # fmt: skip
ALIASES = {  # tags that CLDR's aliases lack, or resolve to a member
    "fuv": "ff", "pbt": "ps", "quy": "qu", "nor": "no", "hbs": "sh",
}  # fmt: skip
MACROLANGUAGES = frozenset({"no", "sh"})  # CLDR would replace them by nb and sr
# Scripts that add nothing to a language's code, where that is not its likely script alone: a script
# of `zh` names one orthography, one of `sr` one of the two alphabets in use.
ONE_SCRIPT: dict[str, set[str]] = {"ko": {"Kore", "Hang"}, "ja": {"Jpan", "Hira", "Hrkt"}} | {
    language: set() for language in "sh sr yue zh".split()
}


def primary(code: str) -> str:
    """The language subtag: `zh` of `zh-Hans`."""
    return code.replace("_", "-").split("-")[0].lower()


def code_among(code: str, candidates: Iterable[str]) -> str | None:
    """The model's own code for the language `code`, or None.

    For `it` this is whichever of `it`, `it_IT`, `ita_Latn`, `__it__` and `>>ita<<` is among
    `candidates`. Scripts are compared where a candidate names one; regions are ignored.
    """
    language, script = language_and_script(code)
    for candidate in candidates:
        bare = candidate.strip("_<>")
        if not bare.replace("_", "").isalpha():
            continue
        has_script = any(len(part) == 4 for part in bare.split("_")[1:])
        candidate_language, candidate_script = language_and_script(bare)
        if candidate_language == language and (candidate_script == script or not has_script):
            return candidate
    return None


def language_and_script(code: str) -> tuple[str, str]:
    """The shortest code and the script: `("zh", "Hans")` for `zh`, `zho_Hans` and `zh-CN`."""
    first, *subtags = code.replace("-", "_").split("_")
    lower = first.lower()
    alias = ALIASES.get(lower) or str(get_global("language_aliases").get(lower, lower))
    language, *rest = alias.split("_")  # `fa_AF` for `prs`
    language = {"no": "nb"}.get(language, language)  # Norwegian is Bokmål unless marked as nn
    for subtag in subtags:
        if len(subtag) == 4 and subtag.title() not in ONE_SCRIPT.get(language, ()):
            return language, subtag.title()
    likely = get_global("likely_subtags")
    region = [subtag.upper() for subtag in (*subtags, *rest)]
    full = likely.get("_".join([language, *region])) or likely.get(language, "")
    return language, str(full).split("_")[1] if full else ""


@cache
def standard(code: str) -> str:
    """A tag of any common style in CLDR's spelling, as short as it can be without changing meaning.

    ISO 639-1, ISO 639-3, FLORES+ and NLLB, and BCP 47 in any case: `it` for `IT`, `ita`, `it_Latn`;
    `zh-Hant` for `zho_Hant`; `pt-BR` for `pt-br`; `he` for `iw`. `no` and `sh` stay as they are. A
    script that the language is always written in is left out.
    """
    first, *subtags = code.replace("_", "-").split("-")
    language = canonical(first)
    parts = [language]
    for subtag in subtags:
        if len(subtag) != 4:
            parts.append(subtag.upper())
        elif subtag.title() not in ONE_SCRIPT.get(language, {language_and_script(language)[1]}):
            parts.append(subtag.title())
    return "-".join(parts)


def names_script(code: str) -> bool:
    """Whether a code has a subtag, which may determine the script: `zh-Hant`, `zh-TW`."""
    return "-" in code or "_" in code


@cache
def canonical(code: str) -> str:
    """The shortest code of a language: `zh` for `cmn_Hani`. Macrolanguages stay as they are."""
    language = ALIASES.get(primary(code), primary(code))
    return language if language in MACROLANGUAGES else language_and_script(language)[0]


@cache
def same_language(label: str, requested: str) -> bool:
    """Whether a detector's label counts as the requested language; scripts are not compared.

    A member counts as its macrolanguage (`yue` where `zh` is requested); see `MEMBERS`.
    """
    language, wanted = canonical(label), canonical(requested)
    return language == wanted or language in MEMBERS.get(wanted, ())


def distinguishable(code: str, other: str) -> bool:
    """Whether text in one language can be told from text in the other, by label or by script."""
    if not same_language(code, other) and not same_language(other, code):
        return True
    return (names_script(code) and names_script(other)) and (
        language_and_script(code)[1] != language_and_script(other)[1]
    )
