"""Step 2: for each training sample, a response and an instruction for another language.

The response is the sample's own, or one that the model will give during stage 2.
"""

from typing import Any

from ontarget import artifacts
from ontarget.data.conflicts import (
    count_asking_right_language,
    draw_conflicts,
    draw_own_conflicts,
)
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import ConflictSettings
from ontarget.records import Parallel, Sample


def run(context: StepContext[ConflictSettings]) -> dict[str, Any]:
    """Write `conflicts.arrow`, in the order of step 1's `train.arrow`."""
    settings = context.settings
    context.tell("drawing conflict samples", 0, 1)
    samples = artifacts.ArrowRecords(context.inputs["1_prepare"] / "train.arrow", Sample)
    if settings.conflicts == "own":
        texts = artifacts.read_jsonl(context.inputs["1_prepare"] / "monolingual.jsonl", Parallel)
        drawn = draw_own_conflicts(samples, settings.languages, settings.seed, texts)
    else:
        drawn = draw_conflicts(samples, settings.draw, settings.languages, settings.seed)
    artifacts.write_arrow(context.out / "conflicts.arrow", drawn, Sample)
    right = count_asking_right_language(drawn)
    return {
        "conflicts": len(drawn),
        "asking_for_the_right_language": right,
        "asking_for_the_right_language_percent": round(100 * right / len(drawn), 2),
    }
