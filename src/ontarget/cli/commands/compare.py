"""`compare`: two evaluated runs, or two systems of one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ontarget import artifacts
from ontarget.cli.console import one_line, working
from ontarget.errors import ArtifactError
from ontarget.records import Direction, JudgedTranslation, Score

if TYPE_CHECKING:
    from ontarget.analysis.compare import SystemResults

AGAIN = "run `ontarget evaluate RECIPE --force-from evaluate`"


def compare(  # noqa: PLR0913 - a command's options
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="The folder of a run.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Another, or the same.")],
    system: Annotated[
        str, typer.Option(help="System of RUN_A: base, stage1, stage1-longer, stage2.")
    ] = "stage2",
    other_system: Annotated[
        str | None, typer.Option(help="System of RUN_B, if it is another.")
    ] = None,
    max_off_target: Annotated[
        float | None,
        typer.Option(metavar="PERCENT", help="Exit with 1 if RUN_B is above it on average."),
    ] = None,
    latex: Annotated[
        bool, typer.Option("--latex", help="Print LaTeX (booktabs), not Markdown.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Compare two evaluated runs, or two systems of one, in a table for a paper.

    Example: ontarget compare runs/a runs/b --max-off-target 3
    """
    if latex and as_json:
        raise typer.BadParameter("give --latex or --json, not both")
    if max_off_target is not None and not 0 <= max_off_target <= 100:
        raise typer.BadParameter(f"--max-off-target {max_off_target}: expected a percent, 0 to 100")
    from ontarget.analysis import compare as comparing
    from ontarget.report.render import comparison as rendering

    a, b = read_system(run_a, system), read_system(run_b, other_system or system)
    try:
        with working("testing the differences"):
            result = comparing.compare(a, b)
    except ValueError as error:
        raise ArtifactError(f"{a.run} and {b.run}: {error}") from error
    render = rendering.latex if latex else rendering.json_text if as_json else rendering.markdown
    typer.echo(render(result).rstrip("\n"))
    too_high = [] if max_off_target is None else comparing.off_target_guard(b, max_off_target)
    for line in too_high:
        typer.echo(f"ontarget: {one_line(line)}", err=True)
    if too_high:
        raise typer.Exit(1)


def read_system(folder: Path, name: str) -> "SystemResults":
    """A system of the run in `folder`.

    Raises:
        ArtifactError: there is no such run or system, it is not evaluated, or a file is damaged.
    """
    from ontarget.analysis.compare import SystemResults, direction_of
    from ontarget.analysis.results import read_judged, read_scores

    evaluated = check_evaluated(folder)
    scores = read_scores(evaluated / "scores.jsonl")
    selected = tuple(score for score in scores if score.system == name)
    if not selected:
        names = ", ".join(dict.fromkeys(score.system for score in scores)) or "none"
        raise ArtifactError(f"{folder}: has no system {name!r}; it has {names}")
    outputs: dict[Direction, list[JudgedTranslation]] = {direction_of(s): [] for s in selected}
    for translation in read_judged(evaluated / "segments.jsonl"):
        direction = Direction(translation.source_lang, translation.target_lang)
        if translation.system == name and direction in outputs:
            outputs[direction].append(translation)
    check_complete(evaluated, selected, outputs)
    if (evaluated / artifacts.STAMP).is_file() and artifacts.read_stamp(evaluated) is None:
        raise ArtifactError(f"{evaluated}: is not as step 6 left it, a file was altered; {AGAIN}")
    return SystemResults(
        run=str(folder),
        name=name,
        scores=selected,
        outputs={direction: tuple(group) for direction, group in outputs.items()},
    )


def check_evaluated(folder: Path) -> Path:
    """The folder of a run's step 6; raises ArtifactError unless it has its files."""
    if not folder.is_dir():
        raise ArtifactError(f"{folder}: no such run; give the folder that a recipe names as out")
    evaluated = folder / "6_evaluate"
    for path in (evaluated / "scores.jsonl", evaluated / "segments.jsonl"):
        if not path.is_file():
            raise ArtifactError(
                f"{path}: missing, so the run is not evaluated yet; "
                "run `ontarget evaluate RECIPE` first"
            )
    return evaluated


def check_complete(
    evaluated: Path,
    scores: Sequence[Score],
    outputs: Mapping[Direction, Sequence[JudgedTranslation]],
) -> None:
    """Raise ArtifactError unless each direction is there once, with all its segments."""
    if len(outputs) < len(scores):
        raise ArtifactError(
            f"{evaluated / 'scores.jsonl'}: has a direction of {scores[0].system} twice; {AGAIN}"
        )
    for score in scores:
        direction = Direction(score.source, score.target)
        if len(outputs[direction]) != score.segments:
            raise ArtifactError(
                f"{evaluated / 'segments.jsonl'}: {len(outputs[direction])} segments of "
                f"{score.system} in {direction}, expected {score.segments} as in scores.jsonl; "
                f"{AGAIN}"
            )
