"""`evaluate`: run step 6 of a recipe, or score files of hypotheses."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from ontarget import artifacts
from ontarget.cli.commands.recipe import Overrides, run_recipe_file
from ontarget.cli.console import one_line, working, write
from ontarget.cluster import LOCAL, check_engine
from ontarget.data.readers.lines import STDIN
from ontarget.data.readers.segments import TableOptions, parse_condition, split_column
from ontarget.errors import CorpusError, read_fault
from ontarget.offtarget.detectors import DEFAULT, NAMED
from ontarget.offtarget.detectors.model_file import HUB
from ontarget.scoring.neural import PROGRAMS

if TYPE_CHECKING:
    from ontarget.analysis.evaluate_files import Evaluation
    from ontarget.offtarget.metric import OffTarget

ROUNDING_POINTS = 1e-9  # a difference of two percentages
SHOWN = 100  # characters of a program's message that fit a line
DETECTORS = f"{', '.join((*NAMED, *HUB))}, or the path of a fastText model."
Files = list[Path] | None
Candidates = Annotated[
    str | None, typer.Option(help="Languages that the detector may return, comma-separated.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """How files are evaluated."""

    references: Files = None
    sources: Path | None = None
    source_lang: str | None = None
    target_lang: str | None = None
    candidates: str | None = None
    detector: str = DEFAULT
    votes: int = 1
    pivot: str = "en"
    programs: tuple[tuple[str, str | None], ...] = ()  # name, model
    as_json: bool = False
    segments_out: Path | None = None
    tables: TableOptions = TableOptions()
    max_excess: float | None = None  # points
    engine: str = LOCAL


def evaluate(  # noqa: PLR0913 - a command's options
    recipe: Annotated[
        Path | None, typer.Argument(metavar="RECIPE", help="A recipe; omit to score files.")
    ] = None,
    overrides: Overrides = None,
    force_from: Annotated[
        str | None, typer.Option(metavar="STEP", help="As in `run`; needs RECIPE.")
    ] = None,
    hypotheses: Annotated[
        Files,
        typer.Option(
            "--hypotheses",
            "-i",
            "-t",
            metavar="FILE[:COLUMN]",
            help="A system's output: lines, or a column of JSONL, CSV, TSV or Parquet; `-` reads "
            "standard input. Repeat for more systems.",
        ),
    ] = None,
    references: Annotated[
        Files,
        typer.Option(
            "--references",
            "-r",
            metavar="FILE[:COLUMN]",
            help="References. Repeat for further ones.",
        ),
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option("--sources", "-s", metavar="FILE[:COLUMN]", help="The source texts."),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(help="lines, jsonl, csv, tsv or parquet, if the file's name misleads."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Only these rows of tables. Repeatable."),
    ] = None,
    source_lang: Annotated[str | None, typer.Option(help="The sources' language.")] = None,
    target_lang: Annotated[str | None, typer.Option(help="The requested language.")] = None,
    candidates: Candidates = None,
    detector: Annotated[str, typer.Option(help=DETECTORS)] = DEFAULT,
    votes: Annotated[int, typer.Option(min=1, max=2, help="2: a second detector must agree.")] = 1,
    pivot: Annotated[str, typer.Option(help="The language that models fall back to.")] = "en",
    comet: Annotated[
        bool, typer.Option("--comet", help="Also COMET, from its own environment.")
    ] = False,
    comet_model: Annotated[
        str | None, typer.Option(help="Another COMET model; implies --comet.")
    ] = None,
    metricx: Annotated[
        bool, typer.Option("--metricx", help="Also MetricX; lower is better.")
    ] = False,
    metricx_model: Annotated[
        str | None, typer.Option(help="Another MetricX model; implies --metricx.")
    ] = None,
    bleurt: Annotated[bool, typer.Option("--bleurt", help="Also BLEURT.")] = False,
    bleurt_model: Annotated[
        str | None, typer.Option(help="Another BLEURT checkpoint; implies --bleurt.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line per hypotheses file.")
    ] = False,
    segments_out: Annotated[
        Path | None,
        typer.Option(help="Write verdict and chrF of each segment to this file, as JSON lines."),
    ] = None,
    max_excess: Annotated[
        float | None,
        typer.Option(
            metavar="POINTS",
            help="Exit with 1 if a system is further above the references, or above 0 without.",
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="Who judges: local, ray, or the address of a Ray cluster.")
    ] = LOCAL,
) -> None:
    """Measure the off-target ratio and quality scores of files, or run step 6 of a recipe.

    Example: ontarget evaluate -i out.it -r ref.it -s src.en --source-lang en --target-lang it
    """
    programs = requested_programs(
        (comet, comet_model), (metricx, metricx_model), (bleurt, bleurt_model)
    )
    options = EvaluateOptions(
        references=references or None, sources=sources, source_lang=source_lang,
        target_lang=target_lang, candidates=candidates, detector=detector, votes=votes,
        pivot=pivot, programs=programs, as_json=as_json, segments_out=segments_out,
        tables=TableOptions(format, tuple(map(parse_condition, where or ()))),
        max_excess=max_excess, engine=engine,
    )  # fmt: skip
    if means_recipe(recipe, bool(hypotheses or options != EvaluateOptions()), force_from):
        run_recipe_file(recipe or Path(), overrides, "evaluate", force_from)
    else:
        evaluate_and_show(hypotheses or [], options)


def requested_programs(*options: tuple[bool, str | None]) -> tuple[tuple[str, str | None], ...]:
    """The requested `PROGRAMS` and their models, from each one's (flag, model)."""
    return tuple(
        (name, model)
        for name, (flag, model) in zip(PROGRAMS, options, strict=True)
        if flag or model is not None
    )


