"""`export`: a model in another format, verified."""

from pathlib import Path
from typing import Annotated

import typer

from ontarget.artifacts import signals
from ontarget.cli.commands.serve.options import language_code
from ontarget.cli.console import console, quiet_libraries, write
from ontarget.errors import RecipeError

LANGUAGES = "en,de"


def export(  # noqa: PLR0913 - a command's options
    model: Annotated[
        str,
        typer.Argument(
            metavar="RUN|MODEL", help="A run (RUN or RUN#stage1), a model folder or a hub id."
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A folder that does not exist.")],
    form: Annotated[
        str, typer.Option("--format", help="safetensors, ctranslate2 or gguf.")
    ] = "safetensors",
    quantization: Annotated[
        str, typer.Option(help="float32, float16, bfloat16, int8; CTranslate2 has more.")
    ] = "float32",
    adapter: Annotated[
        Path | None, typer.Option(help="A LoRA or DoRA of MODEL, to merge into it first.")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="To verify MODEL with; default: the run's, or one that fits.")
    ] = None,
    languages: Annotated[
        str, typer.Option(help="Of the sentences to verify MODEL with; a run has its own.")
    ] = LANGUAGES,
    converter: Annotated[
        str | None, typer.Option(help="llama.cpp's convert_hf_to_gguf.py, if not on the PATH.")
    ] = None,
) -> None:
    """Export a model, and verify that it translates as before.

    20 segments of the run's dev set, or of the embedded phrasebook, are translated by both, with
    greedy search. In a floating-point format at least 19 must be equal, or nothing is written.

    Example: ontarget export runs/mine mine-ct2 --format ctranslate2 --quantization int8
    """
    codes = tuple(language_code("--languages", c.strip()) or "" for c in languages.split(","))
    if len(set(codes)) < max(2, len(codes)):
        raise RecipeError(f"--languages: {languages}: give at least two, each once")
    quiet_libraries()
    from ontarget.translation.export.exporting import ExportRequest, export_model
    from ontarget.translation.export.formats import make_format

    request = ExportRequest(
        model=model, adapter=adapter, template=template, languages=codes, out=out,
        form=make_format(form, quantization, converter),
    )  # fmt: skip
    with (
        signals.raising_stopped("stopped; nothing was exported"),
        console.status("loading") as status,
    ):
        equal, count = export_model(request, status.update)
    write(f"exported: {out} ({form}, {quantization})")
    write(f"verified: {equal} of {count} segments are translated as by the original")
