"""Which models a run has, and the references that show how answers begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ontarget import artifacts
from ontarget.errors import ArtifactError
from ontarget.recipe.recipe import Recipe
from ontarget.records import Sample
from ontarget.systems import BASE, STAGE1, STAGE2, TRAIN, System
from ontarget.translation.choice import recipe_of

REFERENCES = 4000  # of the training set, evenly spread over it
PREPARED = "1_prepare"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunModel:
    """A system of a run, and where its model is."""

    system: System
    model: str  # a folder or hub id
    revision: str | None


def recipe_in(run: Path) -> Recipe:
    """The recipe of a run.

    Raises:
        ArtifactError: the folder is not that of a run.
    """
    step = run / PREPARED
    if not (step / artifacts.STAMP).is_file():
        raise ArtifactError(
            f"{run}: holds no {PREPARED}/{artifacts.STAMP}; give the folder (`out`) of a recipe "
            "that was run"
        )
    return recipe_of(step)


def models_of(run: Path, recipe: Recipe) -> list[RunModel]:
    """The base model, stage 1 and stage 2, as far as the run has made them.

    Raises:
        ArtifactError: no training has finished.
    """
    found = [
        RunModel(system=system, model=str(run / system.folder / "model"), revision=None)
        for system in (BASE, STAGE1, STAGE2)
        if (run / system.folder / artifacts.STAMP).is_file()
        and (run / system.folder / "model").is_dir()
    ]
    if recipe.base.model is not None:
        own = RunModel(system=BASE, model=recipe.base.model, revision=recipe.base.revision)
        found.insert(0, own)
    if not any(one.system is not BASE for one in found):
        raise ArtifactError(
            f"{run}: neither stage 1 nor stage 2 has finished; run its recipe to the end first"
        )
    return found


def references_of(run: Path) -> tuple[list[Sample], list[Sample]]:
    """The dev samples of a run, and a part of its training samples; no general instructions."""
    dev = artifacts.read_jsonl(run / PREPARED / "dev.jsonl", Sample)
    training: Sequence[Sample] = artifacts.ArrowRecords(run / TRAIN, Sample)
    step = max(1, -(-len(training) // REFERENCES))
    spread = [training[place] for place in range(0, len(training), step)]
    return dev, [sample for sample in spread if sample.asks_right_language]
