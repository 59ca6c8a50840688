"""A finished model with its card, as a folder and on the Hugging Face Hub."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.analysis.results import read_scores
from ontarget.decoding.base import Search
from ontarget.errors import ArtifactError, RecipeError
from ontarget.hub import card as cards
from ontarget.hub import snippet, upload
from ontarget.hub.card import CardStage, Facts, ModelCard
from ontarget.models import loading
from ontarget.models.folder import is_hub_id
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections.training import Mle, Unlikelihood
from ontarget.systems import BY_NAME, STAGE1, STAGE2

STAGE2_TITLES = {  # by whether it has conflict samples
    True: "Stage 2: maximum likelihood plus unlikelihood on conflicting instructions",
    False: "Stage 2: maximum likelihood on synthetic pairs of zero-shot directions",
}
FOLDERS = {system.name: system.folder for system in (STAGE1, STAGE2)}


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was made."""

    folder: Path  # what is on the Hub, or would be
    left_out: list[str]  # files of the model that are neither text nor safetensors
    address: str | None  # on the Hub

    @property
    def lines(self) -> list[str]:
        """Where the model is now, and which files were left out."""
        place = f"uploaded: {self.address}" if self.address else f"not uploaded: {self.folder}"
        return [place, *(f"left out: {name}" for name in self.left_out)]


def check_push(recipe: Recipe, repo_id: str, system: str) -> None:
    """Raise HubError for an impossible repository, RecipeError for a system that is not tuned."""
    if recipe.corpus.mix.only_instructions:
        raise RecipeError(
            "corpus.mix.instructions.only: this model was tuned on no translation, which its card "
            "would say; push another run"
        )
    upload.check_repo_id(repo_id)
    tuned = [s.name for s in recipe.systems if s.name in FOLDERS]
    if system not in tuned:
        raise RecipeError(
            f"--system: the recipe tunes no {system!r}; "
            f"it tunes {' and '.join(tuned) or 'nothing: add the section mle or unlikelihood'}"
        )


def push(recipe: Recipe, repo_id: str, system: str, *, private: bool, dry_run: bool) -> Pushed:
    """Write `push/<system>/` in the run's folder and, unless `dry_run`, upload it.

    All steps up to the evaluation must be finished.

    Raises:
        HubError: nobody is logged in, or the Hub cannot be reached or refuses.
        ArtifactError: the folder cannot be written.
    """
    if not dry_run:
        upload.check_logged_in()
    model, place = recipe.out / FOLDERS[system] / "model", recipe.out / "push" / system
    files = sorted(path for path in model.rglob("*") if path.is_file())
    uploaded = [p for p in files if p.parent == model and upload.is_uploaded(p.name)]
    with artifacts.lock_folder(recipe.out) as lock:
        artifacts.check_no_links(recipe.out, place)
        with artifacts.publish_folder(place, cards.FILE, lock.check) as partial:
            for path in uploaded:
                put(path, partial / path.name)
            text = cards.render_card(make_card(recipe, repo_id, system))
            (partial / cards.FILE).write_text(text, encoding="utf-8")
    left_out = [str(path.relative_to(model)) for path in files if path not in uploaded]
    address = None if dry_run else upload.upload(place, repo_id, private=private)
    return Pushed(place, left_out, address)


def put(path: Path, place: Path) -> None:
    """Weights as a hard link, if the disk can, since they are large; anything else as a copy."""
    if path.suffix == ".safetensors":
        with suppress(OSError):  # another disk, or one without links
            os.link(path, place)
            return
    shutil.copyfile(path, place)


def make_card(recipe: Recipe, repo_id: str, system: str) -> ModelCard:
    """The model's card, from the run's own files."""
    stamp = read_stamp(recipe, FOLDERS[system])
    first = STAGE1.folder if recipe.mle is not None else FOLDERS[system]  # it read the base model
    identity = str(read_stamp(recipe, first)["made_from"]["files"].get("model", ""))
    model = recipe.base.model
    hub_id = model if model and identity.startswith(f"{model}@") and is_hub_id(model) else None
    beams = recipe.translate.beams
    counted = counts_in_words(read_stamp(recipe, "1_prepare")["result"])
    inputs = snippet.SnippetInputs(
        loaded=loading.load_outline(str(recipe.out / FOLDERS[system] / "model")),
        languages=recipe.languages,
        example=(recipe.zero_shot_directions or recipe.supervised_directions)[0],
        prompt_format=recipe.prompt_format,
        search=Search(beams=beams, max_new_tokens=recipe.translate.max_new_tokens, batch=1),
    )
    return ModelCard(
        repo_id=repo_id,
        system=system,
        languages=recipe.languages,
        base=describe_base(recipe, hub_id),
        base_id=hub_id,
        stand_in=recipe.base.scratch is not None,
        stages=tuple(card_stages(recipe, system)),
        data=(*corpus_facts(recipe), *counted),
        decoding="greedy" if beams == 1 else f"beam search with {beams} beams",
        scores=tuple(read_scores(recipe.out / "6_evaluate" / "scores.jsonl")),
        kind=inputs.kind,
        snippet=snippet.render_snippet(inputs, repo_id),
        prompt_note=snippet.prompt_note(inputs),
        versions=(
            ("ontarget", stamp["made_from"]["ontarget"]),
            ("Python", stamp["python"]),
            *stamp["libraries"].items(),
        ),
    )


