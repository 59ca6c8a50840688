"""A whole stage-2 step, forward, backward and AdamW: response tokens a second, three ways.

    python benchmarks/step.py

    ours        true and conflict samples packed in rows, the fused loss
    padded      the same loss and batch, one sequence a row
    reference   as in published code: one sample at a time, two forwards, full logits, a clamp

On the demo's model with its own corpus, and on a Llama of 95 M parameters with a vocabulary of 32k
and random tokens of the lengths of translation samples. Counted are the response tokens of the true
samples; each is read twice.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import torch
from measure import accelerator, machine, medians
from reference import reference
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from ontarget import heads, recipe_files
from ontarget.asking import answered, asked
from ontarget.batches import Example, Prompt, Row, packed, padded, row
from ontarget.conflicts import wrong_target
from ontarget.models import Loaded, Shape, byte_bpe, small_llama
from ontarget.steps import inputs

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model and a step's examples."""

    name: str
    model: PreTrainedModel
    examples: list[Example]
    row_tokens: int

    def __post_init__(self) -> None:
        self.model.to(accelerator())  # type: ignore[arg-type]
        self.model.train()

    @property
    def tokens(self) -> int:
        """Response tokens of the true samples."""
        return sum(responses(each.rows[0]) for each in self.examples)

    def fused(self, batch: dict[str, torch.Tensor]) -> None:
        """Forward and backward of one batch."""
        weights = torch.where(batch["unlikely"], ALPHA / self.tokens, 1 / self.tokens)
        batch = {name: tensor.to(accelerator()) for name, tensor in batch.items()}
        with heads.answering_with_loss(self.model):
            self.model(**batch, weights=weights.to(accelerator())).loss.backward()

    def ours(self) -> None:
        """A step."""
        self.fused(packed(self.examples, 0, self.row_tokens))
        self.update()

    def padded(self) -> None:
        """The same without packing."""
        self.fused(padded(self.examples, 0))
        self.update()

    def reference(self) -> None:
        """The same as published code does it."""
        for example in self.examples:
            losses = [self.one_by_one(each) for each in example.rows]
            (losses[0] + ALPHA * losses[1]).backward()
        self.update()

    def one_by_one(self, each: Row) -> torch.Tensor:
        """A sequence's loss on full logits."""
        ids = torch.tensor([each.tokens], device=accelerator())
        hidden = heads.hidden_states(self.model, ids)[0, :-1]
        labels = ids[0, 1:].clone()
        labels[: each.prompt_tokens - 1] = -100
        return reference(
            hidden,
            heads.head_of(self.model, hidden).weight,
            labels,
            torch.full(labels.shape, each.unlikely, device=accelerator()),
            torch.full(labels.shape, 1 / responses(each), device=accelerator()),
        )

    def update(self) -> None:
        """AdamW."""
        if not hasattr(self.model, "optimizer"):
            self.model.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-6)
        self.model.optimizer.step()
        self.model.zero_grad()


def responses(each: Row) -> int:
    """Tokens with a label."""
    return len(each.tokens) - each.prompt_tokens


def demo(count: int) -> Case:
    """The demo's model and samples."""
    with files("ontarget").joinpath("recipes/demo.yaml") as path:
        recipe = recipe_files.load(path)  # type: ignore[arg-type]
    rows = inputs.splits(recipe).train
    tokenizer = byte_bpe((text for row in rows for text in row.texts.values()), 1600)
    shape = Shape(hidden=128, layers=4, heads=4, feed_forward=352)
    loaded = Loaded(small_llama(tokenizer, shape, 0), tokenizer)
    drawn = inputs.samples(rows, recipe.supervised_directions)
    samples = inputs.chosen(drawn, count, 0)
    conflicts = [wrong_target(sample, recipe.languages, 0) for sample in samples]
    sides = [asked(loaded, group, recipe.asking) for group in (samples, conflicts)]
    answers = answered(loaded, samples, recipe.asking)
    examples = [
        Example(rows=(row("", true, answer), row("", wrong, answer, unlikely=True)))
        for true, wrong, answer in zip(*sides, answers, strict=True)
    ]
    return Case(name="demo model", model=loaded.model, examples=examples, row_tokens=96)


def larger(count: int) -> Case:
    """A Llama of 95 M parameters; prompts of 45 to 110 tokens, responses of 8 to 70."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=768,
        num_hidden_layers=10,
        num_attention_heads=12,
        num_key_value_heads=12,
        intermediate_size=2048,
        tie_word_embeddings=True,
    )
    draw = random.Random(0)
    examples = []
    for _ in range(count):
        length = draw.randint(8, 70)
        before, answer = ids(draw, 40 + length), ids(draw, length)
        true, wrong = (Prompt(tokens=(*before[:-1], last)) for last in (before[-1], 7))
        rows = row("", true, answer), row("", wrong, answer, unlikely=True)
        examples.append(Example(rows=rows))
    model = LlamaForCausalLM(config)
    return Case(name="95 M parameters", model=model, examples=examples, row_tokens=512)


def ids(draw: random.Random, count: int) -> list[int]:
    """Random tokens."""
    return [draw.randrange(3, 32_000) for _ in range(count)]


def show(cases: Sequence[Case]) -> None:
    """A line a case."""
    for case in cases:
        works = {"ours": case.ours, "padded": case.padded, "reference": case.reference}
        speeds = {name: case.tokens / seconds for name, seconds in medians(works).items()}
        print(
            f"{case.name:16} {len(case.examples):3d} samples  ours {speeds['ours']:,.0f} response "
            f"tokens/s, {speeds['ours'] / speeds['reference']:.1f}x the reference way "
            f"({speeds['reference']:,.0f}), {speeds['ours'] / speeds['padded']:.2f}x padded "
            f"({speeds['padded']:,.0f})"
        )


def main() -> None:
    """Print the table."""
    print(f"stage-2 step, {machine()}")
    show([demo(32), larger(16)])


if __name__ == "__main__":
    main()
