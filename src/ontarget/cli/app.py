"""The `ontarget` command: one verb a step, and run, check, plan, demo, diagnose."""

import json
import sys
import traceback
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from ontarget import __version__, processes
from ontarget.base_model import demo_checks
from ontarget.cli import beside, measuring
from ontarget.cli.console import ConsoleProgress, console, one_line
from ontarget.errors import OnTargetError, RecipeError, Stopped
from ontarget.pipeline import checks
from ontarget.pipeline import plan as planning
from ontarget.pipeline import run as running
from ontarget.recipe import yaml_file
from ontarget.recipe.recipe import Recipe, strictly_zero_shot
from ontarget.report.render import tables
from ontarget.scoring import averages
from ontarget.steps import inputs

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Language-aware tuning (arXiv 2403.14399): models that answer in the language asked for.",
)
UsageError: Any = typer.BadParameter.__base__  # typer has its own copy of click, or click's
INTERRUPTED = 130  # what typer exits with after a keyboard interrupt
TERMINATED = 143  # what a shell reports of a process that SIGTERM ended

RecipePath = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="A recipe, such as recipes/bible-iwslt4.yaml.")
]
ForceFrom = Annotated[
    str | None, typer.Option(metavar="STEP", help="Redo this step and all after it.")
]
VERBS = {
    "base": "Step 0: make the small base model (recipes with base.scratch).",
    "prepare": "Step 1: read the corpus into samples.",
    "conflict": "Step 2: draw a conflict sample for each training sample.",
    "mle": "Step 3: stage 1, maximum likelihood.",
    "unlikelihood": "Step 4: preflight, then stage 2, MLE plus unlikelihood.",
    "control": "Step 4's control: stage 1 continued for stage 2's compute.",
    "translate": "Step 5: translate the test set with every system.",
    "report": "Step 7: report.html and report.md.",
}


@app.callback(invoke_without_command=True)
def global_options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Read by `main`; before the verb or after it."""
    if version:
        console.print(__version__)
        raise typer.Exit


def run_recipe_file(path: Path, verb: str | None, force_from: str | None) -> None:
    """Check the recipe, then run it, or what `verb` of it needs."""
    recipe = yaml_file.load_recipe(path)
    checks.check_recipe(recipe)
    run_and_show(recipe, verb, force_from)


def run_and_show(recipe: Recipe, verb: str | None, force_from: str | None) -> None:
    """Run the pipeline on the terminal and show its table, where it has come so far."""
    live = ConsoleProgress(console)
    beside.quiet_libraries()
    try:
        running.run_recipe(recipe, live, verb=verb, force_from=force_from)
    finally:
        live.close()
    if not processes.is_main_process():
        return
    if verb in (None, "evaluate", "report"):
        show_table(recipe)
        show_warning(recipe)
    if verb in (None, "report"):
        console.print(Text(f"report: {recipe.out / '7_report' / 'report.html'}"), soft_wrap=True)


def show_table(recipe: Recipe) -> None:
    """Print the averages of `6_evaluate`, and what the base model of a demo could do by itself."""
    scores = inputs.scores(recipe.out / "6_evaluate" / "scores.jsonl")
    console.print(
        f"\n{recipe.name}, seed {recipe.seed}\n{tables.overview_text(scores)}\n", markup=False
    )
    for sentence in tables.unjudged_note(scores):
        console.print(Text(sentence), soft_wrap=True)
    for mean in averages.averages(inputs.scores(recipe.out / "6_evaluate" / "ability.jsonl")):
        console.print(
            f"The base model is a stand-in made from scratch, no LLM. Its own zero-shot ability, "
            f"asked in the format of its training: BLEU {mean.bleu:.1f}, chrF {mean.chrf:.1f}, "
            f"off-target {tables.format_percent(mean.off_target_percent)}.",
            soft_wrap=True,
        )


def show_warning(recipe: Recipe) -> None:
    """Print the preflight's verdict once more where it did not say that stage 2 would help."""
    path = recipe.out / "4_unlikelihood" / "preflight.json"
    if recipe.unlikelihood and recipe.unlikelihood.preflight and path.is_file():
        verdict = json.loads(path.read_text(encoding="utf-8"))["verdict"]
        if verdict["fault"] != "ignores the instruction":
            console.print(Text(f"preflight: {verdict['words']}"), soft_wrap=True)


@app.command()
def run(recipe: RecipePath, force_from: ForceFrom = None) -> None:
    """Run every step of a recipe that is out of date."""
    run_recipe_file(recipe, None, force_from)


def step_command(verb: str) -> Callable[..., None]:
    """A command that runs one verb's steps and those they need."""

    def command(recipe: RecipePath, force_from: ForceFrom = None) -> None:
        run_recipe_file(recipe, verb, force_from)

    return command


for _verb, _help in VERBS.items():
    app.command(_verb, help=_help)(step_command(_verb))


app.command("evaluate")(measuring.command(run_recipe_file))
app.command()(measuring.calibrate)


