"""Step 7: the report of the run, as HTML and Markdown."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import yaml

from ontarget import __version__, artifacts
from ontarget.analysis import significance
from ontarget.analysis.results import read_judged, read_scores
from ontarget.analysis.segments import SegmentOutputs, align_segments
from ontarget.errors import ArtifactError, visible
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import ReportSettings
from ontarget.records import Score
from ontarget.report import page
from ontarget.report.figures.curves import Chart, draw_chart
from ontarget.report.page import ReportContent
from ontarget.report.render import tables
from ontarget.systems import STAGE2, SYSTEMS

AGAIN = "remove its folder and run again"
NOT_SHOWN = {"out", "report_to"}  # keys of a recipe that do not affect results


def run(context: StepContext[ReportSettings]) -> dict[str, Any]:
    """Write `report.html` and `report.md`."""
    recipe, inputs = context.settings.recipe, context.inputs
    context.tell("reading", 0, 3)
    evaluated = inputs["6_evaluate"]
    scores = read_scores(evaluated / "scores.jsonl")
    check_complete(evaluated / "scores.jsonl", scores, recipe)
    segments = read_segments(recipe, evaluated / "segments.jsonl")
    shown, data = page.fit_segments(segments, recipe.report.segments)
    context.tell("testing differences", 1, 3)
    pairs = compare_systems(recipe, segments)
    context.tell("drawing", 2, 3)
    content = ReportContent(
        title=recipe.name,
        facts=facts(recipe),
        notes=(*notes(recipe, inputs), *tables.notes(scores)),
        scores=tuple(scores),
        ability=tuple(read_scores(evaluated / "ability.jsonl")),
        charts=curves(inputs),
        pairs=pairs,
        segments=tuple(shown),
        data=data,
        left_out=len(segments) - len(shown),
        recipe=recipe_text(recipe),
        versions=versions(evaluated),
    )
    (context.out / "report.html").write_text(page.render_html(content), encoding="utf-8")
    (context.out / "report.md").write_text(page.render_markdown(content), encoding="utf-8")
    return {"scores": len(scores), "segments": len(shown), "left_out": content.left_out}


def check_complete(path: Path, scores: Sequence[Score], recipe: Recipe) -> None:
    """Raise ArtifactError unless each system of the recipe has one score per direction."""
    counts = Counter((score.system, score.source, score.target) for score in scores)
    directions = {(source, target) for _, source, target in counts}
    wanted = {(system.name, *direction) for system in recipe.translated for direction in directions}
    odd = next(iter(sorted(wanted ^ set(counts))), None) or next(
        (key for key, count in counts.items() if count > 1), None
    )
    if odd or not counts:
        system, source, target = odd or ("any system", "any", "other")
        raise ArtifactError(
            f"{path}: {counts[system, source, target]} scores of {system} in {source}-{target}; "
            f"expected one of each system and direction; {AGAIN}"
        )


def read_segments(recipe: Recipe, path: Path) -> list[SegmentOutputs]:
    """The test segments with every system's output.

    Raises:
        ArtifactError: a line is damaged, or an output is missing or repeated.
    """
    try:
        return align_segments(read_judged(path), [system.name for system in recipe.translated])
    except ValueError as error:
        raise ArtifactError(f"{path}: {error}; {AGAIN}") from error


def compare_systems(
    recipe: Recipe, segments: Sequence[SegmentOutputs]
) -> tuple[significance.SystemPair, ...]:
    """Each pair of systems in each setting."""
    supervised = set(recipe.supervised_directions)
    return tuple(
        pair
        for setting in (True, False)
        for pair in significance.compare_pairs(
            [s for s in segments if (s.direction in supervised) is setting], setting
        )
    )


def facts(recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """What the numbers depend on, in words."""
    beams = recipe.translate.beams
    return (
        ("model", without_folders(recipe.model)),
        ("languages", " ".join(recipe.languages)),
        ("decoding", "greedy" if beams == 1 else f"beam {beams}"),
        ("seed", str(recipe.seed)),
    )


def recipe_text(recipe: Recipe) -> str:
    """The recipe with its defaults as YAML, without absolute paths."""
    content = {
        name: without_paths(value)
        for name, value in recipe.model_dump(mode="json").items()
        if name not in NOT_SHOWN
    }
    text = yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )
    return "\n".join(map(visible, text.splitlines()))


def without_paths(value: Any) -> Any:
    """A setting with each absolute path cut to its last part."""
    if isinstance(value, dict):
        return {key: without_paths(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_paths(item) for item in value]
    return without_folders(value) if isinstance(value, str) else value


def without_folders(text: str) -> str:
    """An absolute path without its folders; any other text unchanged."""
    return f"…/{PurePath(text).name}" if PurePath(text).is_absolute() else text


def versions(evaluated: Path) -> tuple[tuple[str, str], ...]:
    """Versions of the software used."""
    stamp = stamp_of(evaluated)
    return (
        ("ontarget", __version__),
        ("python", stamp["python"]),
        *sorted(stamp["libraries"].items()),
    )


def notes(recipe: Recipe, inputs: Mapping[str, Path]) -> tuple[str, ...]:
    """Caveats for the numbers of the report."""
    sentences = []
    if recipe.base.scratch is not None:
        made = stamp_of(inputs["0_base"])["result"]
        sentences.append(
            "The base model is not an LLM. It is a stand-in: a Llama of "
            f"{made['parameters']:,} parameters, made for this run and trained on "
            f"{made['documents']:,} short documents of the recipe's own corpus. It shows the "
            "mechanism, not what to expect of a pretrained model."
        )
    if recipe.unlikelihood is not None:
        if recipe.unlikelihood.preflight:
            path = inputs[STAGE2.folder] / "preflight.json"
            words = json.loads(path.read_text(encoding="utf-8"))["verdict"]["words"]
            sentences.append(f"Diagnosis before stage 2: {words}.")
        if "2_conflict" in inputs:
            drawn = stamp_of(inputs["2_conflict"])["result"]
            if percent := drawn["asking_for_the_right_language_percent"]:
                sentences.append(
                    f"{percent} % of the conflict samples still name the right language."
                )
        if recipe.unlikelihood.synthetic:
            made = stamp_of(inputs["3_synthesize"])["result"]
            trained = stamp_of(inputs[STAGE2.folder])["result"]["samples"]
            sentences.append(
                f"Of the {trained:,} samples of stage 2 {made['pairs']:,} are synthetic pairs of "
                f"zero-shot directions; {sum(made.get('left_out', {}).values()):,} were left out."
            )
    return tuple(sentences)


def stamp_of(folder: Path) -> dict[str, Any]:
    """A step's step.json.

    Raises:
        ArtifactError: it is missing or altered.
    """
    stamp = artifacts.read_stamp(folder)
    if stamp is None:
        raise ArtifactError(f"{folder}: is missing or altered; remove it and run again")
    return stamp


def curves(inputs: Mapping[str, Path]) -> tuple[Chart, ...]:
    """The loss curves of the run's trainings, then their validations; none of one without steps."""
    trained = [s for s in SYSTEMS if s.heading and s.folder in inputs]
    losses = [
        draw_chart(system.heading, "nats per token", curve, ("likelihood", "unlikelihood"))
        for system in trained
        if (curve := artifacts.read_jsonl(inputs[system.folder] / "curve.jsonl", dict))
    ]
    validations = [
        draw_chart(
            f"{system.heading.partition(':')[0]}: off-target on dev, %",
            "percent",
            rename_columns(artifacts.read_jsonl(path, dict)),
            ("off-target", "references"),
        )
        for system in trained
        if (path := inputs[system.folder] / "validation.jsonl").exists()
    ]
    return (*losses, *validations)


def rename_columns(lines: list[dict[str, int | float]]) -> list[dict[str, int | float]]:
    """Lines of validation.jsonl under the names that the page shows."""
    names = {"off_target_percent": "off-target", "reference_off_target_percent": "references"}
    return [{names.get(key, key): value for key, value in line.items()} for line in lines]
