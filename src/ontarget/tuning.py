"""Training of every kind: the Hugging Face Trainer with our batches and our loss.

    L = mean_t -log p(y_t | true prompt)  +  alpha * mean_t -log(1 - p(y_t | conflict prompt))

Each mean is over its own response tokens of the whole optimiser step, whatever the number of
micro-batches or processes (arXiv 2403.14399), so that a label's weight is 1 or alpha by their
count. Without conflict rows only the first term is left.
"""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.utils.data import Sampler
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from ontarget import heads
from ontarget.batches import Example, packed, padded
from ontarget.callbacks import Curve, Keeper, Point, Progress, Validation
from ontarget.errors import RecipeError
from ontarget.losses import IGNORE
from ontarget.muon import muon
from ontarget.validation import Validated, best


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast to train."""

    steps: int  # optimiser steps
    batch: int  # examples a step, over all processes and micro-batches
    micro_batch: int  # examples at once on one device
    learning_rate: float  # peak
    schedule: str  # cosine, linear, constant
    warmup: float  # share of the steps
    optimizer: Literal["adamw", "muon"]
    weight_decay: float
    precision: Literal["float32", "bfloat16"]
    row_tokens: int  # of a packed row
    alpha: float = 0.0  # weight of the unlikelihood loss
    seed: int = 0
    validation: Validation | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training leaves besides the weights."""

    curve: list[Point]  # step, likelihood, unlikelihood, learning rate
    validated: list[Validated]
    steps: int  # that were made; the weights are those of the best validated one, if any was

    @property
    def kept(self) -> int:
        """The step whose weights the model has."""
        return best(self.validated).step if self.validated else self.steps


class LikeLengths(Sampler[int]):
    """Random steps whose micro-batches hold examples of like length.

    Grouping whole steps by length saves a little more padding, but then the steps differ in kind:
    a model trained on short ones and long ones in turn learns neither where to stop nor to go on.
    """

    def __init__(self, lengths: Sequence[int], step: int, seed: int) -> None:
        self.lengths, self.step, self.seed = lengths, step, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw another order."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        order = list(range(len(self.lengths)))
        random.Random(f"{self.seed}/{self.epoch}").shuffle(order)
        for start in range(0, len(order), self.step):
            drawn = order[start : start + self.step]
            yield from sorted(drawn, key=lambda index: self.lengths[index], reverse=True)


