"""`new` writes a recipe for a model and a corpus; `repair` also diagnoses, runs and sums up."""

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ontarget import artifacts
from ontarget.cli.commands.diagnose import (
    check_languages,
    diagnosis_lines,
    draw_samples,
    run_diagnosis,
)
from ontarget.cli.commands.recipe import run_and_show
from ontarget.cli.console import quiet_libraries, write
from ontarget.data.synthetic import gives_pairs
from ontarget.errors import ArtifactError, RecipeError
from ontarget.memory_plan.arithmetic import GIB
from ontarget.models import folder
from ontarget.models.templates import PromptFormat, prompt_format_of
from ontarget.pipeline import checks, new_recipe
from ontarget.pipeline.new_recipe import CorpusFiles
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.yaml_file import load_recipe
from ontarget.report.render.formatting import format_percent
from ontarget.systems import BASE, STAGE1, STAGE2

if TYPE_CHECKING:
    from ontarget.scoring.averages import Average

RECIPE, DIAGNOSIS = "recipe.yaml", "diagnosis.json"
TOLERATED = 5.0  # points of the off-target ratio above that of the references
SEGMENTS = 8  # dev sentences in each direction that the diagnosis reads

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model folder or hub id.")]
Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="A folder with train, dev and test files.")
]
Languages = Annotated[
    str | None,
    typer.Option(help="Codes with commas between, the pivot first; default: all columns."),
]
Template = Annotated[
    str | None,
    typer.Option(help="A named template or its text; by default the best of those that fit."),
]
Out = Annotated[Path | None, typer.Option(help="The run's folder; default: runs/MODEL-DATA.")]


def new(
    model: Model,
    data: Data,
    languages: Languages = None,
    template: Template = None,
    out: Out = None,
) -> None:
    """Write a recipe for a model and a corpus, with a reason beside every choice.

    Example: ontarget new org/model data --languages en,it,nl > recipe.yaml
    """
    corpus = corpus_of(data, languages)
    folder.check_folder(model)
    format_of(template)
    traits = new_recipe.traits_of(model, template)
    place = out or default_out(model, data)
    write(new_recipe.fitting_recipe(corpus, traits, place, stage1=True, gib=machine_gib()))


def repair(
    model: Model,
    data: Data,
    languages: Languages = None,
    template: Template = None,
    out: Out = None,
) -> None:
    """Diagnose a model, train what it needs until dev sentences say enough, test it, and sum up.

    Example: ontarget repair org/model data --languages en,it,nl
    """
    corpus = corpus_of(data, languages)
    folder.check_folder(model)
    form = format_of(template)
    place = out or default_out(model, data)
    path = place / RECIPE
    if not path.is_file():
        place.mkdir(parents=True, exist_ok=True)  # before the diagnosis, which takes minutes
        quiet_libraries()
        fault, text = propose(model, corpus, template, place)
        if fault == "fine":
            write("nothing to repair")
            return
        with artifacts.publish_file(path) as file:
            file.write(text)
    recipe = load_recipe(path)
    if form is not None and form.template != recipe.prompt_format.template:
        raise ArtifactError(f"{path}: was written for another template; give another --out")
    other_languages = languages is not None and recipe.languages != corpus.languages
    if recipe.base.model != model or recipe.corpus.train != (corpus.train,) or other_languages:
        written_for = f"{recipe.base.model}, {', '.join(map(str, recipe.corpus.train))}"
        raise ArtifactError(
            f"{path}: was written for {written_for}, {', '.join(recipe.languages)}; give another "
            "--out, or remove it"
        )
    checks.check_recipe(recipe)
    write(f"recipe: {path}")
    run_and_show(recipe, None, None)
    write(*outcome(recipe))


def format_of(template: str | None) -> PromptFormat | None:
    """The format of a template that is given.

    Raises:
        RecipeError: it is faulty.
    """
    try:
        return None if template is None else prompt_format_of(template)
    except ValueError as error:
        raise RecipeError(f"--{error}") from error