def read_stamp(recipe: Recipe, step: str) -> dict[str, Any]:
    """The step.json of a finished step."""
    stamp = artifacts.read_stamp(recipe.out / step)
    if stamp is None:
        raise ArtifactError(f"{recipe.out / step}: is missing or altered; run `ontarget run` again")
    return stamp


def describe_base(recipe: Recipe, hub_id: str | None) -> str:
    """The base model in words, without a folder of this machine."""
    if recipe.base.model is None:
        return "a small Llama made from scratch for this run"
    if hub_id is None:
        return f"a local model named {Path(recipe.base.model).name}"
    return f"{hub_id} (revision {recipe.base.revision or 'main'})"


def card_stages(recipe: Recipe, system: str) -> Iterator[CardStage]:
    """The trainings that led to a system."""
    if recipe.mle is not None:
        yield CardStage(
            title="Stage 1: maximum likelihood on translation instructions",
            facts=stage_facts(recipe, recipe.mle, STAGE1.folder),
        )
    section = recipe.unlikelihood
    if BY_NAME[system] is STAGE2 and section is not None:
        yield CardStage(
            title=STAGE2_TITLES[section.has_conflicts],
            facts=(
                *stage_facts(recipe, section, STAGE2.folder),
                ("alpha, weight of the unlikelihood", f"{section.alpha:g}"),
                *([("conflict samples", conflicts_in_words(section))] * section.has_conflicts),
                *(
                    [("synthetic pairs", f"{section.synthetic:.0%} of samples")]
                    * bool(section.synthetic)
                ),
            ),
        )


def conflicts_in_words(section: Unlikelihood) -> str:
    """Which responses are unlikely, and how their tokens are weighted."""
    weights = "weighted by reach" if section.tokens == "reach" else "all tokens alike"
    if section.conflicts == "own":
        return f"the model's own answers, {section.own_tokens} tokens, {weights}"
    each = f", {section.per_sample} a sample" if section.per_sample > 1 else ""
    return f"references, {section.draw.replace('_', ' ')}{each}, {weights}"


def stage_facts(recipe: Recipe, section: Mle | Unlikelihood, step: str) -> Facts:
    """A training's settings in words."""
    result = read_stamp(recipe, step)["result"]
    kept, adapter = result.get("kept_step"), section.adapter
    trained = "all weights"
    if adapter is not None:
        trained = f"{adapter.kind} of rank {adapter.rank}, alpha {adapter.alpha:g}, merged"
    steps = f"{result['steps']}" + ("" if kept is None else f", weights of step {kept} kept")
    return (
        ("samples", str(result["samples"])),
        ("steps", steps),
        ("samples a step", str(section.batch)),
        ("learning rate", f"{section.learning_rate:g}, {section.schedule}"),
        ("optimizer", section.optimizer),
        ("trained", trained),
        ("precision", section.precision),
        ("seed", str(recipe.seed)),
    )


def corpus_facts(recipe: Recipe) -> Facts:
    """Directions and names of the corpus files, without their folders."""
    corpus = recipe.corpus
    directions = (
        ("supervised directions", " ".join(map(str, recipe.supervised_directions))),
        ("zero-shot directions", " ".join(map(str, recipe.zero_shot_directions)) or "none"),
    )
    if corpus.phrasebook is not None:
        return (("corpus", "the phrasebook of ontarget, composed from Unicode CLDR"), *directions)
    splits = {"training": "train", "monolingual": "monolingual", "dev": "dev", "test": "test"}
    splits |= {"general instructions": "instructions"}
    paths = {name: corpus.files(split) for name, split in splits.items()}
    names = tuple((name, ", ".join(path.name for path in of)) for name, of in paths.items() if of)
    return (*names, *directions)


def counts_in_words(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What step 1 read, left out and wrote to train on."""
    if pairs := result.get("pairs"):
        dropped = by_name(pairs["dropped"])
        yield "training pairs", f"{pairs['read']} read, {pairs['kept']} kept, dropped: {dropped}"
    else:
        yield (
            "training rows",
            f"{result['rows']['train']} kept, dropped: {by_name(result['dropped'])}",
        )
    copies = result.get("repeated")
    yield (
        "training samples",
        by_name(result["directions"]) + (f", of which {copies} are repeated" if copies else ""),
    )
    if general := result.get("instructions"):
        yield (
            "general instructions",
            f"{general['read']} read, dropped: {by_name(general['dropped'])}; {general['written']} "
            f"mixed in, of which {general['repeated']} are repeated",
        )


def by_name(counts: dict[str, int]) -> str:
    """Counts that are not zero, as in `overlap 3, length 2`."""
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"
