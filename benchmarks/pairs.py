"""Models and training pairs of the benchmarks: the demo's, and random words for a larger model."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ontarget.base_model.llama import EOS, PAD, LlamaShape, make_llama, train_byte_bpe
from ontarget.data import readers
from ontarget.data.conflicts import wrong_target
from ontarget.data.directions import around_pivot
from ontarget.data.sampling import choose, samples_of
from ontarget.languages.names import english_name, is_known
from ontarget.models.loading import LoadedModel, load_model
from ontarget.models.prompting import Prompt
from ontarget.models.templates import TEMPLATES, fill_template
from ontarget.recipe import yaml_file
from ontarget.recipe.corpus import read_corpus
from ontarget.recipe.step_settings import BaseSettings
from ontarget.records import Sample
from ontarget.steps.s0_base import vocabulary_texts
from ontarget.training.batches.sequences import Example, OwnConflict, TokenSequence, token_sequence

OWN_TOKENS = 4  # of an own answer
WORDS = 32_000  # vocabulary of the larger model, including the template's words
ALPACA = TEMPLATES["alpaca"]
TEMPLATE_WORDS = sorted({*ALPACA.format(source="en", target="x", input="").split(), "y."})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A true sample, its conflicting prompt and a rejected response, as text."""

    prompt: str
    response: str
    conflict: str  # the prompt that requests another language
    rejected: str  # the right response to the conflicting prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The pairs of an optimizer step, and a model to train on them."""

    name: str
    make: Callable[[], LoadedModel]  # always the same weights
    pairs: list[Pair]
    row_tokens: int
    adapter: bool = False  # trained with LoRA

    @property
    def tokens(self) -> int:
        """Tokens of all responses, with EOS."""
        responses = self.make().responses([pair.response for pair in self.pairs])
        return sum(map(len, responses))

    def examples(self, loaded: LoadedModel, *, conflicts: bool) -> list[Example]:
        """Examples of stage 2, or of stage 1 without conflicts."""
        true = sequences(loaded, self.pairs, [pair.prompt for pair in self.pairs])
        if not conflicts:
            return [Example(rows=(sequence,)) for sequence in true]
        prompts = [pair.conflict for pair in self.pairs]
        conflicting = sequences(loaded, self.pairs, prompts, unlikely=True)
        return [Example(rows=both) for both in zip(true, conflicting, strict=True)]

    def own_examples(self, loaded: LoadedModel) -> list[Example]:
        """Examples of stage 2 with own answers as conflicts."""
        true = self.examples(loaded, conflicts=False)
        conflicting = sequences(loaded, self.pairs, [pair.conflict for pair in self.pairs])
        return [
            replace(
                example,
                own=OwnConflict(
                    key="",
                    source=pair.prompt,
                    answered=example.rows[0].prompt,
                    asked=asked.prompt,
                    tokens=OWN_TOKENS,
                ),
            )
            for example, asked, pair in zip(true, conflicting, self.pairs, strict=True)
        ]


def sequences(
    loaded: LoadedModel, pairs: list[Pair], prompts: list[str], *, unlikely: bool = False
) -> list[TokenSequence]:
    """These prompts with the pairs' responses, as tokens."""
    responses = loaded.responses([pair.response for pair in pairs])
    return [
        token_sequence("", Prompt(tokens=tuple(tokens)), response, unlikely=unlikely)
        for tokens, response in zip(loaded.prompts(prompts), responses, strict=True)
    ]


