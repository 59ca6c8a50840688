"""The counts of a calibration against going through its texts one by one."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.calibrations import JUDGEMENTS, Text, count_texts, many

from ontarget.offtarget.calibration.counts import EDGES, Calibration, band_of
from ontarget.stats import Proportion

LANGUAGES = ("it", "nl", "uk")
texts_of_all_kinds = st.lists(
    st.tuples(
        st.sampled_from(LANGUAGES),
        st.sampled_from(LANGUAGES),
        st.integers(0, 300),
        st.sampled_from(list(JUDGEMENTS)),
    ),
    max_size=80,
)


@given(texts_of_all_kinds)
def test_each_text_is_counted_once_in_its_length_band(texts: list[Text]) -> None:
    calibration = count_texts(texts)
    limits = [*EDGES, 10**9]
    for language in LANGUAGES:
        for target in LANGUAGES:
            for band in range(len(EDGES)):
                kinds = [
                    kind
                    for one, two, length, kind in texts
                    if (one, two) == (language, target)
                    and limits[band] <= length < limits[band + 1]
                ]
                counts = calibration.counts(language, target, [band])
                assert counts.texts == len(kinds)
                assert counts.on_target == kinds.count("on")
                assert counts.undecided == kinds.count("undecided")


@given(texts_of_all_kinds)
def test_floor_and_missed_are_proportions_of_the_judged_texts(texts: list[Text]) -> None:
    calibration = count_texts(texts)
    judged = [text for text in texts if text[3] != "undecided"]
    for target in LANGUAGES:
        kinds = [kind for one, two, _, kind in judged if one == two == target]
        wrong = sum(kind != "on" for kind in kinds)
        floor = calibration.references(target).floor
        assert floor == Proportion(wrong, len(kinds))
        if kinds:
            assert floor.percent == pytest.approx(float(100 * Fraction(wrong, len(kinds))))
        else:
            assert floor.percent is None is floor.interval
        by_target = calibration.pairs(target=target)
        by_language = calibration.pairs(language=target)
        for other in set(LANGUAGES) - {target}:
            for pairs, pair in ((by_target, (other, target)), (by_language, (target, other))):
                kinds = [kind for one, two, _, kind in judged if (one, two) == pair]
                if kinds:
                    assert pairs[other].missed == Proportion(kinds.count("on"), len(kinds))
        for pairs in (by_target, by_language):
            assert target not in pairs
            percents = [counts.missed.percent or 0 for counts in pairs.values()]
            assert percents == sorted(percents, reverse=True)


def test_bands_begin_at_their_edges() -> None:
    lengths = (0, 9, 10, 14, 15, 19, 20, 39, 40, 159, 160, 9999)
    assert [band_of(length) for length in lengths] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 6]


def test_verdicts_are_trusted_from_the_first_band_with_at_most_one_percent_errors() -> None:
    texts = many("it", "it", 50, on=2000, off=5) + many("it", "it", 30, on=989, off=10)
    assert count_texts(texts).off_trusted_from("it") == 40  # 20-39: 1.001 %
    texts += many("it", "it", 30, on=1)
    assert count_texts(texts).off_trusted_from("it") == 20  # 1.0 %, and 0.5 % together, at most 0.8


def test_too_few_texts_are_not_trusted() -> None:
    """Without an error, the upper bound of the interval is z**2 / (n + z**2): 1 % between these."""
    assert count_texts(many("it", "it", 50, on=380)).off_trusted_from("it") is None
    assert count_texts(many("it", "it", 50, on=381)).off_trusted_from("it") == 40


def test_errors_in_a_longer_band_end_the_trust_in_shorter_ones() -> None:
    texts = many("it", "it", 50, on=90, off=1) + many("it", "it", 30, on=9999)
    assert count_texts(texts).off_trusted_from("it") is None


def test_bands_in_which_nothing_was_judged_are_not_trusted() -> None:
    texts = many("it", "it", 50, on=1000) + [("it", "it", 5, "undecided")] * 1000
    assert count_texts(texts).off_trusted_from("it") == 40


def test_on_target_is_not_trusted_from_a_detector_that_always_says_so() -> None:
    texts = many("it", "it", 50, on=1000)
    others = many("nl", "it", 50, on=0, off=1000)
    assert count_texts(texts + others).on_trusted_from("it") == 40
    assert count_texts(texts + many("nl", "it", 50, on=1000)).on_trusted_from("it") is None
    assert count_texts(texts + others + many("it", "nl", 50, on=1000)).on_trusted_from("it") == 40


def test_the_other_language_that_is_missed_longest_decides() -> None:
    texts = many("nl", "it", 50, on=0, off=1000) + many("uk", "it", 200, on=0, off=1000)
    assert count_texts(texts).on_trusted_from("it") == 160
    assert count_texts(texts + many("ro", "it", 50, on=2, off=98)).on_trusted_from("it") is None


def test_without_another_language_on_target_is_not_trusted() -> None:
    assert count_texts(many("it", "it", 50, on=1000)).on_trusted_from("it") is None


def test_the_top_label_is_right_if_it_means_the_language() -> None:
    calibration = Calibration()
    for probabilities in ({"yue": 0.6, "ja": 0.4}, {"ja": 0.6, "zh": 0.4}, {}, {"zh": 1.0}):
        calibration.add_top("zh", 30, probabilities)
    assert calibration.top_label("zh") == Proportion(2, 4)
    assert calibration.top_label("zh", [0]).percent is None
