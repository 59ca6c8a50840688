"""A whole stage-2 step, forward, backward and AdamW: response tokens a second, four ways.

    python benchmarks/step.py

    ours        true and conflict samples packed in rows, which hold what prompts begin with
                alike once; the fused loss
    compiled    the same with `compile: true`
    padded      the same loss and batch, one sequence a row
    reference   as in published code: one sample at a time, two forwards, full logits, a clamp

On the demo's model with its own corpus, and on a Llama of 95 M parameters with a vocabulary of 32k
and random words as sources and responses in the paper's template. Counted are the response tokens
of the true samples; each is read twice. Beside each ratio stands what the matrix products alone
would give: the reference way multiplies every token with the head, ours those that carry a label,
and reads the first 33 words of the template once a row in place of once a sample.
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
from ontarget.training.engine.compile import compile_layers, run_eagerly
from ontarget.training.packing import Example, TokenSequence, padded, prefix_shared

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """A model, a step's examples, and three ways to make the step."""

    model: PreTrainedModel
    examples: list[Example]
    tokens: int  # of the true samples' responses
    row_tokens: int

    def __post_init__(self) -> None:
        self.model.to(accelerator())  # type: ignore[arg-type]
        self.model.train()

    @property
    def fewer_products(self) -> float:
        """Multiplications of the reference way over ours, attention left out."""
        rows = [each for example in self.examples for each in example.rows]
        every = sum(len(each.tokens) for each in rows)
        head = self.model.get_output_embeddings().weight.numel()
        body = sum(each.numel() for each in self.model.parameters() if each.dim() > 1) - head
        ours = self.batch()["input_ids"].numel()
        return (body + head) * every / (body * ours + head * 2 * self.tokens)

    def batch(self) -> dict[str, torch.Tensor]:
        """The packed rows."""
        return prefix_shared(self.examples, 0, self.row_tokens)

    def fused(self, batch: dict[str, torch.Tensor]) -> None:
        """Forward and backward of one batch."""
        weights = torch.where(batch["unlikely"], ALPHA / self.tokens, 1 / self.tokens)
        batch = {name: tensor.to(accelerator()) for name, tensor in batch.items()}
        with forward.forward_returns_loss(self.model):
            self.model(**batch, weights=weights.to(accelerator())).loss.backward()

    def ours(self) -> None:
        """A step."""
        self.fused(self.batch())
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

    def one_by_one(self, each: TokenSequence) -> torch.Tensor:
        """A sequence's loss on full logits."""
        ids = torch.tensor([each.tokens], device=accelerator())
        hidden = forward.hidden_states(self.model, ids)[0, :-1]
        labels = ids[0, 1:].clone()
        labels[: each.prompt_tokens - 1] = -100
        return reference(
            hidden,
            forward.output_head(self.model, hidden).weight,
            labels,
            torch.full(labels.shape, each.unlikely, device=accelerator()),
            torch.full(
                labels.shape, 1 / (len(each.tokens) - each.prompt_tokens), device=accelerator()
            ),
        )

    def update(self) -> None:
        """AdamW, in one pass over the weights as the Trainer has it."""
        if not hasattr(self.model, "optimizer"):
            self.model.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-6, fused=True)
        self.model.optimizer.step()
        self.model.zero_grad()


def uncompiled(work: Callable[[], None]) -> Callable[[], None]:
    """The same work with layers as they were."""

    def run() -> None:
        with run_eagerly():
            work()

    return run


def show(case: pairs.Case) -> None:
    """A line."""
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
        f"{ours / usual:.1f}x the reference way ({usual:,.0f}; by products alone "
        f"{steps.fewer_products:.2f}x), {ours / aligned:.2f}x padded ({aligned:,.0f})",
        *(f"compiled {each:,.0f}, {each / usual:.1f}x the reference way" for each in fast),
        sep="; ",
    )


def main() -> None:
    """Print the table."""
    print(f"stage-2 step, {machine()}")
    for case in (pairs.demo(32), pairs.larger(16)):
        show(case)


if __name__ == "__main__":
    main()
