"""Step 3, the paper's stage 1: maximum likelihood on translation instructions."""

from pathlib import Path
from typing import Any

from ontarget import artifacts, models, tuning
from ontarget.recipe import Recipe
from ontarget.records import Sample
from ontarget.steps import inputs, training


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `model/` and `curve.jsonl`."""
    assert recipe.mle is not None
    every = artifacts.read_lines(recipe.out / "1_prepare" / "train.jsonl", Sample)
    samples = training.picked(every, recipe.mle, recipe.seed)
    tell("loading the model", 0, 1)
    loaded = models.load(inputs.model_of(recipe, inputs.BASE), recipe.base.revision)
    examples = training.examples(loaded, recipe, samples, None, recipe.mle.max_tokens)
    schedule = training.schedule(recipe.mle, len(examples), recipe.seed)
    curve = tuning.train(
        loaded.model, examples, schedule, pad=loaded.pad, progress=training.line(tell)
    )
    models.save(loaded, out / "model")
    artifacts.write_lines(out / "curve.jsonl", curve)
    return {
        "samples": len(examples),
        "too_long": len(samples) - len(examples),
        "steps": schedule.steps,
    }
