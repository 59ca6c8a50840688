"""Response tokens per second of a stage-2 step: forward, backward and AdamW, computed in four ways.

    python benchmarks/step.py

    ours        true and conflict samples packed in rows with shared prefixes; the fused loss
    compiled    the same with `compile: true`
    padded      the same loss and batch, one sequence per row
    reference   as in published code: one sample at a time, two forward passes, full logits, a clamp

The models are the demo's with its own corpus, and a Llama of 95 M parameters with a vocabulary of
32k and random words as sources and responses in the paper's template. The response tokens of the
true samples are counted; each is read twice. Beside each ratio is the ratio of matrix products: the
reference multiplies every token with the head, ours only those with a label, and ours reads the
first 33 words of the template once per row instead of once per sample.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pairs
import torch
from measure import accelerator, machine, medians
from reference import reference
from transformers import PreTrainedModel

from ontarget.errors import RecipeError
from ontarget.training import forward
from ontarget.training.batches.packing import padded, prefix_shared
from ontarget.training.batches.sequences import Example, TokenSequence
from ontarget.training.engine.compile import compile_layers, run_eagerly

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """A model, the examples of an optimizer step, and three ways to compute it."""

    model: PreTrainedModel
    examples: list[Example]
    tokens: int  # of the true samples' responses
    row_tokens: int

    def __post_init__(self) -> None:
        self.model.to(accelerator())  # type: ignore[arg-type]
        self.model.train()

    @property
    def fewer_products(self) -> float:
        """Multiplications of the reference divided by ours, without attention."""
        total = sum(len(row.tokens) for example in self.examples for row in example.rows)
        head = self.model.get_output_embeddings().weight.numel()
        body = sum(weight.numel() for weight in self.model.parameters() if weight.dim() > 1) - head
        ours = self.batch()["input_ids"].numel()
        return (body + head) * total / (body * ours + head * 2 * self.tokens)

    def batch(self) -> dict[str, torch.Tensor]:
        """The packed rows."""
        return prefix_shared(self.examples, 0, self.row_tokens)

    def fused(self, batch: dict[str, torch.Tensor]) -> None:
        """Forward and backward of one batch."""
        weights = torch.where(batch["unlikely"], ALPHA / self.tokens, 1 / self.tokens)
        batch = {name: t.to(accelerator()) for name, t in (batch | {"weights": weights}).items()}
        with forward.forward_returns_loss(self.model):
            self.model(**batch).loss.backward()

    def ours(self) -> None:
        """A step with packed rows."""
        self.fused(self.batch())
        self.update()

    def padded(self) -> None:
        """The same without packing."""
        self.fused(padded(self.examples, 0))
        self.update()

    def reference(self) -> None:
        """The same step as in published code."""
        for example in self.examples:
            losses = [self.unpacked_loss(row) for row in example.rows]
            (losses[0] + ALPHA * losses[1]).backward()
        self.update()

    def unpacked_loss(self, sequence: TokenSequence) -> torch.Tensor:
        """The loss of a sequence, from full logits."""
        ids = torch.tensor([sequence.tokens], device=accelerator())
        hidden = forward.hidden_states(self.model, ids)[0, :-1]
        labels = ids[0, 1:].clone()
        labels[: sequence.prompt_tokens - 1] = -100
        return reference(
            hidden,
            forward.output_head(self.model, hidden).weight,
            labels,
            torch.full(labels.shape, sequence.unlikely, device=accelerator()),
            torch.full(
                labels.shape,
                1 / (len(sequence.tokens) - sequence.prompt_tokens),
                device=accelerator(),
            ),
        )

    def update(self) -> None:
        """A step of fused AdamW, as in the Trainer."""
        if not hasattr(self.model, "optimizer"):
            self.model.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-6, fused=True)
        self.model.optimizer.step()
        self.model.zero_grad()


def uncompiled(work: Callable[[], None]) -> Callable[[], None]:
    """The same work without compiled layers."""

    def run() -> None:
        with run_eagerly():
            work()

    return run


def show(case: pairs.Case) -> None:
    """Print a line of results."""
    loaded = case.make()
    steps = Steps(
        model=loaded.model,
        examples=case.examples(loaded, conflicts=True),
        tokens=case.tokens,
        row_tokens=case.row_tokens,
    )
    works = {
        "ours": uncompiled(steps.ours),
        "padded": uncompiled(steps.padded),
        "reference": uncompiled(steps.reference),
    }
    try:
        compile_layers(steps.model, steps.model)
        works["compiled"] = steps.ours
    except RecipeError as error:
        print(error)
    ours, aligned, usual, *fast = (case.tokens / seconds for seconds in medians(works).values())
    print(
        f"{case.name:16} {len(case.pairs):3d} samples  ours {ours:,.0f} response tokens/s, "
        f"{ours / usual:.1f}x the reference ({usual:,.0f}; by products alone "
        f"{steps.fewer_products:.2f}x), {ours / aligned:.2f}x padded ({aligned:,.0f})",
        *(f"compiled {each:,.0f}, {each / usual:.1f}x the reference" for each in fast),
        sep="; ",
    )


def main() -> None:
    """Print the table."""
    print(f"stage-2 step, {machine()}")
    for case in (pairs.demo(32), pairs.larger(16)):
        show(case)


if __name__ == "__main__":
    main()