def means_recipe(recipe: Path | None, for_files: bool, force_from: str | None) -> bool:
    """Whether the pipeline's step is meant.

    Raises:
        BadParameter: neither is meant, or both.
    """
    if (recipe or force_from) and for_files:
        raise typer.BadParameter("give a RECIPE alone, or --hypotheses and its options alone")
    if not recipe and not for_files:
        raise typer.BadParameter("give a RECIPE, or --hypotheses and their languages")
    return recipe is not None


def evaluate_and_show(hypotheses: list[Path], options: EvaluateOptions) -> None:
    """Print the evaluation of each file of hypotheses: a line of JSON, or a table."""
    for name, value in (
        ("--hypotheses", hypotheses),
        ("--source-lang", options.source_lang),
        ("--target-lang", options.target_lang),
    ):
        if not value:
            raise typer.BadParameter(f"{name} is required")
    check_inputs(hypotheses, options)
    check_engine(options.engine)
    from ontarget.offtarget.metric import OffTarget
    from ontarget.report.render import evaluation as rendering

    metric = OffTarget(
        target_lang=options.target_lang or "",
        source_lang=options.source_lang or "",
        candidates=None if options.candidates is None else options.candidates.split(","),
        detector=options.detector,
        votes=options.votes,
        pivot=options.pivot,
        engine=options.engine,
    )
    results = []
    with opened(options.segments_out) as segments:
        for result in evaluate_all(hypotheses, options, metric):
            results.append(result)
            if segments is not None:
                artifacts.write_records(segments, map(asdict, result.segment_results))
            if options.as_json:
                typer.echo(rendering.json_line(result))
            else:
                write(*rendering.text_lines(result))
    too_high = [] if options.max_excess is None else excess_guard(results, options.max_excess)
    for line in too_high:
        typer.echo(f"ontarget: {one_line(line)}", err=True)
    if too_high:
        raise typer.Exit(1)


def check_inputs(hypotheses: list[Path], options: EvaluateOptions) -> None:
    """Raise an error for options that contradict each other."""
    limit = options.max_excess
    if limit is not None and not 0 <= limit <= 100:
        raise typer.BadParameter(f"--max-excess {limit}: expected points, 0 to 100")
    names = [
        *hypotheses,
        *(options.references or []),
        *([options.sources] if options.sources else []),
    ]
    inputs = [split_column(name)[0] for name in names]
    for path in inputs:
        if path != STDIN:
            try:
                path.stat()
            except OSError as error:
                raise CorpusError(f"{path}: {read_fault(error)}") from error
    if inputs.count(STDIN) > 1:
        raise typer.BadParameter("- stands for standard input, which can be read only once")
    out = options.segments_out
    if out and out.resolve() in {path.resolve() for path in inputs}:
        raise CorpusError(f"--segments-out {out}: is an input; give another path")


def excess_guard(results: Iterable["Evaluation"], limit: float) -> list[str]:
    """One line for each system whose ratio is more than `limit` points above its floor, or 0."""
    lines = []
    for result in results:
        score = result.off_target
        floor = score.floor_percent
        excess = score.percent if score.excess_percent is None else score.excess_percent
        if excess - limit > ROUNDING_POINTS:
            whose = "the language's usual" if score.floor_source == "shipped" else "the references'"
            above = "0 (no floor is known)" if floor is None else f"{whose} {floor:.1f} %"
            lines.append(
                f"{result.file}: off-target {score.percent:.1f} %, {excess:.1f} points above "
                f"{above}; --max-excess allows {limit:g}"
            )
    return lines


@contextmanager
def opened(path: Path | None) -> Iterator[TextIO | None]:
    """The segments file, complete only at the end of the block; None without a path."""
    with ExitStack() as stack:
        if path is None:
            yield None
            return
        stack.enter_context(artifacts.lock_output(path))
        yield stack.enter_context(artifacts.publish_file(path))


def evaluate_all(
    hypotheses: list[Path], options: EvaluateOptions, metric: "OffTarget"
) -> list["Evaluation"]:
    """The evaluations of all files, before any is shown."""
    from ontarget.analysis.evaluate_files import NeuralMetrics, evaluate_files
    from ontarget.scoring.neural import running

    texts = {"references": options.references, "sources": options.sources}
    kinds = frozenset(name for name, value in texts.items() if value)
    scorers = [
        running.find_scorer(PROGRAMS[name], model, kinds) for name, model in options.programs
    ]
    with working("judging") as say:
        neural_metrics = NeuralMetrics(scorers, lambda message: say(message[:SHOWN]))
        return list(
            evaluate_files(
                metric,
                hypotheses,
                options.references or [],
                options.sources,
                neural_metrics,
                tables=options.tables,
                keep_segments=options.segments_out is not None,
            )
        )
