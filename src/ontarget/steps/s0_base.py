"""Step 0: a stand-in for a pretrained LLM, made from nothing on the corpus without instructions."""

import random
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import Any

from ontarget import artifacts
from ontarget.base_model import documents
from ontarget.base_model.documents import Document
from ontarget.base_model.llama import LlamaShape, make_llama, train_byte_bpe
from ontarget.errors import CorpusError
from ontarget.languages.names import english_name
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import Prompt
from ontarget.models.templates import CUE, PromptFormat, fill_template
from ontarget.recipe import stage
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import BaseSettings
from ontarget.records import Parallel, Sample
from ontarget.training.batches.sequences import Example, token_sequence
from ontarget.training.train import train


def run(context: StepContext[BaseSettings]) -> dict[str, Any]:
    """Write `model/` and `curve.jsonl`."""
    settings, scratch = context.settings, context.settings.scratch
    rows = artifacts.read_jsonl(context.inputs["1_prepare"] / "rows.jsonl", Parallel)
    context.tell("training the tokenizer", 0, 1)
    tokenizer = train_byte_bpe(vocabulary_texts(settings, rows), scratch.vocabulary)
    shape = LlamaShape(
        hidden=scratch.hidden,
        layers=scratch.layers,
        heads=scratch.heads,
        feed_forward=scratch.feed_forward,
    )
    network = make_llama(tokenizer, shape, settings.seed)
    loaded = LoadedModel(network, tokenizer)
    stage.place_for_training(loaded)
    complete = make_examples(loaded, read_documents(settings, rows))
    examples = [shorten(example, scratch.max_tokens) for example in complete]
    examples = [example for example in examples if example.rows]
    if not examples:
        raise CorpusError(
            f"base.scratch: no document has anything to learn within max_tokens "
            f"{scratch.max_tokens}; raise base.scratch.max_tokens"
        )
    schedule = stage.schedule_of(scratch, len(examples), settings.seed)
    with stage.progress(context, scratch) as progress:
        result = train(loaded, examples, schedule, context.unfinished, progress)
    stage.save_result(context, loaded, result, settings.prompt_format, None)
    return {
        "parameters": network.num_parameters(),
        "documents": len(complete),
        "cut_at_max_tokens": sum(example.length > scratch.max_tokens for example in complete),
    }


def make_examples(loaded: LoadedModel, read: dict[str, Document]) -> list[Example]:
    """Each document as sequences with a common prefix, one for each text that is learned."""
    learned = []
    for key, document in read.items():
        learned += [(key, document.context, text) for text in document.continuations]
        learned += [(key, "", document.context)] if document.learn_context else []
    keys, contexts, texts = map(list, zip(*learned, strict=True))
    tokens = zip(keys, loaded.prompts(contexts), loaded.responses(texts), strict=True)
    sequences = (
        token_sequence(key, Prompt(tokens=tuple(prompt)), response)
        for key, prompt, response in tokens
    )
    return [Example(rows=tuple(group)) for _, group in groupby(sequences, attrgetter("key"))]


def shorten(example: Example, tokens: int) -> Example:
    """Its sequences cut to at most `tokens`, without those that then have no label."""
    labelled = (row for row in example.rows if row.prompt_tokens < tokens)
    return Example(rows=tuple(replace(row, tokens=row.tokens[:tokens]) for row in labelled))


def read_documents(settings: BaseSettings, rows: list[Parallel]) -> dict[str, Document]:
    """The documents by key; a row gives a new document in each pass over the corpus."""
    scratch = settings.scratch
    mix = documents.DocumentMix(**scratch.mix.model_dump())
    count = (
        scratch.steps * scratch.batch if scratch.steps else round(len(rows) * (scratch.epochs or 1))
    )
    read = {}
    for index in range(count):
        row = rows[index % len(rows)]
        key = f"{settings.seed}/{index // len(rows)}/{row.key}"
        read[key] = documents.compose_document(
            row, settings.languages, mix, random.Random(key), english_name
        )
    return read


def vocabulary_texts(settings: BaseSettings, rows: list[Parallel]) -> list[str]:
    """What the tokenizer is trained on: the corpus, the names of languages, and the template.

    The template is included so that instructions have few tokens; the model never reads it here.
    """
    form, cue = settings.prompt_format, PromptFormat(template=CUE)
    texts = [text for row in rows for text in row.texts.values()]
    pairs = [(x, y) for x in settings.languages for y in settings.languages]
    for source, target in pairs * (len(texts) // (10 * len(pairs)) + 1):
        empty = Sample(
            key="", source_lang=source, asked_lang=target, target_lang=target, source="", target=""
        )
        wordings = [replace(form, template=text) for text in (form.template, *form.wordings)]
        texts += [fill_template(empty, wording) for wording in (*wordings, cue)]
    return texts
