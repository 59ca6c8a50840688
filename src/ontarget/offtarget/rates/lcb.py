"""The Language Confusion Benchmark (arXiv 2406.20052), as its public script computes it.

Every point below is the script's (compute_metrics.py of for-ai/language-confusion), so that figures
are comparable digit by digit; our own pass rates, in `pass_rates`, differ on purpose.

Text      cut before the first line that begins with `Q:`, then stripped; all ASCII punctuation
          and the Arabic comma are deleted, an em dash becomes a space. Other punctuation stays.
Lines     between line feeds; only lines of `MIN_TOKENS` tokens or more count. Tokens are split at
          whitespace; those of zh are jieba's, with spaces and punctuation among them; those of ja
          are MeCab's. A response without a line that counts is left out.
Line      right if the likeliest language is the requested one, with a probability above 0.3.
Response  has a line error if one of its lines is wrong. Otherwise, it has a word error if a token
          of a line that counts is an English word: an entry of the word list in lower case and of
          more than three characters, compared with case.
LPR       1 - responses with a line error / responses that count; 1 if none counts.
WPR       1 - responses with a word error / responses without a line error; 1 if there are none.
          For ar, hi, ja, ko, ru and zh only.
LCPR      2 LPR WPR / (LPR + WPR), where there is a WPR; 0 if both are. The script does not print
          it: it is the paper's, of the two figures beside it, averages included.
Averages  of a source over its languages, of a language over its sources, and of all over the
          languages' averages, all unweighted; WPR over those that have one. The script ignores the
          task: okapi of both tasks is one source, unless the tasks are measured apart.
"""

import logging
import string
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from tempfile import TemporaryDirectory
from typing import Any

from ontarget.languages.tags import same_language
from ontarget.offtarget.detectors.fasttext import PREFIX

PAPER = "2406.20052"  # on arXiv
MIN_TOKENS = 5  # of a line that counts
MIN_SCORE = 0.3  # to be exceeded by the probability of a line's language
MIN_WORD = 4  # characters of an English word
WORD_LANGUAGES = frozenset({"ar", "hi", "ja", "ko", "ru", "zh"})  # whose responses have a WPR
ALL = "all"  # in place of a source or a language: the average over them
CUT = "\nQ:"  # where a base model begins to write the next question
DELETED = str.maketrans({**dict.fromkeys(string.punctuation + "\u060c"), "\u2014": " "})

DICTIONARIES = ("unidic", "unidic-lite")  # of fugashi, in the order in which it looks for them
EXTRA = "pip install 'ontarget[lcb]'"

Tokenize = Callable[[str], Sequence[str]]
Group = tuple[str, str]  # source and language; either may be `ALL`


@dataclass(frozen=True, slots=True)
class ConfusionCounts:
    """Responses of one group, counted."""

    responses: int = 0
    counted: int = 0  # responses with a line that counts
    line_errors: int = 0  # responses with a wrong line
    word_errors: int = 0  # responses with right lines and an English word

    def __add__(self, other: "ConfusionCounts") -> "ConfusionCounts":
        return ConfusionCounts(
            self.responses + other.responses,
            self.counted + other.counted,
            self.line_errors + other.line_errors,
            self.word_errors + other.word_errors,
        )


@dataclass(frozen=True, slots=True)
class ConfusionRates:
    """Shares 0-1 of a group, or averages of such shares; None where there is no WPR."""

    line: float  # LPR
    word: float | None  # WPR

    @property
    def both(self) -> float | None:
        """LCPR, the harmonic mean of LPR and WPR."""
        if self.word is None:
            return None
        total = self.line + self.word
        return 2 * self.line * self.word / total if total else 0.0


def english_words(lines: Iterable[str]) -> frozenset[str]:
    """The entries of a word list that count as English words."""
    entries = (line.strip() for line in lines)
    return frozenset(entry for entry in entries if entry.islower() and len(entry) >= MIN_WORD)


def normalize(response: str) -> str:
    """A response without what follows its answer, and without punctuation."""
    return response.split(CUT)[0].strip().translate(DELETED)


def judge(
    response: str,
    tokenize: Tokenize,
    is_right: Callable[[str], bool],
    words: frozenset[str],
) -> ConfusionCounts:
    """The counts of one response; `is_right` tells whether a line is in the requested language."""
    lines = [(line, tokenize(line)) for line in normalize(response).split("\n")]
    lines = [(line, tokens) for line, tokens in lines if len(tokens) >= MIN_TOKENS]
    if not lines:
        return ConfusionCounts(1)
    if not all(is_right(line) for line, _ in lines):
        return ConfusionCounts(1, 1, 1)
    has_word = any(token.strip() in words for _, tokens in lines for token in tokens)
    return ConfusionCounts(1, 1, 0, int(has_word))


