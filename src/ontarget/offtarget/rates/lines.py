"""Pass rates of the Language Confusion Benchmark (arXiv 2406.20052), in percent.

As in the benchmark, lines of fewer than five words are left out; a line passes if its likeliest
language is the requested one with a probability above 0.3; a response passes if all its lines do.
The line-level pass rate (LPR) is the share of passing responses among those with a countable line.
The word-level pass rate (WPR) is, for targets not written in Latin letters, the share of responses
without an English word among those that pass by lines.

Differences: an English word is any run of four or more lower-case Latin letters, not an entry of a
word list. A word of a script without spaces is two letters. Lines keep their punctuation.
"""

import re
from collections.abc import Mapping, Sequence

from ontarget.languages import writing
from ontarget.languages.tags import same_language
from ontarget.offtarget.detectors.base import Probabilities

WORDS = 5  # of the shortest countable line
LETTERS_PER_WORD = 2  # in scripts without spaces
MIN_PROBABILITY = 0.3
ENGLISH_WORD = re.compile(  # begins with its own letters, which are quick to search for
    r"[a-z]{4}(?<![^\W\d_].{4})[a-z]*+(?![^\W\d_])"
)


def countable_lines(response: str) -> list[str]:
    """The lines that have enough words."""
    return [line for line in response.split("\n") if has_words(line)]


def has_words(line: str) -> bool:
    """Whether a line has enough words to be judged."""
    return len(line.split(None, WORDS)) >= WORDS or writing.has_syllables(
        line, WORDS * LETTERS_PER_WORD
    )


def response_passes(
    lines: Sequence[str], answers: Sequence[Probabilities], target_lang: str
) -> tuple[bool, bool] | None:
    """Whether all lines are in the target language, and whether they have no English word.

    None without lines. Words are not checked for targets in Latin letters.
    """
    if not lines:
        return None
    if not all(line_passes(probabilities, target_lang) for probabilities in answers):
        return False, False
    if "Latn" in writing.scripts_of(target_lang):
        return True, True
    return True, not any(map(ENGLISH_WORD.search, lines))


def line_passes(probabilities: Probabilities, target_lang: str) -> bool:
    """Whether the likeliest language is the target, and likely enough."""
    best = next(iter(probabilities), "")
    return bool(best) and (
        same_language(best, target_lang) and probabilities[best] > MIN_PROBABILITY
    )


def pass_rates(
    passes: Mapping[tuple[bool, bool] | None, int], target_lang: str
) -> tuple[float | None, float | None]:
    """LPR and WPR of responses, counted by (line pass, word pass).

    LPR is None if no response has a countable line; WPR is None for targets in Latin letters and if
    no response passes by lines.
    """
    judged = sum(count for outcome, count in passes.items() if outcome is not None)
    by_line = sum(count for outcome, count in passes.items() if outcome and outcome[0])
    by_word = sum(count for outcome, count in passes.items() if outcome and outcome[1])
    latin = "Latn" in writing.scripts_of(target_lang)
    return (
        100 * by_line / judged if judged else None,
        100 * by_word / by_line if by_line and not latin else None,
    )
