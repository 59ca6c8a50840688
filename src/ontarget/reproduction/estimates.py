"""What a reproduction will take, said before anything starts. No torch, no downloads."""

from dataclasses import dataclass

from ontarget.errors import ModelError
from ontarget.memory_plan import arithmetic
from ontarget.memory_plan.shapes import ModelDescription
from ontarget.models.folder import is_hub_id
from ontarget.pipeline.plan import MemoryPlan, describe_base, longest_sample, make_plan
from ontarget.recipe.recipe import Recipe
from ontarget.reproduction.runs import PlannedRun, Reproduction


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEstimate:
    """What one run will take on GPUs."""

    run: PlannedRun
    plan: MemoryPlan | None  # None: nothing is trained
    hours: float | None  # of training on one GPU; None where the number of samples is not known


def model_of(reproduction: Reproduction) -> ModelDescription | None:
    """The base model, or None where it is on the Hub and its shape is not known here.

    Raises:
        ModelError: there is no such folder, or its files are damaged.
    """
    try:
        return describe_base(reproduction.main.recipe)
    except ModelError:
        if not is_hub_id(reproduction.main.recipe.base.model or ""):
            raise
        return None


def estimate(
    reproduction: Reproduction, model: ModelDescription, gpu_memory: float, tflops: float
) -> list[RunEstimate]:
    """Memory and hours of each run on GPUs of so many GiB and 10**12 operations a second."""
    found = []
    for run in reproduction.runs:
        plan = make_plan(run.recipe, gpu_memory, None, model) if run.recipe.trainings else None
        hours = [training_hours(reproduction, run, plan, name, tflops) for name in trained(plan)]
        known = [value for value in hours if value is not None]
        total = sum(known, 0.0) if len(known) == len(hours) else None
        found.append(RunEstimate(run=run, plan=plan, hours=total))
    return found


def trained(plan: MemoryPlan | None) -> list[str]:
    """The sections that are trained."""
    return [] if plan is None else list(plan.stages)


def training_hours(
    reproduction: Reproduction, run: PlannedRun, plan: MemoryPlan | None, name: str, tflops: float
) -> float | None:
    """The hours of one training on one GPU, with samples of mean length where that is known."""
    assert plan is not None
    section = run.recipe.trainings[name]
    samples = samples_of(reproduction, run)
    if section.steps is not None:
        seen = float(section.steps * section.batch)
    elif samples is not None:
        seen = (section.epochs or 1) * samples
    else:
        return None
    sequences = 2 if name == "unlikelihood" else 1
    length = reproduction.scale.tokens or longest_sample(section, plan.model.shape)
    stage = plan.stages[name]
    tokens = round(seen * sequences * length)
    return arithmetic.training_operations(plan.model, stage, tokens) / tflops / 3.6e15


def samples_of(reproduction: Reproduction, run: PlannedRun) -> int | None:
    """The training samples of a run, if they are known without reading the corpus."""
    mix = run.recipe.corpus.mix
    if mix.only_instructions:
        return mix.total
    translations = reproduction.scale.samples
    if mix.per_direction is not None:
        translations = mix.per_direction * len(run.recipe.supervised_directions)
    if translations is None or mix.instructions is None:
        return translations
    return translations + round(translations * (mix.instructions.ratio or 0))


def directions_of(recipe: Recipe) -> int:
    """The directions of the test set."""
    return len(recipe.supervised_directions) + len(recipe.zero_shot_directions)
