"""`lcb`: the Language Confusion Benchmark, as its public script computes it."""

from pathlib import Path
from typing import Annotated

import typer

from ontarget.cli.console import working


def lcb(  # a command's options
    outputs: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUTS",
            help="CSV or JSONL (.gz) with completion, source and language; task if there are two.",
        ),
    ],
    detector: Annotated[
        str, typer.Option(help="fasttext (lid.176.ftz), or the path of a fastText model.")
    ] = "fasttext",
    words: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="English words, one a line. [default: /usr/share/dict/words]"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    as_script: Annotated[
        bool,
        typer.Option(
            "--tsv", help="Print what the benchmark's script prints; the signature goes to stderr."
        ),
    ] = False,
) -> None:
    """Pass rates of the Language Confusion Benchmark (arXiv 2406.20052): LPR, WPR and LCPR.

    Example: ontarget lcb command-r.csv --detector lid.176.bin --words words
    """
    from ontarget.analysis import lcb as benchmarking
    from ontarget.report.render import lcb as rendering

    if as_json and as_script:
        raise typer.BadParameter("give --json or --tsv, not both")
    with working("measuring") as say:
        benchmark = benchmarking.measure(
            outputs, detector, words, lambda done: say(f"{done:,} responses")
        )
    if as_json:
        typer.echo(rendering.json_line(benchmark))
    elif as_script:
        typer.echo("\n".join(rendering.script_lines(benchmark)))
        for line in rendering.provenance(benchmark):
            typer.echo(f"ontarget: {line}", err=True)
    else:
        typer.echo("\n".join(rendering.text_lines(benchmark)))
