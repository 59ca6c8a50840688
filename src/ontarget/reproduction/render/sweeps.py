"""Sweeps over a setting, and the curve over steps of stage 2, as sections in Markdown."""

from collections.abc import Iterator

from ontarget.report.render.formatting import format_number, markdown_table
from ontarget.reproduction.figures import Figures, TableRow
from ontarget.reproduction.render.cells import estimate_of, percent_of, with_interval
from ontarget.reproduction.runs import Reproduction

SWEEPS = {  # part -> title of its table, and of its first column
    "alpha": ("Stage 2 by alpha", "alpha"),
    "data": ("By training samples of each direction", "samples"),
}


def sweep_sections(reproduction: Reproduction, figures: Figures) -> Iterator[str]:
    """A table for each sweep; the values of the main run stand among its points."""
    parts = {run.name: run.part for run in reproduction.runs}
    for part, (title, column) in SWEEPS.items():
        points = [row for row in figures.rows if parts[row.run] == part]
        if not points:
            continue
        alpha = float(reproduction.scale.stage2["alpha"])
        main = {"alpha": [("stage2", f"{alpha:g}")], "data": [("mt", "all"), ("stage2", "all")]}
        labelled = [(row, f"{row.value:g}") for row in points]
        labelled += [(row, label) for key, label in main[part] if (row := figures.row(key))]
        if part == "alpha":
            labelled.sort(key=lambda pair: float(pair[1]))
        rows = [
            [label, "stage 1" if row.key == "mt" or row.key.endswith("-mt") else "stage 2",
             *sweep_cells(row)]
            for row, label in labelled
        ]  # fmt: skip
        header = [
            column, "", "zero-shot OTR % [95 %]", "BLEU [95 %]", "chrF",
            "supervised OTR %", "BLEU", "chrF",
        ]  # fmt: skip
        yield f"## {title}\n\n" + markdown_table(header, rows)


def sweep_cells(row: TableRow) -> list[str]:
    """A point of a sweep."""
    return [
        with_interval(estimate_of(row.zero_shot, "off_target")),
        with_interval(estimate_of(row.zero_shot, "bleu")),
        percent_of(estimate_of(row.zero_shot, "chrf")),
        *(percent_of(estimate_of(row.supervised, name)) for name in ("off_target", "bleu", "chrf")),
    ]


def curve_section(figures: Figures) -> str:
    """Dev sentences by step of stage 2."""
    if not figures.curve:
        return ""
    rows = [
        [str(point.step), format_number(point.off_target_percent), format_number(point.chrf)]
        for point in figures.curve
    ]
    return "## Stage 2 by step, dev sentences\n\n" + markdown_table(
        ["step", "zero-shot OTR %", "chrF"], rows
    )
