"""What a step's content depends on: settings, hashes of the files that it reads, our version."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ontarget import __version__, artifacts
from ontarget.models import folder
from ontarget.offtarget import detectors
from ontarget.offtarget.detectors.model_file import parse_name
from ontarget.pipeline.graph import Step
from ontarget.recipe.recipe import Recipe

MISSING = "missing"  # in place of a file's hash


def dependencies_of(recipe: Recipe, step: Step) -> dict[str, Any]:
    """All that a step's content depends on, as JSON can hold it."""
    files: dict[str, Any] = {}
    for name in step.files:
        if name == "model":
            if recipe.base.model is not None:
                files[name] = folder.identity(recipe.base.model, recipe.base.revision)
        elif name == "detector":
            path = parse_name(recipe.evaluate.detector)[0]
            if path.is_file() and recipe.evaluate.detector not in detectors.NAMED:
                files[name] = artifacts.file_hash(path)
        elif name == "confusions":
            scores = recipe.unlikelihood and recipe.unlikelihood.scores
            files |= {str(scores): hash_of(scores)} if scores else {}
        else:
            files |= {str(path): hash_of(path) for path in recipe.corpus.files(name)}
    settings = plain(step.settings(recipe))
    steps = input_hashes(recipe, step)
    return {"ontarget": __version__, "settings": settings, "files": files, "steps": steps}


def hash_of(path: Path) -> str:
    """A file's hash; a step whose file is missing says so when it runs."""
    return artifacts.file_hash(path) if path.is_file() else MISSING


def input_hashes(recipe: Recipe, step: Step) -> dict[str, str]:
    """The hashes of the files of finished steps that this one reads, by path, as they are now.

    Of a step.json the result counts, not when and where it was made.
    """
    stamps = {name: artifacts.read_stamp(recipe.out / name) for name in step.needs}
    hashes = {}
    for path in step.reads:
        needed, _, name = path.rpartition("/")
        stamp = stamps[needed]
        if stamp is None:
            hashes[path] = MISSING
        elif name == artifacts.STAMP:
            hashes[path] = artifacts.fingerprint(stamp["result"])
        else:
            hashes |= {
                f"{needed}/{file}": digest
                for file, digest in stamp["outputs"].items()
                if file == name or file.startswith(f"{name}/")
            }
    return hashes


def plain(value: Any) -> Any:
    """Settings as JSON can hold them."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return [plain(item) for item in value] if isinstance(value, tuple) else value
