"""Geometry of the report's curves: points to places in percent. No colour, no file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

MAX_TICKS = 5  # steps of an axis at most
MAX_ROWS = 500  # of a curve's table; more points are thinned out evenly


@dataclass(frozen=True, slots=True)
class CurveLine:
    """One series ready to draw."""

    name: str
    points: str  # of an SVG polyline in the square 0 0 100 100
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    place: float  # percent of the axis, from the left or from the top
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Series over the same steps, y from 0 to `top`, which is a round number."""

    title: str
    unit: str
    lines: tuple[CurveLine, ...]
    steps: int
    top: float
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    columns: tuple[str, ...]  # of `rows`: the step and each series
    rows: tuple[tuple[float, ...], ...]
    every: int  # one point of so many has a row, besides the last


def draw_chart(
    title: str, unit: str, curve: Sequence[Mapping[str, int | float]], series: Sequence[str]
) -> Chart:
    """Each of `series` that is ever above 0, against the step, on one scale from 0.

    Raises:
        ValueError: the curve has no point.
    """
    if not curve:
        raise ValueError(f"{title}: a curve needs a point")
    drawn = [name for name in series if any(point[name] > 0 for point in curve)]
    highest = max((float(point[name]) for point in curve for name in drawn), default=0.0) or 1.0
    top = tick_step(highest) * ceil(highest / tick_step(highest) - 1e-9)
    steps = max(1, int(curve[-1]["step"]))
    every = ceil(len(curve) / MAX_ROWS)
    return Chart(
        title=title,
        unit=unit,
        lines=tuple(draw_line(name, curve, steps, top) for name in drawn),
        steps=steps,
        top=top,
        across=tuple(
            Tick(100 * at / steps, f"{at:g}")
            for at in tick_positions(steps, step=max(1.0, tick_step(steps)))
        ),
        up=tuple(
            Tick(100 * (1 - at / top), f"{at:g}") for at in tick_positions(top, step=tick_step(top))
        ),
        columns=("step", *drawn),
        every=every,
        rows=tuple(
            tuple(float(point[name]) for name in ("step", *drawn))
            for point in (*curve[:-1:every], curve[-1])
        ),
    )


def draw_line(
    name: str, curve: Sequence[Mapping[str, int | float]], steps: int, top: float
) -> CurveLine:
    """One series in the square."""
    places = [(100 * point["step"] / steps, 100 * (1 - point[name] / top)) for point in curve]
    points = " ".join(f"{x:.2f},{y:.2f}" for x, y in places)
    return CurveLine(name, points, float(curve[0][name]), float(curve[-1][name]))


def tick_step(highest: int | float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that needs at most `TICKS` steps."""
    power = 10.0 ** floor(log10(highest / MAX_TICKS))
    return next(power * of for of in (1, 2, 5, 10) if highest / (power * of) <= MAX_TICKS + 1e-9)


def tick_positions(highest: int | float, step: float) -> list[float]:
    """Each multiple of `step` from 0 to `highest`."""
    return [round(step * number, 12) for number in range(floor(highest / step + 1e-9) + 1)]
