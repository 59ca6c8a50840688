"""A run of the Language Confusion Benchmark as text, as JSON and as its own script prints it."""

import json
from collections.abc import Mapping
from typing import Any

from ontarget.analysis.lcb import Benchmark
from ontarget.errors import visible
from ontarget.offtarget.rates.lcb import ALL, ConfusionCounts, ConfusionRates, Group, table
from ontarget.report.render.formatting import MISSING, WIDTH, text_table

HEADER = ["", "responses", "counted", "LPR", "WPR", "LCPR"]
TOGETHER = "tasks together, as the benchmark's script prints"


def text_lines(benchmark: Benchmark, width: int = WIDTH) -> list[str]:
    """The signature and one table a task: languages and their average, then sources."""
    lines = [visible(benchmark.file), *provenance(benchmark)]
    tables = dict(benchmark.counts)
    if len(tables) > 1:
        tables[TOGETHER] = benchmark.overall
    for task, counts in tables.items():
        lines += ["", *([visible(task)] if task else []), *task_table(counts, width)]
    return lines


def provenance(benchmark: Benchmark) -> list[str]:
    """The signature, several models if there are, and what differs from the published figures."""
    models = visible(", ".join(benchmark.models))
    return [
        benchmark.signature,
        *([f"models, measured together: {models}"] if len(benchmark.models) > 1 else []),
        *(f"differs from the published figures: {note}" for note in benchmark.notes),
    ]


def task_table(counts: Mapping[Group, ConfusionCounts], width: int) -> list[str]:
    """Averages of each language, of all languages, and of each source."""
    averages = table(counts)
    languages = sorted({language for _, language in counts})
    sources = sorted({source for source, _ in counts})
    rows = [
        *((code, (ALL, code)) for code in languages),
        ("all languages", (ALL, ALL)),
        *((f"source {visible(source)}", (source, ALL)) for source in sources),
    ]
    return text_table(
        HEADER,
        [[name, *row(select(counts, group), averages[group])] for name, group in rows],
        width=width,
    )


def select(counts: Mapping[Group, ConfusionCounts], group: Group) -> ConfusionCounts:
    """The counts of a group, or of all groups over which it is an average."""
    members = (
        count
        for key, count in counts.items()
        if all(wanted in (ALL, part) for part, wanted in zip(key, group, strict=True))
    )
    return sum(members, ConfusionCounts())


def row(counts: ConfusionCounts, rates: ConfusionRates) -> list[str]:
    """The cells of a group."""
    shares = (rates.line, rates.word, rates.both)
    return [str(counts.responses), str(counts.counted), *map(format_share, shares)]


def format_share(share: float | None, missing: str = MISSING) -> str:
    """A share in percent with two decimals, as the benchmark's script rounds it."""
    return missing if share is None else f"{share:.2%}"


def script_lines(benchmark: Benchmark) -> list[str]:
    """What the benchmark's script prints for the file."""
    return [
        "\t".join(["source", "language", "lpr", "wpr"]),
        *(
            "\t".join(
                [
                    visible(source),
                    language,
                    format_share(rates.line),
                    format_share(rates.word, "N/A"),
                ]
            )
            for (source, language), rates in table(benchmark.overall).items()
        ),
    ]


def json_line(benchmark: Benchmark) -> str:
    """One object; percentages 0-100, not rounded, and null where there is no WPR."""
    return json.dumps(
        {
            "file": benchmark.file,
            "models": benchmark.models,
            "signature": benchmark.signature,
            "notes": benchmark.notes,
            "tasks": {task: json_groups(counts) for task, counts in benchmark.counts.items()},
            "together": json_groups(benchmark.overall),
        }
    )


def json_groups(counts: Mapping[Group, ConfusionCounts]) -> list[dict[str, Any]]:
    """Every group and average, in the order of the benchmark's script."""
    groups = []
    for group, rates in table(counts).items():
        members = select(counts, group)
        groups.append(
            {
                "source": group[0],
                "language": group[1],
                "responses": members.responses,
                "counted": members.counted,
                "line_errors": members.line_errors,
                "word_errors": members.word_errors,
                "lpr": 100 * rates.line,
                "wpr": None if rates.word is None else 100 * rates.word,
                "lcpr": None if rates.both is None else 100 * rates.both,
            }
        )
    return groups
