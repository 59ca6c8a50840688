"""`judge`: which of two models answers general instructions better."""

from pathlib import Path
from typing import Annotated

import typer

from ontarget.artifacts import signals
from ontarget.cli.console import progress_line, quiet_libraries, write
from ontarget.errors import RecipeError
from ontarget.judging.outcomes import DECIDED, WinRates
from ontarget.report.render.formatting import format_percent

Model = Annotated[str, typer.Argument(help="A run (RUN#base), model folder, hub id or server.")]


def judge(  # noqa: PLR0913 - a command's options
    model_a: Model,
    model_b: Model,
    instructions: Annotated[
        Path, typer.Option(help="General instructions: Alpaca or chat records, JSON or JSON lines.")
    ],
    by: Annotated[
        str, typer.Option("--by", help="The judge: http://127.0.0.1:8000/v1#NAME, or any model.")
    ],
    out: Annotated[Path, typer.Option(help="The folder of the verdicts.")] = Path("runs/judge"),
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Take this many instructions, the first ones; by default all."),
    ] = None,
    max_new_tokens: Annotated[
        int, typer.Option(min=1, max=10**5, help="Tokens of an answer, at most.")
    ] = 512,
    template: Annotated[
        str | None,
        typer.Option(
            help="A named template (`ontarget templates`) or its text, for both models; by default "
            "the run's own, or one that fits the model. With a template for chats an instruction "
            "is the user's turn, with alpaca it stands in Alpaca's form, else in a line."
        ),
    ] = None,
) -> None:
    """Let a judge compare the answers of two models to general instructions.

    Each pair is judged in both orders, as in AlpacaEval and the paper. A killed run resumes.

    Example: ontarget judge runs/mine runs/mine#base --instructions alpaca.json --by http://host/v1#judge
    """
    if model_a == model_b:
        raise RecipeError(f"{model_a}: is both models; give two different ones")
    quiet_libraries()
    from ontarget.data.instructions import counted
    from ontarget.judging.judging import JudgingRequest
    from ontarget.judging.judging import judge as run

    asked = JudgingRequest(
        models=(model_a, model_b), judge=by, instructions=instructions, out=out, limit=limit,
        max_new_tokens=max_new_tokens, template=template,
    )  # fmt: skip
    kept = "stopped; answers and verdicts are kept, run the same command again to resume"
    with progress_line("judge") as show, signals.raising_stopped(kept):
        found, left_out = run(asked, show)
    lines = lines_of(found, model_a)
    if left_out:
        lines.append(f"{left_out.total()} instructions left out: {counted(left_out)}")
    write(*lines, f"verdicts: {out / 'verdicts.jsonl'}")


def lines_of(found: WinRates, model: str) -> list[str]:
    """The comparison as text."""
    lines = []
    for outcome in DECIDED:
        share = found.share(outcome)
        interval = "" if share.interval is None else " [{:.1f}, {:.1f}]".format(*share.interval)
        lines.append(f"{outcome:8} {share.count:5}  {format_percent(share.percent)}{interval}")
    lines.append(f"{'unclear':8} {found.counts['unclear']:5}")
    lines.append(
        f"{model}: wins against losses, sign test p = {found.p:.4f}; both orders agree in "
        f"{found.consistent} of {found.judged} pairs"
    )
    return lines
