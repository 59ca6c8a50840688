"""`check`, `plan` and `run` a recipe or one verb's steps, and the `status` of its run."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import ontarget
from ontarget import artifacts, processes
from ontarget.cli.console import ConsoleProgress, console, quiet_libraries, write
from ontarget.cli.stopping import stopping_cleanly
from ontarget.errors import visible
from ontarget.memory_plan import arithmetic
from ontarget.memory_plan.arithmetic import GIB, MemoryUse
from ontarget.pipeline import checks, prompts
from ontarget.pipeline import plan as planning
from ontarget.pipeline import run as running
from ontarget.pipeline.plan import MemoryPlan, format_gib
from ontarget.pipeline.status import recipe_status
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.yaml_file import load_recipe
from ontarget.report.render import tables
from ontarget.report.render.formatting import format_percent, text_table
from ontarget.systems import STAGE2

RecipePath = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="A recipe, such as recipes/bible-iwslt4.yaml.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="Settings in place of the recipe's: unlikelihood.alpha=0.3 seed=3.",
    ),
]
ForceFrom = Annotated[
    str | None, typer.Option(metavar="STEP", help="Redo this step and all after it.")
]
ENGINES = Path("recipes", "engines")  # in a clone and in the package alike


def check(
    recipe: RecipePath,
    overrides: Overrides = None,
    show_prompt: Annotated[
        bool, typer.Option("--show-prompt", help="Show a prompt as the model reads it.")
    ] = False,
) -> None:
    """Check a recipe, its languages, files and model. Nothing is run.

    Example: ontarget check recipe.yaml --show-prompt
    """
    content = load_recipe(recipe, arguments=overrides or ())
    checked = checks.check_recipe(content)
    quiet_libraries()
    notes = prompts.show_prompts(content) if show_prompt else prompts.chat_notes(content)
    write(*checked.lines, *stage2_lines(content), *notes, f"{recipe}: {checked.conclusion}")


def stage2_lines(recipe: Recipe) -> list[str]:
    """What stage 2 learns from, with the defaults that belong together."""
    section = recipe.unlikelihood
    if section is None:
        return []
    conflicts = f"references, draw {section.draw}, tokens {section.tokens}"
    parts = (
        [conflicts if section.conflicts == "references" else "own answers"] if section.alpha else []
    )
    parts += [f"synthetic pairs {section.synthetic:.0%}"] if section.synthetic else []
    return [f"stage 2 {', '.join(parts)}, alpha {section.alpha:g}"]


def plan(
    recipe: RecipePath,
    overrides: Overrides = None,
    *,
    gpu_memory: Annotated[float, typer.Option(min=4, max=10**4, help="GiB of each GPU.")] = 80,
    gpus: Annotated[
        int | None, typer.Option(min=1, max=10**4, help="The largest number of GPUs.")
    ] = None,
    tflops: Annotated[
        float, typer.Option(min=1e-3, max=10**5, help="10^12 operations a second of each GPU.")
    ] = 150,
) -> None:
    """Show the memory and hours of training, and the smallest engine that fits. Nothing is run.

    Example: ontarget plan recipe.yaml --gpu-memory 24
    """
    content = load_recipe(recipe, arguments=overrides or ())
    words = shlex.join([str(recipe), *(overrides or ())])
    plan = planning.make_plan(content, gpu_memory, gpus)
    write(*plan_lines(plan, words), hours_line(plan, tflops))


def status(recipe: RecipePath, overrides: Overrides = None) -> None:
    """Show which steps are up to date, and why the others would be made. Nothing is run.

    Example: ontarget status recipe.yaml
    """
    for state in recipe_status(load_recipe(recipe, arguments=overrides or ())):
        write(f"{state.step.folder:24} {visible(str(state))}")


def run(recipe: RecipePath, overrides: Overrides = None, force_from: ForceFrom = None) -> None:
    """Run every step of a recipe that is out of date.

    Example: ontarget run recipe.yaml unlikelihood.alpha=0.1 seed=2 out=runs/b
    """
    run_recipe_file(recipe, overrides, None, force_from)


def step_command(verb: str) -> Callable[..., None]:
    """A command that runs one verb's steps and those they need."""

    def command(
        recipe: RecipePath, overrides: Overrides = None, force_from: ForceFrom = None
    ) -> None:
        run_recipe_file(recipe, overrides, verb, force_from)

    return command


def run_recipe_file(
    path: Path, overrides: list[str] | None, verb: str | None, force_from: str | None
) -> None:
    """Check the recipe, then run it, or only the steps that `verb` needs."""
    recipe = load_recipe(path, arguments=overrides or ())
    checks.check_recipe(recipe)
    run_and_show(recipe, verb, force_from)


def run_and_show(
    recipe: Recipe, verb: str | None, force_from: str | None, engine: str = "local"
) -> None:
    """Run the pipeline and print its table, if it has come that far."""
    display = ConsoleProgress(console)
    quiet_libraries()
    try:
        with stopping_cleanly():
            running.run_recipe(recipe, display, verb=verb, force_from=force_from, engine=engine)
    finally:
        display.close()
    if not processes.is_main_process():
        return
    if verb in (None, "evaluate", "report"):
        show_table(recipe)
        show_warning(recipe)
    if verb in (None, "report"):
        write(f"report: {recipe.out / '7_report' / 'report.html'}")


