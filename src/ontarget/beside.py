"""Commands beside the pipeline: a model examined, an adapter merged, a result pushed."""

import os
import warnings
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ontarget import pipeline, processes, recipe_files
from ontarget.console import console
from ontarget.errors import ArtifactError
from ontarget.prompts import TEMPLATES, Asking


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
            (segments, Asking(template=TEMPLATES.get(template, template), chat=chat)),
            lambda done, total: status.update(f"translating {done} of {total} segments"),
        )
    measures = examined.measures
    console.print(
        f"likelihood loss under the right instruction {measures.likelihood_nats:.2f} nats a token"
    )
    console.print(
        f"conflict loss under a wrong instruction {measures.conflict_nats:.2f} nats a token"
    )
    for direction, percent in measures.off_target_percent.items():
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

    read = recipe_files.load(recipe)
    pushing.refuse_unusable(read, repo_id, system)
    pipeline.refuse_unfinished(read, "evaluate")
    with console.status("writing" if dry_run else "writing and uploading"):
        done = pushing.run(read, repo_id, system, private=private, dry_run=dry_run)
    console.print(Text(done.words), soft_wrap=True)


def quiet_libraries() -> None:
    """Progress bars and advice of libraries would break our own line; one accelerator is used.

    With several visible to one process the Trainer would multiply the recipe's batch by their
    number; a launcher starts a process for each.
    """
    if processes.count() == 1:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("TQDM_DISABLE", "1")
    warnings.filterwarnings("ignore", ".is_gradient_checkpointing. is deprecated", FutureWarning)
