"""Figures as cells of tables."""

from ontarget.report.render.formatting import MISSING, format_difference, format_number
from ontarget.reproduction.figures import Averages
from ontarget.stats import Estimate


def estimate_of(averages: Averages | None, measure: str) -> Estimate | None:
    """`off_target`, `bleu`, `chrf` or `bleurt` of a system in a setting, if the run has it."""
    found: Estimate | None = None if averages is None else getattr(averages, measure)
    return found


def with_interval(value: Estimate | None) -> str:
    """`2.6 [1.0, 4.2]`."""
    return MISSING if value is None else f"{value.percent:.1f} [{value.low:.1f}, {value.high:.1f}]"


def percent_of(value: Estimate | None) -> str:
    """Its estimate with one decimal, or a dash."""
    return MISSING if value is None else format_number(value.percent)


def beside(own: Estimate | None, published: float | None) -> list[str]:
    """An own figure, the published one, and the difference with its interval."""
    if own is None or published is None:
        return [with_interval(own), format_number(published), MISSING]
    bounds = own.low - published, own.high - published
    difference = format_difference(own.percent - published)
    return [
        with_interval(own),
        format_number(published),
        f"{difference} [{bounds[0]:+.1f}, {bounds[1]:+.1f}]",
    ]
