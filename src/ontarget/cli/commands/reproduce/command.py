"""`reproduce`: a table of the paper, made again."""

from pathlib import Path
from typing import Annotated

import typer

from ontarget import processes
from ontarget.cli.commands.recipe import engine_file
from ontarget.cli.console import ConsoleProgress, console, quiet_libraries, write
from ontarget.cli.stopping import stopping_cleanly
from ontarget.errors import RecipeError
from ontarget.memory_plan.arithmetic import GIB
from ontarget.models import folder
from ontarget.pipeline.plan import no_fit_line
from ontarget.reproduction.bleurt import PROGRAM, find_bleurt
from ontarget.reproduction.estimates import RunEstimate, directions_of, estimate, model_of
from ontarget.reproduction.making import check_runs, keep_choices, make_runs
from ontarget.reproduction.planning import plan_runs
from ontarget.reproduction.runs import (
    PARTS,
    SPLITS,
    TITLES,
    Choices,
    PlannedRun,
    Reproduction,
)
from ontarget.reproduction.settings import SCALES, TABLES, read_paper_table
from ontarget.scoring.neural.running import NeuralScorer


def parts_in_words() -> str:
    """The parts and what they make, for `--help`."""
    return "; ".join(f"{part}: {text}" for part, text in PARTS.items())


def reproduce(  # noqa: PLR0913 - a command's options
    name: Annotated[str, typer.Argument(help=f"The table: {' or '.join(TABLES)}.")],
    scale: Annotated[
        str,
        typer.Option(
            help="full: the published settings, on GPUs; small: Gemma 3 270M with adapters, on "
            "CPUs; tiny: a model made from nothing, in minutes."
        ),
    ] = SCALES[0],
    base_model: Annotated[
        str | None, typer.Option(help="A model folder or hub id. Default: the scale's.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A folder with train, dev and test files. Default: data/NAME."),
    ] = None,
    languages: Annotated[
        str | None,
        typer.Option(
            help="Codes with commas between, the pivot first: en,it,nl,de. It is trained with each "
            "other one, the rest is zero-shot. Default: the languages and directions of the paper."
        ),
    ] = None,
    instructions: Annotated[
        Path | None, typer.Option(help="General instructions, Alpaca or chat records.")
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(
            help=f"What to make, with commas between, such as table,own. {parts_in_words()}. "
            "Default: all that the scale has."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of all runs and tables; a killed command resumes there. "
            "Default: runs/NAME-SCALE."
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0, max=2**32 - 1, help="Of everything drawn: text, order of samples, conflicts."
        ),
    ] = 1,
    bleurt: Annotated[
        bool, typer.Option("--bleurt", help="Also BLEURT, when all runs are finished.")
    ] = False,
    bleurt_model: Annotated[
        str | None, typer.Option(help="Another BLEURT checkpoint; implies --bleurt.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan; nothing is read, nothing is made.")
    ] = False,
    gpu_memory: Annotated[
        float, typer.Option(min=0.001, max=10**5, help="GiB of each GPU, for the plan.")
    ] = 80.0,
    tflops: Annotated[
        float, typer.Option(min=1e-3, max=10**5, help="10^12 operations a second of each GPU.")
    ] = 150.0,
) -> None:
    """Make a table of the paper again: every row, with the published figures beside.

    The plan is printed first, with hardware and hours, or with what one took. A killed
    reproduction resumes.

    Example: ontarget reproduce iwslt4 --scale tiny
    """
    if name not in TABLES:
        raise RecipeError(f"{name!r} is no table of the paper; use {' or '.join(TABLES)}")
    if bleurt_model is not None and not bleurt_model.strip():
        raise RecipeError("--bleurt-model: is empty; name a model or omit the option")
    choices = Choices(
        scale=scale,
        out=out or Path("runs", f"{name}-{scale}"),
        seed=seed,
        model=base_model,
        data=data,
        languages=words_of(languages),
        instructions=instructions,
        parts=words_of(parts),
        bleurt=PROGRAM.model if bleurt and bleurt_model is None else bleurt_model,
    )
    reproduction = plan_runs(read_paper_table(name), choices)
    write(*plan_lines(reproduction, gpu_memory, tflops))
    if dry_run:
        return
    quiet_libraries()
    scorer = find_scorer(choices)
    check_runs(reproduction)
    if processes.is_main_process():
        keep_choices(reproduction)
    display = ConsoleProgress(console)
    try:
        with stopping_cleanly():
            make_runs(reproduction, display, announce)
            display.close()
            if processes.is_main_process():
                from ontarget.cli.commands.reproduce.tables import show

                show(reproduction, command_of(name, choices), scorer)
    finally:
        display.close()


def find_scorer(choices: Choices) -> NeuralScorer | None:
    """BLEURT, if it was asked for, in the process that will run it."""
    asked = choices.bleurt is not None and processes.is_main_process()
    return find_bleurt(choices.bleurt or "") if asked else None


def words_of(listed: str | None) -> tuple[str, ...]:
    """The words of an option, with commas between."""
    return tuple(word.strip() for word in listed.split(",")) if listed is not None else ()


def announce(run: PlannedRun) -> None:
    """Say which run begins."""
    write("", f"{run.name}: {row_titles(run)}")


