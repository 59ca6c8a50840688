"""The definitions of the Language Confusion Benchmark, each on texts made for it."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.offtarget.rates import lcb
from ontarget.offtarget.rates.lcb import (
    ConfusionCounts,
    ConfusionRates,
    LineIdentifier,
    TokenizerError,
)

WORDS = frozenset({"project", "team", "well"})
SKIPPED, PASSES = ConfusionCounts(1), ConfusionCounts(1, 1)
LINE_ERROR, WORD_ERROR = ConfusionCounts(1, 1, 1), ConfusionCounts(1, 1, 0, 1)


def judge(response: str, wrong: str = "WRONG") -> ConfusionCounts:
    """Counts of a response whose lines are right unless they contain `wrong`."""
    return lcb.judge(response, str.split, lambda line: wrong not in line, WORDS)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("  two  words \n", "two  words"),
        ("yes\nQ: next\nA: no", "yes"),
        ("yes Q: no", "yes Q no"),  # not at the beginning of a line
        ("Q: yes", "Q yes"),
        ("\n\nQ: nothing before", ""),
        ("a-b c_d (e) 1.5 #f", "ab cd e 15 f"),
        ("a—b, c–d", "a b c–d"),
        ("نعم، لا؟", "نعم لا؟"),
        ("好，“是”。«да»", "好，“是”。«да»"),
    ],
)
def test_a_response_is_cut_and_loses_ascii_punctuation(response: str, expected: str) -> None:
    assert lcb.normalize(response) == expected


def test_english_words_are_in_lower_case_and_have_four_characters() -> None:
    entries = ["team\n", " well  ", "The", "Berlin", "cat", "it's", "1234", "a1b2", "", "école"]
    assert lcb.english_words(entries) == {"team", "well", "it's", "a1b2", "école"}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("", SKIPPED),
        ("one two three four", SKIPPED),
        ("one two three four\nfive six", SKIPPED),
        ("one two three four five", PASSES),
        ("WRONG two three four five", LINE_ERROR),
        ("one two three four five\nWRONG line", PASSES),
        ("one two three four five\n\nWRONG b c d e", LINE_ERROR),
        ("one two three four team", WORD_ERROR),
        ("one two three four 'team'.", WORD_ERROR),
        ("one two three four Team TEAM teams", PASSES),
        ("one two three four well-known", PASSES),  # `wellknown` is no entry
        ("one two three—team", SKIPPED),
        ("one two three four—team", WORD_ERROR),
        ("one two three four five\nmy team", PASSES),  # in a line that is too short
        ("WRONG two three four team", LINE_ERROR),
    ],
)
def test_a_response_has_at_most_one_kind_of_error(response: str, expected: ConfusionCounts) -> None:
    assert judge(response) == expected


def test_tokens_are_counted_and_compared_as_the_tokenizer_gives_them() -> None:
    split = [" ", "x", " ", " team ", "。"]
    assert lcb.judge("any", lambda line: split, lambda line: True, WORDS) == WORD_ERROR
    assert lcb.judge("any", lambda line: split[1:], lambda line: True, WORDS) == SKIPPED


@given(st.text(alphabet="ab \n.—،Q:", max_size=60))
def test_punctuation_never_changes_the_number_of_lines_before_the_cut(text: str) -> None:
    kept = text.split("\nQ:")[0].strip()
    assert lcb.normalize(text).count("\n") == kept.count("\n")


@pytest.mark.parametrize(
    ("counts", "language", "line", "word", "both"),
    [
        (ConfusionCounts(6, 5, 1, 1), "ru", 0.8, 0.75, 0.774193548387),
        (ConfusionCounts(6, 5, 1, 1), "it", 0.8, None, None),
        (ConfusionCounts(2, 0, 0, 0), "ko", 1.0, 1.0, 1.0),  # nothing counts
        (ConfusionCounts(2, 2, 2, 0), "zh", 0.0, 1.0, 0.0),  # nothing passes by lines
        (ConfusionCounts(2, 2, 0, 2), "ja", 1.0, 0.0, 0.0),
    ],
)
def test_rates_of_a_group(
    counts: ConfusionCounts, language: str, line: float, word: float | None, both: float | None
) -> None:
    rates = lcb.rates(counts, language)
    assert (rates.line, rates.word) == (line, word)
    assert rates.both == (None if both is None else pytest.approx(both))


def test_the_harmonic_mean_of_nothing_is_nothing() -> None:
    assert ConfusionRates(0.0, 0.0).both == 0.0


def test_averages_are_unweighted_and_in_the_order_of_the_script() -> None:
    table = lcb.table(
        {
            ("okapi", "ru"): ConfusionCounts(10, 10, 5, 1),
            ("aya", "tr"): ConfusionCounts(1, 1, 1),
            ("okapi", "ar"): ConfusionCounts(2, 2),
            ("aya", "ru"): ConfusionCounts(1, 1),
        }
    )
    assert list(table) == [
        ("aya", "ru"), ("aya", "tr"), ("okapi", "ar"), ("okapi", "ru"),
        ("aya", "all"), ("okapi", "all"),
        ("all", "ru"), ("all", "tr"), ("all", "ar"),
        ("all", "all"),
    ]  # fmt: skip
    assert table["aya", "all"] == ConfusionRates(0.5, 1.0)
    assert table["okapi", "all"] == ConfusionRates(0.75, 0.9)
    assert table["all", "ru"] == ConfusionRates(0.75, 0.9)
    assert table["all", "tr"] == ConfusionRates(0.0, None)
    assert table["all", "all"] == ConfusionRates((0.75 + 0 + 1) / 3, (0.9 + 1) / 2)


def model_of(*ranked: tuple[float, str]) -> Any:
    """A fastText model that gives one answer."""
    return SimpleNamespace(f=SimpleNamespace(predict=lambda *arguments: list(ranked)))


@pytest.mark.parametrize(
    ("ranked", "right"),
    [
        ([(0.31, "__label__zh")], True),
        ([(0.3, "__label__zh")], False),  # has to be exceeded
        ([(0.99, "__label__yue")], False),  # unlike in our own pass rates
        ([(0.99, "__label__zho_Hans")], True),
        ([(0.99, "__label__yue_Hant")], True),
        ([], False),
    ],
)
def test_a_line_is_right_by_its_likeliest_label(
    ranked: list[tuple[float, str]], right: bool
) -> None:
    codes = {"zh": "zh", "yue": "yue", "zho_Hans": "zh", "yue_Hant": "yue"}
    identifier = LineIdentifier(model_of(*ranked), "model", codes)
    assert identifier.is_right("zh", "any line") is right
    assert identifier.knows("zh") and identifier.knows("yue") and not identifier.knows("ru")


@pytest.mark.parametrize(("language", "package"), [("zh", "jieba"), ("ja", "fugashi")])
def test_a_missing_tokenizer_is_named_with_the_extra(
    language: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    lcb.load_tokenizer.cache_clear()
    with pytest.raises(TokenizerError, match=rf"{package}.*run pip install 'ontarget\[lcb\]'"):
        lcb.load_tokenizer(language)


def fake_fugashi(monkeypatch: pytest.MonkeyPatch, tagger: Any, *installed: str) -> None:
    """fugashi with some dictionaries installed."""
    fugashi = SimpleNamespace(Tagger=tagger)
    monkeypatch.setattr(lcb, "import_module", lambda name: fugashi)
    versions = dict.fromkeys([*installed, "fugashi"], "1.0")

    def version(package: str) -> str:
        if package not in versions:
            raise lcb.PackageNotFoundError(package)
        return versions[package]

    monkeypatch.setattr(lcb, "version", version)


def refuse(arguments: str) -> None:
    raise RuntimeError("Failed initializing MeCab")


def test_the_full_dictionary_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    tagger = SimpleNamespace(parse=lambda line: " ".join(line))
    fake_fugashi(monkeypatch, lambda arguments: tagger, "unidic", "unidic-lite")
    tokenizer = lcb.load_fugashi()
    assert tokenizer.name == "fugashi-1.0+unidic-1.0"
    assert tokenizer.split("会議") == ["会", "議"]
    fake_fugashi(monkeypatch, lambda arguments: tagger, "unidic-lite")
    assert lcb.load_fugashi().name == "fugashi-1.0+unidic-lite-1.0"


def test_a_dictionary_that_is_missing_or_empty_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_fugashi(monkeypatch, refuse)
    with pytest.raises(ImportError, match="No dictionary for fugashi"):
        lcb.load_fugashi()
    fake_fugashi(monkeypatch, refuse, "unidic")
    with pytest.raises(TokenizerError, match="unidic-1.0 cannot be loaded; run python -m unidic"):
        lcb.load_fugashi()


def test_other_languages_are_split_at_white_space() -> None:
    tokenizer = lcb.load_tokenizer("ko")
    assert (tokenizer.split(" 다음\t주에\x0b "), tokenizer.name) == (["다음", "주에"], "")


def test_jieba_keeps_spaces_and_punctuation_as_tokens() -> None:
    pytest.importorskip("jieba")
    lcb.load_tokenizer.cache_clear()
    tokenizer = lcb.load_tokenizer("zh")
    assert tokenizer.split("你 好，") == ["你", " ", "好", "，"]
    assert tokenizer.name.startswith("jieba-0.42")


def test_fugashi_splits_japanese() -> None:
    pytest.importorskip("fugashi")
    lcb.load_tokenizer.cache_clear()
    tokenizer = lcb.load_tokenizer("ja")
    assert tokenizer.split("研究の結果について") == ["研究", "の", "結果", "に", "つい", "て"]
    assert tokenizer.split("") == []
