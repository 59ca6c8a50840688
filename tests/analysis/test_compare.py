"""Two systems compared: averages computed by hand, and tests enumerated exactly."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.comparisons import (
    NO_RATIO,
    OUTPUT,
    SCORE,
    ZERO_SHOT,
    ZERO_SHOT_BACK,
    a_comparison,
    results,
)
from support.texts import TEXTS

from ontarget.analysis import compare
from ontarget.records import Direction
from ontarget.scoring import resampling

IT_NL = Direction("it", "nl")


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick; with eight segments, more resamples would tell no more."""
    monkeypatch.setattr(resampling, "RESAMPLES", 100)
    monkeypatch.setattr(resampling, "TRIALS", 500)


def test_averages_are_over_the_directions_of_a_setting() -> None:
    supervised, zero_shot = a_comparison().averages
    assert supervised.supervised and not zero_shot.supervised
    assert (supervised.a.bleu, supervised.b.bleu) == (60, 58)
    assert (zero_shot.a.off_target_percent, zero_shot.b.off_target_percent) == (75, 0.5)
    assert (zero_shot.a.bleu, zero_shot.b.bleu) == (5.75, 80.25)
    assert zero_shot.b.reference_off_target_percent == 1


def test_ratios_are_averaged_over_directions_in_which_both_systems_have_one() -> None:
    low = replace(ZERO_SHOT_BACK, off_target_percent=10.0)
    with_ratio = results([replace(ZERO_SHOT, off_target_percent=90.0), low])
    without_ratio = results([replace(ZERO_SHOT, **NO_RATIO), low])
    for a, b in ((with_ratio, without_ratio), (without_ratio, with_ratio)):
        (average,) = compare.compare(a, b).averages
        assert (average.a.off_target_percent, average.b.off_target_percent) == (10.0, 10.0)


def test_only_common_directions_are_compared_in_the_setting_of_the_second_system() -> None:
    a = results([replace(ZERO_SHOT, supervised=True), SCORE])
    comparison = compare.compare(a, results([ZERO_SHOT, ZERO_SHOT_BACK]))
    assert [row.direction for row in comparison.directions] == [IT_NL]
    (average,) = comparison.averages
    assert (average.supervised, average.a.directions, average.b.directions) == (False, 1, 1)
    assert comparison.only_in == {"A": [Direction("en", "it")], "B": [Direction("nl", "it")]}


def test_the_averages_of_both_systems_are_over_the_same_directions() -> None:
    a = results([replace(ZERO_SHOT, supervised=True), SCORE])
    supervised, zero_shot = compare.compare(a, results([ZERO_SHOT, SCORE])).averages
    assert (supervised.a.bleu, supervised.b.bleu) == (60, 60)
    assert (zero_shot.a.bleu, zero_shot.b.bleu) == (5, 5)


def test_systems_without_a_common_direction_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match=r"^no direction in common: en-it in the first, it-nl, nl"):
        compare.compare(results([SCORE]), results([ZERO_SHOT, ZERO_SHOT_BACK]))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"detector": "lid:y"},
            "en-it: off-target measured with lid:x|set:open(176) and with lid:y, numbers that "
            "cannot be compared; evaluate both runs with the same evaluate.detector, candidates, "
            "languages and versions",
        ),
        (
            {"signatures": {"bleu": "tok:char", "chrf": "nc:6"}},
            "en-it: bleu measured with tok:13a and with tok:char",
        ),
        ({"signatures": {"bleu": "tok:13a"}}, "en-it: chrf measured with nc:6 and with nothing"),
    ],
)
def test_scores_that_were_measured_differently_cannot_be_compared(
    change: dict[str, str], text: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}"):
        compare.compare(results([SCORE]), results([replace(SCORE, **change)]))


segments = st.lists(st.tuples(*[st.sampled_from("ab")] * 3), max_size=12)


@given(segments, segments)
def test_shared_segments_are_the_multiset_intersection(
    a: list[tuple[str, str, str]], b: list[tuple[str, str, str]]
) -> None:
    outputs = [
        [replace(OUTPUT, key=k, source=s, reference=r, hypothesis=name) for k, s, r in side]
        for name, side in (("one", a), ("other", b))
    ]
    shared = compare.shared_segments(*outputs)
    assert len(shared) == (Counter(a) & Counter(b)).total()
    for one, other in shared:
        assert (one.hypothesis, other.hypothesis) == ("one", "other")
        assert replace(one, hypothesis="") == replace(other, hypothesis="")


def test_a_system_does_not_differ_significantly_from_itself() -> None:
    (row,) = compare.compare(results([ZERO_SHOT]), results([ZERO_SHOT])).directions
    assert row.shared == 8
    for significance in row.significance.values():
        assert significance.randomisation_p == 1 and significance.bootstrap_p in (1, None)
        assert not significance.is_significant


