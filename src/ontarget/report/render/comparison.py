"""A comparison as Markdown, LaTeX or JSON. Text from run folders is untrusted: all is escaped."""

import json
import re
from collections.abc import Sequence
from typing import Any

from ontarget import errors, systems
from ontarget.analysis.compare import (
    LEVEL,
    MEASURES,
    Comparison,
    DirectionComparison,
    Significance,
    SystemResults,
)
from ontarget.records import Score
from ontarget.report.render import tables
from ontarget.report.render.formatting import (
    escape_markdown,
    format_difference,
    format_number,
    markdown_table,
)
from ontarget.scoring.averages import Average

TITLES = [
    "", "n", "references OTR %", "A OTR % [95 %]", "B OTR % [95 %]", "B - A", "A BLEU", "B BLEU",
    "B - A", "A chrF", "B chrF", "B - A",
]  # fmt: skip
LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar\allowbreak{}",
    '"': r"\char34{}", "`": r"\char96{}",
}  # fmt: skip
ARGUMENT = re.compile(r"^(?=[\[*])")  # would be an argument of the line break before it
DASHES = re.compile("-(?=-)")


def markdown(comparison: Comparison) -> str:
    """A table followed by a list of notes."""
    table = markdown_table(TITLES, [*average_rows(comparison), *direction_rows(comparison)])
    return table + "\n" + "".join(f"- {escape_markdown(note)}\n" for note in notes(comparison))


def latex(comparison: Comparison) -> str:
    """A tabular with rules of the booktabs package, followed by the notes in small print."""
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{l{'r' * (len(TITLES) - 1)}}}",
        "\\toprule",
        latex_row([escape_latex(title) for title in TITLES]),
        "\\midrule",
        *map(latex_row, map(latex_cells, average_rows(comparison))),
        "\\midrule",
        *map(latex_row, map(latex_cells, direction_rows(comparison))),
        "\\bottomrule",
        "\\end{tabular}",
        "",
        "{\\footnotesize\\raggedright",
        *(f"{escape_latex(note)}\\par" for note in notes(comparison)),
        "}",
    ]
    return "".join(f"{line}\n" for line in lines)


def latex_cells(cells: Sequence[str]) -> list[str]:
    """A row's cells: a text, then numbers, whose hyphens become minus signs."""
    return [escape_latex(cells[0]), *(cell.replace("-", "$-$") for cell in cells[1:])]


def latex_row(cells: Sequence[str]) -> str:
    """A row of a tabular."""
    return f"{' & '.join(cells)} \\\\"


def escape_latex(text: str) -> str:
    """A text as one literal line: no commands, no dashes from hyphens, no arguments."""
    line = "".join(LATEX.get(character, character) for character in " ".join(text.split()))
    return ARGUMENT.sub("{}", DASHES.sub("-{}", line))


def json_text(comparison: Comparison) -> str:
    """One object; the guide documents the keys."""
    only_in = comparison.only_in.items()
    content = {
        "a": {"run": comparison.a.run, "system": comparison.a.name},
        "b": {"run": comparison.b.run, "system": comparison.b.name},
        "averages": [
            {
                "setting": systems.SETTINGS[pair.supervised],
                "directions": pair.b.directions,
                **{
                    name: json_measure(pair.a, pair.b, name)
                    for name in ("reference_off_target", *MEASURES)
                },
            }
            for pair in comparison.averages
        ],
        "directions": list(map(json_direction, comparison.directions)),
        "only_in": {letter.lower(): list(map(str, directions)) for letter, directions in only_in},
        "signatures": comparison.signatures,
    }
    return json.dumps(content)


def json_direction(row: DirectionComparison) -> dict[str, Any]:
    """One direction; p values are null where there was no test."""
    measures: dict[str, dict[str, Any]] = {}
    for name in MEASURES:
        significance = row.significance.get(name)
        measures[name] = {
            **json_measure(row.a, row.b, name),
            "randomisation_p": significance and significance.randomisation_p,
            "bootstrap_p": significance and significance.bootstrap_p,
            "significant": significance and significance.is_significant,
        }
    for letter, score in (("a", row.a), ("b", row.b)):
        bounds = score.off_target_interval
        measures["off_target"][f"{letter}_interval"] = bounds and list(bounds)
    return {
        "direction": str(row.direction),
        "setting": systems.SETTINGS[row.b.supervised],
        "segments": {"a": row.a.segments, "b": row.b.segments, "shared": row.shared},
        "reference_off_target": json_measure(row.a, row.b, "reference_off_target"),
        **measures,
    }


