"""Pass rates of the Language Confusion Benchmark (arXiv 2406.20052), in percent.

As in the benchmark: lines of fewer than five words are left out; a line passes where the likeliest
language is the one asked for, with a share above 0.3; a response passes where all its lines do. The
line-level pass rate is the share of such responses among those with a line to judge. The word-level
pass rate is, for targets that are not written in Latin letters, the share of line-passing responses
without an English word.

Changed: an English word is here any run of four or more lower-case Latin letters, not one of a list
of English words. A word of an unspaced script is two letters, for lack of a tokenizer. Lines are
given to the identifier as they are, punctuation included.
"""

import re
from collections.abc import Mapping, Sequence

from ontarget.languages import writing
from ontarget.languages.tags import same_language
from ontarget.offtarget.detectors.base import Probabilities

WORDS = 5  # of the shortest line that counts
LETTERS_A_WORD = 2  # where words are not spaced
SHARE = 0.3
ENGLISH_WORD = re.compile(  # its own letters first, as a search for them is quick
    r"[a-z]{4}(?<![^\W\d_].{4})[a-z]*+(?![^\W\d_])"
)


def countable_lines(response: str) -> list[str]:
    """The lines that count."""
    return [line for line in response.split("\n") if has_words(line)]


def has_words(line: str) -> bool:
    """Whether a line has the words to be judged by."""
    return len(line.split(None, WORDS)) >= WORDS or writing.has_syllables(
        line, WORDS * LETTERS_A_WORD
    )


def response_passes(
    lines: Sequence[str], shares: Sequence[Probabilities], target_lang: str
) -> tuple[bool, bool] | None:
    """Whether all lines are in the language, and whether no English word is in them.

    None where no line counts. Words are not looked at for targets in Latin letters.
    """
    if not lines:
        return None
    for each in shares:
        if not line_passes(each, target_lang):
            return False, False
    if "Latn" in writing.scripts_of(target_lang):
        return True, True
    return True, not any(map(ENGLISH_WORD.search, lines))


def line_passes(shares: Probabilities, target_lang: str) -> bool:
    """Whether the likeliest language is the one asked for, and likely."""
    best = next(iter(shares), "")
    return bool(best) and same_language(best, target_lang) and shares[best] > SHARE


def pass_rates(
    passes: Mapping[tuple[bool, bool] | None, int], target_lang: str
) -> tuple[float | None, float | None]:
    """LPR and WPR of responses counted by how they pass.

    LPR is None where no response has a line that counts, WPR for targets in Latin letters and where
    no response passes by lines.
    """
    judged = sum(times for each, times in passes.items() if each is not None)
    by_line = sum(times for each, times in passes.items() if each and each[0])
    by_word = sum(times for each, times in passes.items() if each and each[1])
    latin = "Latn" in writing.scripts_of(target_lang)
    return (
        100 * by_line / judged if judged else None,
        100 * by_word / by_line if by_line and not latin else None,
    )
