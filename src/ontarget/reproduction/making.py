"""Makes the runs of a reproduction, one after the other; what is finished is not made again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ontarget import artifacts, processes
from ontarget.errors import ArtifactError, CorpusError
from ontarget.models import folder
from ontarget.pipeline import checks
from ontarget.pipeline.run import ProgressDisplay, run_recipe
from ontarget.recipe.recipe import Recipe
from ontarget.reproduction.runs import SPLITS, PlannedRun, Reproduction

CHOICES, RECIPE, REPORT = "reproduction.json", "recipe.yaml", "7_report"


def keep_choices(reproduction: Reproduction) -> None:
    """Write what was chosen into the reproduction's folder.

    Raises:
        ArtifactError: the folder is that of another reproduction.
    """
    path = reproduction.choices.out / CHOICES
    chosen = {
        "table": reproduction.paper_table.name,
        "scale": reproduction.choices.scale,
        "model": reproduction.scale.model,
        "data": str(reproduction.choices.data or ""),
        "languages": list(reproduction.main.recipe.languages),
        "seed": reproduction.choices.seed,
    }
    if path.is_file():
        check_same(path, chosen)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with artifacts.publish_file(path) as file:
        json.dump(chosen, file, ensure_ascii=False, indent=1)


def check_same(path: Path, chosen: dict[str, Any]) -> None:
    """Raise ArtifactError unless these choices were made before."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        different = [key for key, value in chosen.items() if before[key] != value]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path}: cannot be read; remove it, or give another --out") from error
    if different:
        key = different[0]
        raise ArtifactError(
            f"{path.parent}: was begun with {key} {before[key] or 'of the scale'}; give another "
            "--out, or the same choices"
        )


def check_runs(reproduction: Reproduction) -> None:
    """Check the corpus, the instructions and the base model before anything is made.

    Raises:
        OnTargetError: the first fault.
    """
    check_corpus(reproduction)
    base = reproduction.main.recipe.base  # those of other runs may not be made yet
    for run in reproduction.runs:
        if run is reproduction.main or run.recipe.corpus.mix.instructions is not None:
            checks.check_recipe(run.recipe.model_copy(update={"base": base}))
    models = {run.recipe.base.model for run in reproduction.runs if not is_finished(run)}
    for model in sorted(name for name in models if name is not None and folder.is_hub_id(name)):
        folder.check_fetchable(model, None)


def check_corpus(reproduction: Reproduction) -> None:
    """Raise CorpusError naming every split that is missing."""
    corpus = reproduction.main.recipe.corpus
    files = [path for split in SPLITS for path in corpus.files(split)]
    if missing := [str(path) for path in files if not path.exists()]:
        raise CorpusError(
            f"{', '.join(missing)}: no such file; give --data a folder with train, dev and test "
            "files"
        )


def is_finished(run: PlannedRun) -> bool:
    """Whether it was made to its end, by these settings or others."""
    return (run.recipe.out / REPORT).is_dir()


def make_runs(
    reproduction: Reproduction, display: ProgressDisplay, announce: Callable[[PlannedRun], None]
) -> None:
    """Make every step that is missing or out of date.

    Raises:
        OnTargetError: bad input, or a full disk; finished steps are kept.
    """
    for run in reproduction.runs:
        announce(run)
        checks.check_recipe(run.recipe)
        if processes.is_main_process():
            write_recipe(run.recipe)
        run_recipe(run.recipe, display)


def write_recipe(recipe: Recipe) -> None:
    """The recipe of a run, so that `ontarget run` can make and change it.

    Raises:
        ArtifactError: a link is in the place of the run.
    """
    content = recipe.model_dump(mode="json", exclude_unset=True)
    artifacts.check_no_links(recipe.out.parent, recipe.out)
    recipe.out.mkdir(parents=True, exist_ok=True)
    with artifacts.publish_file(recipe.out / RECIPE) as file:
        yaml.safe_dump(content, file, allow_unicode=True, sort_keys=False, width=100)