def demo(count: int) -> Case:
    """The demo's model and samples."""
    with files("ontarget").joinpath("recipes/demo.yaml") as path:
        recipe = yaml_file.load_recipe(path)  # type: ignore[arg-type]
    corpus = read_corpus(recipe.corpus, recipe.languages, recipe.seed).train
    scratch = recipe.base.scratch
    assert scratch is not None and recipe.unlikelihood is not None
    tokenizer = train_byte_bpe(
        vocabulary_texts(BaseSettings.of(recipe), corpus), scratch.vocabulary
    )
    shape = LlamaShape(
        hidden=scratch.hidden,
        layers=scratch.layers,
        heads=scratch.heads,
        feed_forward=scratch.feed_forward,
    )
    texts_of = {row.key: row.texts for row in corpus}

    def pair(sample: Sample) -> Pair:
        conflict = wrong_target(sample, recipe.languages, 0)
        prompts = (
            fill_template(each, recipe.prompt_format.template, english_name)
            for each in (sample, conflict)
        )
        prompt, conflicting = prompts
        rejected = texts_of[sample.key.rpartition("/")[0]][conflict.asked_lang]
        return Pair(prompt=prompt, response=sample.target, conflict=conflicting, rejected=rejected)

    samples = samples_of(corpus, recipe.supervised_directions)
    return Case(
        name="demo model",
        make=lambda: LoadedModel(make_llama(tokenizer, shape, 0), tokenizer),
        pairs=[pair(sample) for sample in choose(samples, count, 0)],
        row_tokens=recipe.unlikelihood.row_tokens or recipe.unlikelihood.max_tokens,
    )


def pretrained(model: str, path: Path, count: int) -> Case:
    """A model folder with LoRA, and sentences of a file with a column for each language.

    Prompt and response of a sample have 40 to 60 tokens together, in the template `plain`.
    """
    languages = tuple(code for code in readers.columns(path) if is_known(code))
    rows = list(readers.read(path, languages))
    texts_of = {row.key: row.texts for row in rows}
    loaded = load_model(model)
    chosen: list[Pair] = []
    samples = samples_of(rows, around_pivot(languages))
    for sample in choose(samples, len(samples), 0):
        conflict = wrong_target(sample, languages, 0)
        prompt, conflicting = (
            fill_template(each, TEMPLATES["plain"], english_name) for each in (sample, conflict)
        )
        rejected = texts_of[sample.key.rpartition("/")[0]].get(conflict.asked_lang)
        length = len(loaded.prompts([prompt])[0]) + len(loaded.responses([sample.target])[0])
        if rejected and 40 <= length <= 60:
            chosen.append(
                Pair(prompt=prompt, response=sample.target, conflict=conflicting, rejected=rejected)
            )
        if len(chosen) == count:
            break
    return Case(
        name=Path(model).name,
        make=lambda: load_model(model),
        pairs=chosen,
        row_tokens=320,
        adapter=True,
    )


def larger(count: int) -> Case:
    """A Llama of 95 M parameters, the paper's template; sources and responses of 8 to 70 tokens."""
    draw = random.Random(0)

    def words(length: int) -> str:
        return " ".join(
            f"w{draw.randrange(WORDS - len(TEMPLATE_WORDS) - 2)}" for _ in range(length)
        )

    def pair(length: int) -> Pair:
        source = words(length)
        right, wrong = (ALPACA.format(source="en", target=name, input=source) for name in "xy")
        return Pair(prompt=right, response=words(length), conflict=wrong, rejected=words(length))

    return Case(
        name="95 M parameters",
        make=larger_model,
        pairs=[pair(draw.randint(8, 70)) for _ in range(count)],
        row_tokens=384,
    )


def larger_model() -> LoadedModel:
    """Random weights; a token is a word."""
    others = [f"w{index}" for index in range(WORDS - len(TEMPLATE_WORDS) - 2)]
    vocabulary = {word: index for index, word in enumerate([PAD, EOS, *TEMPLATE_WORDS, *others])}
    words = Tokenizer(WordLevel(vocabulary))
    words.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token=PAD, eos_token=EOS)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS,
        hidden_size=768,
        num_hidden_layers=10,
        num_attention_heads=12,
        num_key_value_heads=12,
        intermediate_size=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    return LoadedModel(LlamaForCausalLM(config), tokenizer)
