"""Training curves: coordinates, ticks and tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.report.figures.curves import MAX_ROWS, MAX_TICKS, draw_chart

values = st.floats(0, 1e4, allow_subnormal=False).map(lambda x: round(x, 3))


@given(st.lists(values, min_size=1, max_size=30))
def test_points_stay_in_the_plot_and_keep_their_order(losses: list[float]) -> None:
    curve = [{"step": float(step), "loss": loss} for step, loss in enumerate(losses, start=1)]
    chart = draw_chart("t", "nats", curve, ("loss",))
    assert chart.steps == len(losses)
    for line in chart.lines:
        places = [tuple(map(float, point.split(","))) for point in line.points.split()]
        assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in places)
        assert [x for x, _ in places] == sorted(x for x, _ in places)
        ranked = sorted(zip(losses, places, strict=True), key=lambda pair: pair[0])
        heights = [y for _, (_, y) in ranked]
        assert heights == sorted(heights, reverse=True)
        assert (line.first, line.last) == (losses[0], losses[-1])


@given(st.floats(1e-3, 1e4).map(lambda x: round(x, 3)), st.integers(1, 100_000))
def test_ticks_are_placed_at_their_values(highest: float, steps: int) -> None:
    """Ticks go from 0 to the top of the axis, at round intervals."""
    chart = draw_chart("t", "nats", [{"step": float(steps), "loss": highest}], ("loss",))
    assert 1 <= len(chart.up) - 1 <= MAX_TICKS + 1 and 1 <= len(chart.across) - 1 <= MAX_TICKS
    assert (chart.up[0].place, chart.up[0].text) == (100.0, "0")
    assert chart.up[-1].place == pytest.approx(0, abs=1e-6)
    assert chart.top >= highest > chart.top / 2 - 1e-9
    for tick in chart.up:
        assert float(tick.text) == pytest.approx((100 - tick.place) / 100 * chart.top, rel=1e-5)
    for tick in chart.across:
        assert float(tick.text) == pytest.approx(tick.place / 100 * steps, rel=1e-5)
    digits = {tick.text.strip("0.").replace(".", "").rstrip("0") for tick in chart.up[1:2]}
    assert digits <= {"1", "2", "5", "1e-05", "1e-04"}


def test_a_single_point_before_any_step_can_be_drawn() -> None:
    assert draw_chart("t", "%", [{"step": 0, "a": 5.5}], ("a",)).lines[0].points == "0.00,8.33"


def test_a_series_that_is_always_zero_is_not_drawn() -> None:
    chart = draw_chart("t", "nats", [{"step": 1.0, "a": 2.0, "b": 0.0}], ("a", "b"))
    assert [line.name for line in chart.lines] == ["a"]
    assert chart.top == 2.0
    assert (chart.columns, chart.rows) == (("step", "a"), ((1.0, 2.0),))


@given(st.integers(1, 5 * MAX_ROWS))
def test_a_long_table_is_thinned_but_keeps_both_ends(points: int) -> None:
    curve = [{"step": step, "a": 1.0} for step in range(1, points + 1)]
    chart = draw_chart("t", "nats", curve, ("a",))
    steps = [row[0] for row in chart.rows]
    assert len(steps) <= MAX_ROWS + 1 and steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (1, points)
    assert chart.every == 1 if points <= MAX_ROWS else steps[1] - steps[0] == chart.every > 1
    assert points > MAX_ROWS or len(steps) == points


def test_a_curve_without_points_is_an_error() -> None:
    with pytest.raises(ValueError, match="Stage 1: the curve has no points; expected at least one"):
        draw_chart("Stage 1", "nats", [], ("a",))
