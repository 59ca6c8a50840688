"""One training, from examples to weights.

    L = mean_t -log p(y_t | true prompt)  +  alpha * mean_t -log(1 - p(y_t | conflict prompt))

Each mean is over the response tokens of an entire optimizer step, whatever the number of
micro-batches and processes (arXiv 2403.14399). Without conflict samples only the first term is
left. With own answers, the default of stage 2, the second term is

    alpha * mean over conflicts of sum_t reach_t * -log(1 - p(S_t | conflict prompt))

where S_t are the tokens that were plausible at t, and reach_t is the probability of the tokens
before (docs/decisions/0012-own-answers.md).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel, TrainingArguments

from ontarget import processes
from ontarget.errors import RecipeError
from ontarget.models import adapters
from ontarget.models.loading import LoadedModel
from ontarget.training import forward
from ontarget.training.batches.own_answers import OwnAnswers
from ontarget.training.batches.packing import packed, padded, prefix_shared
from ontarget.training.batches.sequences import Example
from ontarget.training.engine import sharding
from ontarget.training.engine.compile import compile_layers
from ontarget.training.engine.muon import make_muon
from ontarget.training.monitoring.callbacks import LogPoint, OnLog, StopOnSignal, loss_curve
from ontarget.training.monitoring.model_selection import ValidationResult
from ontarget.training.resume import ResumableState
from ontarget.training.schedule import Schedule
from ontarget.training.trainer import Collate, LanguageAwareTrainer, check_finite_weights

Layout = Literal["shared", "packed", "padded"]  # of sequences in a batch, cheapest first


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training leaves besides the weights."""

    curve: list[LogPoint]  # step, steps and the values of `callbacks.CURVE_KEYS`
    validated: list[ValidationResult]
    steps: int  # optimizer steps that were made
    kept: int  # the optimizer step whose weights the model has
    adapter: PeftModel | None  # still inside the model, not merged


def train(  # noqa: PLR0913 - what is trained, on what, how, and where
    loaded: LoadedModel,
    examples: Sequence[Example],
    schedule: Schedule,
    folder: Path,
    progress: OnLog = lambda point: None,
    *,
    answers: OwnAnswers | None = None,
) -> TrainingResult:
    """Train the model in place; if it is validated, leave it with the best validated weights.

    Checkpoints go to `folder`, from which training resumes: on a CPU bitwise, unless compiled.
    `answers` is needed if examples have own conflicts.

    Raises:
        ModelError: the loss of this model family cannot be computed.
        RecipeError: a loss, gradient or weight is not finite, or a batch cannot be shared.
        Stopped: SIGINT, SIGTERM or SIGHUP came; a checkpoint is saved.
    """
    model, on_signal = loaded.model, StopOnSignal()
    collate = collation(loaded, examples, schedule)
    tuned = prepare_model(model, schedule)
    resumable = ResumableState(tuned, schedule.validation, folder, progress)
    with forward.forward_returns_loss(model), on_signal.listening():
        trainer = LanguageAwareTrainer(
            model=tuned,
            args=training_arguments(model, schedule, resumable.partial),
            train_dataset=examples,
            collate=collate,
            answers=answers,
            alpha_at=lambda step: schedule.alpha_at(step, resumable.validated),
            resumable=resumable,
            optimizers=(make_optimizer(tuned, schedule), None),
            callbacks=[*resumable.callbacks, on_signal],
        )
        trainer.train(resume_from_checkpoint=resumable.restore())
    on_signal.raise_if_stopped(trainer.state.global_step, schedule.steps)
    return finish(trainer, model, tuned)


def finish(
    trainer: LanguageAwareTrainer, model: PreTrainedModel, tuned: PreTrainedModel | PeftModel
) -> TrainingResult:
    """Leave the model with its best weights, complete on the main process."""
    steps, resumable = trainer.state.global_step, trainer.resumable
    resumable.restore_best()
    check_finite_weights(model, steps)
    sharding.unshard(tuned, trainer)
    adapter = tuned if isinstance(tuned, PeftModel) else None
    validated, best = resumable.validated, resumable.best
    kept = best.validation.kept(validated).step if best else steps
    return TrainingResult(loss_curve(trainer.state), validated, steps, kept, adapter)


def collation(loaded: LoadedModel, examples: Sequence[Example], schedule: Schedule) -> Collate:
    """From examples to batches, in the cheapest layout."""
    layout = processes.decide_on_main(lambda: choose_layout(loaded.model, examples, schedule))
    return partial(collate_batch, pad=loaded.pad, row_tokens=schedule.row_tokens, layout=layout)


def choose_layout(
    model: PreTrainedModel, examples: Sequence[Example], schedule: Schedule
) -> Layout:
    """The cheapest layout of which the model computes exactly the same loss.

    Raises:
        ModelError: the loss of this model family cannot be computed.
    """
    name = str(model.name_or_path or "the model")
    forward.check_supported(model, name)
    sharding.check_model(model, name)
    longest = max(example.length for example in examples)
    rows = max(len(example.rows) + bool(example.own) for example in examples)
    most = longest * rows * schedule.micro_batch
    row_tokens = min(schedule.row_tokens, most)  # no row gets longer; trying one costs memory
    if forward.prefix_sharing_is_exact(model, longest, row_tokens):
        return "shared"
    return "packed" if forward.packing_is_exact(model, row_tokens) else "padded"


def prepare_model(model: PreTrainedModel, schedule: Schedule) -> PreTrainedModel | PeftModel:
    """The model to tune: `model`, inside an adapter and with compiled layers where requested."""
    tuned: PreTrainedModel | PeftModel = model
    if schedule.adapter is not None:
        torch.manual_seed(schedule.seed)  # of the adapter's first weights: peft takes no generator
        tuned = adapters.add_adapter(model, schedule.adapter)
    if schedule.compiled:
        compile_layers(model, tuned)
    return tuned


def collate_batch(
    examples: Sequence[Example], pad: int, *, row_tokens: int, layout: Layout
) -> dict[str, Tensor]:
    """The batch in this layout."""
    if layout == "padded":
        return padded(examples, pad)
    return (prefix_shared if layout == "shared" else packed)(examples, pad, row_tokens)


def is_multimodal(model: PreTrainedModel) -> bool:
    """Whether the model also has weights for images or sound, which text gives no gradient."""
    return model.config.get_text_config() is not model.config


def make_optimizer(model: nn.Module, schedule: Schedule) -> torch.optim.Optimizer | None:
    """Muon if requested; None leaves AdamW to the Trainer.

    Raises:
        RecipeError: Muon is requested under an engine that shards weights.
    """
    if schedule.optimizer == "adamw":
        return None
    if processes.is_sharded():
        raise RecipeError(
            "optimizer: muon needs complete matrices, this engine shards them; use adamw"
        )
    return make_muon(model, lr=schedule.learning_rate, adamw_lr=schedule.learning_rate / 2)


def training_arguments(
    model: PreTrainedModel, schedule: Schedule, scratch: Path
) -> TrainingArguments:
    """The schedule as arguments of the Trainer, which reports to no one and writes to `scratch`."""
    micro_batch = processes.micro_batch(schedule.batch, schedule.micro_batch)
    # The recipe decides on the precision, also where the launcher was configured with another.
    os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16" if schedule.precision == "bfloat16" else "no"
    arguments = TrainingArguments(
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
    if arguments.n_gpu > 1:  # otherwise one process would copy the model to every visible GPU
        arguments._n_gpu = 1  # noqa: SLF001
    return arguments
