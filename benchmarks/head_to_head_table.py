"""The table of the head to head: means over seeds, and tests between the methods."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from ontarget.offtarget.verdicts import NOT_OFF_TARGET
from ontarget.records import corpus_row
from ontarget.stats import randomization_test

# What a method takes besides the model of stage 1 and supervised pairs.
NEEDS = {
    "paper": "nothing",
    "wrong targets": "nothing",
    "deciding tokens": "nothing",
    "own answers": "4 tokens of answers",
    "falling own answers": "4 tokens of answers",
    "likelihood": "nothing",
    "by target": "an adapter a language",
    "likelihood/synthetic": "whole answers",
    "paper/synthetic": "whole answers",
    "own answers/synthetic": "whole answers",
    "dpo/synthetic": "whole answers, reference model",
    "grpo": "4 whole answers a prompt, detector",
}
OF_LOSS = {"dpo": ["reference model"], "kto": ["reference model"]}
OF_KIND = {"own": ["whole answers"], "response": ["multi-parallel text"]}
HEADER = (
    "method", "learning rate", "alpha, beta", "zero-shot OTR", "excess", "chrF", "BLEU",
    "supervised OTR", "chrF", "BLEU", "text", "seconds", "MB", "takes",
)  # fmt: skip


def markdown(folders: Sequence[Path]) -> str:
    """The table, and the tests of the method with the best zero-shot chrF against each other."""
    by_method: dict[str, list[Path]] = {}
    for folder in folders:
        by_method.setdefault(read(folder)["method"], []).append(folder)
    lines = ["| " + " | ".join(HEADER) + " |", "|---|" + "---:|" * (len(HEADER) - 2) + "---|"]
    for method, of_method in by_method.items():
        lines.append(row(method, [read(folder) for folder in of_method]))
    return "\n".join([*lines, "", *tests(by_method)])


def read(folder: Path) -> dict[str, Any]:
    """What was measured."""
    return dict(json.loads((folder / "result.json").read_text(encoding="utf-8")))


def row(method: str, results: Sequence[Mapping[str, Any]]) -> str:
    """One method: the mean over seeds, with the lowest and the highest where there are several."""
    cells = [
        method,
        "" if method == "stage 1" else f"{results[0]['learning_rate']:.2g}",
        f"{results[0]['weight']:g}" if results[0]["weight"] else "",
        over(results, lambda r: score(r, "off_target_percent", supervised=False)),
        f"{mean(excess(result) for result in results):.1f}",
        over(results, lambda r: score(r, "chrf", supervised=False)),
        f"{mean(score(r, 'bleu', supervised=False) for r in results):.1f}",
        f"{mean(score(r, 'off_target_percent', supervised=True) for r in results):.1f}",
        over(results, lambda r: score(r, "chrf", supervised=True)),
        f"{mean(score(r, 'bleu', supervised=True) for r in results):.1f}",
        "" if results[0]["text_nats"] is None else f"{mean(r['text_nats'] for r in results):.2f}",
        f"{mean(r['seconds'] for r in results):.0f}",
        f"{mean(r['megabytes'] for r in results):,.0f}",
        takes(method),
    ]
    return "| " + " | ".join(cells) + " |"


def takes(method: str) -> str:
    """What the method needs, in words."""
    if method == "stage 1":
        return ""
    loss, _, kind = method.partition("/")
    return (
        NEEDS.get(method) or ", ".join(OF_LOSS.get(loss, []) + OF_KIND.get(kind, [])) or "nothing"
    )


def score(result: Mapping[str, Any], name: str, *, supervised: bool) -> float:
    """The mean of a score over directions."""
    return mean(one[name] for one in result["scores"] if one["supervised"] == supervised)


def excess(result: Mapping[str, Any]) -> float:
    """Zero-shot off-target ratio beyond that of the references, in points."""
    return score(result, "off_target_percent", supervised=False) - score(
        result, "reference_off_target_percent", supervised=False
    )


def over(results: Sequence[Mapping[str, Any]], value: Any) -> str:
    """Mean, lowest and highest of a value over the results."""
    values = [value(result) for result in results]
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def tests(by_method: Mapping[str, Sequence[Path]]) -> list[str]:
    """p values of the best method against each other, over rows of the test set.

    The segments of a row say the same in different languages, so a row's zero-shot segments, of all
    seeds, change sides together.
    """
    of_rows = {method: row_means(folders) for method, folders in by_method.items()}
    best = max(of_rows, key=lambda method: np.mean([chrf for _, chrf in of_rows[method].values()]))
    lines = [f"{best} against, p of chrF and of the off-target ratio:"]
    for method, values in of_rows.items():
        if method != best and values.keys() == of_rows[best].keys():
            differences = [np.subtract(of_rows[best][row], values[row]) for row in values]
            wrong, chrf = randomization_test(np.array(differences))
            lines.append(f"- {method}: {chrf:.4f}, {wrong:.4f}")
    return lines


def row_means(folders: Sequence[Path]) -> dict[str, tuple[float, float]]:
    """Off-target (0 or 1) and chrF of each test row: means over zero-shot directions and seeds."""
    of_rows: dict[str, list[tuple[float, float]]] = {}
    for folder in folders:
        zero_shot = {
            (one["source"], one["target"])
            for one in read(folder)["scores"]
            if not one["supervised"]
        }
        lines = (folder / "segments.jsonl").read_text(encoding="utf-8").splitlines()
        for one in map(json.loads, lines):
            if (one["source_lang"], one["target_lang"]) in zero_shot:
                outcome = float(one["verdict"] not in NOT_OFF_TARGET), one["chrf"]
                of_rows.setdefault(corpus_row(one["key"]), []).append(outcome)
    return {row: (mean(a for a, _ in of), mean(b for _, b in of)) for row, of in of_rows.items()}