class LanguageAwareTrainer(Trainer):
    """The Trainer, with two means of two losses; Examples in, nothing else changed.

    The model must answer with its loss: `heads.answering_with_loss`.
    """

    def __init__(self, *, alpha: float, lengths: Sequence[int], **trainer: Any) -> None:
        super().__init__(**trainer)
        self.alpha = alpha
        self.lengths = lengths
        self.loss_is_scaled_for_ga = True  # the counts below are those of the whole step
        self.seen: list[Tensor] = []  # what `log` adds up, of micro-batches since the last log
        self.since = time.monotonic()

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        step = (
            self.args.train_batch_size
            * self.args.gradient_accumulation_steps
            * self.args.world_size
        )
        return LikeLengths(self.lengths, step, self.args.data_seed or 0)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Tensor]:
        """The step's micro-batches and its count of (likelihood, unlikelihood) labels."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        counts = torch.zeros(2, device=device)
        for batch in batches:
            labelled = batch["labels"][:, 1:] != IGNORE
            unlikely = (labelled & batch["unlikely"][:, 1:]).sum()
            counts += torch.stack([labelled.sum() - unlikely, unlikely]).to(device)
        # The engine averages gradients over processes; the means are over the sum of their labels.
        gathered = self.accelerator.gather(counts[None])
        return batches, gathered.sum(0) / len(gathered)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """This micro-batch's share of the step's loss, in nats."""
        network: Any = self.model
        exact = torch.promote_types(network.dtype, torch.float32)
        true, wrong = num_items_in_batch.clamp(min=1).to(exact)
        weights = torch.where(inputs["unlikely"], self.alpha / wrong, 1 / true)
        total, odds = model(**inputs, weights=weights)
        if not torch.isfinite(total):
            raise RecipeError(
                f"step {self.state.global_step + 1}: the loss is {total.item()}; "
                "lower the learning rate or alpha"
            )
        labels, unlikely = (inputs[name][:, 1:].reshape(-1) for name in ("labels", "unlikely"))
        kept = labels != IGNORE
        right, conflict = odds[kept & ~unlikely], odds[kept & unlikely]
        self.seen.append(
            torch.stack(
                [
                    softplus(-right).sum() / true,
                    softplus(conflict).sum() / wrong,
                    (conflict > 0).sum() / wrong,
                    kept.sum(),
                ]
            )
        )
        return (total, odds) if return_outputs else total

    def log(self, logs: Point, start_time: float | None = None) -> None:
        """Log what was seen since the last log: losses as means over steps, in nats per token."""
        if self.seen and "loss" in logs:
            steps = len(self.seen) / self.args.gradient_accumulation_steps
            *means, tokens = torch.stack(self.seen).sum(0).tolist()
            names = ("likelihood", "unlikelihood", "conflict_share")
            logs |= {name: mean / steps for name, mean in zip(names, means, strict=True)}
            logs["tokens_per_second"] = tokens / (time.monotonic() - self.since)
            self.seen.clear()
            self.since = time.monotonic()
        super().log(logs, start_time)


def train(
    model: PreTrainedModel,
    examples: Sequence[Example],
    schedule: Schedule,
    *,
    pad: int,
    progress: Progress = lambda point: None,
) -> Trained:
    """Train `model` in place; where it is validated, leave it in the best state that was seen.

    Raises:
        ModelError: the loss of a model of this family is not known.
        RecipeError: the loss or a weight is no number.
    """
    heads.refuse_unknown(model, str(model.name_or_path or "the model"))
    curve, validation = Curve(progress), schedule.validation
    row_tokens = schedule.row_tokens if heads.keeps_packed_apart(model) else None
    with TemporaryDirectory() as scratch, heads.answering_with_loss(model):
        best_file = Path(scratch) / "best.safetensors"
        keeper = validation and Keeper(model, validation, best_file, progress)
        trainer = LanguageAwareTrainer(
            model=model,
            args=arguments(schedule, Path(scratch)),
            train_dataset=list(examples),
            data_collator=lambda drawn: batch(drawn, pad, row_tokens),
            alpha=schedule.alpha,
            lengths=[example.length for example in examples],
            optimizers=(optimizer(model, schedule), None),
            callbacks=[curve, *([keeper] if keeper else [])],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        if keeper:
            keeper.restore()
    refuse_diverged(model)
    return Trained(curve.points, keeper.validated if keeper else [], trainer.state.global_step)


def batch(drawn: Sequence[Example], pad: int, row_tokens: int | None) -> dict[str, Tensor]:
    """Packed rows, or padded ones for a model that could not keep packed sequences apart."""
    return padded(drawn, pad) if row_tokens is None else packed(drawn, pad, row_tokens)


def refuse_diverged(model: PreTrainedModel) -> None:
    """Raise RecipeError where a weight is no number; the last step's update is seen by no loss."""
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise RecipeError(
                f"after the last step the weight {name} is not finite; lower the learning rate"
            )


def optimizer(model: PreTrainedModel, schedule: Schedule) -> torch.optim.Optimizer | None:
    """Muon where asked for; None leaves AdamW to the Trainer."""
    if schedule.optimizer == "adamw":
        return None
    return muon(model, lr=schedule.learning_rate, adamw_lr=schedule.learning_rate / 4)


def arguments(schedule: Schedule, scratch: Path) -> TrainingArguments:
    """The Trainer's own settings: no checkpoints, no reporting to anyone."""
    micro_batch = min(schedule.micro_batch, schedule.batch)
    return TrainingArguments(
        output_dir=str(scratch),
        max_steps=schedule.steps,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=schedule.batch // micro_batch,
        learning_rate=schedule.learning_rate,
        lr_scheduler_type=schedule.schedule,
        warmup_steps=schedule.warmup,
        weight_decay=schedule.weight_decay,
        bf16=schedule.precision == "bfloat16",
        use_cpu=torch.accelerator.current_accelerator(check_available=True) is None,
        logging_steps=max(1, min(10, schedule.steps // 10)),
        disable_tqdm=True,
        report_to="none",
        save_strategy="no",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        seed=schedule.seed,
        data_seed=schedule.seed,
    )
