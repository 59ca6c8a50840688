"""Segments of all systems side by side, and which of them are kept."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reports import ANSWER, SYSTEMS, a_segment

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

answers = st.builds(
    replace,
    st.just(ANSWER),
    verdict=st.sampled_from(list(map(str, Verdict))),
    chrf=st.integers(0, 100).map(float),
    hypothesis=st.text(st.characters(codec="utf-8"), max_size=9),
)
some = st.lists(st.tuples(answers, answers), max_size=12)
Pairs = list[tuple[JudgedTranslation, JudgedTranslation]]


def made(drawn: Pairs) -> list[SegmentOutputs]:
    return [SegmentOutputs(Direction("it", "nl"), pair) for pair in drawn]


def test_damage_is_1_for_off_target_and_the_loss_against_the_best_other() -> None:
    (segment,) = align_segments(a_segment(1), SYSTEMS)  # empty 0.0, pivot 10.0, on target 60.0
    assert segment.damage == pytest.approx((1.6, 1.5, 0.0))
    undecided = replace(segment.outputs[0], verdict="undecided", chrf=50.0)
    assert SegmentOutputs(segment.direction, (undecided,)).damage == pytest.approx((0.5,))


@given(some)
def test_damage_lies_between_0_and_2(drawn: Pairs) -> None:
    assert all(0 <= damage <= 2 for segment in made(drawn) for damage in segment.damage)


def test_answers_stand_in_the_order_of_the_systems_whatever_theirs_is() -> None:
    first, second = a_segment(1), a_segment(2)
    given_order = [*second[::-1], *first]
    found = align_segments(given_order, SYSTEMS)
    assert [[each.system for each in segment.outputs] for segment in found] == [list(SYSTEMS)] * 2
    assert [segment.outputs[0].key for segment in found] == ["t:2/it-nl", "t:1/it-nl"]
    assert [len(each.answers) for each in align_segments(given_order, ("stage2",))] == [1, 1]


def test_a_missing_answer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no answer of stage1 to t:1/it-nl \(it-nl\)"):
        align_segments(a_segment(1)[::2], SYSTEMS)


@given(some, st.integers(0, 12))
def test_no_segment_that_is_kept_is_better_than_one_that_is_not(drawn: Pairs, count: int) -> None:
    every = made(drawn)
    found = most_damaged(every, count)
    assert len(found) == min(count, len(every))
    chosen = set(map(id, found))
    assert [id(x) for x in every if id(x) in chosen] == list(map(id, found))
    left_out = [segment for segment in every if id(segment) not in chosen]
    for inside in found:
        assert all(inside.damage[::-1] >= outside.damage[::-1] for outside in left_out)


def test_the_last_system_comes_first_in_what_is_worst() -> None:
    one, other = align_segments(a_segment(1) + a_segment(2), SYSTEMS)
    bad = replace(other.answers[2], verdict="other")
    worse = SegmentOutputs(other.direction, (*other.answers[:2], bad))
    assert sort_by_damage([one, worse]) == [worse, one]


@given(some)
def test_columns_say_what_the_segments_say(drawn: Pairs) -> None:
    every = made(drawn)
    found = json_columns(every)
    for number, segment in enumerate(every):
        assert found["directions"][found["direction"][number]]["id"] == "it-nl"
        assert found["texts"][found["source"][number]] == "Ciao a tutti."
        for column, answer in zip(found["outputs"], segment.outputs, strict=True):
            assert found["texts"][column["text"][number]] == answer.hypothesis
            assert found["verdicts"][column["verdict"][number]]["id"] == answer.verdict
            assert found["languages"][column["language"][number]] == answer.found_lang
            assert column["chrf"][number] == answer.chrf
    assert len(set(found["texts"])) == len(found["texts"])


def test_a_text_without_end_is_cut_and_says_so() -> None:
    assert clip("a" * LONGEST) == "a" * LONGEST
    assert clip("a" * (LONGEST + 7)) == "a" * LONGEST + " [… 7 more characters]"
