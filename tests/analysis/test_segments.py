"""Segments with the outputs of all systems, and which of them are shown."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reports import OUTPUT, SYSTEMS, a_segment

from ontarget.analysis.segments import (
    LONGEST,
    SegmentOutputs,
    align_segments,
    clip,
    json_columns,
    most_damaged,
    sort_by_damage,
)
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import Direction, JudgedTranslation

outputs = st.builds(
    replace,
    st.just(OUTPUT),
    verdict=st.sampled_from([verdict.value for verdict in Verdict]),
    chrf=st.integers(0, 100).map(float),
    hypothesis=st.text(st.characters(codec="utf-8"), max_size=9),
)
pairs_of_outputs = st.lists(st.tuples(outputs, outputs), max_size=12)
Pairs = list[tuple[JudgedTranslation, JudgedTranslation]]


def segments_of(pairs: Pairs) -> list[SegmentOutputs]:
    return [SegmentOutputs(Direction("it", "nl"), pair) for pair in pairs]


def test_damage_is_one_if_off_target_plus_the_distance_from_the_best_other_chrf() -> None:
    (segment,) = align_segments(a_segment(1), SYSTEMS)  # empty 0.0, pivot 10.0, on target 60.0
    assert segment.damage == pytest.approx((1.6, 1.5, 0.0))
    undecided = replace(segment.outputs[0], verdict="undecided", chrf=50.0)
    assert SegmentOutputs(segment.direction, (undecided,)).damage == pytest.approx((0.5,))


@given(pairs_of_outputs)
def test_damage_is_between_0_and_2(pairs: Pairs) -> None:
    assert all(0 <= damage <= 2 for segment in segments_of(pairs) for damage in segment.damage)


def test_outputs_are_in_the_order_of_the_systems_and_segments_in_the_order_of_the_file() -> None:
    first, second = a_segment(1), a_segment(2)
    in_file = [*second[::-1], *first]
    segments = align_segments(in_file, SYSTEMS)
    systems = [[output.system for output in segment.outputs] for segment in segments]
    assert systems == [list(SYSTEMS)] * 2
    assert [segment.outputs[0].key for segment in segments] == ["t:2/it-nl", "t:1/it-nl"]
    one_system = align_segments(in_file, ("stage2",))
    assert [len(segment.outputs) for segment in one_system] == [1, 1]


def test_a_missing_output_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no output of stage1 for t:1/it-nl \(it-nl\)"):
        align_segments(a_segment(1)[::2], SYSTEMS)


def test_a_second_output_for_the_same_segment_is_an_error() -> None:
    twice = [*a_segment(1), *a_segment(1)[:1]]
    with pytest.raises(ValueError, match=r"two outputs of base for t:1/it-nl \(it-nl\)"):
        align_segments(twice, SYSTEMS)


@given(pairs_of_outputs, st.integers(0, 12))
def test_no_segment_left_out_is_more_damaged_than_one_that_is_kept(
    pairs: Pairs, count: int
) -> None:
    segments = segments_of(pairs)
    kept = most_damaged(segments, count)
    assert len(kept) == min(count, len(segments))
    chosen = set(map(id, kept))
    assert [id(segment) for segment in segments if id(segment) in chosen] == list(map(id, kept))
    left_out = [segment for segment in segments if id(segment) not in chosen]
    for inside in kept:
        assert all(inside.damage[::-1] >= outside.damage[::-1] for outside in left_out)


def test_segments_are_sorted_by_the_damage_of_the_last_system_first() -> None:
    one, other = align_segments(a_segment(1) + a_segment(2), SYSTEMS)
    bad = replace(other.outputs[2], verdict="other")
    worse = SegmentOutputs(other.direction, (*other.outputs[:2], bad))
    assert sort_by_damage([one, worse]) == [worse, one]


@given(pairs_of_outputs)
def test_json_columns_hold_what_the_segments_hold(pairs: Pairs) -> None:
    segments = segments_of(pairs)
    content = json_columns(segments)
    for number, segment in enumerate(segments):
        assert content["directions"][content["direction"][number]]["id"] == "it-nl"
        assert content["texts"][content["source"][number]] == "Ciao a tutti."
        for column, output in zip(content["outputs"], segment.outputs, strict=True):
            assert content["texts"][column["text"][number]] == output.hypothesis
            assert content["verdicts"][column["verdict"][number]]["id"] == output.verdict
            assert content["languages"][column["language"][number]] == output.detected_lang
            assert column["chrf"][number] == output.chrf
    assert len(set(content["texts"])) == len(content["texts"])


def test_a_long_text_is_cut_with_the_number_of_missing_characters() -> None:
    assert clip("a" * LONGEST) == "a" * LONGEST
    assert clip("a" * (LONGEST + 7)) == "a" * LONGEST + " [… 7 more characters]"
