"""The evaluation of one hypothesis file as a line of JSON and as text."""

import json
from dataclasses import asdict
from typing import Any

from ontarget.analysis.evaluate_files import Evaluation, OffTargetDifference
from ontarget.errors import visible
from ontarget.offtarget.rates.lines import WORDS
from ontarget.offtarget.ratio import OffTargetScore
from ontarget.report.render.formatting import MISSING, WIDTH, text_table
from ontarget.scoring.resampling import SystemScore

METRIC_NAMES = {
    "bleu": "BLEU", "chrf": "chrF", "chrf++": "chrF++", "ter": "TER",
    "comet": "COMET", "metricx": "MetricX", "bleurt": "BLEURT",
}  # fmt: skip
DECIMALS = {"comet": 4, "bleurt": 4}  # metrics with a range of about one; all others have two
HEADER = ["", "all", "95 %", "on-target\nonly", "off-target\nas empty"]
HEADER_VERSUS = ["versus\nfirst", "p: boot-\nstrap", "random-\nisation"]


def json_line(evaluation: Evaluation) -> str:
    """One object; missing values are null. The guide documents the keys."""
    ratio: dict[str, Any] = asdict(evaluation.off_target)
    rates = {name: ratio.pop(name) for name in ("line_percent", "word_percent")}
    scores = {name: asdict(score) for name, score in evaluation.scores.items()}
    versus, off_target_versus = evaluation.versus_first, evaluation.off_target_versus_first
    return json.dumps(
        {
            "file": evaluation.file,
            "segments": evaluation.segments,
            "off_target": ratio,
            **rates,
            "scores": scores,
            "versus_first": versus
            and {name: asdict(difference) for name, difference in versus.items()},
            "off_target_versus_first": off_target_versus and asdict(off_target_versus),
        }
    )


def text_lines(evaluation: Evaluation, width: int = WIDTH) -> list[str]:
    """The evaluation as text; the second line is the result to cite."""
    ratio = evaluation.off_target
    verdicts = (
        f"{name.replace('_', ' ')} {count}" for name, count in ratio.verdicts.items() if count
    )
    languages = (f"{code} {count}" for code, count in ratio.languages.items())
    inside = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in ratio.inside.items())
    versus = evaluation.off_target_versus_first
    return [
        visible(evaluation.file),
        *(f"  {line}" for line in citation(ratio)),
        *([] if ratio.warning is None else [f"  warning: {ratio.warning}"]),
        *([] if versus is None else [f"  {format_off_target_difference(versus)}"]),
        f"  verdicts: {', '.join(verdicts)}",
        f"  languages: {', '.join(languages)}",
        *([f"  inside segments: {inside}"] if inside else []),
        *(f"  {line}" for line in line_rates(ratio)),
        *(score_table(evaluation, width) if evaluation.scores else []),
        *(
            f"{METRIC_NAMES[name]}: {visible(score.signature)}"
            for name, score in evaluation.scores.items()
        ),
    ]


def line_rates(ratio: OffTargetScore) -> list[str]:
    """The rates of the Language Confusion Benchmark, where they are known."""
    if ratio.line_percent is None:
        return []
    lines = [
        f"lines of {WORDS} words or more: in {ratio.line_percent:.1f} % of responses all in the "
        "target language"
    ]
    if ratio.word_percent is not None:
        lines.append(f"of these responses, {ratio.word_percent:.1f} % have no English word")
    return lines


def citation(ratio: OffTargetScore) -> list[str]:
    """The result to cite in lines: the excess, then the ratio and its correction, the signature."""
    *results, signature = str(ratio).split(" | ")
    excess = results[:1] if ratio.excess_percent is not None else []
    return [*excess, ", ".join(results[len(excess) :]), signature]


def format_off_target_difference(versus: OffTargetDifference) -> str:
    """The segments that are off-target in one of two files only, and the sign test's p value."""
    return (
        f"off-target in this file only: {versus.only_this}, in the first only: "
        f"{versus.only_first} (sign test: p = {versus.p:.4f})"
    )


def score_table(evaluation: Evaluation, width: int) -> list[str]:
    """Scores with intervals, and the p values of the difference from the first file."""
    header = HEADER + HEADER_VERSUS * bool(evaluation.versus_first)
    rows = []
    for name, score in evaluation.scores.items():
        row = [METRIC_NAMES[name], format_score(name, score.score), format_interval(name, score)]
        row += [format_score(name, score.on_target_only)]
        row += [format_score(name, score.off_target_as_empty)]
        if evaluation.versus_first:
            versus = evaluation.versus_first[name]
            row += [f"{versus.difference:+.{DECIMALS.get(name, 2)}f}"]
            row += [f"{versus.bootstrap_p:.4f}", f"{versus.randomisation_p:.4f}"]
        rows.append(row)
    return text_table(header, rows, width=width)


def format_score(metric: str, value: float | None) -> str:
    """A score with the metric's number of decimals, or a dash."""
    return MISSING if value is None else f"{value:.{DECIMALS.get(metric, 2)}f}"


def format_interval(metric: str, score: SystemScore) -> str:
    """The bounds of a score in brackets."""
    return f"[{format_score(metric, score.low)}, {format_score(metric, score.high)}]"
