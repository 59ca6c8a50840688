"""What the benchmarks train on which pairs: the demo's, and random words for a larger model."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ontarget.base_model.llama import EOS, PAD, LlamaShape, make_llama, train_byte_bpe
from ontarget.data.conflicts import wrong_target
from ontarget.languages.names import english_name
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import Prompt
from ontarget.models.templates import TEMPLATES, fill_template
from ontarget.recipe import yaml_file
from ontarget.records import Sample
from ontarget.steps import inputs
from ontarget.steps.s0_base import vocabulary_texts
from ontarget.training.packing import Example, TokenSequence, token_sequence

WORDS = 32_000  # of the larger model, those of the template among them
ALPACA = TEMPLATES["alpaca"]
TEMPLATE_WORDS = sorted({*ALPACA.format(source="en", target="x", input="").split(), "y."})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A true sample, its conflict and its contrast, in text."""

    prompt: str
    response: str
    conflict: str  # the prompt that asks for another language
    rejected: str  # what would answer the conflict: the same meaning in that language


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One step's pairs, and a model to train on them."""

    name: str
    make: Callable[[], LoadedModel]  # always the same weights
    pairs: list[Pair]
    row_tokens: int

    @property
    def tokens(self) -> int:
        """Of the responses, EOS included."""
        answers = self.make().responses([each.response for each in self.pairs])
        return sum(map(len, answers))

    def examples(self, loaded: LoadedModel, *, conflicts: bool) -> list[Example]:
        """As stage 2 has them, or stage 1."""
        true = rows(loaded, self.pairs, [each.prompt for each in self.pairs])
        if not conflicts:
            return [Example(rows=(each,)) for each in true]
        asked = [each.conflict for each in self.pairs]
        wrong = rows(loaded, self.pairs, asked, unlikely=True)
        return [Example(rows=both) for both in zip(true, wrong, strict=True)]


def rows(
    loaded: LoadedModel, pairs: list[Pair], asked: list[str], *, unlikely: bool = False
) -> list[TokenSequence]:
    """Tokens of these prompts with the pairs' responses."""
    answers = loaded.responses([each.response for each in pairs])
    return [
        token_sequence("", Prompt(tokens=tuple(tokens)), answer, unlikely=unlikely)
        for tokens, answer in zip(loaded.prompts(asked), answers, strict=True)
    ]


def demo(count: int) -> Case:
    """The demo's model and samples."""
    with files("ontarget").joinpath("recipes/demo.yaml") as path:
        recipe = yaml_file.load_recipe(path)  # type: ignore[arg-type]
    corpus = inputs.splits(recipe).train
    scratch = recipe.base.scratch
    assert scratch is not None and recipe.unlikelihood is not None
    tokenizer = train_byte_bpe(vocabulary_texts(recipe, corpus), scratch.vocabulary)
    shape = LlamaShape(
        hidden=scratch.hidden,
        layers=scratch.layers,
        heads=scratch.heads,
        feed_forward=scratch.feed_forward,
    )
    meanings = {each.key: each.texts for each in corpus}

    def pair(sample: Sample) -> Pair:
        conflict = wrong_target(sample, recipe.languages, 0)
        asked, wrong = (
            fill_template(each, recipe.template_text, english_name) for each in (sample, conflict)
        )
        texts = meanings[sample.key.rpartition("/")[0]]
        rejected = texts[conflict.asked_lang]
        return Pair(prompt=asked, response=sample.target, conflict=wrong, rejected=rejected)

    drawn = inputs.samples(corpus, recipe.supervised_directions)
    return Case(
        name="demo model",
        make=lambda: LoadedModel(make_llama(tokenizer, shape, 0), tokenizer),
        pairs=[pair(sample) for sample in inputs.chosen(drawn, count, 0)],
        row_tokens=recipe.unlikelihood.row_tokens or recipe.unlikelihood.max_tokens,
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
        asked, wrong = (ALPACA.format(source="en", target=each, input=source) for each in "xy")
        return Pair(prompt=asked, response=words(length), conflict=wrong, rejected=words(length))

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
