"""Scores as rows of a table like the paper's: one row a system, averages of each setting."""

import re
from collections.abc import Sequence

from ontarget.records import Score
from ontarget.scoring.averages import averages, mean_of_known, settings
from ontarget.systems import NAMES, SETTINGS

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def unjudged_note(scores: Sequence[Score]) -> list[str]:
    """One sentence where averages leave out directions, or none."""
    found = [
        f"{each.directions - each.judged} of {each.directions} of "
        f"{NAMES.get(each.system, each.system)}, {SETTINGS[each.supervised]}"
        for each in averages(scores)
        if each.judged < each.directions
    ]
    if not found:
        return []
    return [
        "Off-target ratios leave out directions in which no segment could be judged: "
        f"{'; '.join(found)}."
    ]


def format_number(value: float | None) -> str:
    """A percent or a score to a tenth, a dash for what is not known."""
    return "-" if value is None else f"{value:.1f}"


def format_percent(value: float | None) -> str:
    """The same with its sign."""
    return "-" if value is None else f"{value:.1f} %"


def header(scores: Sequence[Score]) -> list[str]:
    """Column titles of `overview`."""
    columns = [""]
    for supervised in settings(scores):
        columns += [f"{SETTINGS[supervised]} {what}" for what in ("OTR %", "BLEU", "chrF")]
    return columns


def overview(scores: Sequence[Score]) -> list[list[str]]:
    """One row a system and a last one for the references; a cell without scores is a dash."""
    means = {(each.system, each.supervised): each for each in averages(scores)}
    rows = []
    for system in dict.fromkeys(score.system for score in scores):
        row = [NAMES.get(system, system)]
        for supervised in settings(scores):
            found = means.get((system, supervised))
            values = (found.off_target_percent, found.bleu, found.chrf) if found else ()
            row += [format_number(value) for value in values] or ["-", "-", "-"]
        rows.append(row)
    return [*rows, reference_row(scores)]


def reference_row(scores: Sequence[Score]) -> list[str]:
    """The references' own row: what the metric calls wrong in perfect translations."""
    row = ["references"]
    for supervised in settings(scores):
        percent = {
            (each.source, each.target): each.reference_off_target_percent
            for each in scores
            if each.supervised == supervised
        }
        row += [format_number(mean_of_known(percent.values())), "", ""]
    return row


def by_direction(scores: Sequence[Score]) -> list[list[str]]:
    """One row a system and direction, with interval and floor."""
    return [
        [
            NAMES.get(each.system, each.system),
            f"{each.source}-{each.target}",
            SETTINGS[each.supervised],
            str(each.segments),
            format_number(each.off_target_percent) + format_interval(each),
            format_number(each.reference_off_target_percent),
            f"{each.bleu:.1f}",
            f"{each.chrf:.1f}",
        ]
        for each in scores
    ]


def format_interval(score: Score) -> str:
    """Of the off-target ratio, in brackets; nothing where there is none."""
    bounds = score.off_target_interval
    return f" [{bounds[0]:.1f}, {bounds[1]:.1f}]" if bounds else ""


BY_DIRECTION = ["", "direction", "", "n", "OTR % [95 %]", "references %", "BLEU", "chrF"]


def overview_text(scores: Sequence[Score]) -> str:
    """`overview` for a terminal of 80 columns."""
    width = max(len(name) for name in [*NAMES.values(), "references"]) + 1
    shown = settings(scores)
    groups = "".join(f"{SETTINGS[each]:>22}" for each in shown)
    titles = f"{'OTR %':>10}{'BLEU':>6}{'chrF':>6}" * len(shown)
    lines = [" " * width + groups, " " * width + titles]
    for name, *cells in overview(scores):
        padded = (f"{cell:>{6 if at % 3 else 10}}" for at, cell in enumerate(cells))
        lines.append(f"{name:<{width}}{''.join(padded)}")
    return "\n".join(line.rstrip() for line in lines)


def markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left, all others to the right."""
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], *rows]
    return "".join(f"| {' | '.join(map(escape_markdown, line))} |\n" for line in lines)


def escape_markdown(cell: str) -> str:
    """A cell that can break neither table nor page, and steers no terminal."""
    for character in "\\|`*_<>[]#&":
        cell = cell.replace(character, f"\\{character}") if character in cell else cell
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], " ".join(cell.split()))
