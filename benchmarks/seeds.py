"""A table of the paper, made again with several seeds: means, with the lowest and the highest.

    python benchmarks/seeds.py RUN/figures.json [RUN/figures.json ...]

The files are those of `ontarget reproduce`, of one table and scale.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

HEADER = (
    "| row | zero-shot OTR | BLEU | chrF | supervised OTR | BLEU | chrF |",
    "|---|---:|---:|---:|---:|---:|---:|",
)
MEASURES = ("off_target", "bleu", "chrf")


def over_seeds(rows: Sequence[dict[str, Any]], kind: str, measure: str) -> str:
    """A mean, with its range."""
    values = [row[kind][measure]["percent"] for row in rows]
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def main() -> None:
    """Print the table."""
    files = [json.loads(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:]]
    if not files or len({(one["table"], one["scale"], one["model"]) for one in files}) > 1:
        raise SystemExit("give figures.json of one table, scale and model, one of each seed")
    print(f"{files[0]['model']}, seeds {', '.join(str(one['seed']) for one in files)}\n")
    print(*HEADER, sep="\n")
    for first in files[0]["rows"]:
        found = [
            row
            for one in files
            for row in one["rows"]
            if all(row[key] == first[key] for key in ("key", "run", "value"))
        ]
        if len(found) == len(files):
            cells = [over_seeds(found, k, m) for k in ("zero_shot", "supervised") for m in MEASURES]
            name = first["key"] if first["value"] is None else f"{first['key']}, {first['value']:g}"
            print("| " + " | ".join([name, *cells]) + " |")


if __name__ == "__main__":
    main()