def rates(counts: ConfusionCounts, language: str) -> ConfusionRates:
    """LPR and WPR of one source and language."""
    line = 1 - counts.line_errors / max(1, counts.counted)
    if language not in WORD_LANGUAGES:
        return ConfusionRates(line, None)
    return ConfusionRates(
        line, 1 - counts.word_errors / max(1, counts.counted - counts.line_errors)
    )


def table(counts: Mapping[Group, ConfusionCounts]) -> dict[Group, ConfusionRates]:
    """Rates of every group and their averages, in the order in which the script prints them."""
    groups = {group: rates(counts[group], group[1]) for group in sorted(counts)}
    by_source: dict[str, list[ConfusionRates]] = {}
    by_language: dict[str, list[ConfusionRates]] = {}
    for (source, language), group in groups.items():
        by_source.setdefault(source, []).append(group)
        by_language.setdefault(language, []).append(group)
    sources = {(source, ALL): average(members) for source, members in by_source.items()}
    languages = {(ALL, language): average(members) for language, members in by_language.items()}
    return {**groups, **sources, **languages, (ALL, ALL): average(list(languages.values()))}


def average(members: Sequence[ConfusionRates]) -> ConfusionRates:
    """Unweighted means; that of WPR is over the members that have one."""
    words = [member.word for member in members if member.word is not None]
    return ConfusionRates(
        sum(member.line for member in members) / len(members),
        sum(words) / len(words) if words else None,
    )


@dataclass(frozen=True, slots=True)
class LineIdentifier:
    """A fastText model and the rule by which it names a line's language."""

    model: Any
    name: str  # file and SHA-256
    codes: Mapping[str, str]  # label -> language code

    def is_right(self, language: str, line: str) -> bool:
        """Whether `language` is the likeliest one, with a probability above 0.3."""
        ranked = self.model.f.predict(line + "\n", 1, 0.0, "strict")
        return any(
            score > MIN_SCORE and self.matches(label.removeprefix(PREFIX), language)
            for score, label in ranked
        )

    def matches(self, label: str, language: str) -> bool:
        """Labels of lid.176 are compared as they are; labels such as `eng_Latn` by language."""
        return label == language or ("_" in label and same_language(self.codes[label], language))

    def knows(self, language: str) -> bool:
        """Whether any line could be in this language."""
        return any(self.matches(label, language) for label in self.codes)


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """How lines of a language are split; the name is empty where they are split at whitespace."""

    split: Tokenize
    name: str = ""


class TokenizerError(Exception):
    """A tokenizer is not installed, or has no dictionary."""


@cache
def load_tokenizer(language: str) -> Tokenizer:
    """The tokenizer of a language, loaded once a process.

    Raises:
        TokenizerError: it is not installed.
    """
    try:
        if language == "zh":
            return load_jieba()
        if language == "ja":
            return load_fugashi()
    except ImportError as error:
        raise TokenizerError(
            f"language {language} needs a tokenizer that is not installed ({error}); run {EXTRA}"
        ) from error
    return Tokenizer(str.split)


def load_jieba() -> Tokenizer:
    """jieba with its own dictionary.

    Its cache is not the one in the shared temporary folder, where another user may have put it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its regular expressions and of pkg_resources
        jieba = import_module("jieba")
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    with TemporaryDirectory() as folder:
        tokenizer.tmp_dir = folder
        tokenizer.initialize()
    return Tokenizer(lambda line: list(tokenizer.cut(line)), f"jieba-{version('jieba')}")


def load_fugashi() -> Tokenizer:
    """MeCab with UniDic; the script prefers the full dictionary to unidic-lite, and so do we."""
    fugashi = import_module("fugashi")
    dictionary = next(filter(None, map(installed, DICTIONARIES)), None)
    if dictionary is None:
        raise ImportError("No dictionary for fugashi")
    try:
        tagger = fugashi.Tagger("-O wakati -b 50000")
    except RuntimeError as error:
        raise TokenizerError(
            f"the dictionary {dictionary} cannot be loaded; run python -m unidic download, or "
            "uninstall unidic to use unidic-lite"
        ) from error
    return Tokenizer(
        lambda line: tagger.parse(line).split(), f"fugashi-{version('fugashi')}+{dictionary}"
    )


def installed(package: str) -> str:
    """`unidic-lite-1.0.8`, or nothing if it is not installed."""
    try:
        return f"{package}-{version(package)}"
    except PackageNotFoundError:
        return ""
