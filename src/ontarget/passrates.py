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
from collections import Counter
from collections.abc import Sequence

from ontarget import scripts
from ontarget.verdicts import Shares, means

WORDS = 5  # of the shortest line that counts
LETTERS_A_WORD = 2  # where words are not spaced
SHARE = 0.3
ENGLISH_WORD = re.compile(r"(?<![^\W\d_])[a-z]{4,}(?![^\W\d_])")


def lines_of(response: str) -> list[str]:
    """The lines that count."""
    return [line for line in response.split("\n") if has_words(line)]


def has_words(line: str) -> bool:
    """Whether a line has the words to be judged by."""
    return len(line.split(None, WORDS)) >= WORDS or (
        scripts.SYLLABLE.search(line) is not None
        and scripts.letters(line) >= WORDS * LETTERS_A_WORD * scripts.DENSE
    )


def response_passes(
    lines: Sequence[str], shares: Sequence[Shares], target_lang: str
) -> tuple[bool, bool] | None:
    """Whether all lines are in the language, and whether no English word is in them.

    None where no line counts.
    """
    if not lines:
        return None
    right = all(line_passes(each, target_lang) for each in shares)
    return right, right and not any(ENGLISH_WORD.search(line) for line in lines)


def line_passes(shares: Shares, target_lang: str) -> bool:
    """Whether the likeliest language is the one asked for, and likely."""
    best = max(shares, key=lambda code: shares[code], default="")
    return bool(best) and means(best, target_lang) and shares[best] > SHARE


class PassRates:
    """Counts of responses as they come by."""

    def __init__(self, target_lang: str) -> None:
        self.latin = "Latn" in scripts.scripts_of(target_lang)
        self.counts: Counter[str] = Counter()

    def add(self, passes: tuple[bool, bool] | None) -> None:
        """Count a response."""
        if passes is not None:
            self.counts["judged"] += 1
            self.counts["line"] += passes[0]
            self.counts["word"] += passes[1]

    @property
    def lpr(self) -> float | None:
        """Line-level pass rate; None where no response has a line that counts."""
        return 100 * self.counts["line"] / self.counts["judged"] if self.counts["judged"] else None

    @property
    def wpr(self) -> float | None:
        """Word-level pass rate; None for Latin targets, and where no response passes by lines."""
        if self.latin or not self.counts["line"]:
            return None
        return 100 * self.counts["word"] / self.counts["line"]
