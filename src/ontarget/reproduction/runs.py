"""The runs of a table: recipes that differ in a few settings, and the rows that they fill.

A run that starts from another one's model names its folder as `base.model`, so runs are made in
the order in which they stand here.
"""

from dataclasses import dataclass
from pathlib import Path

from ontarget.recipe.recipe import Recipe
from ontarget.reproduction.settings import PaperTable, Scale

PARTS = {  # in the order in which they are made; what each one makes
    "table": "every row of the paper's table, always made",
    "own": "stage 2 with wrong targets only, with own answers, with synthetic pairs",
    "alpha": "stage 2 at other alphas",
    "data": "both stages on fewer samples, at full (iwslt4) and tiny",
    "alma": "stage 2 on ALMA-7B, at full",
    "instructions": "general instructions alone and beside translations, needs --instructions",
}
TITLES = {  # of rows, in the order of the paper's tables
    "base": "base",
    "mt": "MT (stage 1)",
    "post-ins": "Post-ins",
    "ptl": "PTL",
    "1-shot": "1-shot",
    "5-shot": "5-shot",
    "contrastive": "C_src+lang",
    "stage2": "stage 2",
    "wrong-target": "stage 2, wrong targets only",
    "own": "stage 2, own answers",
    "synthetic": "stage 2, half of the samples synthetic pairs",
    "alma": "ALMA-7B",
    "alma-stage2": "ALMA-7B, stage 2",
    "instructions-only": "instructions only (stage 1)",
    "instructions-mt": "MT, instructions in both stages",
    "instructions-stage2": "stage 2, instructions in both stages",
    "instructions-first-stage2": "stage 2, instructions in stage 1 only",
}
MAIN = "main"
ALMA = "haoranxu/ALMA-7B"
CONTRASTIVE = {"language": 0.1, "source": 0.7}  # the weights of arXiv 2309.07098
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a user chooses of a reproduction."""

    scale: str
    out: Path
    seed: int = 1
    model: str | None = None  # in place of the scale's base model
    languages: tuple[str, ...] = ()  # in place of the paper's, the pivot first
    data: Path | None = None  # a folder with train, dev and test files
    instructions: Path | None = None  # general instructions, as in Alpaca
    parts: tuple[str, ...] = ()  # (): all that the scale has
    bleurt: str | None = None  # the checkpoint; None: BLEURT is not run


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One recipe of a reproduction."""

    name: str  # its folder below that of the reproduction
    part: str
    recipe: Recipe
    rows: dict[str, str]  # row -> the run's system that fills it
    value: float | None = None  # of what a sweep changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A table at a scale, with its runs in order."""

    paper_table: PaperTable
    scale: Scale
    choices: Choices
    runs: tuple[PlannedRun, ...]

    @property
    def model(self) -> str:
        """The base model, in a few words: of a folder its name."""
        model = self.scale.model
        return Path(model).name if model and Path(model).is_dir() else self.main.recipe.model

    @property
    def main(self) -> PlannedRun:
        """The run that both stages and most rows are of."""
        return self.runs[0]
