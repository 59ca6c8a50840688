"""Step 4's control: stage 1 continued for as many steps with twice the samples.

A step of stage 2 sees each sample twice, once under a wrong instruction; so the control costs
the same compute. What stage 2 gains over it is not gained by training longer.
"""

from pathlib import Path
from typing import Any

from ontarget import artifacts, processes
from ontarget.recipe.recipe import Recipe
from ontarget.records import Sample
from ontarget.steps import inputs, training
from ontarget.training import train


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `model/` and `curve.jsonl`."""
    assert recipe.unlikelihood is not None
    every = artifacts.read_jsonl(recipe.out / "1_prepare" / "train.jsonl", Sample)
    stage2 = recipe.unlikelihood
    section = stage2.model_copy(
        update={
            "batch": 2 * stage2.batch,
            "micro_batch": processes.micro_batch(stage2.batch, stage2.micro_batch),
            "steps": steps_of_stage2(recipe),
            "epochs": None,
        }
    )
    samples = training.picked(every, section, recipe.seed + 1)
    tell("loading the model", 0, 1)
    loaded = training.loaded(recipe, inputs.starting_point(recipe), section)
    examples = training.examples(loaded, recipe, samples, None, section.max_tokens)
    schedule = training.schedule(section, len(examples), recipe.seed)
    with training.progress(recipe, "4_control", section, tell) as progress:
        trained = train.train(
            loaded, examples, schedule, inputs.unfinished(recipe, "4_control"), progress
        )
    training.keep(recipe, loaded, trained, out)
    return training.reported(trained, len(samples), len(examples))


def steps_of_stage2(recipe: Recipe) -> int:
    """As many as the recipe says, or as stage 2 made: of its own samples, or before it ended."""
    assert recipe.unlikelihood is not None
    if recipe.unlikelihood.length_is_known:
        assert recipe.unlikelihood.steps is not None
        return recipe.unlikelihood.steps
    stamp = artifacts.read_stamp(recipe.out / "4_unlikelihood")
    assert stamp is not None
    return int(stamp["result"]["steps"])
