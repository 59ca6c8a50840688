"""Letters that a language is written with, from CLDR's exemplar characters (cldr-misc-full 48.2).

Main and auxiliary characters together: the letters of a language's own words and of the foreign
ones that it commonly takes over. `alphabets.tsv` was made by `benchmarks/alphabets.py`; it holds
alphabets in Latin, Cyrillic, Arabic and Devanagari letters, which several languages share.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from ontarget.languages.tags import language_and_script, standard
from ontarget.languages.writing import script_of

WORD = re.compile(r"[^\W\d_]+")


@cache
def alphabets() -> Mapping[str, str]:
    """Lower-case letters by language code; a code with a script where there are several."""
    table = files("ontarget.languages").joinpath("alphabets.tsv").read_text(encoding="utf-8")
    return dict(line.split("\t") for line in table.splitlines())


@cache
def alphabet(code: str) -> str:
    """The letters of a language, lower case; "" if unknown."""
    language, script = language_and_script(standard(code))
    letters = alphabets().get(f"{language}-{script}") or alphabets().get(language, "")
    return letters if not letters or script_of(letters) == script else ""


@cache
def outside(code: str) -> re.Pattern[str] | None:
    """Matches a letter, of any script, that is not in the language's alphabet; None if unknown."""
    letters = alphabet(code)
    if not letters:
        return None
    return re.compile(rf"[^\W\d_{re.escape(letters + letters.upper())}]")


def foreign_words(text: str, code: str) -> tuple[int, int]:
    """Words with a letter of the language's own script that its alphabet lacks, and all words.

    Words that begin with a capital are neither: names keep the letters of their own language.
    """
    pattern = outside(code)
    text = unicodedata.normalize("NFC", text)
    if pattern is None or pattern.search(text) is None:
        return 0, 0
    script = script_of_alphabet(code)
    if not any(script_of_letter(letter) == script for letter in set(pattern.findall(text))):
        return 0, 0
    words = WORD.findall(text)
    words = [word for word in words if not word[0].isupper()]
    foreign = sum(script_of("".join(pattern.findall(word))) == script for word in words)
    return foreign, len(words)


@cache
def script_of_alphabet(code: str) -> str:
    """The script that a language's alphabet is in."""
    return script_of(alphabet(code))


@cache
def script_of_letter(letter: str) -> str:
    """The script of one letter."""
    return script_of(letter)
