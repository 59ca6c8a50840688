"""A calibration as Markdown or JSON. Detector names come from the user: everything is escaped."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ontarget.offtarget.calibration.counts import (
    BANDS,
    EDGES,
    MAX_ERROR_PERCENT,
    Calibration,
    VerdictCounts,
)
from ontarget.report.render.formatting import MISSING, escape_markdown, markdown_table
from ontarget.stats import Proportion

EXPLANATION = f"""\
- Lengths are in letters; an ideograph, a kana or a Hangul syllable counts as 3.
- Cells: percentage of the references called on-target, ideally 100 (Wilson's 95 % interval) /
  percentage called off-target / number of texts. The rest up to 100 is undecided.
- Floor: percentage of the references called off-target. Missed: percentage of the texts in another
  language that are called on-target when this language is requested, for the language missed most
  often. Both are over all lengths and exclude undecided texts.
- Top label: percentage of the references whose most probable language is the right one, whatever
  the decision rule; with two detectors, for the first.
- Trusted from: the length from which the verdicts off-target / on-target can be trusted. In each
  length band from there on, errors are at most {MAX_ERROR_PERCENT:g} %, and over all these bands
  together, so is the upper bound of their interval. Errors are the floor for off-target, and the
  missed texts of each other language for on-target. A dash means that these texts do not show it:
  there are too many errors, or too few texts."""
SWAPPED = 50  # percent of references called off-target that suggests swapped files
TRUSTED = "Trusted from: off-target / on-target"
WORST = 3  # target languages listed per language of the text
Calibrations = Mapping[str, tuple[str, Calibration]]  # detector -> (signature, counts)


def markdown(calibrations: Calibrations, languages: Sequence[str]) -> str:
    """An explanation, the lengths from which verdicts can be trusted, and tables per detector."""
    parts = [EXPLANATION, f"## {TRUSTED}", trusted_table(calibrations, languages)]
    for name, (signature, calibration) in calibrations.items():
        parts += [f"## {escape_markdown(name)}", escape_markdown(signature)]
        parts += [length_table(calibration, languages), missed_table(calibration, languages)]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def trusted_table(calibrations: Calibrations, languages: Sequence[str]) -> str:
    """The lengths from which verdicts can be trusted: one row a language, one column a detector."""
    rows = [
        [code, *(format_trusted(calibration, code) for _, calibration in calibrations.values())]
        for code in languages
    ]
    return markdown_table(["language", *calibrations], rows)


def length_table(calibration: Calibration, languages: Sequence[str]) -> str:
    """One row a language: a cell for each length band, then the values over all lengths."""
    header = ["language", *map(format_band, BANDS)]
    header += ["floor %", "missed %", "top label %", "trusted from"]
    rows = [
        [
            code,
            *(format_counts(calibration.references(code, [band])) for band in BANDS),
            format_proportion(calibration.references(code).floor),
            format_worst(calibration.pairs(target=code)),
            format_proportion(calibration.top_label(code)),
            format_trusted(calibration, code),
        ]
        for code in languages
    ]
    return markdown_table(header, rows)


def missed_table(calibration: Calibration, languages: Sequence[str]) -> str:
    """For each language, the target languages it is most often accepted as; "" without any."""
    worst = {}
    for code in languages:
        pairs = calibration.pairs(language=code).items()
        worst[code] = [(target, counts) for target, counts in pairs if counts.judged][:WORST]
    width = max(map(len, worst.values()), default=0)
    if not width:
        return ""
    rows = [
        [
            code,
            *(
                f"{target} {format_proportion(counts.missed)} / {counts.judged}"
                for target, counts in pairs
            ),
            *[MISSING] * (width - len(pairs)),
        ]
        for code, pairs in worst.items()
    ]
    return markdown_table(
        ["text in", "is missed most often, in %, when requested", *[""] * (width - 1)], rows
    )


def reference_warnings(
    calibrations: Calibrations, languages: Sequence[str], blank: int
) -> list[str]:
    """Warnings about the references: `blank` lines, and files that look swapped."""
    warnings = [f"lines without text, left out: {blank:,}"] if blank else []
    for code in languages:
        counts = [calibration for _, calibration in calibrations.values()]
        floors = [calibration.references(code).floor.percent for calibration in counts]
        if all(floor is not None and floor > SWAPPED for floor in floors):
            most = next((calibration.detected_most(code) for calibration in counts), "")
            warnings.append(
                f"more than half of the references in {code} are called off-target by every "
                f"detector, most of them {most or 'mixed'}; are files swapped?"
            )
    return warnings


def format_counts(counts: VerdictCounts) -> str:
    """`99.1 (98.4-99.5) / 0.4 / 1234`: on-target, off-target, texts."""
    if not counts.texts:
        return MISSING
    on_target = format_proportion(Proportion(counts.on_target, counts.texts))
    off_target = Proportion(counts.off_target, counts.texts).percent
    return f"{on_target} / {off_target:.1f} / {counts.texts}"


def format_proportion(proportion: Proportion) -> str:
    """`99.1 (98.4-99.5)`: percent with its interval, or a dash."""
    if proportion.interval is None:
        return MISSING
    low, high = proportion.interval
    return f"{proportion.percent:.1f} ({low:.1f}-{high:.1f})"


def format_band(band: int) -> str:
    """`10-14`, or `160+` for the last length band."""
    if band + 1 == len(EDGES):
        return f"{EDGES[band]}+"
    return f"{EDGES[band]}-{EDGES[band + 1] - 1}"


def format_worst(pairs: Mapping[str, VerdictCounts]) -> str:
    """The first pair, which is missed most often."""
    worst = (f"{code} {format_proportion(counts.missed)}" for code, counts in pairs.items())
    return next(worst, MISSING)


def format_trusted(calibration: Calibration, code: str) -> str:
    """`20 / 40`: letters from which off-target and on-target can be trusted."""
    lengths = calibration.off_trusted_from(code), calibration.on_trusted_from(code)
    return " / ".join(MISSING if length is None else str(length) for length in lengths)


def json_text(calibrations: Calibrations, languages: Sequence[str]) -> str:
    """One object; lengths in letters, percentages 0-100, missing values null."""
    return json.dumps(
        {
            "most_percent": MAX_ERROR_PERCENT,
            "detectors": [
                {
                    "detector": name,
                    "signature": signature,
                    "languages": [json_language(calibration, code) for code in languages],
                }
                for name, (signature, calibration) in calibrations.items()
            ],
        }
    )


def json_language(calibration: Calibration, code: str) -> dict[str, Any]:
    """All results for one language."""
    return {
        "language": code,
        "off_target_trusted_from": calibration.off_trusted_from(code),
        "on_target_trusted_from": calibration.on_trusted_from(code),
        **json_bands(calibration, code, list(BANDS)),
        "bands": [
            {
                "from": EDGES[band],
                "below": EDGES[band + 1] if band + 1 < len(EDGES) else None,
                **json_bands(calibration, code, [band]),
            }
            for band in BANDS
        ],
        "asked_for": {
            target: {"texts": counts.texts, "missed": json_proportion(counts.missed)}
            for target, counts in calibration.pairs(language=code).items()
        },
    }


def json_bands(calibration: Calibration, code: str, bands: Sequence[int]) -> dict[str, Any]:
    """Results over some length bands together."""
    counts = calibration.references(code, bands)
    return {
        "texts": counts.texts,
        "right": json_proportion(Proportion(counts.on_target, counts.texts)),
        "undecided": json_proportion(Proportion(counts.undecided, counts.texts)),
        "off_target": json_proportion(Proportion(counts.off_target, counts.texts)),
        "floor": json_proportion(counts.floor),
        "top_label": json_proportion(calibration.top_label(code, bands)),
    }


def json_proportion(proportion: Proportion) -> dict[str, Any]:
    """A proportion in percent, with its interval and counts."""
    low, high = proportion.interval or (None, None)
    return {
        "percent": proportion.percent,
        "low": low,
        "high": high,
        "count": proportion.count,
        "of": proportion.total,
    }
