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

from ontarget import processes
from ontarget.errors import RecipeError
from ontarget.models import adapters
from ontarget.models.loading import LoadedModel
from ontarget.training import forward
from ontarget.training.engine import sharding
from ontarget.training.engine.compile import compile_layers
from ontarget.training.engine.muon import make_muon
from ontarget.training.monitoring.callbacks import LogPoint, OnLog, StopOnSigterm
from ontarget.training.monitoring.model_selection import ValidationResult, best_result
from ontarget.training.packing import Example, packed, padded, prefix_shared
from ontarget.training.resume import ResumableState
from ontarget.training.schedule import Schedule
from ontarget.training.trainer import LanguageAwareTrainer, check_finite_weights

Layout = Literal["shared", "packed", "padded"]  # of a batch's sequences, cheapest first


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training leaves besides the weights."""

    curve: list[LogPoint]  # step, steps, and what `callbacks.KEPT` names
    validated: list[ValidationResult]
    steps: int  # that were made; the weights are those of the best validated one, if any was
    adapter: PeftModel | None  # still inside the model, not merged

    @property
    def kept(self) -> int:
        """The step whose weights the model has."""
        return best_result(self.validated).step if self.validated else self.steps


def train(
    loaded: LoadedModel,
    examples: Sequence[Example],
    schedule: Schedule,
    folder: Path,
    progress: OnLog = lambda point: None,
) -> TrainingResult:
    """Train the model in place; where it is validated, leave it in the best state that was seen.

    `folder` holds the states of an unfinished training; from the newest it goes on to the weights,
    on a CPU bit by bit, of a training without interruption (if its layers are not compiled).

    Raises:
        ModelError: the loss of a model of this family is not known.
        RecipeError: a loss, gradient or weight is no number; a batch is none for these processes.
        Stopped: SIGTERM came; the state is saved.
    """
    model, terminated = loaded.model, StopOnSigterm()
    layout = processes.decide_on_main(lambda: choose_layout(model, examples, schedule))
    tuned = prepare_model(model, schedule)
    memory = ResumableState(tuned, schedule.validation, folder, progress)
    with forward.forward_returns_loss(model), terminated.listening():
        trainer = LanguageAwareTrainer(
            model=tuned,
            args=training_arguments(model, schedule, memory.partial),
            train_dataset=examples,
            data_collator=lambda drawn: collate_batch(
                drawn, loaded.pad, schedule.row_tokens, layout
            ),
            alpha=schedule.alpha,
            memory=memory,
            optimizers=(make_optimizer(tuned, schedule), None),
            callbacks=[*memory.callbacks, terminated],
        )
        trainer.train(resume_from_checkpoint=memory.recall())
    steps = trainer.state.global_step
    terminated.raise_if_ended(steps, schedule.steps)
    memory.keep_best()
    check_finite_weights(model, steps)
    sharding.unshard(tuned, trainer)
    adapter = tuned if isinstance(tuned, PeftModel) else None
    return TrainingResult(memory.curve.points, memory.validated, steps, adapter)


def choose_layout(
    model: PreTrainedModel, examples: Sequence[Example], schedule: Schedule
) -> Layout:
    """How its sequences can be laid out; raises ModelError where its loss is not known."""
    name = str(model.name_or_path or "the model")
    forward.check_supported(model, name)
    sharding.check_model(model, name)
    longest = max(example.length for example in examples)
    most = longest * max(len(example.rows) for example in examples) * schedule.micro_batch
    row_tokens = min(schedule.row_tokens, most)  # no row can be longer
    if forward.prefix_sharing_is_exact(model, longest, row_tokens):
        return "shared"
    return "packed" if forward.packing_is_exact(model, row_tokens) else "padded"


def prepare_model(model: PreTrainedModel, schedule: Schedule) -> PreTrainedModel | PeftModel:
    """The model, or the model inside its adapter, whose first weights depend on the seed."""
    tuned: PreTrainedModel | PeftModel = model
    if schedule.adapter is not None:
        torch.manual_seed(schedule.seed)  # peft takes no generator
        tuned = adapters.add_adapter(model, schedule.adapter)
    if schedule.compiled:
        compile_layers(model, tuned)
    return tuned


def collate_batch(
    drawn: Sequence[Example], pad: int, row_tokens: int, layout: Layout
) -> dict[str, Any]:
    """Rows in this layout, and with them the keys of the samples, for messages."""
    if layout == "padded":
        made = padded(drawn, pad)
    else:
        made = (prefix_shared if layout == "shared" else packed)(drawn, pad, row_tokens)
    return {**made, "keys": [example.rows[0].key for example in drawn]}


def is_multimodal(model: PreTrainedModel) -> bool:
    """Whether it has weights for images or sounds, which get no gradient from texts."""
    return model.config.get_text_config() is not model.config


def make_optimizer(model: nn.Module, schedule: Schedule) -> torch.optim.Optimizer | None:
    """Muon where asked for; None leaves AdamW to the Trainer."""
    if schedule.optimizer == "adamw":
        return None
    if processes.is_sharded():
        raise RecipeError("optimizer: muon needs whole weights, this engine shards them; use adamw")
    return make_muon(model, lr=schedule.learning_rate, adamw_lr=schedule.learning_rate / 2)


def training_arguments(
    model: PreTrainedModel, schedule: Schedule, scratch: Path
) -> TrainingArguments:
    """The Trainer's own settings: no reporting to anyone."""
    micro_batch = processes.micro_batch(schedule.batch, schedule.micro_batch)
    # What a launcher was told would be taken where the recipe asks for float32.
    os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16" if schedule.precision == "bfloat16" else "no"
    made = TrainingArguments(
        output_dir=str(scratch),
        max_steps=schedule.steps,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=schedule.batch // (micro_batch * processes.world_size()),
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
        ddp_find_unused_parameters=is_multimodal(model),
        seed=schedule.seed,
        data_seed=schedule.seed,
    )
    if made.n_gpu > 1:  # else one process would copy the model to every GPU that it sees
        made._n_gpu = 1  # noqa: SLF001
    return made
