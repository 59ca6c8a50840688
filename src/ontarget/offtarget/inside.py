"""Inside a segment: stretches in another language, and what models add around a translation.

Names of people and products do not count: only words that begin with a small letter are evidence,
and what stands in quotation marks is left out. A stretch is found in windows of `WINDOW` letters
(masking and identifying again, as in arXiv 2406.06263, but at fixed length), or by script at once.
"""

import math
import re
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import NamedTuple

import regex

from ontarget.languages import writing
from ontarget.offtarget.detectors.eldc import eldc_knows, eldc_label, scale_of, scorer

WINDOW = 35  # characters of the small words that are identified together
SHORTEST = 25  # of a stretch
MARGIN = 20.0  # another language must be this many times as likely as the target in a window
MIXED_SHARE = 0.15  # of the letters of small words; with more the segment is mixed
LATIN = frozenset({"Latn"})  # scripts of the languages whose sentences are read in windows

WORD = re.compile(r"\S+")
QUOTED = re.compile(r"[\"“„«‘「][^\"“”»’」\n]{1,80}[\"“”»’」]")
PREAMBLE = re.compile(
    r"""\s*[*_#]*(?:
      (?:sure|certainly|of\ course|absolutely)\b[!,.]?[^\n:]{0,80}[:.!]\s
    | (?:okay|ok|great)[!,.][^\n:]{0,60}\b(?:translat|here\b)[^\n:]{0,60}[:.!]\s
    | here(?:\ is|'s|’s|\ are)\b[^\n:]{0,80}\btranslat[^\n:]{0,60}:
    | the\ (?:\w+\ )?translation[^\n:]{0,60}(?::|\bis:?\s)
    | translat(?:ion|ed(?:\ text)?)\b[^\n:.]{0,40}:
    | (?:traducción|traduction|traduzione|übersetzung|tradução|vertaling|перевод|переклад)\s*:
    | (?:翻译|翻訳)\s*[:：]
    )""",
    re.IGNORECASE | re.VERBOSE,
)
NOTE = re.compile(
    r"(?<!\w)(?:notes?|explanation|translator's note)\b[*_]*\s*(?::|that\b)", re.IGNORECASE
)

Identify = Callable[[Sequence[str]], Sequence[str]]  # texts to foreign languages; "": the target's


class Stretch(NamedTuple):
    """Characters `start` to `end` of a segment, and their language or script."""

    start: int
    end: int
    language: str


class Inside(NamedTuple):
    """What a segment holds besides the translation."""

    foreign_share: float  # 0-1, of the letters of small words
    stretches: tuple[Stretch, ...]
    added: tuple[str, ...]  # `preamble`, `note`


NOTHING = Inside(0.0, (), ())


def additions(text: str) -> tuple[str, ...]:
    """Names of what stands around the translation: a preamble, a note."""
    found = []
    if PREAMBLE.match(text):
        found.append("preamble")
    if ("ote" in text or "xplanation" in text) and NOTE.search(text):
        found.append("note")
    return tuple(found)


def look_inside(
    text: str,
    target_lang: str,
    identify: Identify | None,
    plausible: Collection[str],
) -> Inside:
    """Stretches of `text` in another language than `target_lang`.

    None for `identify`: only scripts are compared. A stretch in the same script must be in one of
    the `plausible` languages.
    """
    stretches = by_script(text, target_lang)
    if identify is not None and has_foreign_window(text, identify, plausible):
        stretches += by_windows(text, identify, plausible)
    if not stretches:
        return NOTHING
    words = small_words(text)
    covered = [
        (start, end)
        for start, end in words
        if any(stretch.start <= start and end <= stretch.end for stretch in stretches)
    ]
    share = size_of(covered) / max(size_of(words), 1)
    return Inside(share, merge(stretches), ())


