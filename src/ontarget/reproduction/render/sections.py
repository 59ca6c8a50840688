"""The tables of a reproduction, each a section in Markdown."""

from collections.abc import Callable

from ontarget.report.render.formatting import format_difference, format_number, markdown_table
from ontarget.reproduction.figures import Averages, Figures, TableRow
from ontarget.reproduction.published import Published, content
from ontarget.reproduction.render.cells import beside, with_interval
from ontarget.reproduction.runs import TITLES


def table_rows(figures: Figures) -> list[TableRow]:
    """The rows that are no points of a sweep."""
    return [row for row in figures.rows if row.key in TITLES]


def zero_shot_section(figures: Figures, published: Published) -> str:
    """Averages over the zero-shot directions, beside the published ones."""
    header = [
        "zero-shot", "OTR % [95 %]", "published", "difference",
        "BLEU [95 %]", "published", "difference", "chrF", "references OTR %",
    ]  # fmt: skip
    rows = [
        [
            row.title,
            *beside(row.zero_shot.off_target, published.value(row.key, "otr")),
            *beside(row.zero_shot.bleu, published.value(row.key, "bleu")),
            format_number(row.zero_shot.chrf.percent),
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
        [row.title, *setting_cells(row.supervised)]
        for row in table_rows(figures)
        if row.supervised is not None
    ]
    header = ["supervised", "OTR % [95 %]", "BLEU [95 %]", "chrF [95 %]", "references OTR %"]
    return "## Supervised directions\n\n" + markdown_table(header, rows) if rows else ""


def setting_cells(averages: Averages) -> list[str]:
    """Off-target ratio, BLEU and chrF with intervals, and the floor."""
    return [
        with_interval(averages.off_target),
        with_interval(averages.bleu),
        with_interval(averages.chrf),
        format_number(averages.floor),
    ]


def reductions_section(figures: Figures, published: Published) -> str:
    """What stage 2 gains over stage 1: in the mean over directions, and at most in one of them."""
    own = [differences_of(figures, measure) for measure in (0, 1)]
    theirs = [published_differences(published, measure) for measure in ("otr", "bleu")]
    rows = []
    for title, (of_ratio, of_bleu) in ((published.title, theirs), ("own", own)):
        if of_ratio and of_bleu:
            rows.append(
                [title, *reduction(of_ratio, min), *reduction(of_bleu, max)],
            )
    preprint = content()["preprint"]
    return (
        "## Stage 2 minus stage 1, zero-shot\n\n"
        + markdown_table(
            ["", "OTR, mean", "most in a direction", "BLEU, mean", "most in a direction"], rows
        )
        + f"\nThe preprint's first version reports {preprint['otr']:+.1f} points of OTR, "
        f"{preprint['bleu']:+.1f} BLEU and {preprint['bleurt']:+.1f} BLEURT for the first LLaMA, "
        "in the mean over 16 directions."
    )


def differences_of(figures: Figures, measure: int) -> dict[str, float]:
    """Stage 2 minus stage 1 in each direction; `measure` is 0 for the ratio, 1 for BLEU."""
    pair = [figures.row(key) for key in ("mt", "stage2")]
    averages = [row.zero_shot for row in pair if row is not None and row.zero_shot is not None]
    if len(averages) < 2:
        return {}
    first, second = (one.cells for one in averages)
    found = {}
    for direction in first:
        before, after = first[direction][measure], second[direction][measure]
        if before is not None and after is not None:
            found[str(direction)] = after - before
    return found


def published_differences(published: Published, measure: str) -> dict[str, float]:
    """The same of the published table."""
    before, after = (published.cells[row][measure] for row in ("mt", "stage2"))
    return {d: after[d] - before[d] for d in before if d != "average"}


def reduction(differences: dict[str, float], most: Callable[..., str]) -> tuple[str, str]:
    """The mean over directions, and the most extreme one."""
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
            ratio, bleu = cells.get(direction, (None, None))
            line.append(f"{format_number(ratio)}, {format_number(bleu)}")
            theirs = [published.value(row.key, name, str(direction)) for name in ("otr", "bleu")]
            if None not in theirs:
                line[-1] += f" / {format_number(theirs[0])}, {format_number(theirs[1])}"
        table.append(line)
    return "## By direction\n\nOTR %, BLEU; after the slash those published.\n\n" + markdown_table(
        ["", *map(str, directions)], table
    )
