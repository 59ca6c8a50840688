"""Training of every kind, from examples to weights.

    L = mean_t -log p(y_t | true prompt)  +  alpha * mean_t -log(1 - p(y_t | conflict prompt))

Each mean is over its own response tokens of the whole optimiser step, whatever the number of
micro-batches or processes (arXiv 2403.14399), so that a label's weight is 1 or alpha by their
count. Without conflict rows only the first term is left.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from torch import nn
from transformers import (
    PreTrainedModel,
    TrainingArguments,
)

from ontarget import adapters, heads, processes, sharding
from ontarget.adapters import LowRank
from ontarget.batches import Example, packed, padded, shared
from ontarget.callbacks import Point, Progress, Terminated, Validation
from ontarget.compiled import compile_layers
from ontarget.errors import RecipeError
from ontarget.memory import Memory
from ontarget.models import Loaded
from ontarget.muon import muon
from ontarget.trainer import LanguageAwareTrainer, refuse_diverged
from ontarget.validation import Validated, best

Layout = Literal["shared", "packed", "padded"]  # of a batch's sequences, cheapest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast to train."""

    steps: int  # optimiser steps
    batch: int  # examples a step, over all processes and micro-batches
    micro_batch: int  # examples at once on one device
    learning_rate: float  # peak
    schedule: str  # cosine, linear, constant_with_warmup
    warmup: float  # share of the steps
    optimizer: Literal["adamw", "muon"]
    weight_decay: float
    precision: Literal["float32", "bfloat16"]
    row_tokens: int  # of a packed row
    checkpoint_every: int  # steps
    compiled: bool = False  # the model's layers
    alpha: float = 0.0  # weight of the unlikelihood loss
    seed: int = 0
    adapter: LowRank | None = None
    validation: Validation | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training leaves besides the weights."""

    curve: list[Point]  # step, steps, and what `callbacks.KEPT` names
    validated: list[Validated]
    steps: int  # that were made; the weights are those of the best validated one, if any was
    adapter: PeftModel | None  # still inside the model, not merged

    @property
    def kept(self) -> int:
        """The step whose weights the model has."""
        return best(self.validated).step if self.validated else self.steps


def train(
    loaded: Loaded,
    examples: Sequence[Example],
    schedule: Schedule,
    folder: Path,
    progress: Progress = lambda point: None,
) -> Trained:
    """Train the model in place; where it is validated, leave it in the best state that was seen.

    `folder` holds the states of an unfinished training; from the newest it goes on to the weights,
    on a CPU bit by bit, of a training without interruption (if its layers are not compiled).

    Raises:
        ModelError: the loss of a model of this family is not known.
        RecipeError: a loss, gradient or weight is no number; a batch is none for these processes.
        Stopped: SIGTERM came; the state is saved.
    """
    model, terminated = loaded.model, Terminated()
    layout = processes.agreed(lambda: tried(model, examples, schedule))
    tuned = prepared(model, schedule)
    memory = Memory(tuned, schedule.validation, folder, progress)
    with heads.answering_with_loss(model), terminated.listening():
        trainer = LanguageAwareTrainer(
            model=tuned,
            args=arguments(model, schedule, memory.partial),
            train_dataset=examples,
            data_collator=lambda drawn: batch(drawn, loaded.pad, schedule.row_tokens, layout),
            alpha=schedule.alpha,
            memory=memory,
            optimizers=(optimizer(tuned, schedule), None),
            callbacks=[*memory.callbacks, terminated],
        )
        trainer.train(resume_from_checkpoint=memory.recall())
    steps = trainer.state.global_step
    terminated.raise_if_ended(steps, schedule.steps)
    memory.keep_best()
    refuse_diverged(model, steps)
    sharding.make_whole(tuned, trainer)
    adapter = tuned if isinstance(tuned, PeftModel) else None
    return Trained(memory.curve.points, memory.validated, steps, adapter)


def tried(model: PreTrainedModel, examples: Sequence[Example], schedule: Schedule) -> Layout:
    """How its sequences can be laid out; raises ModelError where its loss is not known."""
    name = str(model.name_or_path or "the model")
    heads.refuse_unknown(model, name)
    sharding.refuse_unfit(model, name)
    longest = max(example.length for example in examples)
    most = longest * max(len(example.rows) for example in examples) * schedule.micro_batch
    row_tokens = min(schedule.row_tokens, most)  # no row can be longer
    if heads.shares_beginnings(model, longest, row_tokens):
        return "shared"
    return "packed" if heads.keeps_packed_apart(model, row_tokens) else "padded"


def prepared(model: PreTrainedModel, schedule: Schedule) -> PreTrainedModel | PeftModel:
    """The model, or the model inside its adapter, whose first weights depend on the seed."""
    tuned: PreTrainedModel | PeftModel = model
    if schedule.adapter is not None:
        torch.manual_seed(schedule.seed)  # peft takes no generator
        tuned = adapters.adapted(model, schedule.adapter)
    if schedule.compiled:
        compile_layers(model, tuned)
    return tuned


def batch(drawn: Sequence[Example], pad: int, row_tokens: int, layout: Layout) -> dict[str, Any]:
    """Rows in this layout, and with them the keys of the samples, for messages."""
    if layout == "padded":
        made = padded(drawn, pad)
    else:
        made = (shared if layout == "shared" else packed)(drawn, pad, row_tokens)
    return {**made, "keys": [example.rows[0].key for example in drawn]}


def reads_more_than_text(model: PreTrainedModel) -> bool:
    """Whether it has weights for images or sounds, which get no gradient from texts."""
    return model.config.get_text_config() is not model.config


def optimizer(model: nn.Module, schedule: Schedule) -> torch.optim.Optimizer | None:
    """Muon where asked for; None leaves AdamW to the Trainer."""
    if schedule.optimizer == "adamw":
        return None
    if processes.shard():
        raise RecipeError("optimizer: muon needs whole weights, this engine shards them; use adamw")
    return muon(model, lr=schedule.learning_rate, adamw_lr=schedule.learning_rate / 2)


def arguments(model: PreTrainedModel, schedule: Schedule, scratch: Path) -> TrainingArguments:
    """The Trainer's own settings: no reporting to anyone."""
    micro_batch = processes.micro_batch(schedule.batch, schedule.micro_batch)
    # What a launcher was told would be taken where the recipe asks for float32.
    os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16" if schedule.precision == "bfloat16" else "no"
    made = TrainingArguments(
        output_dir=str(scratch),
        max_steps=schedule.steps,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=schedule.batch // (micro_batch * processes.count()),
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
        ddp_find_unused_parameters=reads_more_than_text(model),
        seed=schedule.seed,
        data_seed=schedule.seed,
    )
    if made.n_gpu > 1:  # else one process would copy the model to every GPU that it sees
        made._n_gpu = 1  # noqa: SLF001
    return made
