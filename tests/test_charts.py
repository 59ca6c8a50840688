"""Coordinates of curves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.charts import HEIGHT, WIDTH, chart

values = st.floats(0, 1e4, allow_subnormal=False)


@given(st.lists(values, min_size=1, max_size=30))
def test_points_stay_in_the_area_and_higher_is_higher(losses: list[float]) -> None:
    curve = [{"step": float(at), "loss": loss} for at, loss in enumerate(losses, start=1)]
    drawn = chart("t", curve, ("loss",))
    assert drawn.steps == len(losses)
    for line in drawn.lines:
        places = [tuple(map(float, point.split(","))) for point in line.points.split()]
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
        assert [x for x, _ in places] == sorted(x for x, _ in places)
        ranked = sorted(zip(losses, places, strict=True), key=lambda pair: pair[0])
        heights = [y for _, (_, y) in ranked]
        assert heights == sorted(heights, reverse=True)
        assert (line.first, line.last) == (losses[0], losses[-1])


def test_a_series_that_is_always_zero_is_not_drawn() -> None:
    drawn = chart("t", [{"step": 1.0, "a": 2.0, "b": 0.0}], ("a", "b"))
    assert [line.name for line in drawn.lines] == ["a"]
    assert drawn.top == 2.0


def test_no_point_is_refused() -> None:
    with pytest.raises(ValueError, match="Stage 1: a curve needs a point"):
        chart("Stage 1", [], ("a",))
