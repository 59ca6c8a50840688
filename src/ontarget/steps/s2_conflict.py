"""Step 2: for each training sample, the same response under an instruction for another language."""

from collections import Counter
from typing import Any

from ontarget import artifacts
from ontarget.data.conflicts import (
    any_other_instruction,
    count_asking_right_language,
    wrong_target,
)
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import ConflictSettings
from ontarget.records import Direction, Sample


def run(context: StepContext[ConflictSettings]) -> dict[str, Any]:
    """Write `conflicts.jsonl`, in the order of step 1's `train.jsonl`."""
    settings = context.settings
    context.tell("drawing conflict samples", 0, 1)
    samples = artifacts.read_jsonl(context.inputs["1_prepare"] / "train.jsonl", Sample)
    if settings.draw == "wrong_target":
        drawn = [wrong_target(sample, settings.languages, settings.seed) for sample in samples]
    else:
        counts = Counter(Direction(sample.source_lang, sample.asked_lang) for sample in samples)
        drawn = [any_other_instruction(sample, counts, settings.seed) for sample in samples]
    artifacts.write_jsonl(context.out / "conflicts.jsonl", drawn)
    right = count_asking_right_language(drawn)
    return {
        "conflicts": len(drawn),
        "asking_for_the_right_language": right,
        "asking_for_the_right_language_percent": round(100 * right / len(drawn), 2),
    }
