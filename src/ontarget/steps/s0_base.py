"""Step 0: a stand-in for a pretrained LLM, made from nothing on the corpus without instructions."""

import random
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from ontarget.base_model import documents
from ontarget.base_model.documents import Document
from ontarget.base_model.llama import LlamaShape, make_llama, train_byte_bpe
from ontarget.errors import CorpusError
from ontarget.languages.names import english_name
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import Prompt
from ontarget.models.templates import fill_template
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections import Scratch
from ontarget.records import Parallel, Sample
from ontarget.steps import inputs, training
from ontarget.training import train
from ontarget.training.packing import Example, token_sequence


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `model/` and `curve.jsonl`."""
    scratch = recipe.base.scratch
    assert scratch is not None
    tell("reading the corpus", 0, 1)
    splits = inputs.splits(recipe)
    inputs.refuse_empty(splits, recipe)
    rows = splits.train + splits.glossary
    tokenizer = train_byte_bpe(vocabulary_texts(recipe, rows), scratch.vocabulary)
    network = make_llama(
        tokenizer,
        LlamaShape(
            hidden=scratch.hidden,
            layers=scratch.layers,
            heads=scratch.heads,
            feed_forward=scratch.feed_forward,
        ),
        recipe.seed,
    )
    loaded = LoadedModel(network, tokenizer)
    training.place_to_train(loaded)
    whole = examples(loaded, read(recipe, scratch, rows))
    cut = [each for each in (shortened(each, scratch.max_tokens) for each in whole) if each.rows]
    if not cut:
        raise CorpusError(
            f"{recipe.out}: no document has anything to learn within max_tokens "
            f"{scratch.max_tokens}; raise base.scratch.max_tokens"
        )
    schedule = training.schedule(scratch, len(cut), recipe.seed)
    with training.progress(recipe, "0_base", scratch, tell) as progress:
        trained = train.train(loaded, cut, schedule, inputs.unfinished(recipe, "0_base"), progress)
    training.keep(recipe, loaded, trained, out)
    return {
        "parameters": network.num_parameters(),
        "documents": len(whole),
        "cut_at_max_tokens": sum(each.length > scratch.max_tokens for each in whole),
    }


def examples(loaded: LoadedModel, read: dict[str, Document]) -> list[Example]:
    """Each document as sequences that begin alike, one for each text that is learned."""
    learned = []
    for key, each in read.items():
        learned += [(key, each.context, text) for text in each.continuations]
        learned += [(key, "", each.context)] if each.opens else []
    keys, contexts, texts = map(list, zip(*learned, strict=True))
    sequences = (
        token_sequence(key, Prompt(tokens=tuple(context)), text)
        for key, context, text in zip(
            keys, loaded.prompts(contexts), loaded.responses(texts), strict=True
        )
    )
    return [Example(rows=tuple(of_one)) for _, of_one in groupby(sequences, attrgetter("key"))]


def shortened(example: Example, tokens: int) -> Example:
    """Its sequences cut to at most so many tokens, without those that have no label then."""
    labelled = (each for each in example.rows if each.prompt_tokens < tokens)
    return Example(rows=tuple(replace(each, tokens=each.tokens[:tokens]) for each in labelled))


def read(recipe: Recipe, scratch: Scratch, rows: list[Parallel]) -> dict[str, Document]:
    """The documents, by a key for each reading of a row; a row is read anew in each pass."""
    mix = documents.DocumentMix(**scratch.mix.model_dump())
    wanted = (
        scratch.steps * scratch.batch if scratch.steps else round(len(rows) * (scratch.epochs or 1))
    )
    found = {}
    for index in range(wanted):
        parallel = rows[index % len(rows)]
        key = f"{recipe.seed}/{index // len(rows)}/{parallel.key}"
        found[key] = documents.compose_document(
            parallel, recipe.languages, mix, random.Random(key), english_name
        )
    return found


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
        texts.append(fill_template(empty, recipe.template_text, english_name))
        texts.append(documents.cue("", source, target, english_name))
    return texts
