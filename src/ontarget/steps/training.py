"""What steps 0, 3 and 4 share: a recipe's section as a schedule, samples as examples."""

import math
from collections.abc import Sequence

from ontarget.batches import Example, Row, row
from ontarget.errors import CorpusError
from ontarget.models import Loaded
from ontarget.recipe import Recipe
from ontarget.records import Sample
from ontarget.sections import Training
from ontarget.steps import inputs
from ontarget.tuning import Point, Progress, Schedule


def schedule(section: Training, samples: int, seed: int, *, alpha: float = 0.0) -> Schedule:
    """The section with its length in optimiser steps."""
    steps = section.steps or max(1, math.ceil((section.epochs or 1) * samples / section.batch))
    return Schedule(
        steps=steps,
        batch=section.batch,
        micro_batch=section.micro_batch,
        learning_rate=section.learning_rate,
        schedule=section.schedule,
        warmup=section.warmup,
        optimizer=section.optimizer,
        weight_decay=section.weight_decay,
        precision=section.precision,
        alpha=alpha,
        seed=seed,
    )


def picked(samples: Sequence[Sample], section: Training, seed: int) -> list[Sample]:
    """As many samples as the training will see; all of them where it sees each at least once."""
    return inputs.chosen(
        samples, section.steps * section.batch if section.steps else len(samples), seed
    )


def examples(
    loaded: Loaded,
    recipe: Recipe,
    samples: Sequence[Sample],
    conflicts: Sequence[Sample] | None,
    max_tokens: int,
) -> list[Example]:
    """Each sample with its conflict, if any; those that are too long are left out whole.

    Raises:
        CorpusError: nothing is left.
    """
    true = rows(loaded, recipe, samples, unlikely=False)
    if conflicts is None:
        paired = [Example(rows=(each,)) for each in true]
    else:
        wrong = rows(loaded, recipe, conflicts, unlikely=True)
        paired = [Example(rows=pair) for pair in zip(true, wrong, strict=True)]
    longest = min(max_tokens, loaded.positions or max_tokens)
    fitting = [example for example in paired if example.length <= longest]
    if not fitting:
        raise CorpusError(
            f"{recipe.out}: all {len(samples)} training samples are longer than {longest} "
            "tokens; raise max_tokens or take a model with more positions"
        )
    return fitting


def rows(loaded: Loaded, recipe: Recipe, samples: Sequence[Sample], *, unlikely: bool) -> list[Row]:
    """Tokenised prompts and responses."""
    prompts = loaded.prompts(inputs.instructions(samples, recipe))
    responses = loaded.responses([sample.target for sample in samples])
    return [
        row(sample.key, asked, answer, unlikely=unlikely)
        for sample, asked, answer in zip(samples, prompts, responses, strict=True)
    ]


def line(tell: inputs.Tell) -> Progress:
    """Training progress as one line: both losses in nats a token."""

    def show(point: Point) -> None:
        text = f"likelihood {point['likelihood']:.3f}"
        if point["unlikelihood"]:
            text += f"  unlikelihood {point['unlikelihood']:.3f}"
        tell(text, int(point["step"]), int(point["steps"]))

    return show
