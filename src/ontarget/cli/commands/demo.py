"""`demo`: the whole effect on the embedded corpus."""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from ontarget import processes
from ontarget.cli.commands.recipe import run_and_show
from ontarget.cli.console import write
from ontarget.errors import RecipeError
from ontarget.pipeline import checks
from ontarget.recipe.recipe import Recipe, strictly_zero_shot
from ontarget.recipe.yaml_file import load_recipe


def demo(
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**32 - 1, help="Seed of the corpus, the model and every draw."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run. Default: runs/demo or runs/demo-strict."),
    ] = None,
    languages: Annotated[
        str | None, typer.Option(help="CLDR codes with commas between; the first is the pivot.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Step 0 reads no pairs without the pivot language.")
    ] = False,
    require_effect: Annotated[
        bool, typer.Option("--require-effect", help="Exit with 1 unless every check holds.")
    ] = False,
) -> None:
    """Show the whole effect on an embedded corpus and a tiny model, in minutes on two cores.

    Example: ontarget demo --languages en,fr,uk
    """
    options = {"seed": seed, "out": out, "languages": languages and languages.split(",")}
    changes = {key: value for key, value in options.items() if value is not None}
    with as_file(files("ontarget") / "recipes" / "demo.yaml") as path:
        recipe = load_recipe(path, changes)
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
    """Print which of the demo's checks hold; returns whether all do."""
    from ontarget.analysis.results import read_scores
    from ontarget.base_model.demo_checks import check_demo

    results = check_demo(read_scores(recipe.out / "6_evaluate" / "scores.jsonl"))
    for check in results:
        write(f"{'holds' if check.passed else 'FAILS'}  {check.text}")
    return all(check.passed for check in results)