def show_table(recipe: Recipe) -> None:
    """Print the averages of step 6, and what the base model of a demo can do by itself."""
    from ontarget.analysis.results import read_scores
    from ontarget.scoring.averages import averages

    evaluated = recipe.out / "6_evaluate"
    scores = read_scores(evaluated / "scores.jsonl")
    write("", f"{recipe.name}, seed {recipe.seed}", *tables.overview_text(scores).splitlines(), "")
    write(*tables.notes(scores))
    for average in averages(read_scores(evaluated / "ability.jsonl")):
        write(
            "The base model is a stand-in made from scratch, no LLM. Its own zero-shot ability, "
            f"prompted in the format of its training: BLEU {average.bleu:.1f}, chrF "
            f"{average.chrf:.1f}, off-target {format_percent(average.off_target_percent)}."
        )


def show_warning(recipe: Recipe) -> None:
    """Repeat the diagnosis before stage 2 unless it said that stage 2 would help."""
    path = recipe.out / STAGE2.folder / "preflight.json"
    if recipe.unlikelihood and recipe.unlikelihood.preflight and path.is_file():
        diagnosis = json.loads(path.read_text(encoding="utf-8"))["verdict"]
        stamp = artifacts.read_stamp(path.parent)
        if stamp is not None and stamp["result"]["steps"] == 0:
            write(f"stage 2 made no step, so its model is that before it: {diagnosis['words']}")
        elif diagnosis["fault"] != "ignores the instruction":
            write(f"diagnosis before stage 2: {diagnosis['words']}")


def plan_lines(plan: MemoryPlan, recipe: str) -> list[str]:
    """The plan as text: a table, then the smallest engine, or what to change.

    `recipe` are the words of a shell for the recipe and its overrides.
    """
    trained = (
        f"{name} {sum(arithmetic.trained_parameters(plan.model, stage)):,}"
        for name, stage in plan.stages.items()
    )
    reserved = format_gib(arithmetic.reserved_bytes(plan.gpu))
    return [
        f"parameters {plan.model.parameters:,}; trained: {', '.join(trained)}",
        *memory_table(plan.needs),
        *translation_warning(plan),
        f"GiB at most on {plan.devices} of {plan.gpu / GIB:g} GiB, {reserved} of them in reserve",
        *(engine_lines(plan, recipe) if plan.fits else [planning.no_fit_line(plan)]),
    ]


def memory_table(needs: dict[str, MemoryUse]) -> list[str]:
    """A line a training, in GiB, under a line of titles."""
    header = ["", "weights", "gradients", "optimizer", "activations", "loss", "sum"]
    rows = [
        [name, *map(format_gib, (n.weights, n.gradients, n.optimizer, n.activations, n.loss)),
         format_gib(n.total)]
        for name, n in needs.items()
    ]  # fmt: skip
    return text_table(header, rows)


def hours_line(plan: MemoryPlan, tflops: float) -> str:
    """The hours of each training."""
    hours = (
        f"{name} " + ("unknown (epochs of a corpus that is not read)" if h is None else f"{h:.2g}")
        for name, h in plan.gpu_hours(tflops).items()
    )
    return (
        f"GPU hours of training at most, at {tflops:g} TFLOP/s and with samples of full length: "
        f"{', '.join(hours)}"
    )


def engine_file(name: str) -> str:
    """A shipped engine's path, quoted for a shell: in this clone, or in the installed package."""
    file = ENGINES / f"{name}.yaml"
    installed = Path(ontarget.__file__).parent / file
    return shlex.quote(str(file if file.is_file() else installed))


def engine_lines(plan: MemoryPlan, recipe: str) -> list[str]:
    """The smallest engine that fits, its command, and alternatives."""
    command = f"run {recipe}"
    if plan.gpus > 1:
        return [
            f"smallest: fsdp2 on {plan.gpus} GPUs: accelerate launch --config_file "
            f"{engine_file('fsdp2')} --num_processes {plan.gpus} -m ontarget {command}",
            f"zero3 ({engine_file('zero3')}) shards alike",
        ]
    ddp = f"ddp ({engine_file('ddp')}) on several GPUs saves no memory; it buys speed"
    return [f"smallest: one: ontarget {command}", *([ddp] if plan.fits_ddp else [])]


def translation_warning(plan: MemoryPlan) -> list[str]:
    """A warning if the model can be trained in parts, but not held by the GPU that translates."""
    weights = arithmetic.FLOAT32_BYTES * plan.model.parameters
    if weights + arithmetic.reserved_bytes(plan.gpu) <= plan.gpu:
        return []
    return [
        "diagnosis, validation and translation hold all weights on one GPU: "
        f"{format_gib(weights)} GiB in float32, which do not fit; set preflight to 0, leave "
        "validation out, and train with `ontarget mle` and `ontarget unlikelihood` only"
    ]
