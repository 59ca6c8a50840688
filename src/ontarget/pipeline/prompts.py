"""The prompts of a recipe: shown for one sample, or exported for other trainers.

No weights are loaded, and a tokenizer only to show what a model reads.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from ontarget import artifacts
from ontarget.analysis.results import read_confusions
from ontarget.artifacts import ArrowRecords
from ontarget.data import readers
from ontarget.data.conflicts import Experiment, draw_conflicts
from ontarget.data.conflicts.labels import LabelCounts, Wording, paired, signed, with_conflicts
from ontarget.data.instructions import translations
from ontarget.data.sampling import samples_of
from ontarget.errors import CorpusError, ModelError, RecipeError
from ontarget.models.folder import is_hub_id, read_config
from ontarget.models.templates import PromptFormat, fill_request, fill_template
from ontarget.recipe.corpus import read_corpus
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.step_settings import ConflictSettings
from ontarget.records import Parallel, Sample

Format = Literal["trl-preference", "trl-kto"]


def show_prompts(recipe: Recipe) -> list[str]:
    """The first training sample and its conflict samples as the model reads them, and notes.

    Raises:
        OnTargetError: there is no such sample, or the model cannot be prompted so.
    """
    if recipe.base.model is None:
        raise RecipeError("base.model: is missing; a model from scratch has no tokenizer yet")
    true = first_sample(recipe)
    from ontarget.models import loading, preview

    loaded = loading.load_outline(recipe.base.model, recipe.base.revision)
    own = recipe.unlikelihood is not None and recipe.unlikelihood.conflicts == "own"
    note = "; in training the model's own answer takes the place of this response" if own else ""
    form = recipe.prompt_format.in_training(true)
    lines = []
    conflicts = (("conflict", conflict) for conflict in conflicts_of(recipe, true))
    for title, sample in (("true", true), *conflicts):
        line = f"{title} sample {sample.key}, requested: {sample.asked_lang}"
        lines.append(line + note * (title == "conflict"))
        lines += preview.preview_lines(loaded, sample, form)
    return [*lines, *preview.prompt_notes(loaded, recipe.prompt_format)]


def chat_notes(recipe: Recipe) -> list[str]:
    """Notes on the prompts of a chat model in a folder here; its tokenizer is loaded."""
    model = recipe.base.model
    if model is None or is_hub_id(model) or not recipe.prompt_format.chat:
        return []
    from ontarget.models import loading, preview

    return preview.prompt_notes(loading.load_outline(model), recipe.prompt_format)


def first_sample(recipe: Recipe) -> Sample:
    """The first training sample of the recipe's corpus.

    Raises:
        CorpusError: no row has both sides of a supervised direction.
    """
    directions = recipe.supervised_directions
    for row in training_rows(recipe):
        if samples := list(samples_of([row], directions)):
            return samples[0]
    raise CorpusError(
        "corpus.train: no row has both sides of a supervised direction; is it the right file?"
    )


def training_rows(recipe: Recipe) -> Iterator[Parallel]:
    """Rows of the training files, or of the phrasebook, one by one."""
    if recipe.corpus.phrasebook is not None:
        yield from read_corpus(recipe.corpus, recipe.languages, recipe.seed).train
    for path in recipe.corpus.train:
        yield from readers.read(path, recipe.languages)


def conflicts_of(recipe: Recipe, sample: Sample) -> list[Sample]:
    """Its conflict samples, drawn as step 2 draws, but each instruction counts as equally frequent.

    For own conflicts, and without stage 2, one with any other language; none at alpha 0.
    """
    section = recipe.unlikelihood
    if section is not None and not section.has_conflicts:
        return []
    references = section is not None and section.conflicts == "references"
    settings = ConflictSettings.of(recipe) if section is not None and references else None
    scores = settings.confusions if settings else None
    experiment = Experiment(
        languages=recipe.languages,
        instructions=Counter(recipe.supervised_directions),
        confusions=read_confusions(Path(scores), recipe.languages) if scores else {},
    )
    draw, count = (settings.draw, settings.per_sample) if settings else ("wrong_target", 1)
    return list(draw_conflicts([sample], draw, experiment, recipe.seed, count))


def check_exportable(recipe: Recipe) -> None:
    """Raise OnTargetError for a recipe whose conflicts other trainers cannot be given."""
    section, model = recipe.unlikelihood, recipe.base.model
    if section is None:
        raise RecipeError("unlikelihood: is missing, so there are no conflicts; add the section")
    remedy = "add unlikelihood.conflicts=references to the command"
    if not section.has_conflicts:
        raise RecipeError("unlikelihood.alpha: 0 leaves conflicts out; raise it")
    if section.conflicts == "own":
        raise RecipeError(
            "unlikelihood.conflicts: own ones have no response before the model answers in "
            f"training, so they cannot be exported; {remedy}"
        )
    if section.draw == "hardest":
        raise RecipeError(
            "unlikelihood.draw: hardest is chosen by the model in step 4, so it cannot be "
            "exported; add unlikelihood.draw=wrong_target to the command"
        )
    if model and not is_hub_id(model) and read_config(Path(model)).get("is_encoder_decoder"):
        raise ModelError(
            f"{model}: is an encoder-decoder, which these trainers of TRL do not train; take a "
            "decoder-only model, or tune it with ontarget"
        )


def export(recipe: Recipe, form: Format, out: Path) -> LabelCounts:
    """Write the samples and conflicts of steps 1 and 2 as JSON lines that TRL reads, as a stream.

    Raises:
        ArtifactError: a step's file cannot be read, or `out` cannot be written.
    """
    settings = ConflictSettings.of(recipe)
    samples = ArrowRecords(recipe.out / "1_prepare" / "train.arrow", Sample)
    conflicts = ArrowRecords(recipe.out / "2_conflict" / "conflicts.arrow", Sample)
    counts = LabelCounts()
    label = signed if form == "trl-kto" else paired
    trained = samples if settings.general else translations(samples)
    groups = with_conflicts(trained, conflicts, settings.per_sample)
    with artifacts.publish_file(out) as file:
        artifacts.write_records(file, label(groups, wording_of(recipe.prompt_format), counts))
    return counts


def wording_of(form: PromptFormat) -> Wording:
    """Prompts as training makes them; of a chat as messages, for TRL to fill the chat template."""
    if not form.chat:
        return Wording(
            prompt=lambda sample: fill_template(sample, form.in_training(sample)),
            response=str,
        )
    system = [{"role": "system", "content": form.system}] if form.system else []

    def prompt(sample: Sample) -> list[dict[str, Any]]:
        request = fill_request(sample, form.in_training(sample))
        return [*system, {"role": "user", "content": request}]

    return Wording(prompt=prompt, response=lambda text: [{"role": "assistant", "content": text}])
