"""Pass rates on lines counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.offtarget.pass_rates import ENGLISH_WORD, countable_lines, pass_rates, response_passes

GOOD, BAD = {"ru": 0.9}, {"en": 0.9}


@pytest.mark.parametrize(
    ("response", "count"),
    [
        ("one two three four five", 1), ("one two three four", 0), ("", 0),
        ("one two three four five\nshort\nsix seven eight nine ten", 2),
        ("委员会将于下周再次开会", 1), ("委员会将于下周", 0),
    ],
)  # fmt: skip
def test_lines_of_five_words_count(response: str, count: int) -> None:
    assert len(countable_lines(response)) == count


@pytest.mark.parametrize(
    ("shares", "passes"),
    [
        ([GOOD], True), ([GOOD, BAD], False), ([{"ru": 0.3, "uk": 0.2}], False),
        ([{"ru": 0.31}], True), ([{"uk": 0.5, "ru": 0.4}], False), ([{}], False),
    ],
)  # fmt: skip
def test_a_response_passes_where_every_line_does(
    shares: list[dict[str, float]], passes: bool
) -> None:
    found = response_passes(["раз два три четыре пять"] * len(shares), shares, "ru")
    assert found == (passes, passes)


@pytest.mark.parametrize(
    ("line", "target", "without"),
    [
        ("мы сделали это together вчера вечером", "ru", False),
        ("мы были в NASA и в IBM вчера", "ru", True), ("мы видели the end вчера ночью", "ru", True),
        ("we did all this together", "en", True),
    ],
)  # fmt: skip
def test_an_english_word_is_four_lower_case_letters(line: str, target: str, without: bool) -> None:
    assert response_passes([line], [{target: 1.0}], target) == (True, without)


@given(st.lists(st.sampled_from(["abz", "ab", *"aйAé1_' \n"])).map("".join))
def test_an_english_word_is_a_whole_run_of_letters(line: str) -> None:
    words = "".join(each if each.isalpha() else " " for each in line).split()
    wanted = any(len(word) >= 4 and word.isascii() and word.islower() for word in words)
    assert bool(ENGLISH_WORD.search(line)) is wanted


def test_without_a_line_that_counts_there_is_nothing_to_pass() -> None:
    assert response_passes([], [], "ru") is None
    assert pass_rates({None: 3}, "ru") == (None, None)


def test_rates_are_shares_of_what_was_judged() -> None:
    counts = {(True, True): 6, (True, False): 2, (False, False): 2, None: 5}
    assert pass_rates(counts, "ru") == (80.0, 75.0)
    assert pass_rates(counts, "it") == (80.0, None)
    assert pass_rates({(False, False): 2}, "ru") == (0.0, None)
