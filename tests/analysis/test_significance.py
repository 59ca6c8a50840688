"""Every pair of systems: counts, exact p values, and what is called better."""

from dataclasses import replace
from typing import Any

import pytest
from support.reports import SYSTEMS, a_segment

from ontarget.analysis.segments import SegmentOutputs, align_segments
from ontarget.analysis.significance import compare_pairs


def group(count: int, **changes: Any) -> list[SegmentOutputs]:
    """`count` segments of the three systems, with changes to the outputs of `base`."""
    outputs = [output for number in range(count) for output in a_segment(number)]
    return align_segments(
        [replace(x, **changes) if x.system == "base" else x for x in outputs], SYSTEMS
    )


def test_counts_are_over_segments_that_both_systems_could_be_judged_on() -> None:
    (first, *_) = compare_pairs(group(10, verdict="undecided"), supervised=False)
    assert (first.first, first.second, first.segments, first.judged) == ("base", "stage1", 10, 0)
    assert first.off_target_difference is None and first.off_target_p == 1.0
    *_, last = compare_pairs(group(10), supervised=False)
    assert (last.first, last.second) == ("stage1", "stage2")
    assert (last.judged, last.only_first, last.only_second) == (10, 10, 0)
    assert last.off_target_difference == -100.0
    assert last.off_target_p == pytest.approx(2 / 2**10)
    assert last.chrf_difference == pytest.approx(50.0)
    assert last.outcomes == (1, 1)


def test_a_difference_in_four_segments_is_not_significant() -> None:
    *_, last = compare_pairs(group(4), supervised=False)
    assert last.off_target_p == pytest.approx(2 / 2**4)
    assert last.outcomes == (0, 0)


def test_without_segments_or_a_second_system_there_are_no_pairs() -> None:
    assert compare_pairs([], supervised=True) == []
    alone = align_segments(a_segment(1), ("stage2",))
    assert compare_pairs(alone, supervised=True) == []
