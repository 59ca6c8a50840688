"""`calibrate`: detectors, measured on texts of known language."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ontarget import artifacts
from ontarget.cli.commands.evaluate import DETECTORS, Candidates
from ontarget.cli.console import one_line, working
from ontarget.offtarget.detectors import DEFAULT

DETECTED, ONE = [DEFAULT], [1]  # defaults of options that may be repeated


def calibrate(  # noqa: PLR0913 - a command's options
    references: Annotated[
        list[str],
        typer.Option(
            "--references",
            "-r",
            metavar="CODE=FILE",
            help="it=ref.it, one segment a line; or en,it,nl=dev.tsv.gz, a table. Repeat for more.",
        ),
    ],
    detector: Annotated[
        list[str], typer.Option(help=DETECTORS + " Repeat for more detectors.")
    ] = DETECTED,
    votes: Annotated[
        list[int],
        typer.Option(min=1, max=2, help="2: a second detector must agree. Repeat for both."),
    ] = ONE,
    candidates: Candidates = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
) -> None:
    """Measure detectors on texts of known language: from which length can they be trusted?

    Example: ontarget calibrate -r en,it,nl=dev.tsv.gz --detector combined --detector lingua
    """
    from ontarget.analysis import calibrate as calibrating
    from ontarget.report.render import calibration as rendering

    files = [calibrating.parse_references(option) for option in references]
    languages = calibrating.languages_of(files)
    calibrating.check_output(files, out)
    answers = None if candidates is None else candidates.split(",")
    with ExitStack() as stack:
        file = None
        if out is not None:
            stack.enter_context(artifacts.lock_output(out))
            file = stack.enter_context(artifacts.publish_file(out))
        detectors = calibrating.detectors_to_measure(detector, votes, languages, answers)
        with working("measuring") as say:
            blank = calibrating.measure(files, detectors, lambda done: say(f"{done:,} texts"))
        results = {each.name: (each.signature, each.calibration) for each in detectors}
        render = rendering.json_text if as_json else rendering.markdown
        typer.echo(render(results, languages).rstrip("\n"), file=file)
    for line in rendering.reference_warnings(results, languages, blank):
        typer.echo(f"ontarget: {one_line(line)}", err=True)
