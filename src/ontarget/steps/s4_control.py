"""Step 4's control: stage 1 continued for as many optimizer steps with twice the samples.

A step of stage 2 sees each sample twice, once under a wrong instruction, or more often with several
conflicts a sample. The control sees as many samples instead, so it costs the same compute, or more
where synthetic pairs, which have no conflicts, are among them. What stage 2 gains over it is not
gained by training longer.
"""

from typing import Any

from ontarget import artifacts, processes
from ontarget.recipe import stage, training_data
from ontarget.recipe.sections.training import Mle
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import ControlSettings
from ontarget.systems import STAGE2
from ontarget.training.train import train


def run(context: StepContext[ControlSettings]) -> dict[str, Any]:
    """Write `model/` and `curve.jsonl`."""
    settings, form = context.settings, context.settings.prompt_format
    section = lengthened(settings.training, context)
    samples, _ = training_data.training_samples(
        context, section, settings.seed + 1, general=settings.general
    )
    loaded = stage.load_start(context, settings.base, section)
    if not section.steps:  # stage 2 made none
        return stage.save_start(context, loaded, form, settings.base)
    examples = training_data.make_examples(loaded, form, samples, section.max_tokens)
    schedule = stage.schedule_of(section, len(examples), settings.seed)
    with stage.progress(context, section) as progress:
        result = train(loaded, examples, schedule, context.unfinished, progress)
    stage.save_result(context, loaded, result, form, settings.base.revision)
    return stage.stage_result(result, len(samples), len(examples))


def lengthened(stage2: Mle, context: StepContext[ControlSettings]) -> Mle:
    """Stage 2's training on as many sequences a step, for as many steps as stage 2 took."""
    steps = stage2.steps
    if STAGE2.folder in context.inputs:  # its length was not known before it ran
        stamp = artifacts.read_stamp(context.inputs[STAGE2.folder])
        assert stamp is not None
        steps = int(stamp["result"]["steps"])
    return stage2.model_copy(
        update={
            "batch": context.settings.sequences * stage2.batch,
            "micro_batch": processes.micro_batch(stage2.batch, stage2.micro_batch),
            "steps": steps,
            "epochs": None,
        }
    )
