"""`translate`: any text or document with any model, or step 5 of a recipe."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ontarget.artifacts import signals
from ontarget.cli.commands.recipe import ForceFrom, run_recipe_file
from ontarget.cli.commands.translate.inputs import TranslationInputs, inputs_of
from ontarget.cli.console import error_console, one_line, progress_line, quiet_libraries
from ontarget.cluster import LOCAL
from ontarget.data.readers.lines import STDIN, read_raw_lines
from ontarget.errors import TranslationError
from ontarget.models.templates import TEMPLATES
from ontarget.translation.documents import FORMATS

if TYPE_CHECKING:
    from ontarget.translation.files import TranslationSummary
    from ontarget.translation.interface import TextTranslator

RECIPES = (".yaml", ".yml")
FAILED = 3  # exit code
SHOWN = 20  # faults of a file on standard error; a log has the rest


def translate(  # noqa: PLR0913 - a command's options
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT|FILE|-...",
            help=f"A sentence, files ({', '.join(FORMATS)}), - for lines of standard input; or a "
            "recipe and [KEY=VALUE]... for its step 5.",
        ),
    ],
    to: Annotated[
        str, typer.Option("--to", help="Target languages, with commas between: it,nl.")
    ] = "",
    source: Annotated[
        str, typer.Option("--from", help="The source language; detected by default.")
    ] = "",
    model: Annotated[
        str,
        typer.Option(
            help="A run (RUN or RUN#stage1), model folder, hub id, .gguf file, or a server "
            "(http://127.0.0.1:8000/v1#NAME)."
        ),
    ] = "",
    out: Annotated[
        str, typer.Option(help="A file, or a folder ending with /; NAME.it.md beside the input.")
    ] = "",
    column: Annotated[str, typer.Option(help="Of a table or JSON lines: what to translate.")] = "",
    out_column: Annotated[str, typer.Option(help="For the translation; the language's code.")] = "",
    check_language: Annotated[
        bool,
        typer.Option("--check-language", help="Decode translations in another language again."),
    ] = False,
    glossary: Annotated[
        Path | None, typer.Option(help="Lines of a term, a tab and its translation.")
    ] = None,
    formality: Annotated[str, typer.Option(help="formal or informal.")] = "",
    instruction: Annotated[str, typer.Option(help="Another sentence for the request.")] = "",
    template: Annotated[
        str | None,
        typer.Option(help=f"A template ({', '.join(TEMPLATES)}) or its text; the run's own."),
    ] = None,
    backend: Annotated[str | None, typer.Option(help="hf, ctranslate2, vllm.")] = None,
    quantization: Annotated[
        str, typer.Option(help="Of weights: float32, bfloat16; ctranslate2 has int8 and more.")
    ] = "float32",
    beams: Annotated[int, typer.Option(min=1, max=64, help="1: greedy.")] = 1,
    batch: Annotated[
        int | None,
        typer.Option(min=1, max=10**4, help="Segments at once; as many as fit in 16,384 tokens."),
    ] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, max=10**5, help="Tokens of a translation, at most.")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="Who decodes: local, ray, or the address of a Ray cluster.")
    ] = LOCAL,
    force_from: ForceFrom = None,
) -> None:
    """Translate text, documents, or the test set of a recipe (step 5).

    Markup and placeholders are kept, and a killed run resumes. Exit code 3: some segments failed.

    Example: ontarget translate README.md messages.po --from en --to it,nl --model runs/mine
    """
    if Path(inputs[0]).suffix in RECIPES and not to and not model:
        if quantization != "float32":
            raise TranslationError(
                "--quantization: is for texts and files; set translate.precision in the recipe"
            )
        run_recipe_file(Path(inputs[0]), inputs[1:], "translate", force_from)
        return
    if not model or not to:
        missing = "--model" if not model else "--to"
        raise TranslationError(f"{missing}: is missing; name it, as in --to it --model runs/mine")
    request = inputs_of(inputs, source, to, out, (column, out_column))
    quiet_libraries()
    from ontarget.translation.interface import TextTranslator
    from ontarget.translation.wishes import read_glossary

    translator = TextTranslator(
        model, template=template, check_language=check_language,
        glossary=dict(read_glossary(glossary)) if glossary else {}, formality=formality,
        instruction=instruction, backend=backend, quantization=quantization, beams=beams,
        batch=batch, max_new_tokens=max_new_tokens, engine=engine,
    )  # fmt: skip
    kept = "stopped; finished segments are kept, run the same command again to resume"
    with translator, signals.raising_stopped(kept):
        failed = run(request, translator)
    if failed:
        raise typer.Exit(FAILED)


def run(request: TranslationInputs, translator: "TextTranslator") -> bool:
    """Translate all that is requested; whether anything failed."""
    with ExitStack() as stack:
        show = stack.enter_context(progress_line("translate"))
        failures = [
            report(summary, name, translator.check_language, to_file)
            for name, to_file, summary in (
                texts_translated(request, translator)
                if request.texts
                else files_translated(request, translator, show)
            )
        ]
    return any(failures)


def texts_translated(
    request: TranslationInputs, translator: "TextTranslator"
) -> Iterator[tuple[str, bool, "TranslationSummary"]]:
    """Print translations of sentences, after the language where there are several."""
    from ontarget.translation.files import FileRun, detect_language, text_parts, translate_parts

    source = request.source or detect_language(request.texts, "the sentence")
    for target in request.targets:
        written: list[str] = []
        how = translator.translating(source, target)
        running = FileRun(name="the sentence")
        summary = translate_parts(text_parts(request.texts), how, written.append, running)
        prefix = f"{target}\t" if len(request.targets) > 1 else ""
        for line in "".join(written).split("\n")[:-1]:
            sys.stdout.write(f"{prefix}{line}\n")  # rich would change tabs
        yield target, False, summary


def files_translated(
    request: TranslationInputs, translator: "TextTranslator", show: Any
) -> Iterator[tuple[str, bool, "TranslationSummary"]]:
    """Translate files one by one; standard input is printed where no output is named.

    With each summary comes a name, and whether it is that of a file that was written.
    """
    from ontarget.translation.files import output_of

    for path in request.files:
        for target in request.targets:
            with readable(path) as readable_path, printed(path, request.out) as printed_path:
                named = Path("stdin.txt") if path == STDIN else path
                out = printed_path or output_of(named, target, request.out, several=False)
                summary = translator.translate_file(
                    readable_path, out, target=target, source=request.source,
                    column=request.column, out_column=request.out_column, tell=show,
                    name=str(path),
                )  # fmt: skip
            yield str(path if printed_path else out), printed_path is None, summary


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """The file itself; for standard input a file with its lines."""
    from ontarget.translation.files import kept_input

    if path != STDIN:
        yield path
        return
    with kept_input(read_raw_lines(STDIN)) as kept:
        yield kept


@contextmanager
def printed(path: Path, out: Path | None) -> Iterator[Path | None]:
    """For standard input without an output a file that is printed at the end."""
    from tempfile import TemporaryDirectory

    if path != STDIN or out is not None:
        yield None
        return
    with TemporaryDirectory(prefix="ontarget-") as folder:
        place = Path(folder) / "out.txt"
        yield place
        with place.open(encoding="utf-8", newline="") as lines:
            for line in lines:
                sys.stdout.write(line)


def report(summary: "TranslationSummary", name: str, judged: bool, to_file: bool) -> bool:
    """Say on standard error what became of the segments; whether any failed.

    `judged`: their languages were. Without a file there is a line about them only where one was
    in another language.
    """
    from rich.text import Text

    console = error_console()
    for fault in summary.faults[:SHOWN]:
        console.print(Text(one_line(str(fault))), soft_wrap=True)
    if len(summary.faults) > SHOWN:
        console.print(Text(f"and {len(summary.faults) - SHOWN} more"), soft_wrap=True)
    if to_file or summary.repaired or summary.off_target:
        what = f"{summary.segments:,} segment{'s' * (summary.segments != 1)}"
        counts = [f"{summary.failed} not translated"] if summary.failed else []
        counts += language_counts(summary) if judged else []
        console.print(Text("; ".join([f"{name}: {what}", *counts])), soft_wrap=True)
    return any(fault.failed for fault in summary.faults)


def language_counts(summary: "TranslationSummary") -> list[str]:
    """How many segments were in another language, or undecided."""
    repaired = sum(summary.repaired.values())
    ways = ", ".join(f"{way} {count}" for way, count in summary.repaired.items())
    wrong = repaired + summary.off_target
    mended = f": {repaired} repaired{f' ({ways})' if ways else ''}, {summary.off_target} not"
    lines = [f"{wrong or 'none'} in another language{mended if wrong else ''}"]
    return lines + [f"{summary.undecided} undecided"] * (summary.undecided > 0)
