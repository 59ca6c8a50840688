"""Step 1: the corpus as samples: supervised ones to train on, all directions to test on."""

from pathlib import Path
from typing import Any

from ontarget import artifacts, corpora
from ontarget.errors import CorpusError
from ontarget.recipe import Recipe
from ontarget.steps import inputs


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `train.jsonl`, `dev.jsonl` and `test.jsonl`.

    Raises:
        CorpusError: a test or dev sentence is in training too, or a direction has no text.
    """
    tell("reading the corpus", 0, 1)
    splits = {name: inputs.split(recipe, name) for name in ("train", "dev", "test")}
    for name in ("test", "dev"):
        shared = corpora.overlap(splits["train"], splits[name])
        if shared and not recipe.corpus.drop_overlap:
            held_out, trained, language = shared[0]
            raise CorpusError(
                f"{held_out}: the {language} sentence is in training too ({trained}; {len(shared)} such in "
                f"{name}); remove them from training or set corpus.drop_overlap: true"
            )
        leaked = {trained for _, trained, _ in shared}
        splits["train"] = [row for row in splits["train"] if row.key not in leaked]
    every = recipe.supervised_directions + recipe.zero_shot_directions
    counts = {}
    for name, directions in (("train", recipe.supervised_directions), ("dev", every), ("test", every)):
        drawn = inputs.samples(splits[name], directions)
        inputs.refuse_empty(drawn, f"corpus.{name}", directions)
        counts[name] = artifacts.write_lines(out / f"{name}.jsonl", drawn)
    return {"samples": counts, "meanings": {name: len(rows) for name, rows in splits.items()}}
