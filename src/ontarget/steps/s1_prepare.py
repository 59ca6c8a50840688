"""Step 1: the corpus as samples: supervised ones to train on, all directions to test on."""

from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.recipe.recipe import Recipe
from ontarget.steps import inputs


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `train.jsonl`, `dev.jsonl` and `test.jsonl`.

    Raises:
        CorpusError: a test or dev sentence is in training too, or a direction has no text.
    """
    tell("reading the corpus", 0, 1)
    splits = inputs.splits(recipe)
    inputs.refuse_empty(splits, recipe)
    supervised = recipe.supervised_directions
    every = supervised + recipe.zero_shot_directions
    counts = {}
    for name, rows, directions in (
        ("train", splits.train, supervised),
        ("dev", splits.dev, every),
        ("test", splits.test, every),
    ):
        drawn = inputs.samples(rows, directions)
        counts[name] = artifacts.write_jsonl(out / f"{name}.jsonl", drawn)
    meanings = {"train": len(splits.train), "dev": len(splits.dev), "test": len(splits.test)}
    return {"samples": counts, "meanings": meanings, "dropped": splits.dropped}
