"""Whole words in a text: the one rule for terms, of conflict records and of `translate`.

A word is in a text where it is no part of a longer one, in any case and composition of characters,
with straight or curved apostrophes. An inflected form is another word. Hyphens and apostrophes
separate words, so "l'amico" has "amico" and "cat-like" has "cat". In scripts without spaces, and
in Korean, whose particles follow a word without one, a word counts wherever it stands.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache

import regex

SCRIPTS = ("Hangul", "Hiragana", "Katakana", "Han", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")
# Script extensions, since marks such as the long vowel of katakana are in several scripts
UNSPACED = "[" + "".join(rf"\p{{Script_Extensions={script}}}" for script in SCRIPTS) + "]"
SPACED = rf"[\w--{UNSPACED}]"
UNSPACED_WORD = regex.compile(rf"[\w&&{UNSPACED}]", regex.V1)
FOLDED = {"\u2019": "'", "ς": "σ", "ı": "i", "i\u0307": "i"}  # İ is i and a dot in lower case


def folded(text: str) -> str:
    """The text as it is compared: composed, in lower case, with straight apostrophes."""
    if text.isascii():
        return text.lower()
    lower = unicodedata.normalize("NFC", text.lower())
    for form, other in FOLDED.items():
        lower = lower.replace(form, other)
    return lower


@cache
def folded_word(word: str) -> str:
    """The same of a word, kept, since it is looked for in many texts."""
    return folded(word)


@cache
def whole_word(word: str) -> regex.Pattern[str]:
    """A pattern that finds a folded word in a folded text where it is no part of a longer one."""
    before = rf"(?<!{SPACED})" if is_spaced(word[0]) else ""
    after = rf"(?!{SPACED})" if is_spaced(word[-1]) else ""
    # A combining mark belongs to the letter before it, in every script
    return regex.compile(before + regex.escape(word) + after + r"(?!\p{M})", regex.V1)


def is_spaced(char: str) -> bool:
    """Whether a character is part of words that spaces separate."""
    return regex.match(r"\w", char) is not None and UNSPACED_WORD.match(char) is None


def words_in(text: str, words: Iterable[str]) -> set[str]:
    """Those of some words, none of them empty, that a text has as whole words.

    Of `cat` and `wild cat` only the longer one is in "a wild cat".
    """
    text = folded(text)
    forms: dict[str, list[str]] = {}
    for word in words:
        if folded_word(word) in text:
            forms.setdefault(folded_word(word), []).append(word)
    found: set[str] = set()
    for form in sorted(forms, key=lambda one: (-len(one), one)):
        text, count = whole_word(form).subn("\n", text)
        found |= set(forms[form]) if count else set()
    return found
