"""`conflict`: step 2, and its samples as other trainers read them."""

from pathlib import Path
from typing import Annotated

import typer

from ontarget import processes
from ontarget.cli.commands.recipe import ForceFrom, Overrides, RecipePath, run_and_show
from ontarget.cli.console import write
from ontarget.data.conflicts.labels import LabelCounts
from ontarget.pipeline import checks, prompts
from ontarget.pipeline.prompts import Format
from ontarget.recipe.yaml_file import load_recipe

CHAT_NOTE = (
    "; prompts are messages: give the trainer's tokenizer the chat template of training, as in a "
    "model that the recipe tuned"
)


def conflict(
    recipe: RecipePath,
    overrides: Overrides = None,
    force_from: ForceFrom = None,
    *,
    format: Annotated[  # noqa: A002 - the option's name
        Format | None,
        typer.Option(
            help="Also write them for TRL: trl-preference for DPO, CPO and ORPO, trl-kto for KTO."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For them; default FORMAT.jsonl in the run's folder."),
    ] = None,
) -> None:
    """Step 2: draw conflict samples for each training sample.

    Example: ontarget conflict recipe.yaml --format trl-kto
    """
    if out is not None and format is None:
        raise typer.BadParameter("--out is for --format; add it")
    content = load_recipe(recipe, arguments=overrides or ())
    if format is not None:
        prompts.check_exportable(content)
    checks.check_recipe(content)
    run_and_show(content, "conflict", force_from)
    if format is not None and processes.is_main_process():
        place = out or content.out / f"{format}.jsonl"
        counts = prompts.export(content, format, place)
        note = CHAT_NOTE if content.prompt_format.chat else ""
        write(f"{place}: {written(counts)}{note}")


def written(counts: LabelCounts) -> str:
    """What an export holds, and what was left out of it."""
    if counts.samples:
        right = counts.asking_right_language
        return (
            f"{counts.samples:,} samples labelled true, {counts.conflicts:,} conflicts labelled "
            f"false; {right:,} of the conflicts request the right language"
        )
    return (
        f"{counts.conflicts:,} pairs; left out: {counts.without_response:,} conflicts whose row "
        f"has no other text in the requested language, {counts.asking_right_language:,} that "
        "request the right language"
    )
