"""`push` a result to the Hub; `merge` an adapter into its model; `add-code`: new languages."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ontarget import artifacts
from ontarget.artifacts import signals
from ontarget.cli.commands.recipe import Overrides
from ontarget.cli.console import console, quiet_libraries, write
from ontarget.errors import ArtifactError, RecipeError
from ontarget.pipeline import run as running
from ontarget.recipe.yaml_file import load_recipe


def push(  # noqa: PLR0913 - a command's options
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe that was run.")],
    repo_id: Annotated[str, typer.Argument(metavar="REPO_ID", help="Owner/name on the Hub.")],
    overrides: Overrides = None,
    system: Annotated[str, typer.Option(help="The model to upload: stage2 or stage1.")] = "stage2",
    private: Annotated[
        bool, typer.Option("--private", help="Make it visible to you only.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write the folder, but do not upload it.")
    ] = False,
) -> None:
    """Upload a finished model, with its card, to the Hugging Face Hub.

    Example: ontarget push recipe.yaml me/my-model --dry-run
    """
    quiet_libraries()
    from ontarget.pipeline import push as pushing

    content = load_recipe(recipe, arguments=overrides or ())
    pushing.check_push(content, repo_id, system)
    running.check_finished(content, "evaluate")
    with console.status("writing" if dry_run else "writing and uploading"):
        pushed = pushing.push(content, repo_id, system, private=private, dry_run=dry_run)
    write(*pushed.lines)


def merge(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The folder or hub id it was trained on.")
    ],
    adapter: Annotated[
        Path, typer.Argument(metavar="ADAPTER", help="The folder of a LoRA or DoRA adapter.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The merged model's folder; must not exist.")
    ],
) -> None:
    """Merge an adapter into its model, so that it runs anywhere without peft.

    If the adapter's folder has a tokenizer, the merged model gets that one.

    Example: ontarget merge org/model runs/repair/4_unlikelihood/adapter merged
    """
    if out.exists():
        raise ArtifactError(f"{out}: exists already; name a folder that does not")
    quiet_libraries()
    from ontarget.models import adapters, loading

    merged = adapters.load_merged(model, adapter)
    with (
        artifacts.lock_output(out) as lock,
        artifacts.publish_folder(out, still_locked=lock.check) as partial,
    ):
        loading.save_model(merged, partial)
    write(f"merged model: {out}")


def add_code(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A folder or hub id.")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The new model's folder; must not exist.")
    ],
    codes: Annotated[
        list[str],
        typer.Argument(
            metavar="NEW=LIKE...",
            help="The code of a new language, which starts as a copy of a related one's.",
        ),
    ],
) -> None:
    """Give NLLB, mBART or Marian the code of a new language; train the model afterwards.

    Example: ontarget add-code facebook/nllb-200-distilled-600M nllb-lij lij_Latn=ita_Latn
    """
    pairs = parse_codes(codes)
    if out.exists():
        raise ArtifactError(f"{out}: exists already; name a folder that does not")
    quiet_libraries()
    from ontarget.models.codes import add_codes, check_codes
    from ontarget.models.loading import load_model, load_outline, save_model

    outline = load_outline(model)
    check_codes(outline, pairs)
    with (
        signals.raising_stopped("stopped; nothing was written"),
        artifacts.lock_output(out) as lock,
        artifacts.publish_folder(out, still_locked=lock.check) as partial,
    ):
        loaded = load_model(model)
        add_codes(loaded, pairs)
        saved_as: Any = outline.model.config.dtype or loaded.model.dtype
        loaded.model.to(saved_as)
        save_model(loaded, partial)
    write(f"model with {', '.join(pairs)}: {out}")


def parse_codes(texts: list[str]) -> dict[str, str]:
    """`lij_Latn=ita_Latn` and so on, by new code.

    Raises:
        RecipeError: a text is no such pair, or a code is given twice.
    """
    codes: dict[str, str] = {}
    for text in texts:
        new, _, like = text.partition("=")
        if not (new and like) or new in codes:
            fault = "is given twice" if new in codes else "is no NEW=LIKE"
            raise RecipeError(f"{text}: {fault}; write each new code once, as lij_Latn=ita_Latn")
        codes[new] = like
    return codes
