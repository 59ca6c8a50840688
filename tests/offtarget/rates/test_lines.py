"""Pass rates of the Language Confusion Benchmark on lines counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.offtarget.rates.lines import (
    ENGLISH_WORD,
    countable_lines,
    pass_rates,
    response_passes,
)

GOOD, BAD = {"ru": 0.9}, {"en": 0.9}


@pytest.mark.parametrize(
    ("response", "count"),
    [
        ("one two three four five", 1), ("one two three four", 0), ("", 0),
        ("one two three four five\nshort\nsix seven eight nine ten", 2),
        ("委员会将于下周再次开会", 1), ("委员会将于下周", 0),
    ],
)  # fmt: skip
def test_a_line_counts_from_five_words_on(response: str, count: int) -> None:
    assert len(countable_lines(response)) == count


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([GOOD], True), ([GOOD, BAD], False), ([{"ru": 0.3, "uk": 0.2}], False),
        ([{"ru": 0.31}], True), ([{"uk": 0.5, "ru": 0.4}], False), ([{}], False),
    ],
)  # fmt: skip
def test_a_response_passes_if_all_its_lines_do(
    answers: list[dict[str, float]], expected: bool
) -> None:
    lines = ["раз два три четыре пять"] * len(answers)
    assert response_passes(lines, answers, "ru") == (expected, expected)


@pytest.mark.parametrize(
    ("line", "target", "expected"),
    [
        ("мы сделали это together вчера вечером", "ru", False),
        ("мы были в NASA и в IBM вчера", "ru", True), ("мы видели the end вчера ночью", "ru", True),
        ("we did all this together", "en", True),
    ],
)  # fmt: skip
def test_an_english_word_is_four_lower_case_letters(line: str, target: str, expected: bool) -> None:
    assert response_passes([line], [{target: 1.0}], target) == (True, expected)


@given(st.lists(st.sampled_from(["abz", "ab", *"aйAé1_' \n"])).map("".join))
def test_an_english_word_is_a_complete_run_of_letters(line: str) -> None:
    words = "".join(char if char.isalpha() else " " for char in line).split()
    expected = any(len(word) >= 4 and word.isascii() and word.islower() for word in words)
    assert bool(ENGLISH_WORD.search(line)) is expected


def test_without_a_countable_line_there_is_no_rate() -> None:
    assert response_passes([], [], "ru") is None
    assert pass_rates({None: 3}, "ru") == (None, None)


def test_rates_are_percentages_of_the_judged_responses() -> None:
    counts = {(True, True): 6, (True, False): 2, (False, False): 2, None: 5}
    assert pass_rates(counts, "ru") == (80.0, 75.0)
    assert pass_rates(counts, "it") == (80.0, None)
    assert pass_rates({(False, False): 2}, "ru") == (0.0, None)
