"""Step 4, the paper's stage 2: MLE plus alpha times unlikelihood on conflict samples.

Before it, the diagnosis says from dev sentences whether stage 2 can help at all. Where it finds
nothing to repair, and dev sentences decide on the length, no step is made: it would only cost
quality (docs/results/real-models.md).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ontarget import artifacts, processes
from ontarget.analysis.diagnosis import diagnose
from ontarget.analysis.diagnosis.measures import FINE
from ontarget.analysis.validation import greedy_translator
from ontarget.models import loading
from ontarget.models.loading import LoadedModel
from ontarget.recipe import stage, training_data
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import UnlikelihoodSettings
from ontarget.training.batches.sequences import Example
from ontarget.training.train import train


def run(context: StepContext[UnlikelihoodSettings]) -> dict[str, Any]:
    """Write `model/`, `curve.jsonl`, and as asked for `preflight.json`, `validation.jsonl`."""
    settings, section = context.settings, context.settings.unlikelihood
    form = settings.prompt_format
    loaded = stage.load_start(context, settings.base, section)
    verdict = None
    if section.preflight:
        verdict = processes.decide_on_main(lambda: preflight(context, loaded))
    if verdict == FINE and section.validation is not None and section.validation.stop:
        return {**stage.save_start(context, loaded, form, settings.base), "preflight": verdict}
    seed = settings.seed + 1  # not stage 1's order
    pairs = training_data.synthetic_pairs(context)
    samples, places = training_data.training_samples(
        context, section, seed, general=settings.general, others=len(pairs)
    )
    conflicts = training_data.conflict_samples(context, places) if section.has_conflicts else None
    examples = training_data.make_examples(
        loaded,
        form,
        samples,
        section.max_tokens,
        conflicts=conflicts,
    )
    if section.draw == "hardest" and conflicts is not None:
        examples = keep_hardest(context, loaded, examples)
    if pairs:
        examples += training_data.make_examples(loaded, form, pairs, section.max_tokens)
    validation = stage.validation_plan(context, loaded, form, section.validation, settings.dev)
    schedule = stage.schedule_of(
        section, len(examples), settings.seed, alpha=section.alpha, validation=validation
    )
    with stage.progress(context, section) as progress:
        answers = training_data.own_answers(loaded, form, section.plausibility)
        result = train(loaded, examples, schedule, context.unfinished, progress, answers=answers)
    stage.save_result(context, loaded, result, form, settings.base.revision)
    counts = stage.stage_result(result, len(samples) + len(pairs), len(examples))
    return counts | ({"preflight": verdict} if verdict else {})


def preflight(context: StepContext[UnlikelihoodSettings], loaded: LoadedModel) -> str:
    """Write `preflight.json`; returns the fault that it names."""
    settings = context.settings
    assert settings.dev is not None
    samples = stage.dev_samples(context, settings.unlikelihood.preflight, by_row=True)
    with on_accelerator(loaded):
        result = diagnose.diagnose(
            loaded,
            greedy_translator(loaded, settings.prompt_format, samples, batch=context.dev_batch),
            samples,
            diagnose.DiagnosisSettings(
                languages=settings.dev.languages,
                supervised=settings.dev.supervised,
                prompt_format=settings.prompt_format,
                detection=settings.dev.detection,
                seed=settings.seed,
            ),
            lambda what, done, total: context.tell(f"diagnosis: {what}", done, total),
        )
    artifacts.write_json(context.out / "preflight.json", result.content())
    return str(result.verdict.fault)


def keep_hardest(
    context: StepContext[UnlikelihoodSettings], loaded: LoadedModel, examples: Sequence[Example]
) -> list[Example]:
    """The examples with the conflicts whose response the model finds likeliest before training."""

    def choose() -> list[list[int]]:
        keep = context.settings.unlikelihood.per_sample
        with on_accelerator(loaded):
            return training_data.hardest_rows(loaded, examples, keep, context.tell)

    kept = processes.decide_on_main(choose)
    return [
        replace(example, rows=tuple(example.rows[row] for row in rows))
        for example, rows in zip(examples, kept, strict=True)
    ]


@contextmanager
def on_accelerator(loaded: LoadedModel) -> Iterator[None]:
    """Within the block the model is on the accelerator; an engine that shards expects it as it was.

    Such an engine has left it on the CPU.
    """
    device = loaded.model.device
    if not getattr(loaded.model, "is_quantized", False):
        loading.move_to_accelerator(loaded.model)
    yield
    if loaded.model.device != device:
        loaded.model.to(device)  # type: ignore[arg-type]
