"""The five figures of docs/results, as SVG files, from the tables that stand there.

    python benchmarks/figures.py docs/results/tables docs/results/figures

    rows          zero-shot off-target ratio by row of the paper's table, published and own
    steps         dev off-target ratio over the optimizer steps of stage 2
    alpha         zero-shot off-target ratio and chrF, and supervised chrF, by alpha
    head-to-head  zero-shot chrF against supervised chrF of each method
    answers       which languages zero-shot answers are in, by method

`TABLE.json` and `TABLE-SEED.json` are figures.json of `ontarget reproduce`; `head-to-head-*.jsonl`
are results.jsonl of `head_to_head.py`. Matplotlib is in the extra `bench`.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

from ontarget.reproduction.published import published_table
from ontarget.reproduction.runs import TITLES

SCALES = {
    "iwslt4-tiny": "0.86 M, composed text",
    "help-small": "Gemma 3 270M, help pages",
    "bible-small": "Gemma 3 270M, Bible text",
}
PUBLISHED = "LLaMA-2 7B, published"
ROWS = ("base", "mt", "post-ins", "ptl", "1-shot", "5-shot", "contrastive", "stage2", "own")
HEADS = {  # head-to-head-NAME.jsonl
    "gemma": "Gemma 3 270M, split A, one seed",
    "gemma-2": "Gemma 3 270M, split C, three seeds",
    "bible": "Gemma 3 270M, Bible text, one seed",
    "tiny": "0.86 M parameters, three seeds",
    "tiny-2": "0.86 M parameters, three other seeds",
}
INK, GREY = "#20303c", "#8a979f"
COLOURS = ("#1b6ca8", "#d1495b", "#5b8c5a", "#edae49", "#6a4c93")
ANSWERS = {  # what is drawn: the verdicts
    "right language": ("on_target",),
    "English": ("pivot",),
    "copied source": ("source_copy",),
    "source's language, other, mixed, empty": ("source_language", "other", "mixed", "empty"),
    "undecided": ("undecided",),
}
Result = dict[str, Any]


def tables(folder: Path, name: str) -> list[Result]:
    """The seeds of a table."""
    paths = [*sorted(folder.glob(f"{name}-[0-9]*.json")), folder / f"{name}.json"]
    found = [path for path in paths if path.exists()]
    return [json.loads(path.read_text(encoding="utf-8")) for path in found]


def values(seeds: Sequence[Result], key: str, kind: str, measure: str) -> list[float]:
    """A measure of a row, of all seeds that have it."""
    return [
        row[kind][measure]["percent"] for one in seeds for row in one["rows"] if row["key"] == key
    ]


def draw_rows(folder: Path) -> Any:
    """Points by row, with the range over seeds."""
    figure, axes = plt.subplots(figsize=(7.2, 4.2))
    published = published_table("iwslt4", "")
    places = range(len(ROWS))
    axes.plot(
        [published.value("stage2" if r == "stage2" else r, "otr") for r in ROWS], places,
        "D", color=INK, label=PUBLISHED,
    )  # fmt: skip
    for colour, (name, title) in zip(COLOURS, SCALES.items(), strict=False):
        seeds = tables(folder, name)
        count = f"{len(seeds)} seed{'s' * (len(seeds) > 1)}"
        for place, key in zip(places, ROWS, strict=True):
            found = values(seeds, key, "zero_shot", "off_target")
            if found:
                label = f"{title}, {count}" if place == 0 else None
                axes.plot([min(found), max(found)], [place] * 2, color=colour, alpha=0.5)
                axes.plot([mean(found)], [place], "o", color=colour, label=label)
    axes.set_yticks(places, [TITLES.get(key, key) for key in ROWS])
    axes.invert_yaxis()
    axes.set_xlabel("zero-shot off-target ratio, %")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return figure


def draw_steps(folder: Path) -> Any:
    """A line for each seed."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    for colour, (name, title) in zip(COLOURS, SCALES.items(), strict=False):
        for number, one in enumerate(tables(folder, name)):
            steps = [point["step"] for point in one["curve"]]
            ratios = [point["off_target_percent"] for point in one["curve"]]
            axes.plot(steps, ratios, "o-", color=colour, label=None if number else title)
    axes.set_xlabel("optimizer steps of stage 2 (paper's draw)")
    axes.set_ylabel("dev zero-shot off-target ratio, %")
    axes.set_ylim(0, 100)
    axes.legend(frameon=False)
    return figure


