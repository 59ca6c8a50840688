"""Systems against systems: exact where it can be, and the same whichever comes first."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reports import SYSTEMS, a_segment

from ontarget.analysis.segments import SegmentOutputs, align_segments
from ontarget.analysis.significance import compare_pairs
from ontarget.report.figures.matrix import draw_matrices, pair_table
from ontarget.stats import TRIALS, randomization_test


def group(count: int, **changes: object) -> list[SegmentOutputs]:
    rows = [answer for number in range(count) for answer in a_segment(number)]
    return align_segments(
        [replace(x, **changes) if x.system == "base" else x for x in rows], SYSTEMS
    )  # type: ignore[arg-type]


@settings(max_examples=20)
@given(st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=9))
def test_randomisation_comes_near_the_exact_test(apart: list[float]) -> None:
    """The oracle tries all 2**n signs."""
    sums = [abs(sum(s * x for s, x in zip(signs, apart, strict=True)))
            for signs in product((1, -1), repeat=len(apart))]  # fmt: skip
    exact = np.mean([each >= abs(sum(apart)) - 1e-6 for each in sums])
    (found,) = randomization_test(np.array([apart]).T, 1)
    assert found == pytest.approx(exact, abs=0.025)


def test_a_system_does_not_differ_from_itself() -> None:
    assert randomization_test(np.zeros((5, 2)), 1).tolist() == [1.0, 1.0]


def test_more_segments_than_are_drawn_at_once_count_all(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = np.random.default_rng(0).normal(0.2, 1, (50, 1))
    whole = randomization_test(apart, 3)
    monkeypatch.setattr("ontarget.stats.AT_ONCE", 50 * 7)
    assert randomization_test(apart, 3) == pytest.approx(whole, abs=0.02)
    assert randomization_test(apart + 9, 3).tolist() == [1 / (TRIALS + 1)]


def test_counts_are_of_segments_that_both_judge() -> None:
    (first, *_) = compare_pairs(group(10, verdict="undecided"), supervised=False)
    assert (first.first, first.second, first.segments, first.judged) == ("base", "stage1", 10, 0)
    assert first.off_target_difference is None and first.off_target_p == 1.0
    *_, last = compare_pairs(group(10), supervised=False)
    assert (last.first, last.second) == ("stage1", "stage2")
    assert (last.judged, last.only_first, last.only_second) == (10, 10, 0)
    assert last.off_target_difference == -100.0
    assert last.off_target_p == pytest.approx(2 / 2**10)
    assert last.chrf_difference == pytest.approx(50.0)
    assert last.verdicts == (1, 1)


def test_few_segments_prove_nothing() -> None:
    *_, last = compare_pairs(group(4), supervised=False)
    assert last.off_target_p == pytest.approx(2 / 2**4)
    assert last.verdicts == (0, 0)


def test_without_segments_or_a_second_system_there_is_nothing_to_compare() -> None:
    assert compare_pairs([], supervised=True) == []
    alone = align_segments(a_segment(1), ("stage2",))
    assert compare_pairs(alone, supervised=True) == []


def test_squares_mirror_each_other() -> None:
    made = compare_pairs(group(10), supervised=False)
    off_target, chrf = draw_matrices(made)
    assert off_target.systems == SYSTEMS and off_target.title.startswith("Zero-shot: off-target")
    assert [[x and (x.text, x.outcome) for x in row] for row in off_target.rows] == [
        [None, ("0.0", "chance"), ("+100.0", "worse")],
        [("0.0", "chance"), None, ("+100.0", "worse")],
        [("−100.0", "better"), ("−100.0", "better"), None],
    ]
    assert chrf.rows[2][1] is not None and chrf.rows[2][1].detail.startswith(
        "stage 2 (+ unlikelihood) against stage 1 (MLE): +50.0 points, p = 0.00"
    )
    assert chrf.rows[1][2] is not None and chrf.rows[1][2].text == "−50.0"
    assert chrf.rows[1][2].detail.startswith("stage 1 (MLE) against stage 2 (+ unlikelihood): −50")
    assert chrf.rows[1][2].detail.endswith("10 segments: worse")


def test_the_table_has_the_numbers_behind_the_squares() -> None:
    *_, last = pair_table(compare_pairs(group(10), supervised=False)).rows
    assert [cell.value for cell in last][:8] == [
        "zero-shot", "stage 1 (MLE)", "stage 2 (+ unlikelihood)", "10", "10", "0", "-100", "0.00195"
    ]  # fmt: skip
