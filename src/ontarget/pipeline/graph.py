"""The steps as data: which folder a verb makes, from which others, and from what in the recipe."""

from collections.abc import Iterator
from dataclasses import dataclass

from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections import Training
from ontarget.steps import inputs

SHARED = ("languages", "asking", "seed")
DIRECTIONS = ("supervised_directions", "zero_shot_directions")
CORPUS = ("train", "dev", "test")
TRAINING = (  # of stage 2: what its control does alike
    *(f"unlikelihood.{name}" for name in Training.model_fields),
    "unlikelihood.adapter",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One folder of a run and what makes it."""

    folder: str  # below the run's folder
    verb: str  # the command that makes it
    module: str  # of ontarget.steps, imported only when it runs
    needs: tuple[str, ...] = ()  # folders it reads
    reads: tuple[str, ...] = ()  # of the recipe: what its content depends on, dotted in sections
    files: tuple[str, ...] = ()  # train, dev, test, model, detector: what else it reads
    system: str | None = None

    @property
    def trains(self) -> bool:
        """Whether it trains a model, which all processes of a run do together."""
        return self.module in ("s0_base", "s3_mle", "s4_unlikelihood", "s4_control")


def steps_of(recipe: Recipe) -> list[Step]:
    """The units of a recipe, each after those it needs."""
    return [*training_steps(recipe), *judging_steps(recipe)]


def training_steps(recipe: Recipe) -> Iterator[Step]:
    """From the corpus to the tuned models."""
    if recipe.base.scratch is not None:
        reads = (*SHARED, "corpus", "base")
        yield Step(folder="0_base", verb="base", module="s0_base", reads=reads, files=CORPUS)
    yield Step(
        folder="1_prepare",
        verb="prepare",
        module="s1_prepare",
        reads=("languages", "seed", "corpus", *DIRECTIONS),
        files=CORPUS,
    )
    if recipe.unlikelihood is not None:
        yield Step(
            folder="2_conflict",
            verb="conflict",
            module="s2_conflict",
            needs=("1_prepare",),
            reads=("languages", "seed", "supervised_directions", "unlikelihood.draw"),
        )
    base = ("0_base",) if recipe.base.scratch is not None else ()
    if recipe.mle is not None:
        validated = ("languages", *DIRECTIONS, "translate.max_new_tokens")
        yield Step(
            folder="3_mle",
            verb="mle",
            module="s3_mle",
            needs=(*base, "1_prepare"),
            reads=(
                *("asking", "seed", "base", "mle"),
                *(validated if recipe.mle.validation else ()),
            ),
            files=("model",),
        )
    yield from stage2_steps(recipe, base if recipe.mle is None else ("3_mle",))


def stage2_steps(recipe: Recipe, start: tuple[str, ...]) -> Iterator[Step]:
    """Stage 2 and its control, from the model in the folder `start`."""
    reads = (*SHARED, *DIRECTIONS, "base")
    if recipe.unlikelihood is not None:
        yield Step(
            folder="4_unlikelihood",
            verb="unlikelihood",
            module="s4_unlikelihood",
            needs=(*start, "1_prepare", "2_conflict"),
            reads=(*reads, "unlikelihood", "translate.max_new_tokens"),
            files=("model",),
        )
    if recipe.control:
        assert recipe.unlikelihood is not None
        counted = () if recipe.unlikelihood.length_is_known else ("4_unlikelihood",)
        yield Step(
            folder="4_control",
            verb="control",
            module="s4_control",
            needs=(*start, "1_prepare", *counted),
            reads=(*reads, *TRAINING),
            files=("model",),
        )


def judging_steps(recipe: Recipe) -> Iterator[Step]:
    """From the models to the report."""
    models = {
        inputs.BASE: "0_base",
        inputs.ABILITY: "0_base",
        inputs.STAGE1: "3_mle",
        inputs.LONGER: "4_control",
        inputs.STAGE2: "4_unlikelihood",
    }
    systems = inputs.systems(recipe) + ([inputs.ABILITY] if recipe.base.scratch else [])
    for system in systems:
        made_here = recipe.base.scratch is not None or models[system] != "0_base"
        yield Step(
            folder=f"5_translate/{system}",
            verb="translate",
            module="s5_translate",
            needs=("1_prepare", *([models[system]] if made_here else [])),
            reads=("languages", "zero_shot_directions", "asking", "translate", "base"),
            files=() if made_here else ("model",),
            system=system,
        )
    translated = tuple(f"5_translate/{system}" for system in systems)
    yield Step(
        folder="6_evaluate",
        verb="evaluate",
        module="s6_evaluate",
        needs=translated,
        reads=("languages", "supervised_directions", "evaluate"),
        files=("detector",),
    )
    trained = tuple(unit.folder for unit in training_steps(recipe) if unit.folder != "1_prepare")
    yield Step(
        folder="7_report",
        verb="report",
        module="s7_report",
        needs=(*trained, "6_evaluate"),
        reads=tuple(name for name in Recipe.model_fields if name not in ("out", "report_to")),
    )
