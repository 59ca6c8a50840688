"""`prepare`: step 1, or an audit of the training pairs alone."""

from typing import Annotated

import typer

from ontarget import processes
from ontarget.cli.commands.recipe import ForceFrom, Overrides, RecipePath, run_and_show
from ontarget.cli.console import progress_line, write
from ontarget.pipeline import checks
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.yaml_file import load_recipe


def prepare(
    recipe: RecipePath,
    overrides: Overrides = None,
    force_from: ForceFrom = None,
    *,
    audit: Annotated[
        bool, typer.Option("--audit", help="Only report what the rules of cleaning would drop.")
    ] = False,
    engine: Annotated[
        str,
        typer.Option(
            metavar="ENGINE",
            help="local: all cores. ray: a Ray cluster of this machine, or the address of one.",
        ),
    ] = "local",
) -> None:
    """Step 1: read the corpus into samples, without what the rules of cleaning drop.

    Example: ontarget prepare recipe.yaml --audit
    """
    from ontarget.cluster import check_engine

    check_engine(engine)
    content = load_recipe(recipe, arguments=overrides or ())
    if audit:
        checks.check_inputs(content)
        show_audit(content, engine)
    else:
        checks.check_recipe(content)
        run_and_show(content, "prepare", force_from, engine)


def show_audit(recipe: Recipe, engine: str) -> None:
    """Audit, print the table and where the page is."""
    from ontarget.pipeline.audit import audit_recipe
    from ontarget.report.audit_page import audit_lines
    from ontarget.steps.s1_prepare import Work

    if not processes.is_main_process():
        return
    with progress_line("audit") as tell:
        result = audit_recipe(recipe, Work(tell, engine))
    write(*audit_lines(result.summary), f"page: {result.folder / 'audit.html'}")
