"""Writing systems: how much letter a text has, and whether its target language is written so."""

import re
from functools import cache

from babel.core import get_global

from ontarget.languages.tags import language_and_script, names_script

RANGES = {  # letters of each script as a regular expression writes them; marks are left out
    "Latn": r"A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
    r"\uff21-\uff3a\uff41-\uff5a",
    "Cyrl": r"\u0400-\u0481\u048a-\u052f",
    "Grek": r"\u0370-\u0373\u0376-\u037d\u0386-\u03e1\u03f0-\u03ff\u1f00-\u1ffc",
    "Armn": r"\u0531-\u0588",
    "Hebr": r"\u05d0-\u05f2",
    "Arab": r"\u0620-\u064a\u066e-\u06d3\u06d5-\u06ef\u06fa-\u06ff\u0750-\u077f"
    r"\ufb50-\ufd3d\ufd50-\ufdfb\ufe70-\ufefc",
    "Thaa": r"\u0780-\u07a5",
    "Deva": r"\u0904-\u0939\u0958-\u0961\u0971-\u097f",
    "Beng": r"\u0985-\u09b9\u09dc-\u09e1",
    "Guru": r"\u0a05-\u0a39\u0a59-\u0a5e",
    "Gujr": r"\u0a85-\u0ab9",
    "Orya": r"\u0b05-\u0b39\u0b5c-\u0b61",
    "Taml": r"\u0b85-\u0bb9",
    "Telu": r"\u0c05-\u0c39",
    "Knda": r"\u0c85-\u0cb9",
    "Mlym": r"\u0d05-\u0d3a",
    "Sinh": r"\u0d85-\u0dc6",
    "Thai": r"\u0e01-\u0e46",
    "Laoo": r"\u0e81-\u0ec6",
    "Tibt": r"\u0f40-\u0f6c",
    "Mymr": r"\u1000-\u102a",
    "Geor": r"\u10a0-\u10ff\u1c90-\u1cbf",
    "Ethi": r"\u1200-\u135a",
    "Khmr": r"\u1780-\u17b3",
    "Mong": r"\u1820-\u1878",
    "Hang": r"\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3",
    "Kana": r"\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d",  # Hiragana and Katakana
    "Hani": r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af",
}
PARTS = {"Jpan": ("Kana", "Hani"), "Kore": ("Hang", "Hani"), "Hans": ("Hani",), "Hant": ("Hani",)}
ALSO = {  # scripts in everyday use beside those that CLDR's likely subtags name
    "az": "Cyrl", "bs": "Cyrl", "ha": "Arab", "kk": "Latn", "mn": "Mong", "ms": "Arab",
    "sh": "Cyrl Latn", "sr": "Cyrl Latn", "tg": "Latn", "tk": "Cyrl", "tt": "Latn", "ug": "Latn",
    "uz": "Cyrl",
}  # fmt: skip
DENSE = 3  # letters that a kana, an ideograph or a syllable of Hangul counts for

LETTER, NO_LETTER = r"[^\W\d_]", r"[\W\d_]"
SYLLABLE, NO_SYLLABLE = (
    f"[{no}{RANGES['Hang']}{RANGES['Kana']}{RANGES['Hani']}]" for no in ("", "^")
)
LETTERS, SYLLABLES = re.compile(f"{LETTER}+"), re.compile(f"{SYLLABLE}+")  # runs: fewer matches
IN_SCRIPT = re.compile(
    "|".join(f"(?P<{script}>[{characters}]+)" for script, characters in RANGES.items())
)
KANA, HANI = (re.compile(f"[{RANGES[script]}]") for script in ("Kana", "Hani"))
KANALESS = 10  # ideographs without any kana are not Japanese; a Japanese heading can be shorter
KANALESS_RUN = re.compile(
    f"(?:[{RANGES['Hani']}][^{RANGES['Hani']}{RANGES['Kana']}]*+){{{KANALESS}}}"
)
# Characters whose other form is not used in the other orthography, pair by pair.
SIMPLIFIED = (
    "这们国对时说会经过还进发动关问题间长门开东车话语让认论证书见觉观现实学员团结给纪级约红"
)
TRADITIONAL = (
    "這們國對時說會經過還進發動關問題間長門開東車話語讓認論證書見覺觀現實學員團結給紀級約紅"
)


