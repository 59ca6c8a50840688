"""What a detector's labels are worth for one text: by script, by alphabet, by words of their own.

A label is no evidence if its language is never written in the text's script, or if its alphabet
lacks letters that stand in the text. Close languages are told apart by words that only one has.
"""

from functools import cache

from ontarget.languages import neighbours, writing
from ontarget.languages.alphabets import foreign_words
from ontarget.languages.tags import canonical, same_language
from ontarget.offtarget.detectors.base import Probabilities

NOT_OF_LABEL = 0.05  # share of words with foreign letters from which a label is no evidence
NOT_OF_TARGET = 0.1  # the same for the target, whose text may quote another language
LEAST_WORDS = 2  # with foreign letters, or words of the neighbour, against the target

# Pairs that no detector here tells apart: only words and letters of their own are evidence.
NOT_TOLD_APART = frozenset(
    frozenset(pair.split("/"))
    for pair in "hr/bs hr/sr bs/sr hr/sh bs/sh sr/sh id/ms nb/nn no/nn yue/zh".split()
)


def told_apart(code: str, other: str) -> bool:
    """Whether detectors tell two languages apart well enough to count on them alone."""
    return frozenset((canonical(code), canonical(other))) not in NOT_TOLD_APART


def admissible(text: str, probabilities: Probabilities) -> Probabilities:
    """The labels that a text can be in, by its script and its letters."""
    script = writing.script_of(text)
    if not script:
        return probabilities
    return {
        code: probability
        for code, probability in probabilities.items()
        if is_written_in(code, script) and not lacks_letters(code, text)
    }


@cache
def is_written_in(code: str, script: str) -> bool:
    """Whether a language is ever written in a script; True where its scripts are unknown."""
    scripts = writing.scripts_of(code)
    return not scripts or script in scripts


def lacks_letters(code: str, text: str) -> bool:
    """Whether a text has letters that a language is not written with, in more than a few words."""
    foreign, words = foreign_words(text, code)
    return foreign > 0 and foreign >= NOT_OF_LABEL * words


def cannot_be(text: str, target_lang: str) -> bool:
    """Whether many words of a text have letters that the target language lacks."""
    foreign, words = foreign_words(text, target_lang)
    return foreign >= LEAST_WORDS and foreign >= NOT_OF_TARGET * words


def neighbour_of(text: str, target_lang: str) -> str | None:
    """The close language whose own words stand in a text without any of the target's, or None.

    One word is enough where detectors do not tell the two apart.
    """
    for other in neighbours.neighbours(target_lang):
        least = LEAST_WORDS if told_apart(target_lang, other) else 1
        others = neighbours.count_own_words(text, other, target_lang)
        if others >= least and not neighbours.count_own_words(text, target_lang, other):
            return other
    return None


def favours_target(text: str, target_lang: str, language: str) -> bool | None:
    """Whether words of their own speak for the target against a close language.

    None where they do not decide and detectors do not tell the two apart; False where they speak
    for the other, or detectors may decide.
    """
    if same_language(language, target_lang):
        return False
    own = neighbours.count_own_words(text, target_lang, language)
    others = neighbours.count_own_words(text, language, target_lang)
    if own != others:
        return own > others
    return False if told_apart(target_lang, language) else None
