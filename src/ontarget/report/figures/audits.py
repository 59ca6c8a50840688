"""An audit of training pairs: what is left after each rule, and lengths."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from ontarget.data.cleaning.counts import EDGES, AuditSummary, DroppedPair, GroupCounts
from ontarget.data.cleaning.ratios import LengthModel
from ontarget.data.cleaning.rules import REASONS
from ontarget.errors import visible
from ontarget.languages.names import display_name
from ontarget.records import Direction
from ontarget.report.figures.curves import Tick, tick_interval, tick_values
from ontarget.report.figures.tables import Cell, Table, Value, make_table
from ontarget.report.render.formatting import format_percent

EXAMPLE = 100  # characters of a source, whose target is expected to have ...
BANDS = (*(f"{low} to {high - 1}" for low, high in zip(EDGES, EDGES[1:], strict=False)),
         f"{EDGES[-1]} or more")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelStep:
    """What one rule drops of the pairs that the rules before it left."""

    reason: str
    meaning: str
    dropped: int
    left: int
    share: str  # dropped, of all pairs that were read
    length: float  # of the bar, in percent of that of the rule that drops most
    samples: tuple[DroppedPair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthBand:
    """Kept pairs whose source, or target, has a length in one band; heights in percent."""

    start: float  # of the axis, in percent
    width: float
    source: float  # of the axis, in percent
    target: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthChart:
    """Lengths of the kept pairs of two languages."""

    direction: Direction
    pairs: int
    bands: tuple[LengthBand, ...]
    across: tuple[Tick, ...]  # where each band begins, in characters
    up: tuple[Tick, ...]  # percent of the pairs
    table: Table


def percent_of(part: int, whole: int) -> float | None:
    """A percentage; None of nothing."""
    return 100 * part / whole if whole else None


def share_of(part: int, whole: int) -> str:
    """A percentage with one decimal that is 0 or 100 only where it is so exactly."""
    percent = percent_of(part, whole)
    if percent is not None and 0 < percent < 0.05:
        return "< 0.1 %"
    if percent is not None and 99.95 <= percent < 100:
        return "> 99.9 %"
    return format_percent(percent)


def draw_funnel(summary: AuditSummary) -> list[FunnelStep]:
    """The rules that drop pairs, in the order in which they are asked."""
    steps, left = [], summary.read
    most = max(summary.dropped.values(), default=0)
    for reason, dropped in summary.dropped.items():
        left -= dropped
        steps.append(
            FunnelStep(
                reason=reason,
                meaning=REASONS[reason],
                dropped=dropped,
                left=left,
                share=share_of(dropped, summary.read),
                length=100 * dropped / most,
                samples=tuple(pair for pair in summary.samples if pair.reason == reason),
            )
        )
    return steps


def group_table(summary: AuditSummary) -> Table:
    """Pairs read, kept and dropped by each rule, by corpus and languages; the sum comes last."""
    reasons = list(summary.dropped)
    rows: list[tuple[Value, ...]] = [
        (
            *(visible(group.corpus), f"{group.source_lang}-{group.target_lang}"),
            *map(thousands, (group.read, group.kept)),
            percent_of(group.kept, group.read),
            *(thousands(group.dropped.get(reason, 0)) for reason in reasons),
        )
        for group in summary.groups
    ]
    if len(rows) > 1:
        share = percent_of(summary.kept, summary.read)
        totals = thousands(summary.read), thousands(summary.kept), share
        rows.append(("all", "all", *totals, *map(thousands, summary.dropped.values())))
    return make_table("audit", ("corpus", "languages", "read", "kept", "kept, %", *reasons), rows)


def draw_lengths(summary: AuditSummary) -> list[LengthChart]:
    """A chart for each pair of languages of which pairs are kept."""
    groups: dict[Direction, list[GroupCounts]] = {}
    for group in summary.groups:
        if group.kept:
            direction = Direction(group.source_lang, group.target_lang)
            groups.setdefault(direction, []).append(group)
    return [draw_chart_of(direction, members) for direction, members in groups.items()]


def draw_chart_of(direction: Direction, groups: Sequence[GroupCounts]) -> LengthChart:
    """The lengths of two languages, in all corpora together."""
    pairs = sum(group.kept for group in groups)
    sources = [sum(counts) for counts in zip(*(g.source_lengths for g in groups), strict=True)]
    targets = [sum(counts) for counts in zip(*(g.target_lengths for g in groups), strict=True)]
    top = 100 * max(*sources, *targets) / pairs
    width = 100 / len(EDGES)
    return LengthChart(
        direction=direction,
        pairs=pairs,
        bands=tuple(
            LengthBand(
                start=place * width,
                width=width,
                source=100 * 100 * source / pairs / top,
                target=100 * 100 * target / pairs / top,
            )
            for place, (source, target) in enumerate(zip(sources, targets, strict=True))
        ),
        across=tuple(Tick(place * width, str(edge)) for place, edge in enumerate(EDGES)),
        up=tuple(
            Tick(100 * (1 - value / top), f"{value:g}")
            for value in tick_values(top, tick_interval(top))
        ),
        table=make_table(
            f"lengths-{direction}",
            ("characters", direction.source_lang, direction.target_lang),
            zip(BANDS, sources, targets, strict=True),
        ),
    )


def model_table(summary: AuditSummary) -> Table:
    """What was learnt of lengths, and what it expects of a target of `EXAMPLE` characters."""
    rows = [
        (
            *(languages, two_decimals(model.ratio), two_decimals(model.spread)),
            f"{expected(model, -1.0):.0f} to {expected(model, 1.0):.0f}",
        )
        for languages, model in summary.models.items()
    ]
    columns = ("languages", "ratio", "spread", f"for {EXAMPLE} characters")
    return make_table("length-ratios", columns, rows)


def expected(model: LengthModel, deviations: float) -> float:
    """Characters of the target for `EXAMPLE` of the source, some deviations from the centre.

    Solves `t = c*s + z*sqrt(s + t)` for t, a quadratic equation in the root.
    """
    z = model.centre + deviations * model.spread
    root = (z + sqrt(z**2 + 4 * (1 + model.ratio) * EXAMPLE)) / 2
    return root**2 - EXAMPLE


def thousands(count: int) -> Cell:
    """A count of pairs, which may have many digits."""
    return Cell(f"{count:,}", str(count))


def two_decimals(value: float) -> Cell:
    """A number that is no percentage."""
    return Cell(f"{value:.2f}", f"{value:.6g}")


def title_of_pair(direction: Direction) -> str:
    """`English and Italian`."""
    return f"{display_name(direction.source_lang)} and {display_name(direction.target_lang)}"
