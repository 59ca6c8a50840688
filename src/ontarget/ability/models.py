"""Which models are measured under a name: all of a run, one of its systems, or a single model."""

from dataclasses import dataclass
from pathlib import Path

from ontarget.artifacts import STAMP
from ontarget.errors import ModelError
from ontarget.models import folder
from ontarget.systems import BASE, SYSTEMS, System
from ontarget.translation.choice import choose_model, is_run, recipe_of

COMPARED = tuple(system for system in SYSTEMS if system.compared)
SERVERS = ("http://", "https://")


@dataclass(frozen=True, slots=True, kw_only=True)
class AbilityModel:
    """A model to measure."""

    name: str  # in tables
    place: str  # an absolute folder, or a hub id
    revision: str | None = None  # of a hub id


def models_of(name: str) -> list[AbilityModel]:
    """The models of a name: RUN (all that it has finished, and its base), RUN#SYSTEM, or a model.

    Raises:
        ModelError: there is no such model, or it has no safetensors weights.
    """
    if name.startswith(SERVERS) or name.endswith(".gguf"):
        raise ModelError(
            f"{name}: lm-evaluation-harness reads weights as safetensors; give a run, a model "
            "folder or a hub id"
        )
    run, _, system = name.partition("#")
    if not is_run(Path(run)):
        return [checked(AbilityModel(name=name, place=name))]
    if system == BASE.name:
        return [base_of(Path(run))]
    if system:
        return [checked(AbilityModel(name=name, place=choose_model(name).model))]
    trained = [model_of(Path(run), each) for each in COMPARED[1:] if is_finished(Path(run), each)]
    return [base_of(Path(run)), *trained]


def is_finished(run: Path, system: System) -> bool:
    """Whether a run has trained a system."""
    return (run / system.folder / STAMP).is_file()


def model_of(run: Path, system: System) -> AbilityModel:
    """A system that a run has trained.

    Raises:
        ModelError: it cannot be loaded.
    """
    name = f"{run}#{system.name}"
    return checked(AbilityModel(name=name, place=choose_model(name).model))


def base_of(run: Path) -> AbilityModel:
    """The base model of a run: made by it, or named in its recipe.

    Raises:
        ModelError: no step of the run has finished that says which one it is, or it is gone.
    """
    if is_finished(run, BASE):
        return model_of(run, BASE)
    step = next((run / each.folder for each in COMPARED if is_finished(run, each)), None)
    base = recipe_of(step).base if step else None
    if base is None or base.model is None:
        raise ModelError(f"{run}#{BASE.name}: no training has finished; run its recipe first")
    name = f"{run}#{BASE.name}"
    return checked(AbilityModel(name=name, place=base.model, revision=base.revision))


def checked(model: AbilityModel) -> AbilityModel:
    """The model, with an absolute path.

    Raises:
        ModelError: it is no folder with safetensors weights, and no hub id.
    """
    folder.check_folder(model.place)
    if folder.is_hub_id(model.place):
        return model
    place = str(Path(model.place).absolute())
    return AbilityModel(name=model.name, place=place)
