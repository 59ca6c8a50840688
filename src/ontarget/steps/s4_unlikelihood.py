"""Step 4, the paper's stage 2: MLE plus alpha times unlikelihood on conflict samples.

Before it, the preflight says from dev sentences whether stage 2 can help at all.
"""

from pathlib import Path
from typing import Any

from ontarget import artifacts, processes
from ontarget.analysis import diagnose
from ontarget.models import loading
from ontarget.models.loading import LoadedModel
from ontarget.recipe.recipe import Recipe
from ontarget.records import Sample
from ontarget.steps import inputs, training
from ontarget.training import train


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `model/`, `curve.jsonl`, and as asked for `preflight.json`, `validation.jsonl`."""
    section = recipe.unlikelihood
    assert section is not None
    every = artifacts.read_jsonl(recipe.out / "1_prepare" / "train.jsonl", Sample)
    conflict_of = {
        drawn.key: drawn
        for drawn in artifacts.read_jsonl(recipe.out / "2_conflict" / "conflicts.jsonl", Sample)
    }
    samples = training.picked(every, section, recipe.seed + 1)  # not the order of stage 1 again
    conflicts = [conflict_of[sample.key] for sample in samples]
    tell("loading the model", 0, 1)
    loaded = training.loaded(recipe, inputs.starting_point(recipe), section)
    verdict = None
    if section.preflight:
        verdict = processes.decide_on_main(lambda: preflight(recipe, loaded, out, tell))
    examples = training.examples(loaded, recipe, samples, conflicts, section.max_tokens)
    schedule = training.schedule(
        section,
        len(examples),
        recipe.seed,
        alpha=section.alpha,
        validation=training.validation(recipe, section, loaded),
    )
    with training.progress(recipe, "4_unlikelihood", section, tell) as progress:
        trained = train.train(
            loaded, examples, schedule, inputs.unfinished(recipe, "4_unlikelihood"), progress
        )
    training.keep(recipe, loaded, trained, out)
    return training.reported(trained, len(samples), len(examples)) | {"preflight": verdict}


def preflight(recipe: Recipe, loaded: LoadedModel, out: Path, tell: inputs.Tell) -> str:
    """Write `preflight.json`; returns the verdict's words."""
    assert recipe.unlikelihood is not None
    dev = artifacts.read_jsonl(recipe.out / "1_prepare" / "dev.jsonl", Sample)
    before = loaded.model.device
    if not getattr(loaded.model, "is_quantized", False):
        loading.move_to_accelerator(loaded.model)  # an engine that shards has left it on the CPU
    examined = diagnose.diagnose(
        loaded,
        inputs.per_direction(
            inputs.chosen(dev, len(dev), recipe.seed), recipe.unlikelihood.preflight
        ),
        training.examined(recipe),
        lambda done, total: tell("preflight", done, total),
    )
    if loaded.model.device != before:
        loaded.model.to(before)  # type: ignore[arg-type]
    artifacts.write_json(out / "preflight.json", examined.content())
    return examined.verdict.words
