"""Step 2: for each training sample the same response under an instruction for another language."""

from collections import Counter
from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.data.conflicts import any_other_instruction, count_asking_right_language, wrong_target
from ontarget.recipe.recipe import Recipe
from ontarget.records import Direction, Sample
from ontarget.steps import inputs


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `conflicts.jsonl`, in the order of step 1's `train.jsonl`."""
    assert recipe.unlikelihood is not None
    tell("drawing", 0, 1)
    samples = artifacts.read_jsonl(recipe.out / "1_prepare" / "train.jsonl", Sample)
    if recipe.unlikelihood.draw == "wrong_target":
        drawn = [wrong_target(sample, recipe.languages, recipe.seed) for sample in samples]
    else:
        known = Counter(Direction(each.source_lang, each.asked_lang) for each in samples)
        drawn = [any_other_instruction(sample, known, recipe.seed) for sample in samples]
    artifacts.write_jsonl(out / "conflicts.jsonl", drawn)
    right = count_asking_right_language(drawn)
    return {
        "conflicts": len(drawn),
        "asking_for_the_right_language": right,
        "asking_for_the_right_language_percent": round(100 * right / len(drawn), 2),
    }
