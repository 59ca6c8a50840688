"""Scores of a run as tables: one row per system as in the paper, or one per direction."""

from collections.abc import Sequence

from ontarget.records import Score
from ontarget.report.render import formatting
from ontarget.report.render.formatting import MISSING, format_number
from ontarget.scoring.averages import averages, mean_of_known, settings
from ontarget.systems import SETTINGS, title_of

METRICS = ("OTR %", "BLEU", "chrF")  # OTR: off-target ratio
DIRECTION_HEADER = ["", "direction", "", "n", "OTR % [95 %]", "references %", "BLEU", "chrF"]


def unjudged_note(scores: Sequence[Score]) -> list[str]:
    """One sentence about directions without an off-target ratio; empty if there are none."""
    incomplete = [
        f"{mean.directions - mean.judged} of {mean.directions} of "
        f"{title_of(mean.system)}, {SETTINGS[mean.supervised]}"
        for mean in averages(scores)
        if mean.judged < mean.directions
    ]
    if not incomplete:
        return []
    return [
        "Off-target ratios leave out directions in which no segment could be judged: "
        f"{'; '.join(incomplete)}."
    ]


def truncation_note(scores: Sequence[Score]) -> list[str]:
    """One sentence about translations that were cut; empty if there are none."""
    cut = []
    for mean in averages(scores):
        group = [s for s in scores if (s.system, s.supervised) == (mean.system, mean.supervised)]
        if count := sum(score.truncated for score in group):
            place = f"{title_of(mean.system)}, {SETTINGS[mean.supervised]}"
            cut.append(f"{count} of {sum(score.segments for score in group)} of {place}")
    return [f"Translations that were cut at max_new_tokens: {'; '.join(cut)}."] if cut else []


def notes(scores: Sequence[Score]) -> list[str]:
    """Sentences that qualify the tables; empty if there is nothing to say."""
    return [*unjudged_note(scores), *truncation_note(scores)]


def overview_header(scores: Sequence[Score]) -> list[str]:
    """Column titles of `overview_rows`."""
    return [
        "",
        *(f"{SETTINGS[setting]} {metric}" for setting in settings(scores) for metric in METRICS),
    ]


def overview_rows(scores: Sequence[Score]) -> list[list[str]]:
    """Averages of each system by setting, and a last row with the ratios of the references."""
    means = {(mean.system, mean.supervised): mean for mean in averages(scores)}
    rows = []
    for system in dict.fromkeys(score.system for score in scores):
        row = [title_of(system)]
        for supervised in settings(scores):
            mean = means.get((system, supervised))
            values = (mean.off_target_percent, mean.bleu, mean.chrf) if mean else ()
            row += [format_number(value) for value in values] or [MISSING] * len(METRICS)
        rows.append(row)
    return [*rows, reference_row(scores)]


def reference_row(scores: Sequence[Score]) -> list[str]:
    """Off-target ratios of the reference translations: the error of the metric itself.

    Every direction counts once, whichever systems were evaluated in it.
    """
    row = ["references"]
    for supervised in settings(scores):
        by_direction = {
            (score.source, score.target): score.reference_off_target_percent
            for score in scores
            if score.supervised == supervised
        }
        row += [format_number(mean_of_known(by_direction.values())), "", ""]
    return row


def direction_rows(scores: Sequence[Score]) -> list[list[str]]:
    """Rows for `DIRECTION_HEADER`: each score with its interval and reference ratio."""
    return [
        [
            title_of(score.system),
            f"{score.source}-{score.target}",
            SETTINGS[score.supervised],
            str(score.segments),
            format_number(score.off_target_percent) + format_interval(score),
            format_number(score.reference_off_target_percent),
            f"{score.bleu:.1f}",
            f"{score.chrf:.1f}",
        ]
        for score in scores
    ]


def format_interval(score: Score) -> str:
    """The interval of the off-target ratio in brackets, or nothing."""
    bounds = score.off_target_interval
    return f" [{bounds[0]:.1f}, {bounds[1]:.1f}]" if bounds else ""


def overview_text(scores: Sequence[Score], width: int = formatting.WIDTH) -> str:
    """`overview_rows` as plain text, for a terminal or a log file."""
    header = [""]
    for supervised in settings(scores):
        first, *others = METRICS
        header += [f"{SETTINGS[supervised]}\n{first}", *(f"\n{metric}" for metric in others)]
    return "\n".join(formatting.text_table(header, overview_rows(scores), width=width))