def test_a_difference_in_all_of_eight_segments_is_significant() -> None:
    _, zero_shot, _ = a_comparison().directions
    for significance in zero_shot.significance.values():  # all signs equal: 2 of 256 outcomes
        assert significance.randomisation_p == pytest.approx(2 / 2**8)
        assert significance.is_significant
    assert zero_shot.significance["off_target"].bootstrap_p is None


@pytest.mark.parametrize("changed", [0, 1, 2, 5])
def test_no_p_value_is_below_what_the_changed_segments_can_show(changed: int) -> None:
    texts = [*TEXTS["en"], *TEXTS["en"]][:changed] + (TEXTS["nl"] * 2)[changed:]
    (row,) = compare.compare(results([ZERO_SHOT]), results([ZERO_SHOT], texts)).directions
    for measure, significance in row.significance.items():
        assert significance.randomisation_p >= min(1, 2 / 2**changed) - 1e-12, measure
        assert not (significance.is_significant and changed < 5)


def test_outputs_that_all_score_zero_do_not_differ() -> None:
    a, b = (results([ZERO_SHOT], [text] * 8) for text in ("", "?"))
    (row,) = compare.compare(a, b).directions
    for measure in ("bleu", "chrf"):
        significance = row.significance[measure]
        assert significance.randomisation_p == significance.bootstrap_p == 1


def test_differences_are_tested_on_shared_segments_only() -> None:
    a = results([ZERO_SHOT])
    outputs = a.outputs[IT_NL]
    other_sources = tuple(replace(output, source=f"{output.source}!") for output in outputs[:6])
    (row,) = compare.compare(a, replace(a, outputs={IT_NL: other_sources})).directions
    assert (row.shared, row.significance) == (0, {})
    two_shared = replace(a, outputs={IT_NL: (*other_sources, *outputs[6:])})
    (row,) = compare.compare(a, two_shared).directions
    assert row.shared == 2 and set(row.significance) == set(compare.MEASURES)


def test_segments_that_one_system_leaves_undecided_are_no_evidence() -> None:
    """Four off-target outputs against none: p is 1/8. Undecided, they count for nothing."""
    half_english = [*TEXTS["en"], *TEXTS["nl"]]
    a, b = results([ZERO_SHOT], half_english), results([ZERO_SHOT])
    (row,) = compare.compare(a, b).directions
    assert row.significance["off_target"].randomisation_p == 0.125
    undecided = tuple(
        replace(output, verdict="undecided") if output.verdict == "pivot" else output
        for output in a.outputs[IT_NL]
    )
    (row,) = compare.compare(replace(a, outputs={IT_NL: undecided}), b).directions
    assert row.significance["off_target"].randomisation_p == 1


def test_the_guard_names_averages_above_the_limit_and_their_worst_directions() -> None:
    scores = [
        replace(ZERO_SHOT, target=target, off_target_percent=percent)
        for target, percent in (("ro", 1.0), ("nl", 9.25), ("de", 2.0), ("en", 4.0))
    ]
    system = results([SCORE, *scores])
    assert compare.off_target_guard(system, 3.0) == [
        "runs/x: supervised off-target of stage2 is 12.500 %, above 3 % (mean over 1 direction(s); "
        "worst: en-it 12.5 %)",
        "runs/x: zero-shot off-target of stage2 is 4.062 %, above 3 % (mean over 4 direction(s); "
        "worst: it-nl 9.2 %, it-en 4.0 %, it-de 2.0 %)",
    ]
    assert len(compare.off_target_guard(system, 4.0625)) == 1
    assert compare.off_target_guard(system, 12.5) == []


def test_rounding_in_scores_jsonl_does_not_trip_the_guard() -> None:
    """18 of 720 segments are 2.5 %; the mean of twelve rounded percentages is a little more."""
    percents = [round(100 * count / 60, 3) for count in [4] * 3 + [1] * 6 + [0] * 3]
    assert sum(percents) / 12 > 2.5002
    scores = [
        replace(SCORE, target=f"x{number}", off_target_percent=percent)
        for number, percent in enumerate(percents)
    ]
    assert compare.off_target_guard(results(scores), 2.5) == []
    assert len(compare.off_target_guard(results(scores), 2.499)) == 1


def test_a_direction_without_a_ratio_trips_the_guard() -> None:
    assert compare.off_target_guard(results([replace(ZERO_SHOT, **NO_RATIO)]), 3.0) == [
        "runs/x: zero-shot off-target of stage2 is not known in it-nl, so not at most 3 %: no "
        "segment there could be judged"
    ]
    unknown = replace(ZERO_SHOT, **NO_RATIO)
    (line,) = compare.off_target_guard(
        results([replace(ZERO_SHOT_BACK, off_target_percent=0.0), unknown]), 3.0
    )
    assert "not known in it-nl, so not at most 3 %" in line
    _, above = compare.off_target_guard(
        results([replace(ZERO_SHOT_BACK, off_target_percent=4.0), unknown]), 3.0
    )
    assert "is 4.000 %, above 3 % (mean over 1 direction(s); worst: nl-it 4.0 %)" in above