def letters(text: str) -> int:
    """How many letters a text has; characters that stand for more than a sound count `DENSE`."""
    return sum(map(len, LETTERS.findall(text))) + (DENSE - 1) * sum(
        map(len, SYLLABLES.findall(text))
    )


@cache
def at_least_pattern(least: int, of: str, others: str) -> re.Pattern[str]:
    """Matches a text with so many of some characters, however long it is, without counting all."""
    return re.compile(f"(?:{others}*+{of}){{{least}}}")


def has_letters(text: str, least: int) -> bool:
    """Whether `letters(text)` is at least `least`; quick on long text and on short."""
    return len(text) * DENSE >= least and (
        at_least_pattern(least, LETTER, NO_LETTER).match(text) is not None
        or has_syllables(text, -(-least // DENSE))
        or letters(text) >= least
    )


def has_syllables(text: str, least: int) -> bool:
    """Whether a text has so many kana, ideographs or syllables of Hangul."""
    return at_least_pattern(least, SYLLABLE, NO_SYLLABLE).match(text) is not None


@cache
def scripts_of(code: str) -> frozenset[str]:
    """The scripts a language is written in, `RANGES` keys; only that of the code where it has one.

    `sr` gives Cyrl and Latn, `sr-Latn` Latn, `ja` Kana and Hani; nothing is known where a script
    is not in `RANGES`.
    """
    language, script = language_and_script(code)
    found = {script}
    if not names_script(code):
        likely = get_global("likely_subtags")
        found |= {
            str(full).split("_")[1]
            for short, full in likely.items()
            if short.startswith(f"{language}_")
        } | {
            part for key in likely if key.startswith(f"{language}_") for part in key.split("_")[1:]
        }
        found |= set(ALSO.get(language, "").split())
    return frozenset(part for each in found for part in PARTS.get(each, (each,)) if part in RANGES)


@cache
def other_scripts_pattern(scripts: frozenset[str]) -> re.Pattern[str]:
    """Matches letters of other scripts than these."""
    return re.compile(
        "[" + "".join(r for script, r in RANGES.items() if script not in scripts) + "]"
    )


def foreign_letters(text: str, code: str) -> int:
    """How many letters are of scripts that the language is never written in."""
    scripts = scripts_of(code)
    if not scripts or other_scripts_pattern(scripts).search(text) is None:
        return 0
    return letters("".join(other_scripts_pattern(scripts).findall(text)))


def script_of(text: str) -> str:
    """The script that most of a text's letters are of; "" where it has none."""
    runs: dict[str | None, list[str]] = {script: [] for script in RANGES}
    for run in IN_SCRIPT.finditer(text):
        runs[run.lastgroup].append(run[0])
    counts = {script: letters("".join(found)) for script, found in runs.items() if found}
    best = max(counts, key=lambda script: counts[script], default=None)
    return best if best and counts[best] else ""


def is_japanese(text: str) -> bool | None:
    """Whether ideographs come with kana, as they do in Japanese; None where that says nothing.

    A tenth of kana makes a text Japanese: Chinese borrows a single kana at most. `KANALESS`
    ideographs without any make it none.
    """
    if KANA.search(text) is None:
        return False if KANALESS_RUN.search(text) else None
    return len(KANA.findall(text)) * 9 >= len(HANI.findall(text)) or None


def may_mix_kana(text: str) -> bool:
    """Whether a text has kana and a stretch of ideographs without."""
    return KANA.search(text) is not None and KANALESS_RUN.search(text) is not None


def orthography(text: str) -> str:
    """`Hans` or `Hant` by characters that only one of them has; "" without a majority.

    Forty-three frequent pairs are looked at, so a short text can have none of them.
    """
    simplified, traditional = (
        sum(map(text.count, characters)) for characters in (SIMPLIFIED, TRADITIONAL)
    )
    if simplified == traditional:
        return ""
    return "Hans" if simplified > traditional else "Hant"
