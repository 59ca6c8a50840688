"""A whole reproduction, as a page in Markdown, as JSON, and as text for a terminal."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ontarget import __version__
from ontarget.report.render.formatting import format_number, text_table
from ontarget.reproduction.figures import Averages, Figures, TableRow
from ontarget.reproduction.published import MODELS, Published, published_table
from ontarget.reproduction.render.cells import estimate_of, percent_of
from ontarget.reproduction.render.sections import (
    directions_section,
    reductions_section,
    supervised_section,
    table_rows,
    zero_shot_section,
)
from ontarget.reproduction.render.sweeps import curve_section, sweep_sections
from ontarget.reproduction.runs import Reproduction

DEPARTURES = {  # of a part
    "data": "The data sweep counts samples of each direction. The paper counts pairs, and does not "
    "say whether of each direction or in all.",
    "alma": "ALMA-7B was tuned on English with Czech, German, Icelandic, Chinese and Russian only "
    "(arXiv 2309.11674).",
}


def published_of(reproduction: Reproduction) -> Published:
    """The published table beside this reproduction."""
    return published_table(reproduction.paper_table.name, reproduction.scale.model or "")


def markdown_page(reproduction: Reproduction, figures: Figures, command: Sequence[str]) -> str:
    """All tables, and what they were made with."""
    published = published_of(reproduction)
    languages = ", ".join(reproduction.choices.languages)
    title = f"Languages {languages}" if languages else reproduction.paper_table.title
    made_of = f"{title}. {reproduction.choices.scale}: "
    sections = [
        f"# {reproduction.paper_table.name}, {reproduction.model}",
        f"{made_of}{reproduction.scale.summary}. Seed {reproduction.choices.seed}.",
        zero_shot_section(figures, published),
        supervised_section(figures),
        reductions_section(figures, published),
        *sweep_sections(reproduction, figures),
        curve_section(figures),
        directions_section(figures, published),
        footer(reproduction, figures, command),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def footer(reproduction: Reproduction, figures: Figures, command: Sequence[str]) -> str:
    """Departures, signatures, sizes, seconds, the command."""
    row = figures.row("mt")
    sizes = [
        f"{average.segments} {name} segments in {len(average.directions)} directions"
        for name, average in (
            ("supervised", row and row.supervised), ("zero-shot", row and row.zero_shot)
        )
        if average
    ]  # fmt: skip
    cut = [
        f"{row.title}: {row.zero_shot.truncated}"
        for row in table_rows(figures)
        if row.zero_shot is not None and row.zero_shot.truncated
    ]
    seconds = ", ".join(f"{name} {value:,.0f} s" for name, value in figures.seconds.items())
    lines = [
        "## How it was made",
        "",
        f"    {shlex.join(command)}",
        "",
        f"ontarget {__version__}. Test: {', '.join(sizes)}. Steps of each run took: {seconds}.",
        *([f"Zero-shot translations that were cut: {'; '.join(cut)}."] if cut else []),
        "",
        "Departures from the published settings:",
        "",
        *(f"- {text}" for text in departures(reproduction)),
        "",
        "Signatures:",
        "",
        *(f"- `{text}`" for text in figures.signatures),
    ]
    return "\n".join(lines)


def departures(reproduction: Reproduction) -> list[str]:
    """In what a reproduction differs from the paper."""
    recipe = reproduction.main.recipe
    found = list(reproduction.scale.departures)
    languages = reproduction.choices.languages
    if languages:
        found.insert(0, f"The languages are {', '.join(languages)}.")
    if reproduction.choices.data is not None:
        test = ", ".join(path.name for path in recipe.corpus.files("test"))
        found.insert(
            0, f"The corpus is not the paper's: {reproduction.choices.data.name} ({test})."
        )
    parts = {run.part for run in reproduction.runs}
    found += [text for part, text in DEPARTURES.items() if part in parts]
    if reproduction.choices.scale == "full" and reproduction.scale.model not in MODELS:
        beside = published_of(reproduction).title
        found.insert(
            0,
            f"The base model is {reproduction.model}. The paper has no table of it; the published "
            f"figures beside are of {beside}.",
        )
    return found


def as_json(reproduction: Reproduction, figures: Figures) -> str:
    """All figures, for scripts."""
    document: dict[str, Any] = {
        "table": reproduction.paper_table.name,
        "scale": reproduction.choices.scale,
        "model": reproduction.model,
        "seed": reproduction.choices.seed,
        "rows": [row_content(row) for row in figures.rows],
        "curve": [asdict(point) for point in figures.curve],
        "seconds": figures.seconds,
        "signatures": list(figures.signatures),
        "departures": departures(reproduction),
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def row_content(row: TableRow) -> dict[str, Any]:
    """A row as JSON can hold it."""
    settings = {"supervised": row.supervised, "zero_shot": row.zero_shot}
    return {"key": row.key, "run": row.run, "value": row.value} | {
        name: averages_content(average) for name, average in settings.items() if average is not None
    }


def averages_content(average: Averages) -> dict[str, Any]:
    """A setting as JSON can hold it."""
    names = ["off_target", "bleu", "chrf", *(["bleurt"] if average.bleurt is not None else [])]
    estimates = {name: estimate_of(average, name) for name in names}
    return {
        "segments": average.segments,
        "truncated": average.truncated,
        "reference_off_target_percent": average.floor,
        **{name: value and asdict(value) for name, value in estimates.items()},
        "directions": {
            str(direction): {
                name: value
                for name, value in cell._asdict().items()
                if name != "bleurt" or average.bleurt is not None
            }
            for direction, cell in average.cells.items()
        },
    }


def overview(figures: Figures, published: Published) -> list[str]:
    """The table as plain text, for a terminal or a log file."""
    header = ["", "zero-shot\nOTR %", "\npublished", "\nBLEU", "\npublished"]
    header += ["\nBLEURT"] * figures.has_bleurt
    rows = [
        [
            row.title,
            percent_of(estimate_of(row.zero_shot, "off_target")),
            format_number(published.value(row.key, "otr")),
            percent_of(estimate_of(row.zero_shot, "bleu")),
            format_number(published.value(row.key, "bleu")),
            *[percent_of(estimate_of(row.zero_shot, "bleurt"))] * figures.has_bleurt,
            percent_of(estimate_of(row.supervised, "bleu")),
        ]
        for row in table_rows(figures)
    ]
    return text_table([*header, "supervised\nBLEU"], rows)
