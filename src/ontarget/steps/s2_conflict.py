"""Step 2: for each training sample, a response and instructions for other languages.

The response is the sample's own, or one that the model will give during stage 2.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.analysis.results import read_confusions
from ontarget.artifacts import ArrowRecords
from ontarget.data.conflicts import (
    ConflictCounts,
    Experiment,
    Prompts,
    draw_conflicts,
    draw_own_conflicts,
    instructions_of,
)
from ontarget.data.instructions import count_translations, listed_conflicts, translations
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import ConflictSettings
from ontarget.records import Parallel, Sample


def run(context: StepContext[ConflictSettings]) -> dict[str, Any]:
    """Write `conflicts.arrow`, in the order of step 1's `train.arrow`, as a stream.

    General instructions, which stand last there, have conflicts from references if stage 2 is
    trained on them: first those that their records list, as step 1's `listed.arrow` has them.
    """
    settings = context.settings
    context.tell("drawing conflict samples", 0, 1)
    samples = ArrowRecords(context.inputs["1_prepare"] / "train.arrow", Sample)
    tally = ConflictCounts()
    if settings.conflicts == "own":
        drawn = own_conflicts(context, samples)
    else:
        drawn = reference_conflicts(context, samples, tally)
    artifacts.write_arrow(context.out / "conflicts.arrow", tally.counted(drawn), Sample)
    right = tally.asking_right_language
    result = {
        "conflicts": tally.conflicts,
        "asking_for_the_right_language": right,
        "asking_for_the_right_language_percent": round(100 * right / tally.conflicts, 2),
    }
    if tally.from_lists:
        result |= {"from_lists": tally.from_lists}
    if settings.draw in ("wrong_target", "any_other_instruction", "hardest"):
        return result
    return result | {"drawn_as_wrong_target": tally.as_wrong_target}


def own_conflicts(
    context: StepContext[ConflictSettings], samples: ArrowRecords[Sample]
) -> Iterator[Sample]:
    """One conflict of each sample, to be answered by the model."""
    settings = context.settings
    texts = artifacts.read_jsonl(context.inputs["1_prepare"] / "monolingual.jsonl", Parallel)
    known = count_translations(samples)
    directions = instructions_of(
        islice(samples.column("source_lang"), known), islice(samples.column("target_lang"), known)
    )
    return draw_own_conflicts(
        translations(samples), settings.languages, settings.seed, directions, texts
    )


def reference_conflicts(
    context: StepContext[ConflictSettings], samples: ArrowRecords[Sample], tally: ConflictCounts
) -> Iterator[Sample]:
    """The conflicts of each sample, with its own response."""
    settings = context.settings
    known = count_translations(samples)
    lists = context.inputs["1_prepare"] / "listed.arrow"
    prompts = islice(samples.column("source"), known, None) if settings.general else ()
    experiment = Experiment(
        languages=settings.languages,
        instructions=instructions_of(
            islice(samples.column("source_lang"), known),
            islice(samples.column("asked_lang"), known),
        ),
        prompts=Prompts.of(samples, prompts, known),
        listed=listed_conflicts(lists),
        confusions=(
            read_confusions(Path(settings.confusions), settings.languages)
            if settings.confusions
            else {}
        ),
    )
    return draw_conflicts(
        samples if settings.general else translations(samples),
        settings.draw,
        experiment,
        settings.seed,
        settings.per_sample,
        tally,
    )
