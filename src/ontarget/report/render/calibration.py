"""A calibration as Markdown or JSON. Names of detectors are the user's: all is escaped."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ontarget.offtarget.calibration import (
    BANDS,
    EDGES,
    MAX_ERROR_PERCENT,
    Calibration,
    VerdictCounts,
)
from ontarget.report.render import tables
from ontarget.stats import Proportion

HOW_TO_READ = f"""\
- Lengths are letters; an ideograph, a kana or a Hangul syllable counts 3.
- A cell: percent of the references called on-target, as all should be (95 % interval, Wilson) /
  percent called off-target / number of texts. What is missing to 100 is undecided.
- Floor: percent of the references called off-target. Missed: percent of the texts in another
  language called on-target where this one is asked for; of the language that passes most often.
  Both over all lengths, without undecided texts.
- Top label: percent of the references whose likeliest language is theirs, whatever the rule; of two
  detectors the first.
- Trusted from: letters from which on the verdict off-target / on-target can be trusted: floor, or
  missed in each other language, is at most {MAX_ERROR_PERCENT:g} % in each band from there on, and at most that
  by the interval's upper bound in all of these together. A dash: these texts do not show it, for
  errors or for their number."""
SWAPPED = 50  # percent off-target
TRUSTED = "Trusted from: off-target / on-target"
WORST = 3  # targets shown of each language
Calibrations = Mapping[str, tuple[str, Calibration]]  # detector -> its signature, its counts


def markdown(found: Calibrations, languages: Sequence[str]) -> str:
    """How to read it, from where a verdict can be trusted, then two tables a detector."""
    parts = [HOW_TO_READ, f"## {TRUSTED}", trusted_table(found, languages)]
    for name, (signature, calibration) in found.items():
        parts.append(f"## {tables.escape_markdown(name)}")
        parts.append(tables.escape_markdown(signature))
        parts.append(by_length(calibration, languages))
        if missed := missed_table(calibration, languages):
            parts.append(missed)
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def trusted_table(found: Calibrations, languages: Sequence[str]) -> str:
    """From which length on a verdict can be trusted: a row a language, a column a detector."""
    rows = [[code, *(format_trusted(its, code) for _, its in found.values())] for code in languages]
    return tables.markdown(["language", *found], rows)


def by_length(calibration: Calibration, languages: Sequence[str]) -> str:
    """A row a language: a cell a band, then what holds over all lengths."""
    titles = ["language", *map(format_band, BANDS)]
    titles += ["floor %", "missed %", "top label %", "trusted from"]
    rows = [
        [
            code,
            *(cell(calibration.references(code, [number])) for number in BANDS),
            format_proportion(calibration.references(code).floor),
            format_worst(calibration.pairs(target=code)),
            format_proportion(calibration.top_label(code)),
            format_trusted(calibration, code),
        ]
        for code in languages
    ]
    return tables.markdown(titles, rows)


def missed_table(calibration: Calibration, languages: Sequence[str]) -> str:
    """The targets for which texts in a language pass most often; "" where there is no other."""
    worst = {
        code: [each for each in calibration.pairs(language=code).items() if each[1].judged][:WORST]
        for code in languages
    }
    if not any(worst.values()):
        return ""
    width = max(map(len, worst.values()))
    rows = [
        [
            code,
            *(
                f"{target} {format_proportion(counts.missed)} / {counts.judged}"
                for target, counts in each
            ),
            *["-"] * (width - len(each)),
        ]
        for code, each in worst.items()
    ]
    return tables.markdown(
        ["text in", "is missed most, in %, where asked for", *[""] * (width - 1)], rows
    )


def reference_warnings(found: Calibrations, languages: Sequence[str], blank: int) -> list[str]:
    """What a reader of the tables should know about the references."""
    lines = [f"lines without text, left out: {blank:,}"] if blank else []
    for code in languages:
        floors = [its.references(code).floor.percent for _, its in found.values()]
        if all(floor is not None and floor > SWAPPED for floor in floors):
            most = next(iter(found.values()))[1].found_most(code)
            lines.append(
                f"more than half of the references in {code} are called off-target by each "
                f"detector, most of them {most or 'mixed'}; are files swapped?"
            )
    return lines


def cell(counts: VerdictCounts) -> str:
    """`99.1 (98.4-99.5) / 0.4 / 1234`."""
    if not counts.texts:
        return "-"
    off = Proportion(counts.off_target, counts.texts).percent
    return f"{format_proportion(Proportion(counts.on_target, counts.texts))} / {off:.1f} / {counts.texts}"


def format_proportion(share: Proportion) -> str:
    """A percent with its interval; a dash of nothing."""
    if share.interval is None:
        return "-"
    return f"{share.percent:.1f} ({share.interval[0]:.1f}-{share.interval[1]:.1f})"


def format_band(number: int) -> str:
    """`10-14`, `160+`."""
    if number + 1 == len(EDGES):
        return f"{EDGES[number]}+"
    return f"{EDGES[number]}-{EDGES[number + 1] - 1}"


def format_worst(pairs: Mapping[str, VerdictCounts]) -> str:
    """The first of them, most missed."""
    return next((f"{code} {format_proportion(each.missed)}" for code, each in pairs.items()), "-")


def format_trusted(calibration: Calibration, code: str) -> str:
    """`20 / 40`: from where off-target and on-target can be trusted."""
    both = calibration.off_trusted_from(code), calibration.on_trusted_from(code)
    return " / ".join("-" if each is None else str(each) for each in both)


def json_text(found: Calibrations, languages: Sequence[str]) -> str:
    """One object; lengths in letters, percents 0-100, null where nothing is known."""
    return json.dumps(
        {
            "most_percent": MAX_ERROR_PERCENT,
            "detectors": [
                {
                    "detector": name,
                    "signature": signature,
                    "languages": [json_language(calibration, code) for code in languages],
                }
                for name, (signature, calibration) in found.items()
            ],
        }
    )


def json_language(calibration: Calibration, code: str) -> dict[str, Any]:
    """All that is known of one."""
    return {
        "language": code,
        "off_target_trusted_from": calibration.off_trusted_from(code),
        "on_target_trusted_from": calibration.on_trusted_from(code),
        **json_lengths(calibration, code, list(BANDS)),
        "bands": [
            {
                "from": EDGES[number],
                "below": EDGES[number + 1] if number + 1 < len(EDGES) else None,
                **json_lengths(calibration, code, [number]),
            }
            for number in BANDS
        ],
        "asked_for": {
            target: {"texts": counts.texts, "missed": json_proportion(counts.missed)}
            for target, counts in calibration.pairs(language=code).items()
        },
    }


def json_lengths(calibration: Calibration, code: str, bands: Sequence[int]) -> dict[str, Any]:
    """What holds in some bands."""
    counts = calibration.references(code, bands)
    return {
        "texts": counts.texts,
        "right": json_proportion(Proportion(counts.on_target, counts.texts)),
        "undecided": json_proportion(Proportion(counts.undecided, counts.texts)),
        "off_target": json_proportion(Proportion(counts.off_target, counts.texts)),
        "floor": json_proportion(counts.floor),
        "top_label": json_proportion(calibration.top_label(code, bands)),
    }


def json_proportion(share: Proportion) -> dict[str, Any]:
    """With what it is a share of."""
    low, high = share.interval or (None, None)
    return {
        "percent": share.percent,
        "low": low,
        "high": high,
        "count": share.count,
        "of": share.of,
    }
