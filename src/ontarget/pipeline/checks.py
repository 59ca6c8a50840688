"""What can be known of a recipe before it runs: languages, files, model, place. No torch."""

import os
from pathlib import Path

from ontarget import processes
from ontarget.data import readers
from ontarget.data.readers.phrasebook import cldr_locale
from ontarget.errors import ArtifactError, CorpusError, RecipeError
from ontarget.models import folder
from ontarget.recipe.recipe import Recipe
from ontarget.records import Parallel
from ontarget.steps import inputs
from ontarget.training.monitoring import trackers

FEW = 1000  # rows looked at in a file that is too large to read whole in no time
SMALL = 2_000_000  # bytes of all corpus files together that are read whole


def check_recipe(recipe: Recipe) -> list[str]:
    """What was found, in one line each; files are read whole only where they are small.

    Raises:
        OnTargetError: the first fault.
    """
    recipe.detection.refuse(recipe.languages)
    if recipe.base.model is not None:
        folder.check_folder(recipe.base.model)
        if recipe.chat:
            folder.check_chat_template(recipe.base.model)
    stages = [stage for stage in (recipe.mle, recipe.unlikelihood) if stage is not None]
    if any(stage.adapter and stage.adapter.kind == "qlora" for stage in stages):
        folder.check_quantization()
    for name, section in recipe.trainings.items():
        try:
            processes.micro_batch(section.batch, section.micro_batch)
        except RecipeError as error:
            raise RecipeError(f"{name}.{error}") from error
    check_writable(recipe.out)
    trackers.check_installed(recipe.report_to)
    taken = recipe.base.model is not None and folder.is_hub_id(recipe.base.model)
    directions = f"{len(recipe.supervised_directions)} supervised, "
    directions += f"{len(recipe.zero_shot_directions)} zero-shot"
    return [
        f"languages {' '.join(recipe.languages)}",
        f"directions {directions}",
        f"model {recipe.model}{', no folder here: taken as a hub id' if taken else ''}",
        f"corpus {check_corpus(recipe)}",
    ]


def check_corpus(recipe: Recipe) -> str:
    """Look at the recipe's corpus; how much of it was looked at.

    Raises:
        CorpusError: a file cannot be used, as far as it was read.
    """
    if recipe.corpus.phrasebook is not None:
        for language in recipe.languages:
            cldr_locale(language)
        return "phrasebook (embedded)"
    files = (*recipe.corpus.train, *recipe.corpus.dev, *recipe.corpus.test)
    if sum(path.stat().st_size for path in files if path.is_file()) <= SMALL:
        found = inputs.splits(recipe)
        inputs.refuse_empty(found, recipe)
        sizes = f"{len(found.train)} train, {len(found.dev)} dev, {len(found.test)} test"
        return f"{sizes} rows, read whole"
    for path in files:
        rows = first_rows(path, recipe.languages)
        if not any(len(row.texts) > 1 for row in rows):
            raise CorpusError(
                f"{path}: its first {len(rows)} rows hold no text in two languages; "
                "is it the right file?"
            )
    return f"{len(files)} files, the first {FEW} rows of each read"


def first_rows(path: Path, languages: tuple[str, ...]) -> list[Parallel]:
    """The rows of a file up to `FEW`."""
    found = []
    for row in readers.read(path, languages):
        found.append(row)
        if len(found) == FEW:
            break
    return found


def check_writable(out: Path) -> None:
    """Raise ArtifactError where the run's folder could not be made."""
    nearest = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise ArtifactError(f"{out}: {nearest} is no folder one can write to; choose another out")
