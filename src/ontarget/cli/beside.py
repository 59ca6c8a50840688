"""Commands beside the pipeline: diagnose a model, merge an adapter, push a result, compare runs."""

import os
import warnings
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ontarget import processes
from ontarget.analysis import compare
from ontarget.cli.console import console, one_line
from ontarget.errors import ArtifactError
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.pipeline import run
from ontarget.recipe import yaml_file


def diagnose(  # noqa: PLR0913 - a command's options
    model: Annotated[str, typer.Argument(help="A model folder or hub id.")],
    data: Annotated[Path, typer.Option(help="Multi-parallel sentences, best a dev set.")],
    languages: Annotated[str, typer.Option(help="Codes, comma between; the first is the pivot.")],
    segments: Annotated[int, typer.Option(min=1, max=10**6, help="Sentences a direction.")] = 20,
    template: Annotated[str, typer.Option(help="A template's name or text.")] = "alpaca",
    chat: Annotated[
        bool, typer.Option("--chat", help="Ask in the model's own chat template.")
    ] = False,
) -> None:
    """Say whether a model is fine, ignores the instruction (stage 2 helps), or lacks the skill."""
    quiet_libraries()
    from ontarget.steps import diagnose as preflight

    with console.status("loading the model") as status:
        examined = preflight.run(
            model,
            data,
            tuple(languages.split(",")),
            (segments, PromptFormat(template=TEMPLATES.get(template, template), chat=chat)),
            lambda done, total: status.update(f"translating {done} of {total} segments"),
        )
    measures = examined.measures
    console.print(
        f"likelihood loss under the right instruction {measures.likelihood_nats:.2f} nats a token"
    )
    console.print(
        f"conflict loss under a wrong instruction {measures.conflict_nats:.2f} nats a token"
    )
    for direction, percent in sorted(measures.off_target_percent.items()):
        floor = measures.reference_off_target_percent[direction]
        console.print(f"off-target {direction} {percent:.1f} % (references {floor:.1f} %)")
    console.print(Text(examined.verdict.words), soft_wrap=True)


def merge(
    model: Annotated[str, typer.Argument(help="The model folder or hub id it was trained on.")],
    adapter: Annotated[Path, typer.Argument(help="The folder of a LoRA or DoRA adapter.")],
    out: Annotated[Path, typer.Argument(help="The merged model's folder; it must not exist.")],
) -> None:
    """Merge an adapter into its model, so that it runs anywhere without peft."""
    if out.exists():
        raise ArtifactError(f"{out}: exists already; name a folder that does not")
    quiet_libraries()
    from ontarget.steps import merge as merging

    merging.run(model, adapter, out)
    console.print(Text(f"merged model: {out}"), soft_wrap=True)


def push(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe that was run.")],
    repo_id: Annotated[str, typer.Argument(metavar="REPO_ID", help="Owner/name on the Hub.")],
    system: Annotated[str, typer.Option(help="stage2 or stage1.")] = "stage2",
    private: Annotated[bool, typer.Option("--private", help="For you alone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write, do not upload.")] = False,
) -> None:
    """Upload a finished model, with its card, to the Hugging Face Hub."""
    quiet_libraries()
    from ontarget.steps import push as pushing

    read = yaml_file.load_recipe(recipe)
    pushing.check_push(read, repo_id, system)
    run.check_finished(read, "evaluate")
    with console.status("writing" if dry_run else "writing and uploading"):
        done = pushing.run(read, repo_id, system, private=private, dry_run=dry_run)
    console.print(Text(done.words), soft_wrap=True)


def compare(  # noqa: PLR0913 - a command's options
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="The folder of a run.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Another, or the same.")],
    system: Annotated[str, typer.Option(help="Of RUN_A: base, stage1, stage1-longer.")] = "stage2",
    other_system: Annotated[
        str | None, typer.Option(help="Of RUN_B, where it is not the same.")
    ] = None,
    max_off_target: Annotated[
        float | None,
        typer.Option(metavar="PERCENT", help="Exit 1 if RUN_B is above it on average."),
    ] = None,
    latex: Annotated[bool, typer.Option("--latex", help="LaTeX (booktabs), not Markdown.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object.")] = False,
) -> None:
    """Compare two evaluated runs, or two systems of one, in a table for a paper."""
    if latex and as_json:
        raise typer.BadParameter("give --latex or --json, not both")
    if max_off_target is not None and not 0 <= max_off_target <= 100:
        raise typer.BadParameter(f"--max-off-target {max_off_target}: expected a percent, 0 to 100")
    from ontarget import comparison
    from ontarget.steps import compare as comparing

    a, b = comparing.read(run_a, system), comparing.read(run_b, other_system or system)
    with console.status("testing the differences"):
        found = comparing.run(a, b)
    form = comparison.latex if latex else comparison.json_text if as_json else comparison.markdown
    typer.echo(form(found).rstrip("\n"))
    above = [] if max_off_target is None else compare.off_target_guard(b, max_off_target)
    for line in above:
        typer.echo(f"ontarget: {one_line(line)}", err=True)
    if above:
        raise typer.Exit(1)


def quiet_libraries() -> None:
    """Progress bars and advice of libraries would break our own line; one accelerator is used.

    With several visible to one process the Trainer would multiply the recipe's batch by their
    number; a launcher starts a process for each.
    """
    if processes.world_size() == 1:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("TQDM_DISABLE", "1")
    warnings.filterwarnings("ignore", ".is_gradient_checkpointing. is deprecated", FutureWarning)