def json_measure(a: Score | Average, b: Score | Average, measure: str) -> dict[str, float | None]:
    """A measure of both systems, with three decimals as in scores.jsonl."""
    values = {
        "a": value_of(a, measure),
        "b": value_of(b, measure),
        "difference": difference_of(a, b, measure),
    }
    return {name: None if x is None else round(x, 3) for name, x in values.items()}


def value_of(score: Score | Average, measure: str) -> float | None:
    """One of `MEASURES` or `reference_off_target`; None if no segment could be judged."""
    name = f"{measure}_percent" if "off_target" in measure else measure
    value: float | None = getattr(score, name)
    return value


def difference_of(a: Score | Average, b: Score | Average, measure: str) -> float | None:
    """The measure of `b` minus that of `a`; None if one is missing."""
    one, other = value_of(a, measure), value_of(b, measure)
    return None if one is None or other is None else other - one


def average_rows(comparison: Comparison) -> list[list[str]]:
    """One row per setting."""
    return [
        [
            f"{systems.SETTINGS[pair.supervised]}, mean of {pair.b.directions}",
            "",
            *measure_cells(pair.a, pair.b, significance={}, intervals=("", "")),
        ]
        for pair in comparison.averages
    ]


def direction_rows(comparison: Comparison) -> list[list[str]]:
    """One row per direction."""
    return [
        [
            errors.visible(str(row.direction)),
            once_if_equal(str(row.a.segments), str(row.b.segments)),
            *measure_cells(
                row.a,
                row.b,
                significance=row.significance,
                intervals=(tables.format_interval(row.a), tables.format_interval(row.b)),
            ),
        ]
        for row in comparison.directions
    ]


def measure_cells(
    a: Score | Average,
    b: Score | Average,
    *,
    significance: dict[str, Significance],
    intervals: tuple[str, str],
) -> list[str]:
    """The cells of a row from the reference ratio on; significant differences have an asterisk."""
    references = (format_number(score.reference_off_target_percent) for score in (a, b))
    cells = [once_if_equal(*references)]
    for measure in MEASURES:
        suffixes = intervals if measure == "off_target" else ("", "")
        cells += [
            format_number(value_of(score, measure)) + suffix
            for score, suffix in zip((a, b), suffixes, strict=True)
        ]
        is_significant = measure in significance and significance[measure].is_significant
        cells.append(format_difference(difference_of(a, b, measure)) + "*" * is_significant)
    return cells


def once_if_equal(a: str, b: str) -> str:
    """Both texts, or one if they are equal."""
    return a if a == b else f"{a} / {b}"


def notes(comparison: Comparison) -> list[str]:
    """What readers need to know about the numbers; signatures last."""
    a, b, rows = comparison.a, comparison.b, comparison.directions
    lines = [
        f"A: {describe_system(a)}",
        f"B: {describe_system(b)}",
        "OTR: off-target ratio, with Wilson's interval; means are over directions, unweighted",
        f"*: p < {LEVEL:g} (off-target: sign test; BLEU, chrF: approximate randomisation), not "
        "corrected for the number of tests",
        *partial_overlap_notes(rows),
    ]
    for row in rows:
        if row.a.supervised != row.b.supervised:
            settings = [systems.SETTINGS[score.supervised] for score in (row.a, row.b)]
            lines.append(
                f"{row.direction}: {settings[0]} in A, {settings[1]} in B; counted as in B"
            )
    unjudged = [
        str(row.direction) for row in rows if difference_of(row.a, row.b, "off_target") is None
    ]
    if unjudged:
        lines.append(f"no off-target ratio, left out of that average: {', '.join(unjudged)}")
    for letter, directions in comparison.only_in.items():
        if directions:
            lines.append(f"only in {letter}, left out: {', '.join(map(str, directions))}")
    lines += [f"{name}: {text}" for name, texts in comparison.signatures.items() for text in texts]
    return list(map(errors.visible, lines))


def partial_overlap_notes(rows: Sequence[DirectionComparison]) -> list[str]:
    """Notes about directions in which the systems do not share all their segments."""
    by_number: dict[int, list[str]] = {}
    for row in rows:
        if not row.shared == row.a.segments == row.b.segments:
            by_number.setdefault(row.shared, []).append(str(row.direction))
    return [
        f"test segments in both systems: {shared or 'none'} in {', '.join(directions)}; "
        + ("only these were tested" if shared else "not tested")
        for shared, directions in by_number.items()
    ]


def describe_system(system: SystemResults) -> str:
    """A system and its run."""
    return f"{systems.title_of(system.name)}, {system.run}"
