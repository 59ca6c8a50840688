"""Writing systems: letters of a text by script, and the scripts that a language is written in.

Scripts are Unicode's Script property, through the `regex` package.
"""

import re
from functools import cache

import regex
from babel.core import get_global

from ontarget.languages.tags import language_and_script, names_script

# ISO 15924 code -> value of Unicode's Script property. `Kana` covers Hiragana and Katakana.
SCRIPTS = {
    "Latn": "Latin", "Cyrl": "Cyrillic", "Grek": "Greek", "Armn": "Armenian", "Hebr": "Hebrew",
    "Arab": "Arabic", "Thaa": "Thaana", "Deva": "Devanagari", "Beng": "Bengali",
    "Guru": "Gurmukhi", "Gujr": "Gujarati", "Orya": "Oriya", "Taml": "Tamil", "Telu": "Telugu",
    "Knda": "Kannada", "Mlym": "Malayalam", "Sinh": "Sinhala", "Thai": "Thai", "Laoo": "Lao",
    "Tibt": "Tibetan", "Mymr": "Myanmar", "Geor": "Georgian", "Ethi": "Ethiopic",
    "Khmr": "Khmer", "Mong": "Mongolian", "Hang": "Hangul", "Kana": "Hiragana Katakana",
    "Hani": "Han",
}  # fmt: skip
PARTS = {"Jpan": ("Kana", "Hani"), "Kore": ("Hang", "Hani"), "Hans": ("Hani",), "Hant": ("Hani",)}
ADDITIONAL = {  # scripts in everyday use besides those that CLDR's likely subtags name
    "az": "Cyrl", "bs": "Cyrl", "ha": "Arab", "kk": "Latn", "mn": "Mong", "ms": "Arab",
    "sh": "Cyrl Latn", "sr": "Cyrl Latn", "tg": "Latn", "tk": "Cyrl", "tt": "Latn", "ug": "Latn",
    "uz": "Cyrl",
}  # fmt: skip
SYLLABLE_WEIGHT = 3  # letters that a kana, an ideograph or a Hangul syllable counts for


def letters_of(*scripts: str) -> str:
    """A `regex` character class (V1) of the letters of these scripts."""
    values = " ".join(SCRIPTS[script] for script in scripts).split()
    return r"[\p{L}&&[" + "".join(rf"\p{{Script={value}}}" for value in values) + "]]"


LETTER, NOT_LETTER = r"[^\W\d_]", r"[\W\d_]"
SYLLABLE = letters_of("Hang", "Kana", "Hani")
LETTERS = re.compile(f"{LETTER}+")
SYLLABLES = regex.compile(f"{SYLLABLE}+", regex.V1)
BY_SCRIPT = regex.compile(
    "|".join(f"(?P<{script}>{letters_of(script)}+)" for script in SCRIPTS), regex.V1
)
# Letters of two scripts, as `letters_of` has them, up to U+FFFF: `re` searches ten times as fast.
KANA = re.compile(
    "[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff\uff66-\uff6f\uff71-\uff9d]"
)
HANI = re.compile("[\u3005\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufa6d\ufa70-\ufad9]")
KANALESS = 10  # a text with as many ideographs and no kana is not Japanese; a heading has fewer
KANALESS_RUN = regex.compile(
    rf"(?:{letters_of('Hani')}[^\p{{Script=Han}}\p{{Script=Hiragana}}\p{{Script=Katakana}}]*+)"
    f"{{{KANALESS}}}",
    regex.V1,
)
# Characters that only one of the two Chinese orthographies uses, pair by pair.
SIMPLIFIED = (
    "这们国对时说会经过还进发动关问题间长门开东车话语让认论证书见觉观现实学员团结给纪级约红"
)
TRADITIONAL = (
    "這們國對時說會經過還進發動關問題間長門開東車話語讓認論證書見覺觀現實學員團結給紀級約紅"
)


def letters(text: str) -> int:
    """The number of letters; kana, ideographs and Hangul count `SYLLABLE_WEIGHT` each."""
    if text.isascii():
        return sum(map(len, LETTERS.findall(text)))
    syllables = sum(map(len, SYLLABLES.findall(text)))
    return sum(map(len, LETTERS.findall(text))) + (SYLLABLE_WEIGHT - 1) * syllables


@cache
def at_least(count: int, wanted: str, skipped: str) -> regex.Pattern[str]:
    """Matches a text with at least `count` of the wanted characters, without counting them all."""
    return regex.compile(f"(?:{skipped}*+{wanted}){{{count}}}", regex.V1)


