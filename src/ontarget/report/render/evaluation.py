"""What an evaluation of one hypotheses file found, as a line of JSON and as text to read."""

import json
from dataclasses import asdict
from typing import Any

from ontarget.analysis.evaluate import Evaluation
from ontarget.errors import visible
from ontarget.offtarget.ratio import OffTargetScore
from ontarget.report.render.tables import format_percent
from ontarget.scoring.resampling import SystemScore

METRIC_NAMES = {
    "bleu": "BLEU", "chrf": "chrF", "chrf++": "chrF++", "ter": "TER",
    "comet": "COMET", "metricx": "MetricX", "bleurt": "BLEURT",
}  # fmt: skip
DIGITS = {"comet": 4, "bleurt": 4}  # of metrics whose range is about one


def json_line(found: Evaluation) -> str:
    """One object; what cannot be known is null. The keys are those of the guide."""
    ratio: dict[str, Any] = asdict(found.off_target)
    rates = {name: ratio.pop(name) for name in ("lpr", "wpr")}
    scores = {name: asdict(score) for name, score in found.scores.items()}
    against = found.versus_first
    return json.dumps(
        {
            "file": found.file,
            "segments": found.segments,
            "off_target": ratio,
            **rates,
            "scores": scores,
            "versus_first": against and {name: asdict(each) for name, each in against.items()},
        }
    )


def text_lines(found: Evaluation) -> list[str]:
    """The same to read; the second line is the one to cite."""
    ratio = found.off_target
    verdicts = (
        f"{name.replace('_', ' ')} {count}" for name, count in ratio.verdicts.items() if count
    )
    languages = (f"{code} {count}" for code, count in ratio.languages.items())
    return [
        visible(found.file),
        f"  {ratio}",
        *([] if ratio.excess_percent is None else [f"  {format_excess(ratio)}"]),
        f"  verdicts: {', '.join(verdicts)}",
        f"  languages: {', '.join(languages)}",
        f"  line-level pass rate {format_percent(ratio.lpr)}, word-level {format_percent(ratio.wpr)}",
        *(score_table(found) if found.scores else []),
    ]


def format_excess(ratio: OffTargetScore) -> str:
    """The excess over the floor, in points."""
    return (
        f"above the floor: {ratio.excess_percent:.1f} points "
        f"[{ratio.excess_low:.1f}, {ratio.excess_high:.1f}]"
    )


def score_table(found: Evaluation) -> list[str]:
    """Scores with their intervals, and the tests against the first file."""
    intervals = {name: format_interval(name, score) for name, score in found.scores.items()}
    width = max(16, *map(len, intervals.values()))
    rows = [
        f"  {'':8}{'all':>7}  {'95 %':{width}}{'on-target only':>14}{'off-target as empty':>21}"
    ]
    if found.versus_first:
        rows[0] += "  against the first (p: bootstrap, randomisation)"
    for name, score in found.scores.items():
        digits = DIGITS.get(name, 2)
        only = "-" if score.on_target_only is None else f"{score.on_target_only:.{digits}f}"
        row = f"  {METRIC_NAMES[name]:8}{score.score:7.{digits}f}  {intervals[name]:{width}}{only:>14}"
        row += f"{score.off_target_as_empty:21.{digits}f}"
        if found.versus_first:
            each = found.versus_first[name]
            row += f"  {each.difference:+.{digits}f}"
            row += f" ({each.bootstrap_p:.4f}, {each.randomisation_p:.4f})"
        rows.append(row)
    return rows + [
        f"  {METRIC_NAMES[name]:8}{visible(score.signature)}"
        for name, score in found.scores.items()
    ]


def format_interval(name: str, score: SystemScore) -> str:
    """Its bounds, in as many digits as the score has."""
    digits = DIGITS.get(name, 2)
    return f"[{score.low:.{digits}f}, {score.high:.{digits}f}]"
