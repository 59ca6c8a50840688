"""Coordinates of curves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.report.figures.curves import MAX_ROWS, MAX_TICKS, draw_chart

values = st.floats(0, 1e4, allow_subnormal=False).map(lambda x: round(x, 3))


@given(st.lists(values, min_size=1, max_size=30))
def test_points_stay_in_the_square_and_higher_is_higher(losses: list[float]) -> None:
    curve = [{"step": float(at), "loss": loss} for at, loss in enumerate(losses, start=1)]
    drawn = draw_chart("t", "nats", curve, ("loss",))
    assert drawn.steps == len(losses)
    for line in drawn.lines:
        places = [tuple(map(float, point.split(","))) for point in line.points.split()]
        assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in places)
        assert [x for x, _ in places] == sorted(x for x, _ in places)
        ranked = sorted(zip(losses, places, strict=True), key=lambda pair: pair[0])
        heights = [y for _, (_, y) in ranked]
        assert heights == sorted(heights, reverse=True)
        assert (line.first, line.last) == (losses[0], losses[-1])


@given(st.floats(1e-3, 1e4).map(lambda x: round(x, 3)), st.integers(1, 100_000))
def test_ticks_are_where_their_numbers_are_drawn(highest: float, steps: int) -> None:
    """A point with the number of a tick lies at the tick; its grid reaches from 0 to the top."""
    drawn = draw_chart("t", "nats", [{"step": float(steps), "loss": highest}], ("loss",))
    assert 1 <= len(drawn.up) - 1 <= MAX_TICKS + 1 and 1 <= len(drawn.across) - 1 <= MAX_TICKS
    assert (drawn.up[0].place, drawn.up[0].text) == (100.0, "0")
    assert drawn.up[-1].place == pytest.approx(0, abs=1e-6)
    assert drawn.top >= highest > drawn.top / 2 - 1e-9
    for tick in drawn.up:
        assert float(tick.text) == pytest.approx((100 - tick.place) / 100 * drawn.top, rel=1e-5)
    for tick in drawn.across:
        assert float(tick.text) == pytest.approx(tick.place / 100 * steps, rel=1e-5)
    digits = {tick.text.strip("0.").replace(".", "").rstrip("0") for tick in drawn.up[1:2]}
    assert digits <= {"1", "2", "5", "1e-05", "1e-04"}


def test_a_single_point_before_any_step_can_be_drawn() -> None:
    assert draw_chart("t", "%", [{"step": 0, "a": 5.5}], ("a",)).lines[0].points == "0.00,8.33"


def test_a_series_that_is_always_zero_is_not_drawn() -> None:
    drawn = draw_chart("t", "nats", [{"step": 1.0, "a": 2.0, "b": 0.0}], ("a", "b"))
    assert [line.name for line in drawn.lines] == ["a"]
    assert drawn.top == 2.0
    assert (drawn.columns, drawn.rows) == (("step", "a"), ((1.0, 2.0),))


@given(st.integers(1, 5 * MAX_ROWS))
def test_a_table_is_thinned_and_keeps_both_ends(points: int) -> None:
    drawn = draw_chart("t", "nats", [{"step": at, "a": 1.0} for at in range(1, points + 1)], ("a",))
    steps = [row[0] for row in drawn.rows]
    assert len(steps) <= MAX_ROWS + 1 and steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (1, points)
    assert drawn.every == 1 if points <= MAX_ROWS else steps[1] - steps[0] == drawn.every > 1
    assert points > MAX_ROWS or len(steps) == points


def test_no_point_is_refused() -> None:
    with pytest.raises(ValueError, match="Stage 1: a curve needs a point"):
        draw_chart("Stage 1", "nats", [], ("a",))
