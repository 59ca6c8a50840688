"""Which steps of a run are up to date, why the others are not, and what could be resumed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ontarget import artifacts
from ontarget.decoding import resume
from ontarget.pipeline.dependencies import MISSING, dependencies_of
from ontarget.pipeline.graph import Step, places_of, steps_of
from ontarget.recipe.recipe import Recipe
from ontarget.training import checkpoints

SHOWN = 60  # characters of a setting's value
RECIPE_KEYS = {  # the beginning of a setting's name in a step's record -> in the recipe
    "dev.": "", "recipe.": "", "detection.": "evaluate.", "prompt_format.": "",
    "training.": "unlikelihood.", "scratch.": "base.scratch.",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStatus:
    """Whether a step's folder is what the recipe describes."""

    step: Step
    reasons: tuple[str, ...]  # why it would be made
    waits_for: tuple[str, ...]  # folders that it reads and that would be made first
    resumable: str | None  # what an interrupted run left of it

    def __str__(self) -> str:
        if self.reasons:
            text = f"would be made: {'; '.join(self.reasons)}"
        elif self.waits_for:
            text = f"would be made if other files come out of {', '.join(self.waits_for)}"
        else:
            text = "up to date"
        return text + (f" (resumes from {self.resumable})" if self.resumable else "")


def recipe_status(recipe: Recipe) -> list[StepStatus]:
    """The status of each step, in the order of a run. Nothing is written."""
    statuses: list[StepStatus] = []
    outdated: set[str] = set()
    for step in steps_of(recipe):
        made_from = dependencies_of(recipe, step)
        waits_for = tuple(folder for folder in step.needs if folder in outdated)
        reasons = tuple(
            reason
            for reason in outdated_reasons(recipe, step, made_from)
            if not reason.startswith(tuple(f"{folder}/" for folder in waits_for))
        )
        resumable = describe_unfinished(recipe, step, made_from)
        statuses.append(
            StepStatus(step=step, reasons=reasons, waits_for=waits_for, resumable=resumable)
        )
        if reasons or waits_for:
            outdated.add(step.folder)
    return statuses


def outdated_reasons(recipe: Recipe, step: Step, made_from: dict[str, Any]) -> list[str]:
    """Why a step's folder is not what would be made from `made_from`; nothing if it is."""
    place = recipe.out / step.folder
    stamp = artifacts.read_stamp(place)
    if stamp is None:
        return [artifacts.stamp_fault(place)]
    return [explain(*change) for change in differences(stamp.get("made_from"), made_from)]


def differences(
    before: Any, now: Any, place: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Where two nested mappings differ: (keys, value before, value now); None where absent."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            yield from differences(before.get(key), now.get(key), (*place, key))
    elif before != now:
        yield place, before, now


def explain(place: tuple[str, ...], before: Any, now: Any) -> str:
    """A difference in words."""
    match place:
        case ("ontarget",):
            return f"made by ontarget {before}, this is {now}"
        case ("settings", _, *_):
            return f"{setting_name('.'.join(place[1:]))} was {show(before)}, is {show(now)}"
        case ("files", "model" | "detector" as name):
            return f"the {name}'s files have changed"
        case ("files" | "steps", path):
            if now == MISSING:
                return f"{path} is missing"
            if before is None or now is None:
                return f"{path} {'was not' if before is None else 'is no longer'} read"
            return f"{path} has changed"
    return "its step.json does not say what made it"


def setting_name(name: str) -> str:
    """The key of the recipe for a setting in a step's record."""
    for beginning, key in RECIPE_KEYS.items():
        if name.startswith(beginning):
            name = key + name.removeprefix(beginning)
    return name


def show(value: Any) -> str:
    """The beginning of a setting's value."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def describe_unfinished(recipe: Recipe, step: Step, made_from: dict[str, Any]) -> str | None:
    """What a run of this step could resume from, or None."""
    _, folder, _ = places_of(recipe.out, step)
    if not artifacts.is_unfinished(folder, artifacts.fingerprint(made_from)):
        return None
    if step.trains:
        newest = checkpoints.newest(folder)
        step_name = newest.name.removeprefix("step-") if newest else ""
        return f"a checkpoint at step {int(step_name)}" if step_name else None
    translated, _ = resume.read_batches(folder / resume.FILE)
    return f"{len(translated)} translated segments" if translated else None
