"""A finished model with its card, as a folder and on the Hugging Face Hub."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.decoding.base import Search
from ontarget.errors import ArtifactError, RecipeError
from ontarget.hub import card as cards
from ontarget.hub import snippet, upload
from ontarget.hub.card import CardStage, Facts, ModelCard
from ontarget.models import loading
from ontarget.models.folder import is_hub_id
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections import Mle, Unlikelihood
from ontarget.steps import inputs

FOLDERS = {inputs.STAGE1: "3_mle", inputs.STAGE2: "4_unlikelihood"}


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was made."""

    folder: Path  # what is on the Hub, or would be
    left_out: list[str]  # files of the model that are neither text nor safetensors
    address: str | None  # on the Hub

    @property
    def words(self) -> str:
        """Where the model is now, and what is not there."""
        where = f"uploaded: {self.address}" if self.address else f"not uploaded: {self.folder}"
        return where + "".join(f"\nleft out: {name}" for name in self.left_out)


def check_push(recipe: Recipe, repo_id: str, system: str) -> None:
    """Raise where the Hub could not have such a repository, or the recipe has no such system."""
    upload.check_repo_id(repo_id)
    tuned = [each for each in inputs.systems(recipe) if each in FOLDERS]
    if system not in tuned:
        raise RecipeError(
            f"--system: the recipe tunes no {system!r}; "
            f"it tunes {' and '.join(tuned) or 'nothing: add the section mle or unlikelihood'}"
        )


def run(recipe: Recipe, repo_id: str, system: str, *, private: bool, dry_run: bool) -> Pushed:
    """Write `push/<system>/` in the run's folder and, unless `dry_run`, upload it.

    All steps up to the evaluation must be finished.

    Raises:
        HubError: nobody is logged in, or the Hub cannot be reached or refuses.
        ArtifactError: the folder cannot be written.
    """
    if not dry_run:
        upload.check_logged_in()
    model = recipe.out / FOLDERS[system] / "model"
    place = recipe.out / "push" / system
    files = sorted(path for path in model.rglob("*") if path.is_file())
    shared = [path for path in files if path.parent == model and upload.is_uploaded(path.name)]
    with artifacts.lock(recipe.out), artifacts.publish_folder(place, cards.FILE) as partial:
        for path in shared:
            put(path, partial / path.name)
        text = cards.render_card(card(recipe, repo_id, system))
        (partial / cards.FILE).write_text(text, encoding="utf-8")
    left_out = [str(path.relative_to(model)) for path in files if path not in shared]
    return Pushed(
        place, left_out, None if dry_run else upload.upload(place, repo_id, private=private)
    )


def put(path: Path, place: Path) -> None:
    """Weights as a link, where the disk can, as they are large; all else as a copy."""
    if path.suffix == ".safetensors":
        try:
            os.link(path, place)
            return
        except OSError:  # another disk, or one without links
            pass
    shutil.copyfile(path, place)


def card(recipe: Recipe, repo_id: str, system: str) -> ModelCard:
    """What the run's own files say of the model."""
    stamp = stamped(recipe, FOLDERS[system])
    identity = str(stamp["made_from"]["files"].get("model", ""))
    model = recipe.base.model
    hub_id = model if model and identity.startswith(f"{model}@") and is_hub_id(model) else None
    beams = recipe.translate.beams
    asked = snippet.SnippetInputs(
        loaded=loading.load_outline(str(recipe.out / FOLDERS[system] / "model")),
        languages=recipe.languages,
        example=(recipe.zero_shot_directions or recipe.supervised_directions)[0],
        asking=recipe.asking,
        search=Search(beams=beams, max_new_tokens=recipe.translate.max_new_tokens, batch=1),
    )
    return ModelCard(
        repo_id=repo_id,
        system=system,
        languages=recipe.languages,
        base=base_in_words(recipe, hub_id),
        base_id=hub_id,
        stand_in=recipe.base.scratch is not None,
        stages=tuple(stages(recipe, system)),
        data=data(recipe),
        decoding="greedy" if beams == 1 else f"beam search with {beams} beams",
        scores=tuple(inputs.scores(recipe.out / "6_evaluate" / "scores.jsonl")),
        kind=asked.kind,
        usage=snippet.render_snippet(asked, repo_id),
        wording=snippet.prompt_note(asked),
        versions=(
            ("ontarget", stamp["made_from"]["ontarget"]),
            ("Python", stamp["python"]),
            *stamp["libraries"].items(),
        ),
    )


def stamped(recipe: Recipe, step: str) -> dict[str, Any]:
    """The step.json of a finished step."""
    stamp = artifacts.read_stamp(recipe.out / step)
    if stamp is None:
        raise ArtifactError(f"{recipe.out / step}: is missing or altered; run `ontarget run` again")
    return stamp


def base_in_words(recipe: Recipe, hub_id: str | None) -> str:
    """Without a folder of this machine."""
    if recipe.base.model is None:
        return "a small Llama made from scratch for this run"
    if hub_id is None:
        return f"a local model named {Path(recipe.base.model).name}"
    return f"{hub_id} (revision {recipe.base.revision or 'main'})"


def stages(recipe: Recipe, system: str) -> Iterator[CardStage]:
    """The trainings that led to a system."""
    if recipe.mle is not None:
        yield CardStage(
            title="Stage 1: maximum likelihood on translation instructions",
            facts=settings(recipe, recipe.mle, "3_mle"),
        )
    if system == inputs.STAGE2 and recipe.unlikelihood is not None:
        section = recipe.unlikelihood
        extra = (
            ("alpha, weight of the unlikelihood", f"{section.alpha:g}"),
            ("conflict samples", section.draw.replace("_", " ")),
        )
        yield CardStage(
            title="Stage 2: maximum likelihood plus unlikelihood on conflicting instructions",
            facts=(*settings(recipe, section, "4_unlikelihood"), *extra),
        )


def settings(recipe: Recipe, section: Mle | Unlikelihood, step: str) -> Facts:
    """What a stage did, in words."""
    result = stamped(recipe, step)["result"]
    kept = result.get("kept_step")
    adapter = section.adapter
    trained = (
        "all weights"
        if adapter is None
        else f"{adapter.kind} of rank {adapter.rank}, alpha {adapter.alpha:g}, merged"
    )
    return (
        ("samples", str(result["samples"])),
        (
            "steps",
            f"{result['steps']}" + (f", that of step {kept} kept" if kept is not None else ""),
        ),
        ("samples a step", str(section.batch)),
        ("learning rate", f"{section.learning_rate:g}, {section.schedule}"),
        ("optimizer", section.optimizer),
        ("trained", trained),
        ("precision", section.precision),
        ("seed", str(recipe.seed)),
    )


def data(recipe: Recipe) -> Facts:
    """Names of the corpus files, without their folders."""
    corpus = recipe.corpus
    directions = (
        ("supervised directions", " ".join(map(str, recipe.supervised_directions))),
        ("zero-shot directions", " ".join(map(str, recipe.zero_shot_directions)) or "none"),
    )
    if corpus.phrasebook is not None:
        return (("corpus", "the phrasebook of ontarget, composed from Unicode CLDR"), *directions)
    splits = (("training", corpus.train), ("dev", corpus.dev), ("test", corpus.test))
    names = tuple((split, ", ".join(path.name for path in paths)) for split, paths in splits)
    return (*names, *directions)