def row_titles(run: PlannedRun) -> str:
    """The rows of a run, in words."""
    if run.value is None:
        return ", ".join(TITLES[row] for row in run.rows)
    what = f"alpha {run.value:g}" if run.part == "alpha" else f"{run.value:,g} samples a direction"
    return f"{'both stages' if len(run.rows) > 1 else 'stage 2'}, {what}"


def plan_lines(reproduction: Reproduction, gpu_memory: float, tflops: float) -> list[str]:
    """The plan as text: model, corpus, runs, hardware and hours."""
    paper_table, choices = reproduction.paper_table, reproduction.choices
    recipe = reproduction.main.recipe
    model = model_of(reproduction)
    width = max(14, *(len(run.name) for run in reproduction.runs))
    size = f"{model.parameters:,} parameters" if model else "its size is known once it is here"
    lines = [
        f"{paper_table.name}, {choices.scale}: {reproduction.scale.summary}",
        f"languages {' '.join(recipe.languages)}; {len(recipe.supervised_directions)} supervised "
        f"and {len(recipe.zero_shot_directions)} zero-shot directions",
        f"base model {reproduction.model}: {size}",
        f"corpus {corpus_line(reproduction)}",
        *([f"BLEURT by {choices.bleurt}, when all runs are finished"] if choices.bleurt else []),
        "",
    ]
    measured = reproduction.scale.measured
    took = [] if measured is None else ["", f"measured: {measured}"]
    if model is None or (took and choices.model is None):
        lines += [f"{run.name:{width}} {row_titles(run)}" for run in reproduction.runs]
        return [*lines, *took]
    estimates = estimate(reproduction, model, gpu_memory, tflops)
    lines += [f"{one.run.name:{width}} {run_line(one)}" for one in estimates]
    return [*lines, "", *hardware_lines(estimates, gpu_memory, tflops), *took]


def run_line(one: RunEstimate) -> str:
    """The rows of a run, and the hours of its trainings."""
    if one.plan is None:
        hours = "no training"
    elif one.hours is None:
        hours = "hours unknown: epochs of a corpus that is not read"
    else:
        hours = f"training {format_hours(one.hours)}"
    systems, directions = len(one.run.recipe.translated), directions_of(one.run.recipe)
    sets = f"{systems} system{'s' * (systems > 1)} in {directions} directions"
    return f"{row_titles(one.run)} | {hours}; translation by {sets}"


def format_hours(hours: float) -> str:
    """GPU hours, with as many digits as an estimate has."""
    return f"{hours:,.0f} GPU hours" if hours >= 10 else f"{hours:.2g} GPU hours"


def hardware_lines(estimates: list[RunEstimate], gpu_memory: float, tflops: float) -> list[str]:
    """The GPUs that the largest training takes, and the hours of all."""
    plans = [one.plan for one in estimates if one.plan is not None]
    largest = max(plans, key=lambda plan: (not plan.fits, plan.gpus))
    need = max(need.total for need in largest.needs.values()) / GIB
    known = [one.hours for one in estimates if one.plan is not None and one.hours is not None]
    hours = f"training: {format_hours(sum(known))} in all at {tflops:g} TFLOP/s"
    if unknown := len(plans) - len(known):
        hours += f", without {unknown} run{'s' * (unknown > 1)} of unknown length"
    fits = (
        f"memory: {need:.1f} of {gpu_memory:g} GiB on {largest.devices}"
        if largest.fits
        else no_fit_line(largest)
    )
    start = (
        f"with several GPUs: accelerate launch --config_file {engine_file('fsdp2')} "
        f"--num_processes {largest.gpus} -m ontarget reproduce ... (guide: Several processes)"
    )
    return [fits, *([start] if largest.gpus > 1 else []), f"{hours}; translation comes on top"]


def corpus_line(reproduction: Reproduction) -> str:
    """Where the text comes from, and what is missing of it."""
    corpus = reproduction.main.recipe.corpus
    if corpus.phrasebook is not None:
        return "composed from CLDR, embedded"
    paths = [path for split in SPLITS for path in corpus.files(split)]
    missing = [str(path) for path in paths if not path.exists()]
    words = f"{', '.join(map(str, paths))} (the paper's: {reproduction.paper_table.corpus})"
    return f"{words}; missing: {', '.join(missing)}" if missing else words


def command_of(name: str, choices: Choices) -> list[str]:
    """The words that repeat this reproduction, with names in place of paths."""
    words = ["ontarget", "reproduce", name, "--scale", choices.scale]
    if choices.model is not None:
        on_hub = folder.is_hub_id(choices.model)
        words += ["--base-model", choices.model if on_hub else Path(choices.model).name]
    if choices.data is not None:
        words += ["--data", choices.data.name]
    if choices.languages:
        words += ["--languages", ",".join(choices.languages)]
    if choices.instructions is not None:
        words += ["--instructions", choices.instructions.name]
    if choices.parts:
        words += ["--parts", ",".join(choices.parts)]
    words += ["--seed", str(choices.seed)]
    if choices.bleurt is None:
        return words
    own = choices.bleurt != PROGRAM.model
    return [*words, *(["--bleurt-model", Path(choices.bleurt).name] if own else ["--bleurt"])]
