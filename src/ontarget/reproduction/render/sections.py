"""The tables of a reproduction, each a section in Markdown."""

from collections.abc import Callable
from itertools import chain

from ontarget.report.render.formatting import (
    MISSING,
    format_difference,
    format_number,
    markdown_table,
)
from ontarget.reproduction.figures import Averages, Figures, TableRow
from ontarget.reproduction.published import Published, content
from ontarget.reproduction.render.cells import beside, with_interval
from ontarget.reproduction.runs import TITLES

BLEURT = "BLEURT [95 %]"
REDUCED = (  # title, field of `DirectionFigures`, key of published figures, the most that is gained
    ("OTR", "off_target_percent", "otr", min),
    ("BLEU", "bleu", "bleu", max),
    ("BLEURT", "bleurt", "bleurt", max),
)


def table_rows(figures: Figures) -> list[TableRow]:
    """The rows that are no points of a sweep."""
    return [row for row in figures.rows if row.key in TITLES]


def zero_shot_section(figures: Figures, published: Published) -> str:
    """Averages over the zero-shot directions, beside the published ones."""
    header = [
        "zero-shot", "OTR % [95 %]", "published", "difference",
        "BLEU [95 %]", "published", "difference", "chrF", *[BLEURT] * figures.has_bleurt,
        "references OTR %",
    ]  # fmt: skip
    rows = [
        [
            row.title,
            *beside(row.zero_shot.off_target, published.value(row.key, "otr")),
            *beside(row.zero_shot.bleu, published.value(row.key, "bleu")),
            format_number(row.zero_shot.chrf.percent),
            *[with_interval(row.zero_shot.bleurt)] * figures.has_bleurt,
            format_number(row.zero_shot.floor),
        ]
        for row in table_rows(figures)
        if row.zero_shot is not None
    ]
    text = f"Published: {published.title}. A difference is own minus published, with the interval "
    return (
        "## Zero-shot directions\n\n"
        + markdown_table(header, rows)
        + f"\n{text}of the own figure; the published one is taken as exact."
    )


def supervised_section(figures: Figures) -> str:
    """Averages over the supervised directions, which the paper does not tabulate."""
    rows = [
        [row.title, *setting_cells(row.supervised, figures.has_bleurt)]
        for row in table_rows(figures)
        if row.supervised is not None
    ]
    header = [
        "supervised", "OTR % [95 %]", "BLEU [95 %]", "chrF [95 %]", *[BLEURT] * figures.has_bleurt,
        "references OTR %",
    ]  # fmt: skip
    return "## Supervised directions\n\n" + markdown_table(header, rows) if rows else ""


def setting_cells(averages: Averages, has_bleurt: bool) -> list[str]:
    """Off-target ratio, BLEU, chrF and perhaps BLEURT with intervals, and the floor."""
    return [
        with_interval(averages.off_target),
        with_interval(averages.bleu),
        with_interval(averages.chrf),
        *[with_interval(averages.bleurt)] * has_bleurt,
        format_number(averages.floor),
    ]


def reductions_section(figures: Figures, published: Published) -> str:
    """What stage 2 gains over stage 1: in the mean over directions, and at most in one of them."""
    measures = REDUCED if figures.has_bleurt else REDUCED[:2]
    preprint = content()["preprint"]
    theirs = [reduction(published_differences(published, key), most) for *_, key, most in measures]
    own = [reduction(differences_of(figures, field), most) for _, field, _, most in measures]
    in_preprint = [(format_difference(preprint[key]), MISSING) for *_, key, _ in measures]
    rows = [
        [title, *chain(*cells)]
        for title, cells in (
            *([("LLaMA, preprint", in_preprint)] if figures.has_bleurt else []),
            (published.title, theirs),
            ("own", own),
        )
        if set(chain(*cells)) != {MISSING}
    ]
    header = [(f"{title}, mean", "most in a direction") for title, *_ in measures]
    return (
        "## Stage 2 minus stage 1, zero-shot\n\n"
        + markdown_table(["", *chain(*header)], rows)
        + f"\nThe preprint's first version reports {preprint['otr']:+.1f} points of OTR, "
        f"{preprint['bleu']:+.1f} BLEU and {preprint['bleurt']:+.1f} BLEURT for the first LLaMA, "
        "in the mean over 16 directions."
    )


def differences_of(figures: Figures, field: str) -> dict[str, float]:
    """Stage 2 minus stage 1 in each direction, of a field of `DirectionFigures`."""
    pair = [figures.row(key) for key in ("mt", "stage2")]
    averages = [row.zero_shot for row in pair if row is not None and row.zero_shot is not None]
    if len(averages) < 2:
        return {}
    first, second = (one.cells for one in averages)
    found = {}
    for direction in first:
        before, after = getattr(first[direction], field), getattr(second[direction], field)
        if before is not None and after is not None:
            found[str(direction)] = after - before
    return found


def published_differences(published: Published, key: str) -> dict[str, float]:
    """The same of the published table; {} of what it does not have."""
    before, after = (published.cells[row].get(key, {}) for row in ("mt", "stage2"))
    return {d: after[d] - before[d] for d in before if d != "average"}


def reduction(differences: dict[str, float], most: Callable[..., str]) -> tuple[str, str]:
    """The mean over directions, and the most extreme one; dashes without any."""
    if not differences:
        return MISSING, MISSING
    extreme = most(differences, key=lambda direction: differences[direction])
    mean = sum(differences.values()) / len(differences)
    return format_difference(mean), f"{format_difference(differences[extreme])} ({extreme})"


def directions_section(figures: Figures, published: Published) -> str:
    """Every zero-shot direction: OTR and BLEU, and after a slash the published ones."""
    rows = [row for row in table_rows(figures) if row.zero_shot is not None]
    if not rows or rows[0].zero_shot is None:
        return ""
    directions = rows[0].zero_shot.directions
    table = []
    for row in rows:
        cells = row.zero_shot.cells if row.zero_shot is not None else {}
        line = [row.title]
        for direction in directions:
            cell = cells.get(direction)
            ratio, bleu = (None, None) if cell is None else (cell.off_target_percent, cell.bleu)
            line.append(f"{format_number(ratio)}, {format_number(bleu)}")
            theirs = [published.value(row.key, name, str(direction)) for name in ("otr", "bleu")]
            if None not in theirs:
                line[-1] += f" / {format_number(theirs[0])}, {format_number(theirs[1])}"
        table.append(line)
    return "## By direction\n\nOTR %, BLEU; after the slash those published.\n\n" + markdown_table(
        ["", *map(str, directions)], table
    )
