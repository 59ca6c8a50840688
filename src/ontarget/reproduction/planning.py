"""The runs of a table, from a scale and what a user chooses; each part is a method."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ontarget.data import readers
from ontarget.data.synthetic import gives_pairs
from ontarget.errors import RecipeError
from ontarget.languages.names import is_known, unknown_code
from ontarget.models.templates import instruction_sentences
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.yaml_file import explain_validation
from ontarget.reproduction.runs import (
    ALMA,
    CONTRASTIVE,
    MAIN,
    PARTS,
    SPLITS,
    Choices,
    PlannedRun,
    Reproduction,
)
from ontarget.reproduction.settings import PaperTable, Scale, merge
from ontarget.systems import BASE, STAGE1, STAGE2


def plan_runs(paper_table: PaperTable, choices: Choices) -> Reproduction:
    """The runs of a table.

    Raises:
        RecipeError: the scale, a part or a language does not exist, or what it needs is not given.
    """
    if choices.scale not in paper_table.scales:
        raise RecipeError(
            f"--scale: there is no {choices.scale!r}; use one of {', '.join(paper_table.scales)}"
        )
    check_languages(choices.languages)
    scale = paper_table.scales[choices.scale]
    given = scale.model_copy(update={"model": choices.model or scale.model})
    builder = Builder(paper_table, given, choices)
    parts = choices.parts or builder.possible_parts
    for part in parts:
        if part not in PARTS:
            raise RecipeError(f"--parts: there is no {part!r}; use some of {', '.join(PARTS)}")
        if part not in builder.possible_parts:
            raise RecipeError(f"--parts: {part} {builder.missing[part]}")
    check_used(builder, parts)
    makers = builder.makers
    runs = tuple(run for part in PARTS if part in parts or part == "table"
                 for run in makers[part]())  # fmt: skip
    return Reproduction(paper_table=paper_table, scale=builder.scale, choices=choices, runs=runs)


def check_languages(languages: Sequence[str]) -> None:
    """Raise RecipeError for `--languages` that is no list of different languages."""
    remedy = "write two or more with commas between, the pivot first, as in en,it,nl"
    if len(languages) == 1:
        raise RecipeError(f"--languages: {languages[0]!r} is a single code; {remedy}")
    for code in languages:
        if not is_known(code):
            raise RecipeError(f"--languages: {unknown_code(code)}")
        if languages.count(code) > 1:
            raise RecipeError(f"--languages: {code} is listed twice; list it once")


def check_used(builder: "Builder", parts: Sequence[str]) -> None:
    """Raise RecipeError for a corpus or instructions that no run would read."""
    if builder.choices.data is not None and builder.composes_corpus:
        raise RecipeError(
            f"--data: scale {builder.choices.scale} composes its own corpus; leave --data out, or "
            "give another --scale"
        )
    if builder.choices.instructions is not None and "instructions" not in parts:
        raise RecipeError("--instructions: no part reads them; add instructions to --parts")


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes the runs of each part."""

    paper_table: PaperTable
    scale: Scale
    choices: Choices

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the runs."""
        return self.choices.languages or self.paper_table.languages

    @property
    def instruction_files(self) -> list[str]:
        """The files of general instructions."""
        return [str(self.choices.instructions)]

    @property
    def composes_corpus(self) -> bool:
        """Whether the text is composed from CLDR, not read from files."""
        return "phrasebook" in self.scale.recipe.get("corpus", {})

    @property
    def missing(self) -> dict[str, str]:
        """Parts that cannot be made, and why."""
        reasons = {}
        if not self.scale.alphas:
            reasons["alpha"] = f"is no part of {self.paper_table.name} at {self.choices.scale}"
        if not self.scale.per_direction:
            reasons["data"] = f"is no part of {self.paper_table.name} at {self.choices.scale}"
        if self.choices.scale != "full":
            reasons["alma"] = "is for --scale full"
        if self.choices.instructions is None:
            reasons["instructions"] = "needs --instructions, a file of Alpaca records"
        return reasons

    @property
    def makers(self) -> dict[str, Callable[[], Iterator[PlannedRun]]]:
        """What makes the runs of each of `PARTS`."""
        return {
            "table": self.table, "own": self.own, "alpha": self.alpha, "data": self.data,
            "alma": self.alma, "instructions": self.instructions,
        }  # fmt: skip

    @property
    def possible_parts(self) -> tuple[str, ...]:
        """The parts that can be made."""
        return tuple(part for part in PARTS if part not in self.missing)

    def table(self) -> Iterator[PlannedRun]:
        """The rows of the paper's table."""
        yield self.run(
            MAIN,
            "table",
            {
                "unlikelihood": self.scale.stage2,
                "translate": {
                    "remedies": [f"{STAGE1.name}+{w}" for w in ("1-shot", "5-shot", "contrastive")],
                    "ways": {
                        "1-shot": {"way": "few-shot", "shots": 1},
                        "5-shot": {"way": "few-shot", "shots": 5},
                        "contrastive": CONTRASTIVE,
                    },
                },
            },
            {
                "base": BASE.name,
                "mt": STAGE1.name,
                **{way: f"{STAGE1.name}+{way}" for way in ("1-shot", "5-shot", "contrastive")},
                "stage2": STAGE2.name,
            },
        )
        stage1 = {"template": self.scale.post_ins, "translate": {"systems": [STAGE1.name]}}
        yield self.run("post-ins", "table", self.from_base(stage1), {"post-ins": STAGE1.name})
        request = {"template": self.target_language_templates(), "mle": None}
        yield self.run("ptl", "table", self.from_stage1(request), {"ptl": BASE.name})

    def own(self) -> Iterator[PlannedRun]:
        """Stage 2 with the conflicts of this package, and with synthetic pairs."""
        sections = {
            "wrong-target": {**self.scale.stage2, "draw": "wrong_target"},
            "own": self.scale.own,
        }
        if gives_pairs(next(self.table()).recipe.supervised_directions):
            sections["synthetic"] = {**self.scale.stage2, "synthetic": 0.5}
        for name, section in sections.items():
            yield self.run(name, "own", self.stage2_only(section), {name: STAGE2.name})

    def alpha(self) -> Iterator[PlannedRun]:
        """Stage 2 at other alphas than that of the table."""
        for alpha in self.scale.alphas:
            if alpha == self.scale.stage2["alpha"]:
                continue
            section = {**self.scale.stage2, "alpha": alpha}
            name = f"alpha-{alpha:g}"
            run = self.run(name, "alpha", self.stage2_only(section), {name: STAGE2.name})
            yield replace(run, value=alpha)

    def data(self) -> Iterator[PlannedRun]:
        """Both stages on so many samples of each direction."""
        for count in self.scale.per_direction:
            name = f"data-{count}"
            changes = {
                "corpus": {"mix": {"per_direction": count}},
                "unlikelihood": self.scale.stage2,
                "translate": {"systems": [STAGE1.name, STAGE2.name]},
            }
            rows = {f"{name}-mt": STAGE1.name, name: STAGE2.name}
            yield replace(self.run(name, "data", self.from_base(changes), rows), value=float(count))

    def alma(self) -> Iterator[PlannedRun]:
        """Stage 2 alone on a model that was tuned elsewhere."""
        changes = {
            "base": {"model": ALMA},
            "template": "alma",
            "mle": None,
            "unlikelihood": self.scale.stage2,
        }
        yield self.run("alma", "alma", changes, {"alma": BASE.name, "alma-stage2": STAGE2.name})

    def instructions(self) -> Iterator[PlannedRun]:
        """General instructions alone, then beside translations: in both stages, in stage 1 only."""
        alone = {
            "corpus": {"mix": {"instructions": {"files": self.instruction_files, "only": True}}},
            "translate": {"systems": [STAGE1.name]},
        }
        name = "instructions-only"
        yield self.run(name, "instructions", self.from_base(alone), {name: STAGE1.name})
        for name, stages in (("instructions", "both"), ("instructions-first", 1)):
            mixed = {"files": self.instruction_files, "ratio": 1.0, "stages": stages}
            changes = {
                "corpus": {"mix": {"instructions": mixed}},
                "unlikelihood": self.scale.stage2,
                "translate": {"systems": [STAGE1.name, STAGE2.name]},
            }
            rows = {f"{name}-mt": STAGE1.name} if stages == "both" else {}
            rows[f"{name}-stage2"] = STAGE2.name
            yield self.run(name, "instructions", self.from_base(changes), rows)

    def run(
        self, name: str, part: str, changes: dict[str, Any], rows: dict[str, str]
    ) -> PlannedRun:
        """A run with the settings of the scale and these."""
        settings = {
            "name": f"{self.paper_table.name}, {self.choices.scale}: {name}",
            "out": str(self.choices.out / name),
            "seed": self.choices.seed,
            "languages": list(self.languages),
            "report_to": [],
        }
        if not self.choices.languages:
            for key in ("supervised", "zero_shot"):
                if (directions := getattr(self.paper_table, key)) is not None:
                    settings[key] = list(directions)
        shared = merge(merge(self.scale.recipe, settings), self.inputs())
        content = {k: v for k, v in merge(shared, changes).items() if v is not None}
        if "model" in content["base"]:
            content["base"].pop("scratch", None)
        try:
            recipe = Recipe.model_validate(content)
        except ValidationError as error:
            raise RecipeError(f"run {name}: {explain_validation(error)}") from error
        return PlannedRun(name=name, part=part, recipe=recipe, rows=rows)

    def inputs(self) -> dict[str, Any]:
        """The base model and the corpus, unless the scale makes them."""
        content: dict[str, Any] = {}
        if self.scale.model is not None:
            content["base"] = {"model": self.scale.model}
        if not self.composes_corpus:
            folder = self.choices.data or Path("data") / self.paper_table.name
            content["corpus"] = {split: str(split_path(folder, split)) for split in SPLITS}
        return content

    def from_base(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The changes, from the base model of the main run."""
        made = self.scale.model is None
        return merge(changes, {"base": {"model": self.made(BASE.folder)}}) if made else changes

    def from_stage1(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The changes, from the main run's model of stage 1."""
        return merge(changes, {"base": {"model": self.made(STAGE1.folder)}})

    def made(self, folder: str) -> str:
        """A model that the main run makes."""
        return str(self.choices.out / MAIN / folder / "model")

    def stage2_only(self, section: dict[str, Any]) -> dict[str, Any]:
        """Stage 2 from the main run's stage 1."""
        only = {"systems": [STAGE2.name]}
        return self.from_stage1({"mle": None, "unlikelihood": section, "translate": only})

    def target_language_templates(self) -> dict[str, str]:
        """The request in each target language, where its sentence is known; else in English."""
        sentences = instruction_sentences()
        templates = {"default": self.scale.ptl.replace("{instruction}", sentences["en"])}
        for language in self.languages:
            if language in sentences:
                sentence = sentences[language]
                templates[language] = self.scale.ptl.replace("{instruction}", sentence)
        return templates


def split_path(folder: Path, split: str) -> Path:
    """The one corpus of a split in a folder; `SPLIT.tsv` if it is not there."""
    found: Sequence[Path] = readers.named_split(folder, split) if folder.is_dir() else ()
    return found[0] if len(found) == 1 else folder / f"{split}.tsv"