def merge(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """Stretches in order, those that overlap as one in the language of the first."""
    merged: list[Stretch] = []
    for stretch in sorted(stretches):
        if merged and stretch.start <= merged[-1].end:
            last = merged.pop()
            stretch = Stretch(last.start, max(last.end, stretch.end), last.language)
        merged.append(stretch)
    return tuple(merged)


def small_words(text: str) -> list[tuple[int, int]]:
    """Spans of words that begin with a small letter or have no case, outside quotation marks."""
    return [match.span() for match in WORD.finditer(unquoted(text)) if is_small(match[0])]


def without_names(text: str) -> str:
    """The small words of a text, which are no names; the text itself where it has one word only."""
    if len(text.split()) == 1:
        return text
    return " ".join(filter(is_small, unquoted(text).split()))


def unquoted(text: str) -> str:
    """`text` with spaces in place of what stands in quotation marks."""
    return QUOTED.sub(lambda match: " " * len(match[0]), text)


def is_small(word: str) -> bool:
    """Whether a word has letters and no capital."""
    return word.islower() or (word.upper() == word and word.lower() == word and has_letter(word))


def has_letter(word: str) -> bool:
    """Whether a character is a letter."""
    return any(map(str.isalpha, word))


def has_foreign_window(text: str, identify: Identify, plausible: Collection[str]) -> bool:
    """Whether `by_windows` would find a stretch; without its places, which take longer."""
    words = [word for word in unquoted(text).split() if is_small(word)]
    windows = [" ".join(words[first:last]) for first, last in windows_of(list(map(len, words)))]
    return bool(windows) and not set(plausible).isdisjoint(identify(windows))


def by_windows(text: str, identify: Identify, plausible: Collection[str]) -> list[Stretch]:
    """Windows of small words that another language is far likelier to have."""
    words = small_words(text)
    windows = windows_of([end - start for start, end in words])
    texts = [
        " ".join([text[start:end] for start, end in words[first:last]]) for first, last in windows
    ]
    return [
        Stretch(words[first][0], words[last - 1][1], language)
        for (first, last), language in zip(windows, identify(texts), strict=True)
        if language in plausible
    ]


def identify_by_scores(target_lang: str) -> Identify:
    """The foreign language of each window by eldc's scores.

    Of targets that eldc does not know, every window looks foreign; for them only English, the
    language that models fall back to, is looked for.
    """
    label, score, threshold = eldc_label(target_lang), scorer(), math.log(MARGIN)
    is_known = eldc_knows(target_lang)

    def foreign(text: str) -> str:
        (best, highest), *others = score(text).items() or [(label, 0.0)]
        if best == label or not (is_known or best == "en"):
            return ""
        scores = dict(others)
        rival = scores.get(label, 0.0) if is_known else max(scores.values(), default=0.0)
        return best if scale_of(text) * (highest - rival) >= threshold else ""

    return lambda texts: list(map(foreign, texts))


def windows_of(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Runs [first, last) of words of `WINDOW` characters, each half a window after the one before.

    `lengths` are those of the words; each word also counts the space after it.
    """
    windows: list[tuple[int, int]] = []
    first, count = 0, len(lengths)
    while first < count:
        size, last = 0, first
        while last < count and size < WINDOW:
            size += lengths[last] + 1
            last += 1
        if size < WINDOW:  # the rest is too short: take the last words that are long enough
            while first and size < WINDOW:
                first -= 1
                size += lengths[first] + 1
            if size >= SHORTEST:
                windows.append((first, last))
            break
        windows.append((first, last))
        first += max(1, (last - first) // 2)
    return windows


def size_of(words: Sequence[tuple[int, int]]) -> int:
    """Characters of words with a space after each."""
    return sum(end - start + 1 for start, end in words)


def by_script(text: str, target_lang: str) -> list[Stretch]:
    """Runs of small words in a script that the target is never written in."""
    if not writing.has_foreign_letters(text, target_lang):
        return []
    scripts = writing.scripts_of(target_lang)
    return [
        Stretch(*match.span(), f"und-{writing.script_of(match[0])}")
        for match in foreign_runs(scripts).finditer(text)
        if not QUOTED.fullmatch(text[max(match.start() - 1, 0) : match.end() + 1])
        and sum(len(word) + 1 for word in match[0].split() if is_small(word)) >= SHORTEST
    ]


@cache
def foreign_runs(scripts: frozenset[str]) -> regex.Pattern[str]:
    """Matches a run of letters of other scripts, with what stands between them."""
    other = writing.letters_of(*(name for name in writing.SCRIPTS if name not in scripts))
    return regex.compile(rf"{other}(?:[^\p{{L}}\n]*{other})*", regex.V1)