def has_letters(text: str, minimum: int) -> bool:
    """Whether `letters(text) >= minimum`, without counting all letters."""
    return len(text) * SYLLABLE_WEIGHT >= minimum and (
        at_least(minimum, LETTER, NOT_LETTER).match(text) is not None
        or has_syllables(text, -(-minimum // SYLLABLE_WEIGHT))
        or letters(text) >= minimum
    )


def has_syllables(text: str, minimum: int) -> bool:
    """Whether a text has at least `minimum` kana, ideographs or Hangul syllables."""
    return at_least(minimum, SYLLABLE, f"[^{SYLLABLE}]").match(text) is not None


@cache
def scripts_of(code: str) -> frozenset[str]:
    """The scripts a language is written in, as keys of `SCRIPTS`; empty if unknown.

    `sr` gives Cyrl and Latn, `sr-Latn` only Latn, `ja` Kana and Hani.
    """
    language, script = language_and_script(code)
    names = {script}
    if not names_script(code):
        prefix = f"{language}_"
        likely = get_global("likely_subtags")
        tags = {key: str(full) for key, full in likely.items() if key.startswith(prefix)}
        names |= {full.split("_")[1] for full in tags.values()}
        names |= {part for key in tags for part in key.split("_")[1:]}
        names |= set(ADDITIONAL.get(language, "").split())
    return frozenset(part for name in names for part in PARTS.get(name, (name,)) if part in SCRIPTS)


@cache
def other_scripts_pattern(scripts: frozenset[str]) -> re.Pattern[str]:
    """Matches letters of any script in `SCRIPTS` but these.

    A character class of `re`, made from the one of `regex`: searching with it takes a tenth of the
    time. Rare letters beyond the Basic Multilingual Plane are left out, since one range of them
    makes every search three times as long.
    """
    others = letters_of(*(name for name in SCRIPTS if name not in scripts))
    everything = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x10000)]))
    spans = (run.span() for run in regex.compile(f"{others}+", regex.V1).finditer(everything))
    ends = ((everything[start], everything[end - 1]) for start, end in spans)
    return re.compile(f"[{''.join(f'{first}-{last}' for first, last in ends)}]")


def has_foreign_letters(text: str, code: str) -> bool:
    """Whether a letter belongs to a script that the language is never written in."""
    scripts = scripts_of(code)
    if not scripts or ("Latn" in scripts and text.isascii()):
        return False
    return other_scripts_pattern(scripts).search(text) is not None


def foreign_letters(text: str, code: str) -> int:
    """How many letters belong to scripts that the language is never written in."""
    if not has_foreign_letters(text, code):
        return 0
    return letters("".join(other_scripts_pattern(scripts_of(code)).findall(text)))


def script_of(text: str) -> str:
    """The script of most of a text's letters; "" where it has none."""
    if text.isascii():
        return "Latn" if LETTERS.search(text) else ""
    runs: dict[str, list[str]] = {}
    for match in BY_SCRIPT.finditer(text):
        runs.setdefault(str(match.lastgroup), []).append(match[0])
    counts = {script: letters("".join(parts)) for script, parts in runs.items()}
    return max(
        counts, key=lambda script: (counts[script], -list(SCRIPTS).index(script)), default=""
    )


def is_japanese(text: str) -> bool | None:
    """Whether ideographs come with kana, as they do in Japanese; None where that is no evidence.

    A tenth of kana makes a text Japanese, since Chinese borrows single kana at most. `KANALESS`
    ideographs without any kana are not Japanese.
    """
    if KANA.search(text) is None:
        return False if KANALESS_RUN.search(text) else None
    return len(KANA.findall(text)) * 9 >= len(HANI.findall(text)) or None


def may_mix_kana(text: str) -> bool:
    """Whether a text has kana and also a stretch of ideographs without any."""
    return KANA.search(text) is not None and KANALESS_RUN.search(text) is not None


def orthography(text: str) -> str:
    """`Hans` or `Hant`, by characters that only one of them uses; "" without a majority.

    Forty-three frequent pairs are compared, so a short text may contain none of them.
    """
    simplified, traditional = (
        sum(map(text.count, characters)) for characters in (SIMPLIFIED, TRADITIONAL)
    )
    if simplified == traditional:
        return ""
    return "Hans" if simplified > traditional else "Hant"