def propose(model: str, corpus: CorpusFiles, template: str | None, out: Path) -> tuple[str, str]:
    """(the fault, the recipe that mends it), from a diagnosis on dev sentences.

    Raises:
        OnTargetError: the model or the dev file cannot be used.
    """
    form = format_of(template)
    samples = draw_samples(corpus.dev, corpus.languages, SEGMENTS)
    result = run_diagnosis(model, samples, corpus.languages, form)
    write(*diagnosis_lines(result), "")
    with artifacts.publish_file(out / DIAGNOSIS) as file:
        json.dump(result.content(), file, ensure_ascii=False, indent=2)
    fault = result.verdict.fault
    stage1 = fault != "ignores the instruction"
    traits = replace(new_recipe.traits_of(model, template), untuned=stage1)
    best = result.template  # None where one was given
    if best is not None and (not stage1 or prompt_format_of(best).chat):
        reason = "of the templates that fit, the one under which it is best on dev"
        traits = replace(new_recipe.traits_of(model, best), untuned=stage1, reason=reason)
    text = new_recipe.fitting_recipe(corpus, traits, out, stage1=stage1, gib=machine_gib())
    return fault, text


def machine_gib() -> float:
    """The memory to train in, in GiB: that of the first GPU, or most of this machine's."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.get_device_properties(0).total_memory) / GIB
    return 0.8 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB


def corpus_of(data: Path, languages: str | None) -> CorpusFiles:
    """The corpus in a folder, its languages checked."""
    codes = tuple(languages.split(",")) if languages else ()
    if codes:
        check_languages(codes)
    corpus = new_recipe.find_corpus(data, codes)
    check_languages(corpus.languages)
    return corpus


def default_out(model: str, data: Path) -> Path:
    """The run's folder below the working directory."""
    return Path("runs", f"{Path(model).name}-{data.resolve().name}")


def outcome(recipe: Recipe) -> list[str]:
    """What was gained and what was lost: against the base model, then against stage 1."""
    from ontarget.analysis.results import read_scores
    from ontarget.scoring.averages import averages

    rows = averages(read_scores(recipe.out / "6_evaluate" / "scores.jsonl"))
    starts = [BASE, STAGE1] if recipe.mle is not None else [BASE]
    lines = []
    for start in starts:
        changes = []
        for name, supervised in (("zero-shot", False), ("supervised", True)):
            by_system = {row.system: row for row in rows if row.supervised == supervised}
            if by_system:
                pair = change(by_system[start.name], by_system[STAGE2.name])
                changes.append(f"{name}: {pair}")
        lines.append(f"{start.title} -> {STAGE2.title}; {'; '.join(changes)}")
    model = recipe.out / STAGE2.folder / "model"
    return [*advice(recipe, rows), *lines[:-1], f"{lines[-1]}; model: {model}"]


def advice(recipe: Recipe, rows: Sequence["Average"]) -> list[str]:
    """What to try if stage 2 left zero-shot answers off-target."""
    settings = ("unlikelihood.alpha=0", "unlikelihood.synthetic=0.5")
    command = shlex.join(["ontarget", "run", str(recipe.out / RECIPE), *settings])
    return [
        f"stage 2 left {format_percent(row.off_target_percent)} of zero-shot answers off-target; "
        f"to train it again with synthetic pairs: {command}"
        for row in rows
        if row.system == STAGE2.name
        and not row.supervised
        and row.off_target_percent is not None
        and row.off_target_percent > TOLERATED + (row.reference_off_target_percent or 0.0)
        and gives_pairs(recipe.supervised_directions)
    ]


def change(before: "Average", after: "Average") -> str:
    """Off-target ratio, its floor, and chrF, before and after."""
    return (
        f"off-target {format_percent(before.off_target_percent)} -> "
        f"{format_percent(after.off_target_percent)} (references "
        f"{format_percent(after.reference_off_target_percent)}), chrF {before.chrf:.1f} -> "
        f"{after.chrf:.1f}"
    )
