"""Step 3, the paper's stage 1: maximum likelihood on translation instructions."""

from typing import Any

from ontarget.recipe import stage, training_data
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import MleSettings
from ontarget.training.train import train


def run(context: StepContext[MleSettings]) -> dict[str, Any]:
    """Write `model/`, `curve.jsonl` and, if validated, `validation.jsonl`."""
    settings, section = context.settings, context.settings.mle
    form = settings.prompt_format
    samples, _ = training_data.training_samples(context, section, settings.seed)
    loaded = stage.load_start(context, settings.base, section)
    examples = training_data.make_examples(loaded, form, samples, section.max_tokens)
    validation = stage.validation_plan(context, loaded, form, section.validation, settings.dev)
    schedule = stage.schedule_of(section, len(examples), settings.seed, validation=validation)
    with stage.progress(context, section) as progress:
        result = train(loaded, examples, schedule, context.unfinished, progress)
    stage.save_result(context, loaded, result, form, settings.base.revision)
    return stage.stage_result(result, len(samples), len(examples))