def draw_alpha(folder: Path) -> Any:
    """Three lines."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    swept = json.loads((folder / "iwslt4-tiny.json").read_text(encoding="utf-8"))
    rows = {
        row["value"] or 0.05: row
        for row in swept["rows"]
        if row["key"].startswith("alpha-") or row["key"] == "stage2"
    }
    lines = (
        ("zero_shot", "off_target", "zero-shot off-target ratio, %"),
        ("zero_shot", "chrf", "zero-shot chrF"),
        ("supervised", "chrf", "supervised chrF"),
    )
    for colour, (kind, measure, title) in zip(COLOURS, lines, strict=False):
        points = [rows[alpha][kind][measure]["percent"] for alpha in sorted(rows)]
        axes.plot(sorted(rows), points, "o-", color=colour, label=title)
    axes.set_xscale("log")
    axes.set_xlabel(f"alpha ({SCALES['iwslt4-tiny']}, paper's draw, seed {swept['seed']})")
    axes.legend(frameon=False)
    return figure


def methods_of(folder: Path, name: str) -> dict[str, list[Result]]:
    """The results of a head to head by method."""
    found: dict[str, list[Result]] = {}
    path = folder / f"head-to-head-{name}.jsonl"
    if path.exists():
        for one in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            found.setdefault(one["method"], []).append(one)
    return found


def score(results: Sequence[Result], measure: str, *, supervised: bool) -> float:
    """The mean of a score over seeds and directions."""
    return mean(
        one[measure]
        for result in results
        for one in result["scores"]
        if one["supervised"] == supervised
    )


def draw_head_to_head(folder: Path) -> Any:
    """A point for each method, hollow where not all seeds were trained: right and up is better."""
    figure, all_axes = plt.subplots(3, 2, figsize=(11.2, 12))
    all_axes.flat[-1].set_axis_off()
    for axes, (name, title) in zip(all_axes.flat, HEADS.items(), strict=False):
        methods = methods_of(folder, name)
        points = {
            method: (
                score(results, "chrf", supervised=True), score(results, "chrf", supervised=False)
            )
            for method, results in methods.items()
        }  # fmt: skip
        seeds = max(map(len, methods.values()), default=0)
        for method, (x, y) in points.items():
            style = "full" if len(methods[method]) == seeds else "none"
            axes.plot([x], [y], "o", color=colour_of(method), fillstyle=style)
        label_at_the_right(axes, points)
        axes.set_title(title, loc="left")
        axes.set_xlabel("supervised chrF")
        axes.set_ylabel("zero-shot chrF")
    figure.tight_layout(w_pad=10, h_pad=2)
    return figure


def label_at_the_right(axes: Any, points: dict[str, tuple[float, float]]) -> None:
    """A name for each point, beside the axes and not over another one."""
    low, high = axes.get_ylim()
    inches = axes.get_position().height * axes.figure.get_figheight()
    gap = 0.17 * (high - low) / inches
    names = sorted(points, key=lambda name: points[name][1])
    places: list[float] = []
    for name in names:  # upwards, each clear of the one below
        places.append(max(points[name][1], places[-1] + gap if places else low))
    ceiling = high
    for at in reversed(range(len(places))):  # and none above the axes
        places[at] = min(places[at], ceiling)
        ceiling = places[at] - gap
    edge = axes.get_xlim()[1]
    for name, place in zip(names, places, strict=True):
        axes.annotate(
            name, points[name], xytext=(edge, place), fontsize=8, color=INK, va="center",
            arrowprops={"arrowstyle": "-", "color": GREY, "alpha": 0.4},
        )  # fmt: skip


def colour_of(method: str) -> str:
    """Ours, preference optimisation, and the rest."""
    if method == "stage 1":
        return GREY
    ours = ("paper", "wrong targets", "deciding tokens", "own answers", "falling own answers")
    plain = ("likelihood", "by target")
    loss = method.partition("/")[0]
    return COLOURS[0 if loss in ours else 2 if loss in plain else 1]


def draw_answers(folder: Path) -> Any:
    """A bar for each method."""
    methods = methods_of(folder, "gemma-2")
    figure, axes = plt.subplots(figsize=(7.2, 0.6 + 0.36 * len(methods)))
    shades = (COLOURS[2], COLOURS[1], COLOURS[3], COLOURS[4], GREY)
    for place, results in enumerate(methods.values()):
        verdicts: Counter[str] = Counter()
        for result in results:
            for one in result["scores"]:
                if not one["supervised"]:
                    verdicts.update(one["verdicts"])
        left = 0.0
        for shade, (title, kinds) in zip(shades, ANSWERS.items(), strict=True):
            share = 100 * sum(verdicts[kind] for kind in kinds) / verdicts.total()
            label = title if place == 0 else None
            axes.barh(place, share, left=left, color=shade, label=label)
            left += share
    axes.set_yticks(range(len(methods)), list(methods))
    axes.invert_yaxis()
    axes.set_xlabel("zero-shot answers, %")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, fontsize=8)
    return figure


FIGURES: dict[str, Callable[[Path], Any]] = {
    "rows": draw_rows,
    "steps": draw_steps,
    "alpha": draw_alpha,
    "head-to-head": draw_head_to_head,
    "answers": draw_answers,
}


def main() -> None:
    """Draw all."""
    folder, out = map(Path, sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    mpl.use("svg")
    mpl.rcParams.update({
        "svg.hashsalt": "ontarget", "svg.fonttype": "none", "font.family": "sans-serif",
        "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
        "grid.alpha": 0.3, "figure.facecolor": "white", "legend.fontsize": 8,
    })  # fmt: skip
    for name, draw in FIGURES.items():
        figure = draw(folder)
        figure.savefig(out / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
        print(out / f"{name}.svg")


if __name__ == "__main__":
    main()
