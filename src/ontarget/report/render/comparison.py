"""A comparison as Markdown, LaTeX or JSON. Text from run folders is hostile: all is escaped."""

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
ARGUMENT = re.compile(r"^(?=[\[*])")  # what a line end before it would take as its own
DASHES = re.compile("-(?=-)")


def markdown(found: Comparison) -> str:
    """One table and a list below it."""
    table = tables.markdown(TITLES, [*average_rows(found), *direction_rows(found)])
    return table + "\n" + "".join(f"- {tables.escape_markdown(note)}\n" for note in notes(found))


def latex(found: Comparison) -> str:
    """A tabular of the package booktabs, and what belongs below it in small print."""
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{l{'r' * (len(TITLES) - 1)}}}",
        "\\toprule",
        latex_row([escape_latex(title) for title in TITLES]),
        "\\midrule",
        *map(latex_row, map(latex_cells, average_rows(found))),
        "\\midrule",
        *map(latex_row, map(latex_cells, direction_rows(found))),
        "\\bottomrule",
        "\\end{tabular}",
        "",
        "{\\footnotesize\\raggedright",
        *(f"{escape_latex(note)}\\par" for note in notes(found)),
        "}",
    ]
    return "".join(f"{line}\n" for line in lines)


def latex_cells(cells: Sequence[str]) -> list[str]:
    """The first is a text; the others are our own numbers, whose minus is one."""
    return [escape_latex(cells[0]), *(cell.replace("-", "$-$") for cell in cells[1:])]


def latex_row(cells: Sequence[str]) -> str:
    """A row of a tabular."""
    return f"{' & '.join(cells)} \\\\"


def escape_latex(text: str) -> str:
    """A text that stands for itself, in one line: no command, no dash, no argument."""
    line = "".join(LATEX.get(each, each) for each in " ".join(text.split()))
    return ARGUMENT.sub("{}", DASHES.sub("-{}", line))


def json_text(found: Comparison) -> str:
    """One object; the keys are those of the guide."""
    content = {
        "a": {"run": found.a.run, "system": found.a.name},
        "b": {"run": found.b.run, "system": found.b.name},
        "averages": [
            {
                "setting": systems.SETTINGS[each.supervised],
                "directions": each.b.directions,
                **{
                    name: json_measure(each.a, each.b, name)
                    for name in ("reference_off_target", *MEASURES)
                },
            }
            for each in found.means
        ],
        "directions": list(map(json_direction, found.rows)),
        "only_in": {
            letter.lower(): list(map(str, alone)) for letter, alone in found.only_in.items()
        },
        "signatures": found.signatures,
    }
    return json.dumps(content)


def json_direction(row: DirectionComparison) -> dict[str, Any]:
    """One direction; what was not tested is null."""
    measures: dict[str, dict[str, Any]] = {}
    for name in MEASURES:
        chance = row.chance.get(name)
        measures[name] = {
            **json_measure(row.a, row.b, name),
            "randomisation_p": chance and chance.randomisation_p,
            "bootstrap_p": chance and chance.bootstrap_p,
            "significant": chance and chance.is_excluded,
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
    """A measure of both, to a thousandth as in scores.jsonl."""
    values = {
        "a": value_of(a, measure),
        "b": value_of(b, measure),
        "difference": difference_of(a, b, measure),
    }
    return {name: None if x is None else round(x, 3) for name, x in values.items()}


def value_of(score: Score | Average, measure: str) -> float | None:
    """One of `MEASURES`, or the references' own ratio; None where nothing could be judged."""
    found: float | None = getattr(
        score, f"{measure}_percent" if "off_target" in measure else measure
    )
    return found


def difference_of(a: Score | Average, b: Score | Average, measure: str) -> float | None:
    """The second's measure less the first's, where both are known."""
    one, other = value_of(a, measure), value_of(b, measure)
    return None if one is None or other is None else other - one


def average_rows(found: Comparison) -> list[list[str]]:
    """A row a setting."""
    return [
        [f"{systems.SETTINGS[each.supervised]}, mean of {each.b.directions}", ""]
        + measure_cells(each.a, each.b, {}, ("", ""))
        for each in found.means
    ]


def direction_rows(found: Comparison) -> list[list[str]]:
    """A row a direction."""
    return [
        [
            errors.visible(str(row.direction)),
            once_if_equal(str(row.a.segments), str(row.b.segments)),
        ]
        + measure_cells(
            row.a, row.b, row.chance, (tables.format_interval(row.a), tables.format_interval(row.b))
        )
        for row in found.rows
    ]


def measure_cells(
    a: Score | Average,
    b: Score | Average,
    chance: dict[str, Significance],
    intervals: tuple[str, str],
) -> list[str]:
    """The cells of a row from the references' ratio on."""
    floors = (tables.format_number(each.reference_off_target_percent) for each in (a, b))
    cells = [once_if_equal(*floors)]
    for measure in MEASURES:
        beside = intervals if measure == "off_target" else ("", "")
        cells += [
            tables.format_number(value_of(each, measure)) + of_it
            for each, of_it in zip((a, b), beside, strict=True)
        ]
        excluded = measure in chance and chance[measure].is_excluded
        cells.append(format_difference(difference_of(a, b, measure)) + "*" * excluded)
    return cells


def once_if_equal(a: str, b: str) -> str:
    """What is alike in both stands once."""
    return a if a == b else f"{a} / {b}"


def format_difference(difference: float | None) -> str:
    """With its sign, unless it rounds to nothing; a dash where it is not known."""
    if difference is None:
        return "-"
    text = f"{difference:+.1f}"
    return text if float(text) else "0.0"


def notes(found: Comparison) -> list[str]:
    """What a reader needs to know of the numbers, signatures last."""
    lines = [f"{letter}: {describe_system(x)}" for letter, x in (("A", found.a), ("B", found.b))]
    lines += [
        "OTR: off-target ratio, with Wilson's interval; means are over directions, unweighted",
        f"*: p < {LEVEL:g} (off-target: sign test; BLEU, chrF: approximate randomisation), not "
        "corrected for the number of tests",
    ]
    lines += partial_overlap_notes(found.rows)
    for row in found.rows:
        if row.a.supervised != row.b.supervised:
            settings = [systems.SETTINGS[score.supervised] for score in (row.a, row.b)]
            lines.append(
                f"{row.direction}: {settings[0]} in A, {settings[1]} in B; counted as in B"
            )
    unknown = [
        row.direction for row in found.rows if difference_of(row.a, row.b, "off_target") is None
    ]
    if unknown:
        lines.append(f"no ratio, left out of its means: {', '.join(map(str, unknown))}")
    for letter, alone in found.only_in.items():
        if alone:
            lines.append(f"in {letter} alone, left out: {', '.join(map(str, alone))}")
    lines += [f"{name}: {text}" for name, texts in found.signatures.items() for text in texts]
    return list(map(errors.visible, lines))


def partial_overlap_notes(rows: Sequence[DirectionComparison]) -> list[str]:
    """Where the systems were not tested on all that they were scored on."""
    by_number: dict[int, list[str]] = {}
    for row in rows:
        if not row.shared == row.a.segments == row.b.segments:
            by_number.setdefault(row.shared, []).append(str(row.direction))
    return [
        f"test segments that both have: {shared or 'none'} in {', '.join(directions)}; "
        + ("tested on these alone" if shared else "not tested")
        for shared, directions in by_number.items()
    ]


def describe_system(system: SystemResults) -> str:
    """A system and its run."""
    return f"{systems.NAMES.get(system.name, system.name)}, {system.run}"
