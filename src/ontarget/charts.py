"""Geometry of the report's curves: points to SVG coordinates. No colour, no text, no file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 300, 120  # units of the plotting area; the page scales it


@dataclass(frozen=True, slots=True)
class Line:
    """One series ready to draw."""

    name: str
    points: str  # of an SVG polyline inside 0 0 WIDTH HEIGHT
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Series over the same steps, y from 0 to `top`."""

    title: str
    lines: tuple[Line, ...]
    steps: int
    top: float


def chart(title: str, curve: Sequence[Mapping[str, int | float]], series: Sequence[str]) -> Chart:
    """Each of `series` that is ever above 0, against the step, on one scale from 0.

    Raises:
        ValueError: the curve has no point.
    """
    if not curve:
        raise ValueError(f"{title}: a curve needs a point")
    drawn = [name for name in series if any(point[name] > 0 for point in curve)]
    top = max((point[name] for point in curve for name in drawn), default=0.0) or 1.0
    steps = int(curve[-1]["step"])
    lines = []
    for name in drawn:
        places = [
            (WIDTH * point["step"] / steps, HEIGHT * (1 - point[name] / top)) for point in curve
        ]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        lines.append(Line(name, points, curve[0][name], curve[-1][name]))
    return Chart(title, tuple(lines), steps, top)
