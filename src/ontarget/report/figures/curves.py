"""Training curves: points and axes in percent of the plot area."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from ontarget.report.figures.tables import Cell, Table, Value, make_table

MAX_TICKS = 5  # intervals between ticks, at most
MAX_ROWS = 500  # of a curve's table; longer curves are thinned evenly
ROUNDING = 1e-9  # tolerance of divisions that should give an integer


@dataclass(frozen=True, slots=True)
class CurveLine:
    """One series."""

    name: str
    points: str  # of an SVG polyline; x and y from 0 to 100, y downwards
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled position on an axis."""

    place: float  # percent of the axis, from the left or from the top
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Series over the same optimizer steps; the y axis goes from 0 to `top`, a round number."""

    title: str
    unit: str
    lines: tuple[CurveLine, ...]
    steps: int
    top: float
    across: tuple[Tick, ...]  # x axis
    up: tuple[Tick, ...]  # y axis
    columns: tuple[str, ...]  # of `rows`: the step and each series
    rows: tuple[tuple[float, ...], ...]
    every: int  # `rows` has every n-th point, and the last one


def draw_chart(
    title: str, unit: str, curve: Sequence[Mapping[str, int | float]], series: Sequence[str]
) -> Chart:
    """Draw `series` of a curve over its `step`; series that are always 0 are left out.

    Raises:
        ValueError: the curve has no points.
    """
    if not curve:
        raise ValueError(f"{title}: the curve has no points; expected at least one")
    drawn = [name for name in series if any(point[name] > 0 for point in curve)]
    highest = max((float(point[name]) for point in curve for name in drawn), default=0.0) or 1.0
    y_interval = tick_interval(highest)
    top = y_interval * ceil(highest / y_interval - ROUNDING)
    steps = max(1, int(curve[-1]["step"]))
    every = ceil(len(curve) / MAX_ROWS)
    return Chart(
        title=title,
        unit=unit,
        lines=tuple(draw_line(name, curve, steps=steps, top=top) for name in drawn),
        steps=steps,
        top=top,
        across=tuple(
            Tick(100 * value / steps, f"{value:g}")
            for value in tick_values(steps, interval=max(1.0, tick_interval(steps)))
        ),
        up=tuple(
            Tick(100 * (1 - value / top), f"{value:g}")
            for value in tick_values(top, interval=y_interval)
        ),
        columns=("step", *drawn),
        every=every,
        rows=tuple(
            tuple(float(point[name]) for name in ("step", *drawn))
            for point in (*curve[:-1:every], curve[-1])
        ),
    )


def draw_line(
    name: str, curve: Sequence[Mapping[str, int | float]], *, steps: int, top: float
) -> CurveLine:
    """One series in the plot area."""
    places = [(100 * point["step"] / steps, 100 * (1 - point[name] / top)) for point in curve]
    points = " ".join(f"{x:.2f},{y:.2f}" for x, y in places)
    return CurveLine(name, points, float(curve[0][name]), float(curve[-1][name]))


def tick_interval(highest: int | float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that needs at most `MAX_TICKS` intervals."""
    power = 10.0 ** floor(log10(highest / MAX_TICKS))
    intervals = (power * factor for factor in (1, 2, 5, 10))
    return next(each for each in intervals if highest / each <= MAX_TICKS + ROUNDING)


def tick_values(highest: int | float, interval: float) -> list[float]:
    """The multiples of `interval` from 0 to `highest`."""
    return [round(interval * n, 12) for n in range(floor(highest / interval + ROUNDING) + 1)]


def curve_table(chart: Chart) -> Table:
    """The points of a curve."""
    name = "curve-" + "-".join(re.findall("[a-z0-9]+", chart.title.lower()))
    rows: Iterable[tuple[Value, ...]] = (
        (int(step), *(Cell(f"{value:.4g}", f"{value:.6g}") for value in values))
        for step, *values in chart.rows
    )
    return make_table(name, chart.columns, rows)
