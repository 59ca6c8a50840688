"""The steps of a recipe: which folder each makes, from which others, with which settings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontarget.errors import RecipeError
from ontarget.recipe import step_settings
from ontarget.recipe.recipe import Recipe
from ontarget.systems import BASE, CONTROL, STAGE2, SYSTEMS, TRAIN, System, present, start_of

UNFINISHED, LOGS = ".unfinished", "logs"  # folders beside those of the steps
SETTINGS: dict[str, Callable[[Recipe], Any]] = {  # by module of a step that trains
    "s0_base": step_settings.BaseSettings.of,
    "s3_mle": step_settings.MleSettings.of,
    "s4_control": step_settings.ControlSettings.of,
    "s4_unlikelihood": step_settings.UnlikelihoodSettings.of,
}
SUMMARIES = {  # of the steps that train nothing, by verb
    "prepare": "Step 1: read the corpus into samples.",
    "conflict": "Step 2: draw conflict samples for each training sample.",
    "synthesize": "Step 3, for stage 2: translate training text into synthetic pairs.",
    "translate": "Step 5: translate the test set with every system.",
    "evaluate": "Step 6: off-target ratio, BLEU and chrF.",
    "report": "Step 7: write report.html and report.md.",
}
CONFLICTS, SYNTHETIC = "2_conflict/conflicts.arrow", "3_synthesize/synthetic.arrow"
PLACES = ("1_", "2_", "3_synthesize", "5_", "6_", "7_")  # of these, among the folders


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One folder of a run and what makes it."""

    folder: str  # below the run's folder
    verb: str  # the command that makes it
    module: str  # of `steps`, imported only when it runs
    settings: Callable[[Recipe], Any]  # all that it reads of the recipe, as a record
    reads: tuple[str, ...] = ()  # of other steps, below the run's folder; the model is a folder
    files: tuple[str, ...] = ()  # of no step: splits of the corpus, model, detector, confusions
    start: str | None = None  # the folder of the model it begins with; None: the base model
    system: str = ""
    trains: bool = False  # then all processes of a run take part

    @property
    def needs(self) -> tuple[str, ...]:
        """The folders of the steps whose files it reads."""
        return tuple(dict.fromkeys(path.rpartition("/")[0] for path in self.reads))


def places_of(out: Path, step: Step) -> tuple[Path, Path, Path]:
    """In the run's folder: the step's own, that of what it can resume from, that of its logs."""
    return out / step.folder, out / UNFINISHED / step.folder, out / LOGS / step.folder


def verbs() -> dict[str, str]:
    """All verbs with a summary of their steps, in the order of the steps' folders."""
    trainings = {s.folder: (s.verb, s.summary) for s in SYSTEMS if s.summary}
    others = dict(zip(PLACES, SUMMARIES.items(), strict=True))
    return dict(pair for _, pair in sorted((trainings | others).items()))


def steps_of(recipe: Recipe) -> list[Step]:
    """The steps of a recipe, each after those it needs."""
    trainings = [training_step(recipe, system) for system in trained_systems(recipe)]
    steps = [prepare_step(recipe), *trainings, *judging_steps(recipe)]
    if (stage2 := recipe.unlikelihood) is not None:
        steps += [conflict_step()] * stage2.has_conflicts
        steps += [synthesize_step(recipe)] * bool(stage2.synthetic)
    return in_order(steps)


def in_order(steps: Sequence[Step]) -> list[Step]:
    """Steps by the number of their folder, the control last, and each after those it needs."""
    remaining = sorted(steps, key=lambda s: (s.folder[0], s.module == CONTROL.step))
    ordered: list[Step] = []
    order = {step.folder for step in steps}
    while remaining:
        done = {step.folder for step in ordered}
        ready = next(s for s in remaining if set(s.needs) & order <= done)
        remaining.remove(ready)
        ordered.append(ready)
    return ordered


def prepare_step(recipe: Recipe) -> Step:
    """Step 1."""
    drops = recipe.corpus.special_tokens == "drop"  # those of the model
    return Step(
        folder="1_prepare",
        verb="prepare",
        module="s1_prepare",
        settings=step_settings.PrepareSettings.of,
        files=("train", "dev", "test", "monolingual", "instructions", *["model"] * drops),
    )


def conflict_step() -> Step:
    """Step 2."""
    return Step(
        folder="2_conflict",
        verb="conflict",
        module="s2_conflict",
        settings=step_settings.ConflictSettings.of,
        reads=(TRAIN, "1_prepare/monolingual.jsonl"),
        files=("confusions",),
    )


def synthesize_step(recipe: Recipe) -> Step:
    """Step 3's pairs for stage 2, made by the model that stage 2 starts from."""
    start = model_folder(recipe, start_of(STAGE2, [s.name for s in recipe.systems]))
    return Step(
        folder="3_synthesize",
        verb="synthesize",
        module="s3_synthesize",
        settings=step_settings.SynthesizeSettings.of,
        reads=(TRAIN, *([f"{start}/model"] if start else [])),
        files=("detector", *(() if start else ("model",))),
        start=start,
    )


