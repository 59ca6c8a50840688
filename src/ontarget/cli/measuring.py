"""`ontarget evaluate`, of a recipe's step or of files of hypotheses, and `ontarget calibrate`."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from ontarget import artifacts
from ontarget.analysis import calibrate, evaluate
from ontarget.cli.console import console, one_line
from ontarget.offtarget.metric import OffTarget
from ontarget.report.render import calibration, evaluation
from ontarget.scoring.neural import PROGRAMS

if TYPE_CHECKING:
    from ontarget.evaluated import Evaluated
    from ontarget.metric import OffTarget

SAID = 100  # characters of what a program says that fit a line
Perform = Callable[[Path, str | None, str | None], None]  # recipe, verb, step to begin from
Files = list[Path] | None
Recipe = Annotated[Path | None, typer.Argument(metavar="RECIPE")]
ForceFrom = Annotated[str | None, typer.Option(metavar="STEP", help="With a RECIPE, as for run.")]
Hypotheses = Annotated[Files, typer.Option(help="A system's output; again for another system.")]
References = Annotated[Files, typer.Option(help="References; again for further ones.")]
Sources = Annotated[Path | None, typer.Option(help="What was translated.")]
SourceLang = Annotated[str | None, typer.Option(help="The sources' language.")]
TargetLang = Annotated[str | None, typer.Option(help="The language asked for.")]
Candidates = Annotated[
    str | None, typer.Option(help="All that a detector may answer, comma between.")
]
DETECTORS = "fasttext, lingua, paper, or a fastText model's path."
Detector = Annotated[str, typer.Option(help=DETECTORS)]
Votes = Annotated[int, typer.Option(min=1, max=2, help="2: a second detector must agree.")]
Pivot = Annotated[str, typer.Option(help="The language that models fall back to.")]
Comet = Annotated[bool, typer.Option("--comet", help="COMET too, from its own environment.")]
CometModel = Annotated[str | None, typer.Option(help="Another model; implies --comet.")]
MetricX = Annotated[bool, typer.Option("--metricx", help="MetricX too; lower is better.")]
MetricXModel = Annotated[str | None, typer.Option(help="Another model; implies --metricx.")]
Bleurt = Annotated[bool, typer.Option("--bleurt", help="BLEURT too.")]
BleurtModel = Annotated[str | None, typer.Option(help="Another checkpoint; implies --bleurt.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="A JSON object a hypotheses file, one a line.")
]
FASTTEXT, ONE = ["fasttext"], [1]  # defaults of options that may be given again


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """What files are evaluated with."""

    references: Files = None
    sources: Path | None = None
    source_lang: str | None = None
    target_lang: str | None = None
    candidates: str | None = None
    detector: str = "fasttext"
    votes: int = 1
    pivot: str = "en"
    programs: tuple[tuple[str, str | None], ...] = ()  # name, model
    as_json: bool = False


def command(perform: Perform) -> Callable[..., None]:
    """The command; `perform` runs a verb of a recipe."""

    def evaluate(  # noqa: PLR0913 - a command's options
        recipe: Recipe = None,
        force_from: ForceFrom = None,
        hypotheses: Hypotheses = None,
        references: References = None,
        sources: Sources = None,
        source_lang: SourceLang = None,
        target_lang: TargetLang = None,
        candidates: Candidates = None,
        detector: Detector = "fasttext",
        votes: Votes = 1,
        pivot: Pivot = "en",
        comet: Comet = False,
        comet_model: CometModel = None,
        metricx: MetricX = False,
        metricx_model: MetricXModel = None,
        bleurt: Bleurt = False,
        bleurt_model: BleurtModel = None,
        as_json: AsJson = False,
    ) -> None:
        """Step 6 of a recipe, or files: off-target ratio and scores.

        Files hold one segment a line.
        """
        programs = asked((comet, comet_model), (metricx, metricx_model), (bleurt, bleurt_model))
        given = Measuring(
            references=references or None, sources=sources, source_lang=source_lang,
            target_lang=target_lang, candidates=candidates, detector=detector, votes=votes,
            pivot=pivot, programs=programs, as_json=as_json,
        )  # fmt: skip
        if asks_for_recipe(recipe, bool(hypotheses or given != Measuring()), force_from):
            perform(recipe or Path(), "evaluate", force_from)
        else:
            show(hypotheses or [], given)

    return evaluate


def asked(*options: tuple[bool, str | None]) -> tuple[tuple[str, str | None], ...]:
    """Of flag and model for each of `PROGRAMS`: those asked for, with the model named."""
    return tuple(
        (name, model)
        for name, (flag, model) in zip(PROGRAMS, options, strict=True)
        if flag or model is not None
    )


def asks_for_recipe(recipe: Path | None, about_files: bool, force_from: str | None) -> bool:
    """Whether the pipeline's step is meant.

    Raises:
        BadParameter: neither is meant, or both.
    """
    if (recipe or force_from) and about_files:
        raise typer.BadParameter("give a RECIPE alone, or --hypotheses and its options alone")
    if not recipe and not about_files:
        raise typer.BadParameter("give a RECIPE, or --hypotheses and their languages")
    return recipe is not None


def show(hypotheses: list[Path], given: Measuring) -> None:
    """Print what is found in files of hypotheses: a line of JSON each, or a table."""
    for name, value in (
        ("--hypotheses", hypotheses),
        ("--source-lang", given.source_lang),
        ("--target-lang", given.target_lang),
    ):
        if not value:
            raise typer.BadParameter(f"{name} is missing; files need it")
    from ontarget.metric import OffTarget

    metric = OffTarget(
        target_lang=given.target_lang or "",
        source_lang=given.source_lang or "",
        candidates=None if given.candidates is None else given.candidates.split(","),
        detector=given.detector,
        votes=given.votes,
        pivot=given.pivot,
    )
    for each in found_in(hypotheses, given, metric):
        if given.as_json:
            typer.echo(evaluation.json_line(each))
        else:
            console.print(Text("\n".join(evaluation.text_lines(each))), soft_wrap=True)


def found_in(hypotheses: list[Path], given: Measuring, metric: "OffTarget") -> list["Evaluated"]:
    """What is found in the files, all of them before any is shown."""
    from ontarget.qe import running

    texts = {"references": given.references, "sources": given.sources}
    kinds = frozenset(name for name, value in texts.items() if value)
    scorers = [running.find_scorer(PROGRAMS[name], model, kinds) for name, model in given.programs]
    with Console(stderr=True).status("judging") as status:
        outside = evaluate.NeuralMetrics(
            scorers, lambda said: status.update(Text(one_line(said)[:SAID]))
        )
        return list(
            evaluate.evaluate(metric, hypotheses, given.references or [], given.sources, outside)
        )


def calibrate(  # noqa: PLR0913 - a command's options
    references: Annotated[
        list[str],
        typer.Option(
            metavar="CODE=FILE",
            help="it=ref.it, a segment a line; or en,it,nl=dev.tsv.gz, a table; again for more.",
        ),
    ],
    detector: Annotated[list[str], typer.Option(help=DETECTORS + " Again for another.")] = FASTTEXT,
    votes: Annotated[
        list[int],
        typer.Option(min=1, max=2, help="2: a second detector must agree; again for both."),
    ] = ONE,
    candidates: Candidates = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
) -> None:
    """Measure detectors on texts of known language, by length: from where can they be trusted?"""

    given = [calibrate.parse_references(each) for each in references]
    languages = calibrate.languages_of(given)
    calibrate.check_output(given, out)
    chosen = None if candidates is None else candidates.split(",")
    errors = Console(stderr=True, highlight=False)
    with ExitStack() as stack:
        written = stack.enter_context(artifacts.publish_file(out)) if out is not None else None
        systems = calibrate.detectors_to_measure(detector, votes, languages, chosen)
        with errors.status("measured 0 texts") as status:
            blank = calibrate.measure(
                given, systems, lambda done: status.update(f"measured {done:,} texts")
            )
        found = {each.name: (each.signature, each.calibration) for each in systems}
        form = calibration.json_text if as_json else calibration.markdown
        text = form(found, languages).rstrip("\n")
        typer.echo(text, file=written)
    doubts = calibration.reference_warnings(found, languages, blank)
    for line in doubts:
        typer.echo(f"ontarget: {one_line(line)}", err=True)
