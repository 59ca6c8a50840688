"""Questions about stage 2, answered by variations of one recipe.

    python benchmarks/variations.py RUN OUT [--seeds 1,2,3] [--questions draws,merged]

RUN is a folder of `ontarget run` after stage 1, with `{seed}` for each seed if there are several.
Each variation is the recipe of RUN with some settings changed, and a run folder in OUT that
resumes; its test has the directions and sentences of RUN. Printed are means over directions and
seeds: zero-shot off-target ratio, BLEU and chrF, supervised BLEU and chrF, seconds of stage 2.
"""

import argparse
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

from ontarget.cli.console import ConsoleProgress, console, quiet_libraries
from ontarget.pipeline.run import run_recipe
from ontarget.recipe.recipe import Recipe

PAPER = {"tokens": "all", "alpha": 0.05, "draw": "any_other_instruction"}
REFERENCES = {"conflicts": "references", "tokens": "all", "alpha": 0.05}
OWN: dict[str, Any] = {}
DRAWS = (
    "any_other_instruction",
    "wrong_target",
    "to_pivot",
    "to_source",
    "close_language",
    "hardest",
)
# Of each question, the variations by name: settings of `unlikelihood`, and of other sections.
QUESTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "draws": {draw: {"unlikelihood": REFERENCES | {"draw": draw}} for draw in DRAWS}
    | {
        "two wrong targets a sample": {
            "unlikelihood": REFERENCES | {"draw": "wrong_target", "per_sample": 2}
        },
        "own answers": {"unlikelihood": OWN},
    },
    "alpha": {
        f"{name}, alpha {alpha:g}": {"unlikelihood": settings | {"alpha": alpha}}
        for name, settings in (("paper", PAPER), ("own answers", OWN))
        for alpha in (0.01, 0.1, 0.3, 1.0, 3.0)
    },
    "alpha by schedule": {
        f"{name}, {kind}": {"unlikelihood": settings | {"alpha": alpha, "alpha_schedule": kind}}
        for name, settings, alpha in (("paper", PAPER, 0.05), ("own answers", OWN, 1.0))
        for kind in ("constant", "rising", "falling")
    }
    | {
        f"{name}, feedback": {
            "unlikelihood": settings
            | {
                "alpha": alpha,
                "alpha_schedule": "feedback",
                "validation": {"every": 10, "segments": 20, "keep": "last"},
            }
        }
        for name, settings, alpha in (("paper", PAPER, 0.05), ("own answers", OWN, 1.0))
    },
    "stages": {
        "stage 1, then stage 2 (paper)": {"unlikelihood": PAPER},
        "merged: stage 2 (paper) from the base model": {"unlikelihood": PAPER, "merged": True},
        "stage 1, then stage 2 (own answers)": {"unlikelihood": OWN},
        "merged: stage 2 (own answers) from the base model": {"unlikelihood": OWN, "merged": True},
        "reversed: stage 2 (paper), then stage 1": {"unlikelihood": PAPER, "reversed": True},
        "reversed: stage 2 (own answers), then stage 1": {"unlikelihood": OWN, "reversed": True},
    },
    "synthetic pairs": {
        f"{name}, synthetic {share:g}": {"unlikelihood": settings | {"synthetic": share}}
        for name, settings in (
            ("paper", PAPER),
            ("likelihood", {"alpha": 0.0}),
            ("own answers", OWN),
        )
        for share in (0.25, 0.5, 0.75)
    },
    "watched directions": {
        f"{name}, supervised {count}": {
            "unlikelihood": settings
            | {"validation": {"every": 10, "segments": 20, "stop": True, "supervised": count}}
        }
        for name, settings in (("paper, alpha 0.3", PAPER | {"alpha": 0.3}), ("own answers", OWN))
        for count in (0, 20)
    },
    "supervised cost": {
        f"{name}, {steps} steps": {"unlikelihood": settings | {"steps": steps}}
        for name, settings in (("paper", PAPER), ("own answers", OWN))
        for steps in (5, 10, 25, 50, 100, 200)
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """A changed recipe, and its runs."""

    question: str
    name: str
    recipes: tuple[Recipe, ...]  # the last one is tested

    @property
    def scores(self) -> list[dict[str, Any]]:
        """What was measured in each direction."""
        path = Path(self.recipes[-1].out) / "6_evaluate" / "scores.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    @property
    def seconds(self) -> float:
        """Of the trainings."""
        stamps = [
            Path(recipe.out) / folder / "step.json"
            for recipe in self.recipes
            for folder in ("3_mle", "4_unlikelihood")
        ]
        made = [json.loads(path.read_text(encoding="utf-8")) for path in stamps if path.exists()]
        return sum(float(stamp["seconds"]) for stamp in made)


def recipe_of(run: Path) -> dict[str, Any]:
    """The recipe of a run, without what it leaves to defaults."""
    return dict(yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8")))


def variation(run: Path, out: Path, question: str, name: str, change: dict[str, Any]) -> Variation:
    """The recipes of a variation: stage 2 from the run's stage 1, unless it says otherwise."""
    content = copy.deepcopy(recipe_of(run))
    kept = ("steps", "batch", "micro_batch", "learning_rate", "schedule", "row_tokens", "adapter",
            "max_tokens", "precision")  # fmt: skip
    section = {k: v for k, v in content["unlikelihood"].items() if k in kept}
    section |= {"preflight": 0} | change["unlikelihood"]
    folder = out / question / name.replace(" ", "-")
    start = run / "3_mle" / "model"
    content |= {"out": str(folder), "name": name, "unlikelihood": section, "report_to": []}
    decoding = {k: v for k, v in content["translate"].items() if k not in ("remedies", "ways")}
    content["translate"] = decoding | {"systems": ["stage2"]}
    if change.get("merged") or change.get("reversed"):
        start = run / "0_base" / "model" if "scratch" in content["base"] else None
    stage1 = content.pop("mle")
    if change.get("merged"):
        section["steps"] += stage1["steps"]
    content["base"] = {"model": str(start)} if start else content["base"]
    recipes = [content]
    if change.get("reversed"):
        again = copy.deepcopy(content) | {"mle": stage1, "out": str(folder / "then-stage-1")}
        again.pop("unlikelihood")
        again["base"] = {"model": str(folder / "4_unlikelihood" / "model")}
        again["translate"]["systems"] = ["stage1"]
        recipes.append(again)
    return Variation(
        question=question, name=name, recipes=tuple(map(Recipe.model_validate, recipes))
    )


def variations(run: Path, out: Path, questions: list[str]) -> Iterator[Variation]:
    """Those of some questions."""
    for question in questions:
        for name, change in QUESTIONS[question].items():
            yield variation(run, out, question, name, change)


def row(name: str, of_seeds: list[Variation]) -> str:
    """A line of the table."""

    def over(key: str, *, supervised: bool) -> str:
        values = [
            mean(one[key] for one in each.scores if one["supervised"] == supervised)
            for each in of_seeds
        ]
        spread = f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else ""
        return f"{mean(values):.1f}{spread}"

    cells = [
        name,
        over("off_target_percent", supervised=False),
        over("bleu", supervised=False),
        over("chrf", supervised=False),
        over("bleu", supervised=True),
        over("chrf", supervised=True),
        f"{mean(each.seconds for each in of_seeds):.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Make what is missing, and print a table for each question."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("out")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--questions", default=",".join(QUESTIONS))
    given = parser.parse_args()
    quiet_libraries()
    tables: dict[tuple[str, str], list[Variation]] = {}
    for seed in given.seeds.split(","):
        run = Path(given.run.replace("{seed}", seed))
        for one in variations(run, Path(given.out) / seed, given.questions.split(",")):
            for recipe in one.recipes:
                display = ConsoleProgress(console)
                try:
                    run_recipe(recipe, display)
                finally:
                    display.close()
            tables.setdefault((one.question, one.name), []).append(one)
            print(row(f"{one.question}: {one.name}, seed {seed}", [one]), flush=True)
    head = "zero-shot OTR | BLEU | chrF | supervised BLEU | chrF | seconds of training |"
    for question in given.questions.split(","):
        print(f"\n| {question} | {head}\n|---|" + "---:|" * 6)
        for (asked, name), of_seeds in tables.items():
            if asked == question:
                print(row(name, of_seeds))


if __name__ == "__main__":
    main()
