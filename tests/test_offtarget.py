"""The ratio and its interval against the definition and a table of exact values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.offtarget import off_target, primary, wilson

found = st.lists(st.sampled_from(["nl", "en", "it", ""]), min_size=1, max_size=50)


@given(found)
def test_the_ratio_is_the_share_that_is_not_in_the_language_asked(labels: list[str]) -> None:
    ratio = off_target(labels, "nl")
    right = sum(each == "nl" for each in labels)
    assert ratio.percent == pytest.approx(100 - 100 * right / len(labels))
    assert (ratio.count, ratio.judged) == (len(labels) - right, len(labels))


@given(found)
def test_the_interval_holds_the_ratio_and_stays_within_0_and_100(labels: list[str]) -> None:
    ratio = off_target(labels, "nl")
    low, high = ratio.interval
    assert 0 <= low <= ratio.percent <= high <= 100


@given(st.integers(1, 300), st.data())
def test_bounds_solve_the_score_equation(judged: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, judged))
    for bound in wilson(count, judged):
        share = bound / 100
        # Wilson: |observed - share| = z * sqrt(share (1 - share) / judged)
        assert (count / judged - share) ** 2 == pytest.approx(
            1.959963985**2 * share * (1 - share) / judged, abs=1e-9
        )


@given(st.integers(1, 200), st.data())
def test_the_interval_is_symmetric_in_right_and_wrong(judged: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, judged))
    low, high = wilson(count, judged)
    assert wilson(judged - count, judged) == pytest.approx((100 - high, 100 - low))


@pytest.mark.parametrize(
    ("asked", "label", "wrong"),
    [("zh-Hans", "zh", 0), ("pt_BR", "pt", 0), ("NL", "nl", 0), ("nl", "", 1), ("nl", "af", 1)],
)
def test_only_primary_subtags_count_and_no_language_is_off_target(
    asked: str, label: str, wrong: int
) -> None:
    assert off_target([label], asked).count == wrong


@given(st.integers(1, 5000))
def test_bounds_of_none_and_of_all_are_exact(judged: int) -> None:
    assert wilson(0, judged)[0] == 0.0 and wilson(judged, judged)[1] == 100.0


def test_primary_subtag() -> None:
    assert [primary(code) for code in ("zh-Hans", "pt_BR", "it")] == ["zh", "pt", "it"]


def test_no_segment_has_no_ratio() -> None:
    with pytest.raises(ValueError, match="off-target ratio for nl: no segment to judge"):
        off_target([], "nl")
