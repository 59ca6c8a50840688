"""The prompts of a recipe, from the tokenizer alone: no weights are loaded."""

from collections.abc import Iterator

from ontarget.data import readers
from ontarget.data.conflicts import any_other_instruction, wrong_target
from ontarget.data.sampling import samples_of
from ontarget.errors import CorpusError, RecipeError
from ontarget.models.folder import is_hub_id
from ontarget.recipe.corpus import read_corpus
from ontarget.recipe.recipe import Recipe
from ontarget.records import Parallel, Sample


def show_prompts(recipe: Recipe) -> list[str]:
    """The first training sample and its conflict sample as the model reads them, and notes.

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
    lines = []
    for title, sample in (("true", true), ("conflict", conflict_of(recipe, true))):
        line = f"{title} sample {sample.key}, requested: {sample.asked_lang}"
        lines.append(line + note * (title == "conflict"))
        lines += preview.preview_lines(loaded, sample, recipe.prompt_format)
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


def conflict_of(recipe: Recipe, sample: Sample) -> Sample:
    """A conflict sample, drawn as step 2 draws."""
    if recipe.unlikelihood is None or recipe.unlikelihood.draw == "wrong_target":
        return wrong_target(sample, recipe.languages, recipe.seed)
    return any_other_instruction(
        sample, dict.fromkeys(recipe.supervised_directions, 1), recipe.seed
    )
