"""Training of every kind: the Hugging Face Trainer with our batches and our loss.

    L = mean_t -log p(y_t | true prompt)  +  alpha * mean_t -log(1 - p(y_t | conflict prompt))

Each mean is over its own response tokens of the whole optimiser step, whatever the number of
micro-batches or processes (arXiv 2403.14399), so that a label's weight is 1 or alpha by their
count. Without conflict rows only the first term is left.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.utils.data import Sampler
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from ontarget import adapters, checkpoints, heads
from ontarget.adapters import LowRank
from ontarget.batches import Example, LikeLengths, packed, padded
from ontarget.callbacks import Point, Progress, Terminated, Validation
from ontarget.errors import RecipeError
from ontarget.losses import IGNORE
from ontarget.memory import Memory
from ontarget.models import Loaded
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
    checkpoint_every: int  # steps
    alpha: float = 0.0  # weight of the unlikelihood loss
    seed: int = 0
    adapter: LowRank | None = None
    validation: Validation | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training leaves besides the weights."""

    curve: list[Point]  # step, likelihood, unlikelihood, learning rate
    validated: list[Validated]
    steps: int  # that were made; the weights are those of the best validated one, if any was
    adapter: PeftModel | None  # still inside the model, not merged

    @property
    def kept(self) -> int:
        """The step whose weights the model has."""
        return best(self.validated).step if self.validated else self.steps


class LanguageAwareTrainer(Trainer):
    """The Trainer, with two means of two losses; Examples in, nothing else changed.

    The model must answer with its loss: `heads.answering_with_loss`.
    """

    def __init__(
        self, *, alpha: float, memory: Memory, train_dataset: Sequence[Example], **trainer: Any
    ) -> None:
        super().__init__(train_dataset=train_dataset, **trainer)
        self.remove_callback(PrinterCallback)
        self.alpha = alpha
        self.lengths = [example.length for example in train_dataset]
        self.memory = memory
        self.loss_is_scaled_for_ga = True  # the counts below are those of the whole step
        self.keys: list[str] = []  # of the step's samples
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
        self.keys = [key for batch in batches for key in batch.pop("keys")]
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
            raise self.diverged(f"the loss is {total.item()}")
        labels, unlikely = (inputs[name][:, 1:].reshape(-1) for name in ("labels", "unlikely"))
        kept = labels != IGNORE
        right, conflict = odds[kept & ~unlikely], odds[kept & unlikely]
        seen = (
            softplus(-right).sum() / true,
            softplus(conflict).sum() / wrong,
            (conflict > 0).sum() / wrong,
            kept.sum(),
        )
        self.memory.seen.append([self.state.global_step, *torch.stack(seen).tolist()])
        return (total, odds) if return_outputs else total

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        if norm is not None and not math.isfinite(norm):
            raise self.diverged(f"the gradient's norm is {float(norm)}")
        return norm

    def diverged(self, finding: str) -> RecipeError:
        """What to say of a step whose numbers are none."""
        last = checkpoints.newest(self.memory.folder)
        return RecipeError(
            f"step {self.state.global_step + 1}: {finding} on the samples "
            f"{', '.join(self.keys[:8])}{' ...' if len(self.keys) > 8 else ''}; lower the learning "
            f"rate or alpha, or look at these samples (last state before: {last or 'none'})"
        )

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        step = self.state.global_step
        written = self.memory.partial / f"checkpoint-{step}"
        self.memory.save(written)
        checkpoints.publish(written, self.memory.folder, step)

    def log(self, logs: Point, start_time: float | None = None) -> None:
        """Log what was seen since the last log: losses as means over steps, in nats per token."""
        seen = self.memory.seen
        if seen and "loss" in logs:
            at, *shares, tokens = zip(*seen, strict=True)
            steps = len(set(at))  # an epoch's last one may have fewer micro-batches
            names = ("likelihood", "unlikelihood", "conflict_share")
            logs |= {name: sum(share) / steps for name, share in zip(names, shares, strict=True)}
            logs["tokens_per_second"] = sum(tokens) / (time.monotonic() - self.since)
            seen.clear()
            self.since = time.monotonic()
        super().log(logs, start_time)


def train(
    loaded: Loaded,
    examples: Sequence[Example],
    schedule: Schedule,
    folder: Path,
    progress: Progress = lambda point: None,
) -> Trained:
    """Train the model in place; where it is validated, leave it in the best state that was seen.

    `folder` holds the states of an unfinished training; from the newest it goes on to the weights,
    on a CPU bit by bit, of a training without interruption.

    Raises:
        ModelError: the loss of a model of this family is not known.
        RecipeError: a loss, gradient or weight is no number.
        Stopped: SIGTERM came; the state is saved.
    """
    model, terminated = loaded.model, Terminated()
    heads.refuse_unknown(model, str(model.name_or_path or "the model"))
    tuned = with_adapter(model, schedule)
    row_tokens = schedule.row_tokens if heads.keeps_packed_apart(model) else None
    memory = Memory(tuned, schedule.validation, folder, progress)
    with heads.answering_with_loss(model), terminated.listening():
        trainer = LanguageAwareTrainer(
            model=tuned,
            args=arguments(schedule, memory.partial),
            train_dataset=list(examples),
            data_collator=lambda drawn: batch(drawn, loaded.pad, row_tokens),
            alpha=schedule.alpha,
            memory=memory,
            optimizers=(optimizer(tuned, schedule), None),
            callbacks=[*memory.callbacks, terminated],
        )
        trainer.train(resume_from_checkpoint=memory.recall())
    steps = trainer.state.global_step
    terminated.raise_if_ended(steps, schedule.steps)
    memory.keep_best()
    refuse_diverged(model)
    adapter = tuned if isinstance(tuned, PeftModel) else None
    return Trained(memory.curve.points, memory.validated, steps, adapter)


def with_adapter(model: PreTrainedModel, schedule: Schedule) -> PreTrainedModel | PeftModel:
    """The model, or the model inside its adapter; its first weights depend on the seed."""
    if schedule.adapter is None:
        return model
    torch.manual_seed(schedule.seed)
    return adapters.adapted(model, schedule.adapter)


def batch(drawn: Sequence[Example], pad: int, row_tokens: int | None) -> dict[str, Any]:
    """Packed rows, or padded ones for a model that could not keep packed sequences apart.

    With them the keys of the samples, for messages.
    """
    made = padded(drawn, pad) if row_tokens is None else packed(drawn, pad, row_tokens)
    return {**made, "keys": [example.rows[0].key for example in drawn]}


def refuse_diverged(model: PreTrainedModel) -> None:
    """Raise RecipeError where a weight is no number; the last step's update is seen by no loss."""
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise RecipeError(
                f"after the last step the weight {name} is not finite; lower the learning rate"
            )


def optimizer(model: nn.Module, schedule: Schedule) -> torch.optim.Optimizer | None:
    """Muon where asked for; None leaves AdamW to the Trainer."""
    if schedule.optimizer == "adamw":
        return None
    return muon(model, lr=schedule.learning_rate, adamw_lr=schedule.learning_rate / 2)


def arguments(schedule: Schedule, scratch: Path) -> TrainingArguments:
    """The Trainer's own settings: no reporting to anyone."""
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
        save_strategy="steps",
        save_steps=schedule.checkpoint_every,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        seed=schedule.seed,
        data_seed=schedule.seed,
    )
