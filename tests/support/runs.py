"""Runs without a terminal: a display that remembers, and a finished run to start from."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ontarget.pipeline.graph import Step


class Log:
    """A `ProgressDisplay` that remembers which steps were made and which were up to date."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.kept: list[str] = []

    def began(self, step: Step) -> None: ...

    def tell(self, text: str, done: int, total: int) -> None:
        assert 0 <= done <= total, text

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