@app.command()
def check(recipe: RecipePath) -> None:
    """Validate a recipe, its languages, files and model; nothing is run."""
    for line in checks.check_recipe(yaml_file.load_recipe(recipe)):
        console.print(Text(line), soft_wrap=True)
    console.print(Text(f"{recipe}: ready to run"), soft_wrap=True)


@app.command()
def plan(
    recipe: RecipePath,
    gpu_memory: Annotated[float, typer.Option(min=4, max=10**4, help="GiB of each GPU.")] = 80,
    gpus: Annotated[int | None, typer.Option(min=1, max=10**4, help="At most so many.")] = None,
) -> None:
    """Say what training takes in memory and the smallest engine that fits; nothing is run."""
    planned = planning.make_plan(yaml_file.load_recipe(recipe), gpu_memory, gpus)
    for line in planning.plan_lines(planned, recipe):
        console.print(Text(line), soft_wrap=True)


@app.command()
def demo(
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**32 - 1, help="Of the corpus, the model and every draw."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; default runs/demo, runs/demo-strict.")
    ] = None,
    languages: Annotated[
        str | None, typer.Option(help="CLDR codes, comma between; the first is the pivot.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Step 0 reads pairs with the pivot only.")
    ] = False,
    require_effect: Annotated[
        bool, typer.Option("--require-effect", help="Exit 1 unless every demand holds.")
    ] = False,
) -> None:
    """Show the whole effect on the embedded corpus and a tiny model: minutes on two cores."""
    given = {"seed": seed, "out": out, "languages": languages and languages.split(",")}
    changes = {key: value for key, value in given.items() if value is not None}
    with as_file(files("ontarget") / "recipes" / "demo.yaml") as path:
        recipe = yaml_file.load_recipe(path, changes)
    if not recipe.zero_shot_directions:
        raise RecipeError(
            f"languages: {', '.join(recipe.languages)} leave no zero-shot direction; "
            "give a pivot and at least two others"
        )
    if strict:
        recipe = strictly_zero_shot(recipe, out)
    checks.check_recipe(recipe)
    run_and_show(recipe, None, None)
    if processes.is_main_process() and not show_demo_checks(recipe) and require_effect:
        raise typer.Exit(1)


def show_demo_checks(recipe: Recipe) -> bool:
    """Print which demands on the demo hold; whether all of them do."""
    found = demo_checks.demands(inputs.scores(recipe.out / "6_evaluate" / "scores.jsonl"))
    for demand in found:
        verdict = "holds" if demand.holds else "FAILS"
        console.print(Text(f"{verdict}  {demand.words}"), soft_wrap=True)
    return all(demand.holds for demand in found)


for _command in (beside.diagnose, beside.merge, beside.push, beside.compare):
    app.command()(_command)


def main() -> None:
    """Run the command; bad input is one line on stderr and exit code 2."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    errors = Console(stderr=True, highlight=False)
    try:
        code = app(
            [each for each in arguments if each != "--debug"],
            prog_name="ontarget",
            standalone_mode=False,
        )
        if code == INTERRUPTED:
            raise typer.Abort
        processes.shut_down()
        sys.exit(code if isinstance(code, int) else 0)
    except UsageError as error:
        explain_usage(error, errors)
        sys.exit(2)
    except typer.Abort:
        errors.print("ontarget: stopped; finished steps are kept, run again to go on")
        sys.exit(INTERRUPTED)
    except OnTargetError as error:
        if debug:
            traceback.print_exc()
        if (
            processes.launcher_variable("LOCAL_RANK") == 0 or processes.is_initialized()
        ):  # before, all find the same
            errors.print(Text(f"ontarget: {one_line(error)}"), soft_wrap=True)
        sys.exit(2)
    except Stopped as end:
        if processes.is_main_process():
            errors.print(Text(f"ontarget: {end}"), soft_wrap=True)
        sys.exit(TERMINATED)
    except Exception as error:
        if debug:
            raise
        text, code = unforeseen_error(error)
        errors.print(Text(f"ontarget: {text}"), soft_wrap=True)
        sys.exit(code)


def unforeseen_error(error: Exception) -> tuple[str, int]:
    """Words and exit code: a path that the system refuses is bad input, all else is our fault."""
    if isinstance(error, OSError) and error.filename is not None:
        place = one_line(str(error.filename))[:200]
        return f"{place}: {error.strerror}; give another path, or see to this one", 2
    if not processes.is_main_process() and "onnection closed by peer" in str(error):
        return (
            f"process {processes.launcher_variable('RANK')}: another one has ended; see what it said",
            1,
        )
    found = f"{type(error).__name__}: {one_line(error)[:200]}"
    remedy = "finished steps are kept; please report what --debug prints"
    return f"{found}; ontarget did not foresee this: {remedy}", 1


def explain_usage(error: Any, errors: Console) -> None:
    """Say what is wrong with the arguments; show the help where there are none."""
    if type(error).__name__ == "NoArgsIsHelpError":
        console.print(Text(error.format_message()), soft_wrap=True)
        return
    verb = error.ctx.command_path if error.ctx else "ontarget"
    fault = one_line(error.format_message()).rstrip(".")
    errors.print(Text(f"ontarget: {fault}; see {verb} --help"), soft_wrap=True)
