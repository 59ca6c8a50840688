"""Step 3, the paper's stage 1: maximum likelihood on translation instructions."""

from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.recipe.recipe import Recipe
from ontarget.records import Sample
from ontarget.steps import inputs, training
from ontarget.training import train


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `model/`, `curve.jsonl` and, where asked for, `validation.jsonl`."""
    assert recipe.mle is not None
    every = artifacts.read_jsonl(recipe.out / "1_prepare" / "train.jsonl", Sample)
    samples = training.picked(every, recipe.mle, recipe.seed)
    tell("loading the model", 0, 1)
    loaded = training.loaded(recipe, inputs.model_of(recipe, inputs.BASE), recipe.mle)
    examples = training.examples(loaded, recipe, samples, None, recipe.mle.max_tokens)
    schedule = training.schedule(
        recipe.mle,
        len(examples),
        recipe.seed,
        validation=training.validation(recipe, recipe.mle, loaded),
    )
    with training.progress(recipe, "3_mle", recipe.mle, tell) as progress:
        trained = train.train(
            loaded, examples, schedule, inputs.unfinished(recipe, "3_mle"), progress
        )
    training.keep(recipe, loaded, trained, out)
    return training.reported(trained, len(samples), len(examples))
