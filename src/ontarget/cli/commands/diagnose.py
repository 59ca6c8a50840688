"""`diagnose`: what is wrong with a model, before anything is trained."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ontarget.cli.console import one_line, progress_line, quiet_libraries, write
from ontarget.data import readers
from ontarget.data.directions import around_pivot, remaining_directions
from ontarget.data.sampling import choose, first_of_each_direction, samples_of
from ontarget.data.splits import check_directions
from ontarget.errors import CorpusError, RecipeError
from ontarget.languages.names import is_known, unknown_code
from ontarget.models import folder
from ontarget.models.templates import TEMPLATES, PromptFormat, prompt_format_of
from ontarget.offtarget.detection import Detection
from ontarget.records import Direction, Sample
from ontarget.report.render.formatting import text_table

if TYPE_CHECKING:
    from ontarget.analysis.diagnosis.measures import DiagnosisResult

SEED = 0  # of the draw of sentences and of their conflict samples
SHOWN = 100  # characters of a source or answer
BATCH = 64  # sentences translated at once


def diagnose(  # noqa: PLR0913 - a command's options
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder or hub id.")],
    data: Annotated[Path, typer.Option(help="Multi-parallel sentences, such as a dev set.")],
    languages: Annotated[
        str, typer.Option(help="Codes with commas between; the first is the pivot.")
    ],
    segments: Annotated[
        int, typer.Option(min=2, max=10**6, help="Sentences in each direction.")
    ] = 6,
    template: Annotated[
        str | None,
        typer.Option(
            help=f"A template ({', '.join(TEMPLATES)}) or its text; by default the one of those "
            "that fit under which the model is best."
        ),
    ] = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="Prompt in the model's own chat template.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all measurements as JSON.")
    ] = False,
) -> None:
    """Say whether a model is fine, or what would mend it: stage 1, stage 2, or other data.

    Example: ontarget diagnose org/model --data dev.tsv --languages en,it,nl
    """
    codes = tuple(languages.split(","))
    check_languages(codes)
    prompt_format = None
    try:
        if template is not None or chat:
            named = "instruction" if template is None else template
            prompt_format = prompt_format_of(named, chat or None)
    except ValueError as error:
        raise RecipeError(f"--{error}") from error
    folder.check_folder(model)
    samples = draw_samples(data, codes, segments)
    quiet_libraries()
    result = run_diagnosis(model, samples, codes, prompt_format)
    if as_json:
        write(json.dumps(result.content(), ensure_ascii=False, indent=2))
    else:
        write(*diagnosis_lines(result))


def diagnosis_lines(result: "DiagnosisResult") -> Iterator[str]:
    """The measurements as tables, three answers, and the verdict."""
    measures = result.measures
    if result.template is not None:
        yield f"template {result.template}: the best of those that fit"
        yield ""
    yield from text_table([
        "references", "n", "right nats", "wrong", "few-shot", "right p", "wrong", "few-shot",
    ], [
        [k.kind, str(k.segments), *map(two_decimals, (
            k.right_nats, k.wrong_nats, k.few_shot_nats,
            k.right_first, k.wrong_first, k.few_shot_first,
        ))]
        for k in measures.kinds
    ])  # fmt: skip
    yield "nats a token and p of the first token, under the right instruction, a wrong one, and the"
    yield "right one after demonstrations"
    yield ""
    header = ["off-target", "%", "95 % interval", "references", "n"]
    yield from text_table(header, [
        [d.name, f"{d.percent:.1f}", "{:.0f}-{:.0f}".format(*d.interval) if d.interval else "-",
         f"{d.reference_percent:.1f}", str(d.judged)]
        for d in sorted(measures.directions, key=lambda d: (d.kind == "zero-shot", d.name))
    ])  # fmt: skip
    yield ""
    for answer in measures.answers:
        source, text = (one_line(t)[:SHOWN] for t in (answer.source, answer.answer))
        yield f"{answer.direction}: {source} -> {text or '(empty)'}"
    yield ""
    yield result.verdict.words


def two_decimals(value: float | None) -> str:
    """A number, or a dash where it was not measured."""
    return "-" if value is None else f"{value:.2f}"


def check_languages(languages: tuple[str, ...]) -> None:
    """Raise RecipeError or DetectorError for languages that cannot be used."""
    if len(set(languages)) < max(2, len(languages)):
        raise RecipeError("--languages: give at least two codes, each once, as in en,it,nl")
    for code in languages:
        if not is_known(code):
            raise RecipeError(f"--languages: {unknown_code(code)}")
    Detection(pivot=languages[0]).check(languages)


def directions_of(languages: tuple[str, ...]) -> tuple[tuple[Direction, ...], ...]:
    """(supervised directions, all directions)."""
    supervised = around_pivot(languages)
    return supervised, supervised + remaining_directions(languages, supervised)


def draw_samples(data: Path, languages: tuple[str, ...], segments: int) -> list[Sample]:
    """Sentences of each direction, drawn at random.

    Raises:
        CorpusError: the file cannot be used, or lacks a direction, or has a single sentence in one.
    """
    _, directions = directions_of(languages)
    rows = list(readers.read(data, languages))
    check_directions(rows, data, directions)
    samples = list(samples_of(rows, directions))
    for direction in directions:
        sources = {s.source for s in samples if (s.source_lang, s.target_lang) == direction}
        if len(sources) < 2:
            raise CorpusError(
                f"{data}: {direction} has a single sentence; a diagnosis compares it with another "
                "one, so give at least two different ones"
            )
    return first_of_each_direction(choose(samples, len(samples), SEED, by_row=True), segments)


def run_diagnosis(
    model: str,
    samples: list[Sample],
    languages: tuple[str, ...],
    prompt_format: PromptFormat | None,
) -> "DiagnosisResult":
    """Load the model and measure it, with a progress line on standard error.

    Without `prompt_format` under the best named template.

    Raises:
        ModelError: the model cannot be loaded or prompted so.
    """
    with progress_line("diagnosis") as tell:
        tell("importing PyTorch", 0, 1)
        from ontarget.analysis.diagnosis import diagnose as diagnosing
        from ontarget.analysis.validation import greedy_translator
        from ontarget.models import loading

        tell("loading the model", 0, 1)
        loaded = loading.load_model(model)
        loading.move_to_accelerator(loaded.model)
        supervised, _ = directions_of(languages)
        name = None
        if prompt_format is None:
            name, prompt_format = diagnosing.best_template(loaded, samples, supervised, tell)
        settings = diagnosing.DiagnosisSettings(
            languages=languages,
            supervised=supervised,
            prompt_format=prompt_format,
            detection=Detection(pivot=languages[0]),
            seed=SEED,
        )
        translator = greedy_translator(loaded, prompt_format, samples, batch=BATCH)
        result = diagnosing.diagnose(loaded, translator, samples, settings, tell)
        return replace(result, template=name)
