"""Runs without a terminal: a display that remembers, and a finished run to start from."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ontarget.pipeline import run as pipeline
from ontarget.pipeline.graph import Step
from ontarget.recipe.yaml_file import load_recipe

FOLDERS = [  # of the recipe of `finished_run`
    "1_prepare", "0_base", "2_conflict", "3_mle", "4_unlikelihood", "4_control",
    "5_translate/base", "5_translate/stage1", "5_translate/stage1-longer", "5_translate/stage2",
    "5_translate/base-by-cue", "6_evaluate", "7_report",
]  # fmt: skip


class Log:
    """A `ProgressDisplay` that remembers which steps were made and which were up to date."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.kept: list[str] = []

    def began(self, step: Step) -> None: ...

    def tell(self, text: str, done: int, total: int) -> None:
        assert 0 <= done <= total or not total, text  # a total of 0: not known

    def ended(self, step: Step, seconds: float, result: dict[str, Any]) -> None:
        self.made.append(step.folder)

    def skipped(self, step: Step) -> None:
        self.kept.append(step.folder)


@dataclass(frozen=True)
class FinishedRun:
    """A recipe, the folder of its finished run, and what `ontarget run` printed meanwhile."""

    recipe: Path
    out: Path
    stdout: str

    def copy_to(self, folder: Path, **changes: Any) -> "FinishedRun":
        """A copy below `folder`, which a test may change; `changes` are those of its recipe."""
        out, recipe = folder / "run", folder / "recipe.yaml"
        shutil.copytree(self.out, out, symlinks=True)
        content = yaml.safe_load(self.recipe.read_text(encoding="utf-8"))
        recipe.write_text(yaml.safe_dump(content | {"out": str(out)} | changes), encoding="utf-8")
        return FinishedRun(recipe, out, self.stdout)


def run(path: Path, changes: dict[str, Any] | None = None, **options: Any) -> Log:
    """Run a recipe; what was made and what was kept."""
    log = Log()
    pipeline.run_recipe(load_recipe(path, changes), log, **options)
    return log


def from_model(finished: FinishedRun, folder: str = "0_base") -> dict[str, Any]:
    """A recipe's base: a model of the finished run, so that none has to be trained."""
    return {"model": str(finished.out / folder / "model")}


def write_corpus(folder: Path, rows: dict[str, list[str]]) -> dict[str, str]:
    """Files of English, Italian and Dutch; the recipe's `corpus` that names them."""
    for name, lines in rows.items():
        (folder / f"{name}.tsv").write_text("\n".join(["en\tit\tnl", *lines]) + "\n")
    return {name: str(folder / f"{name}.tsv") for name in rows}
