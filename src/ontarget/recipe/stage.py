"""What the training steps share: schedules, validation, progress, saved models."""

import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from ontarget import artifacts, processes
from ontarget.analysis import validation
from ontarget.data.sampling import choose, first_of_each_direction
from ontarget.models import adapters, loading
from ontarget.models.adapters import LowRankAdapter
from ontarget.models.chats import keep_chat_template
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import end_ids
from ontarget.models.templates import PromptFormat
from ontarget.recipe.sections.training import Adapter, Base, Mle, Training, Unlikelihood, Validation
from ontarget.recipe.step_context import StepContext, Tell
from ontarget.recipe.step_settings import DevSettings
from ontarget.records import Direction, Sample
from ontarget.training import checkpoints
from ontarget.training.monitoring import trackers
from ontarget.training.monitoring.callbacks import LogPoint, OnLog, ValidationPlan
from ontarget.training.schedule import Schedule
from ontarget.training.train import TrainingResult

SHOWN = {
    "likelihood": "MLE {:.3f}",
    "unlikelihood": "UL {:.3f}",
    "off_target_percent": "dev OTR {:.1f} %",
    "supervised_chrf": "supervised chrF {:.1f}",
    "tokens_per_second": "{:,.0f} tokens/s",
}


def schedule_of(
    section: Training,
    samples: int,
    seed: int,
    *,
    alpha: float = 0.0,
    validation: ValidationPlan | None = None,
) -> Schedule:
    """The section with its length in optimizer steps; an epoch's last step may be smaller."""
    steps_per_epoch = math.ceil(samples / section.batch)
    return Schedule(
        steps=section.steps or math.ceil((section.epochs or 1) * steps_per_epoch),
        batch=section.batch,
        micro_batch=section.micro_batch,
        learning_rate=section.learning_rate,
        schedule=section.schedule,
        warmup=section.warmup,
        optimizer=section.optimizer,
        weight_decay=section.weight_decay,
        precision=section.precision,
        row_tokens=section.row_tokens or section.max_tokens,
        compiled=section.compile,
        checkpoint_every=section.checkpoint_every,
        alpha=alpha,
        alpha_schedule=section.alpha_schedule if isinstance(section, Unlikelihood) else "constant",
        seed=seed,
        adapter=adapter_of(getattr(section, "adapter", None)),
        validation=validation,
    )


def adapter_of(section: Adapter | None) -> LowRankAdapter | None:
    """The section as the adapter that it describes."""
    if section is None:
        return None
    return LowRankAdapter(
        rank=section.rank,
        scale=section.alpha / section.rank,
        dropout=section.dropout,
        targets=section.targets,
        kind=section.kind,
    )


def load_start(context: StepContext[Any], base: Base, section: Mle | Unlikelihood) -> LoadedModel:
    """The model that a stage starts from, in 4 bits if its adapter asks for that."""
    context.tell("loading the model", 0, 1)
    if section.adapter and section.adapter.kind == "qlora":
        return loading.load_model(context.start, base.revision, section.precision)
    loaded = loading.load_model(context.start, base.revision)
    place_for_training(loaded)
    context.tell("preparing the samples", 0, 1)
    return loaded


def place_for_training(loaded: LoadedModel) -> None:
    """Move the model to the accelerator; engines that shard do so themselves, part by part."""
    if not processes.is_sharded():
        loading.move_to_accelerator(loaded.model)


def save_result(
    context: StepContext[Any],
    loaded: LoadedModel,
    result: TrainingResult,
    prompt_format: PromptFormat,
    revision: str | None,
) -> None:
    """Write `model/` and `curve.jsonl`, and `adapter/` and `validation.jsonl` if there are any.

    The model is complete in any case: an adapter is merged into it, or into its original weights if
    these were quantized for the training. Only the main process writes.
    """
    if not processes.is_main_process():
        return
    out = context.out
    if result.adapter is not None:
        adapters.save_adapter(result.adapter, out / "adapter")
        if getattr(loaded.model, "is_quantized", False):
            loaded = loading.load_model(str(loaded.model.name_or_path), revision)
            adapters.merge_adapter(adapters.load_adapter(loaded.model, out / "adapter"))
        else:
            adapters.merge_adapter(result.adapter)
    keep_chat_template(loaded, prompt_format)
    loading.save_model(loaded, out / "model")
    loading.write_generation_config(out / "model", end_ids(loaded, prompt_format))
    artifacts.write_jsonl(out / "curve.jsonl", result.curve)
    if result.validated:
        artifacts.write_jsonl(out / "validation.jsonl", result.validated)


