"""Step 0: a stand-in for a pretrained LLM, made from nothing on the corpus without instructions."""

import random
from pathlib import Path
from typing import Any

from ontarget import documents, models, tuning
from ontarget.batches import Example, Row
from ontarget.languages import english_name
from ontarget.prompts import prompt
from ontarget.recipe import Recipe
from ontarget.records import Parallel, Sample
from ontarget.sections import Scratch
from ontarget.steps import inputs, training


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `model/` and `curve.jsonl`."""
    scratch = recipe.base.scratch
    assert scratch is not None
    tell("reading the corpus", 0, 1)
    splits = inputs.splits(recipe)
    inputs.refuse_empty(splits, recipe)
    rows = splits.train + splits.glossary
    tokenizer = models.byte_bpe(vocabulary_texts(recipe, rows), scratch.vocabulary)
    network = models.small_llama(
        tokenizer,
        models.Shape(
            hidden=scratch.hidden,
            layers=scratch.layers,
            heads=scratch.heads,
            feed_forward=scratch.feed_forward,
        ),
        recipe.seed,
    )
    loaded = models.Loaded(models.placed(network), tokenizer)
    texts = read(recipe, scratch, rows)
    tokens = loaded.responses(list(texts.values()))
    examples = [
        Example(rows=(Row(key=key, tokens=tuple(ids[: scratch.max_tokens]), prompt_tokens=0),))
        for key, ids in zip(texts, tokens, strict=True)
    ]
    schedule = training.schedule(scratch, len(examples), recipe.seed)
    with training.progress(recipe, "0_base", scratch, tell) as progress:
        trained = tuning.train(
            loaded, examples, schedule, inputs.unfinished(recipe, "0_base"), progress
        )
    training.keep(recipe, loaded, trained, out)
    return {
        "parameters": network.num_parameters(),
        "documents": len(examples),
        "cut_at_max_tokens": sum(len(ids) > scratch.max_tokens for ids in tokens),
    }


def read(recipe: Recipe, scratch: Scratch, rows: list[Parallel]) -> dict[str, str]:
    """The documents, by a key for each reading of a row; a row is read anew in each pass."""
    mix = documents.Mix(**scratch.mix.model_dump())
    wanted = (
        scratch.steps * scratch.batch if scratch.steps else round(len(rows) * (scratch.epochs or 1))
    )
    texts = {}
    for index in range(wanted):
        row = rows[index % len(rows)]
        key = f"{recipe.seed}/{index // len(rows)}/{row.key}"
        texts[key] = documents.document(
            row, recipe.languages, mix, random.Random(key), english_name
        )
    return texts


def vocabulary_texts(recipe: Recipe, rows: list[Parallel]) -> list[str]:
    """What the tokenizer is trained on: the corpus, each language's name, and the template.

    The template is among them so that instructions are short; the model never reads it in step 0.
    """
    texts = [text for row in rows for text in row.texts.values()]
    pairs = [(x, y) for x in recipe.languages for y in recipe.languages]
    for source, target in pairs * (len(texts) // (10 * len(pairs)) + 1):
        empty = Sample(
            key="", source_lang=source, asked_lang=target, target_lang=target, source="", target=""
        )
        texts.append(prompt(empty, recipe.template_text, english_name))
        texts.append(documents.cue("", source, target, english_name))
    return texts