def trained_systems(recipe: Recipe) -> list[System]:
    """The systems whose models this run makes."""
    made = [system for system in recipe.systems if not system.ways]
    return [s for s in made if s is not BASE or recipe.base.scratch is not None]


def training_step(recipe: Recipe, system: System) -> Step:
    """The step that makes a system's model."""
    reads, files = list(system.reads), list[str]()
    start = None
    if system is not BASE:
        start = model_folder(recipe, start_of(system, [s.name for s in recipe.systems]))
        (reads if start else files).append(f"{start}/model" if start else "model")
    if reads_dev(recipe, system):
        reads.append("1_prepare/dev.jsonl")
        files.append("detector")
    if system is STAGE2:
        reads += made_for_stage2(recipe)
    length_known = recipe.unlikelihood is None or recipe.unlikelihood.length_is_known
    if system is CONTROL and not length_known:
        reads.append(f"{STAGE2.folder}/step.json")
    return Step(
        folder=system.folder,
        verb=system.verb,
        module=system.step,
        settings=SETTINGS[system.step],
        reads=tuple(reads),
        files=tuple(files),
        start=start,
        system=system.name,
        trains=True,
    )


def made_for_stage2(recipe: Recipe) -> list[str]:
    """The files of other steps that stage 2 reads besides training samples."""
    stage2 = recipe.unlikelihood
    if stage2 is None:
        return []
    return [CONFLICTS] * stage2.has_conflicts + [SYNTHETIC] * bool(stage2.synthetic)


def reads_dev(recipe: Recipe, system: System) -> bool:
    """Whether a training translates and judges dev sentences: validation, diagnosis."""
    return getattr(SETTINGS[system.step](recipe), "dev", None) is not None


def model_folder(recipe: Recipe, system: System) -> str | None:
    """The folder of the step that makes a system's model; None for a base model that is given."""
    return None if system.folder == BASE.folder and not recipe.base.scratch else system.folder


def translated_systems(recipe: Recipe) -> list[System]:
    """The systems of step 5: all that are compared, and those whose ability alone is measured."""
    chosen = recipe.translate.systems
    others = [] if chosen else present(recipe.has_section, compared=False)
    return [*recipe.translated, *(system for system in others if not system.compared)]


def judging_steps(recipe: Recipe) -> Iterator[Step]:
    """From the models to the report."""
    translated = []
    for system in translated_systems(recipe):
        folder = model_folder(recipe, system)
        translated.append(f"5_translate/{system.name}")
        yield Step(
            folder=translated[-1],
            verb="translate",
            module="s5_translate",
            settings=translate_settings(system.name),
            reads=(
                "1_prepare/test.jsonl",
                *([f"{folder}/model"] if folder else []),
                *(material_files(recipe) if system.ways else []),
            ),
            files=() if folder else ("model",),
            start=folder,
            system=system.name,
        )
    yield Step(
        folder="6_evaluate",
        verb="evaluate",
        module="s6_evaluate",
        settings=step_settings.EvaluateSettings.of,
        reads=tuple(f"{folder}/translations.jsonl" for folder in translated),
        files=("detector",),
    )
    made = [f"{path.partition('/')[0]}/step.json" for path in made_for_stage2(recipe)]
    shown = ("curve.jsonl", "validation.jsonl", "preflight.json", "step.json")
    trainings = [f"{s.folder}/{name}" for s in trained_systems(recipe) for name in shown]
    scores = [f"6_evaluate/{name}.jsonl" for name in ("scores", "segments", "ability")]
    yield Step(
        folder="7_report",
        verb="report",
        module="s7_report",
        settings=step_settings.ReportSettings.of,
        reads=(*made, *trainings, *scores, "6_evaluate/step.json"),
    )


def material_files(recipe: Recipe) -> list[str]:
    """What ways to stay on target learn from."""
    return ["1_prepare/dev.jsonl", *([TRAIN] if recipe.trainings else [])]


def translate_settings(system: str) -> Callable[[Recipe], step_settings.TranslateSettings]:
    """The settings of step 5 for a system."""
    return lambda recipe: step_settings.TranslateSettings.of(recipe, system)


def matching_steps(steps: Sequence[Step], name: str) -> list[Step]:
    """The steps of a verb or folder.

    Raises:
        RecipeError: there is none.
    """
    matches = [s for s in steps if name in (s.verb, s.folder, s.folder.split("/")[0])]
    if not matches:
        names = dict.fromkeys(step.verb for step in steps)
        raise RecipeError(
            f"the recipe has no step {name!r}; its steps are {', '.join(names)}: "
            "choose one of them or add the step's section"
        )
    return matches


def required_steps(steps: Sequence[Step], wanted: Sequence[Step]) -> list[Step]:
    """`wanted` and all they need, in the order of `steps`."""
    folders = {step.folder for step in wanted}
    for step in reversed(steps):
        if step.folder in folders:
            folders.update(step.needs)
    return [step for step in steps if step.folder in folders]