def save_start(
    context: StepContext[Any], loaded: LoadedModel, prompt_format: PromptFormat, base: Base
) -> dict[str, int]:
    """Write the model that the stage starts from, as the result of no step; what is reported."""
    if getattr(loaded.model, "is_quantized", False):  # saved with the weights before that
        loaded = loading.load_model(context.start, base.revision)
    untrained = TrainingResult(curve=[], validated=[], steps=0, kept=0, adapter=None)
    save_result(context, loaded, untrained, prompt_format, base.revision)
    return stage_result(untrained, 0, 0)


def dev_samples(context: StepContext[Any], count: int, *, by_row: bool = False) -> list[Sample]:
    """`count` dev samples of each direction, drawn at random; `by_row`: of the same sentences."""
    samples = artifacts.read_jsonl(context.inputs["1_prepare"] / "dev.jsonl", Sample)
    drawn = choose(samples, len(samples), context.settings.seed, by_row=by_row)
    return first_of_each_direction(drawn, count)


def validation_plan(
    context: StepContext[Any],
    loaded: LoadedModel,
    prompt_format: PromptFormat,
    setting: Validation | None,
    dev: DevSettings | None,
) -> ValidationPlan | None:
    """How a training is validated: on zero-shot directions, or supervised ones without any."""
    if setting is None or dev is None:
        return None

    def choose(count: int, directions: Collection[Direction]) -> list[Sample]:
        samples = dev_samples(context, count)
        return [s for s in samples if Direction(s.source_lang, s.target_lang) in directions]

    judged = choose(setting.segments, dev.zero_shot or dev.supervised)
    watched = choose(setting.supervised, dev.supervised if dev.zero_shot else ())
    translator = validation.greedy_translator(
        loaded, prompt_format, [*judged, *watched], batch=context.dev_batch
    )
    return ValidationPlan(
        every=setting.every,
        measure=lambda step: validation.validate(translator, judged, dev.detection, step, watched),
        stop=setting.stop,
        best=setting.keep == "best",
    )


def stage_result(result: TrainingResult, samples: int, examples: int) -> dict[str, int]:
    """What a stage reports: samples, those left out for their length, optimizer steps."""
    counts = {"samples": examples, "too_long": samples - examples, "steps": result.steps}
    return counts | ({"kept_step": result.kept} if result.validated else {})


@contextmanager
def progress(context: StepContext[Any], section: Training) -> Iterator[OnLog]:
    """Receives the points of a training for the terminal and, on the main process, for trackers.

    Event files lie outside the step's folder, which does not exist until it is complete. A training
    that does not resume replaces older ones.
    """
    show = shown_as_line(context.tell)
    if not processes.is_main_process():
        yield show
        return
    if not checkpoints.all_checkpoints(context.unfinished):
        artifacts.remove_tree(context.logs)
    run = trackers.TrackedRun(
        name=f"{context.run_name}/{context.logs.name}",
        folder=context.logs,
        settings=section.model_dump(mode="json"),
    )
    with trackers.tracking(context.report_to, run) as track:

        def receive(point: LogPoint) -> None:
            show(point)
            track(point)

        yield receive


def shown_as_line(tell: Tell) -> OnLog:
    """Training progress as one line: both losses in nats per token, and the latest validation."""
    latest: dict[str, float] = {}

    def show(point: LogPoint) -> None:
        latest.update(point)
        values = {name: value for name, value in latest.items() if value or name != "unlikelihood"}
        parts = [form.format(values[name]) for name, form in SHOWN.items() if name in values]
        tell("  ".join(parts), int(point["step"]), int(point["steps"]))

    return show
