"""`ability`: public benchmarks on the models of a run, by lm-evaluation-harness."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ontarget.artifacts import signals
from ontarget.cli.console import one_line, progress_line, write
from ontarget.errors import visible
from ontarget.report.render.formatting import MISSING, text_table

if TYPE_CHECKING:
    from ontarget.ability.measuring import MeasuredModel

SHOWN = 100  # characters of a program's message that fit a line
HEADER = ["", "value", "stderr", "versus first"]


def ability(  # noqa: PLR0913 - a command's options
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="A run (all its models), one of them (RUN#base), a model folder or hub id.",
        ),
    ],
    tasks: Annotated[
        str,
        typer.Option(
            metavar="TASK,...",
            help="Names of tasks, groups or tags of lm-evaluation-harness, with commas between, as "
            "in arc_easy,mmlu; `lm_eval ls tasks` lists them.",
        ),
    ],
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Take this many questions of each task, the first ones; by default all. For "
            "trying out.",
        ),
    ] = None,
    shots: Annotated[
        int | None, typer.Option(min=0, help="Examples before a question; by default the task's.")
    ] = None,
    chat: Annotated[
        bool,
        typer.Option(
            "--chat",
            help="Ask as the user's turn of the model's own chat template; by default the question "
            "stands alone, as for a base model.",
        ),
    ] = False,
    batch: Annotated[int, typer.Option(min=1, help="Questions at once.")] = 8,
    include_path: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A folder with more tasks, as YAML.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The file of all that was measured.")] = Path(
        "runs/ability.json"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line a model.")] = False,
) -> None:
    """Measure general ability on public benchmarks, before and after tuning.

    lm-evaluation-harness runs as a program of its own. A killed measurement resumes.

    Example: ontarget ability runs/mine --tasks arc_easy,hellaswag --limit 200
    """
    from ontarget.ability.harness import HarnessSettings
    from ontarget.ability.measuring import measure

    settings = HarnessSettings(
        tasks=tuple(task.strip() for task in tasks.split(",")), limit=limit, shots=shots,
        chat=chat, batch=batch, include_path=include_path,
    )  # fmt: skip
    kept = "stopped; models measured so far are kept, run the same command again to resume"
    with progress_line("ability") as show, signals.raising_stopped(kept):

        def tell(message: str, done: int, total: int) -> None:
            show(one_line(message)[:SHOWN], done, total)

        found = measure(models, settings, out, tell)
    if as_json:
        for model in found:
            typer.echo(json_line(model, found[0]))
    else:
        version = visible(str(found[0].measured.get("lm_eval_version", "unknown")))
        write(*lines_of(found), f"lm-evaluation-harness {version}; all of it: {out}")


def lines_of(found: Sequence["MeasuredModel"]) -> list[str]:
    """A table: each metric, below it a row for each model."""
    from ontarget.ability.scores import difference

    first = found[0].scores
    scores = {score.title: score for model in found for score in model.scores}
    rows = []
    for title in scores:
        rows.append([visible(title), "", "", ""])
        for number, model in enumerate(found):
            for score in model.scores:
                if score.title == title:
                    versus = difference(score, first) if number else None
                    cells = [decimals(score.value), decimals(score.stderr)]
                    rows.append([f"  {visible(model.name)}", *cells, decimals(versus, "+")])
    return text_table(HEADER, rows)


def decimals(value: float | None, sign: str = "") -> str:
    """A number with four decimals, or a dash."""
    return MISSING if value is None else f"{value:{sign}.4f}"


def json_line(model: "MeasuredModel", first: "MeasuredModel") -> str:
    """The scores of a model as one object; what is unknown is null."""
    from ontarget.ability.scores import difference

    scores = [
        {**asdict(score), "versus_first": difference(score, first.scores)} for score in model.scores
    ]
    return json.dumps({"name": model.name, "model": model.place, "scores": scores})
