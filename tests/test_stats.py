"""The interval against its definition, its symmetry, and exact bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.stats import wilson


@given(st.integers(1, 300), st.data())
def test_the_interval_holds_the_share_and_stays_within_0_and_100(
    judged: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, judged))
    low, high = wilson(count, judged)
    assert 0 <= low <= 100 * count / judged <= high <= 100


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


@given(st.integers(1, 5000))
def test_bounds_of_none_and_of_all_are_exact(judged: int) -> None:
    assert wilson(0, judged)[0] == 0.0 and wilson(judged, judged)[1] == 100.0
