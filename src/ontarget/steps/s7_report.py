"""Step 7: the run as a page to look at and as Markdown."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import yaml

from ontarget import __version__, artifacts, errors
from ontarget.analysis import significance
from ontarget.analysis.segments import SegmentOutputs, align_segments
from ontarget.errors import ArtifactError
from ontarget.recipe.recipe import Recipe
from ontarget.records import Score
from ontarget.report import page
from ontarget.report.figures.curves import Chart, draw_chart
from ontarget.report.page import ReportContent
from ontarget.report.render import tables
from ontarget.steps import inputs

CURVES = {
    "0_base": "Step 0: the base model",
    "3_mle": "Stage 1: maximum likelihood",
    "4_unlikelihood": "Stage 2: with unlikelihood",
    "4_control": "Control: stage 1, longer",
}
VALIDATED = {
    "3_mle": "Stage 1: off-target on dev, %",
    "4_unlikelihood": "Stage 2: off-target on dev, %",
}
NOT_SHOWN = {"out", "report_to"}  # of a recipe: where things lie, not what they are


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `report.html` and `report.md`."""
    tell("reading", 0, 3)
    evaluated = recipe.out / "6_evaluate"
    scores = inputs.scores(evaluated / "scores.jsonl")
    refuse_incomplete(evaluated / "scores.jsonl", scores, recipe)
    every = answered(recipe, evaluated / "segments.jsonl")
    shown, data = page.fit_segments(every, recipe.report.segments)
    tell("testing", 1, 3)
    pairs = compared(recipe, every)
    tell("drawing", 2, 3)
    content = ReportContent(
        title=recipe.name,
        facts=facts(recipe),
        notes=(*notes(recipe), *tables.unjudged_note(scores)),
        scores=tuple(scores),
        ability=tuple(inputs.scores(evaluated / "ability.jsonl")),
        charts=curves(recipe),
        pairs=pairs,
        segments=tuple(shown),
        data=data,
        left_out=len(every) - len(shown),
        recipe=recipe_text(recipe),
        versions=versions(recipe),
    )
    (out / "report.html").write_text(page.render_html(content), encoding="utf-8")
    (out / "report.md").write_text(page.render_markdown(content), encoding="utf-8")
    return {"scores": len(scores), "segments": len(shown), "left_out": content.left_out}


def refuse_incomplete(path: Path, scores: Sequence[Score], recipe: Recipe) -> None:
    """Raise ArtifactError unless each system of the recipe has one score a direction."""
    found = Counter((each.system, each.source, each.target) for each in scores)
    directions = {(source, target) for _, source, target in found}
    wanted = {(name, *each) for name in inputs.systems(recipe) for each in directions}
    odd = next(iter(sorted(wanted ^ set(found))), None) or next(
        (each for each, times in found.items() if times > 1), None
    )
    if odd or not found:
        system, source, target = odd or ("any system", "any", "other")
        raise ArtifactError(
            f"{path}: {found[system, source, target]} scores of {system} in {source}-{target}; "
            "expected one of each system of the recipe; remove its folder and run again"
        )


def answered(recipe: Recipe, path: Path) -> list[SegmentOutputs]:
    """The test segments with every system's answer.

    Raises:
        ArtifactError: a line is damaged, or an answer is missing or there twice.
    """
    try:
        return align_segments(inputs.answers(path), inputs.systems(recipe))
    except ValueError as error:
        raise ArtifactError(f"{path}: {error}; remove its folder and run again") from error


def compared(recipe: Recipe, every: Sequence[SegmentOutputs]) -> tuple[significance.SystemPair, ...]:
    """Each pair of systems in each setting."""
    supervised = set(recipe.supervised_directions)
    return tuple(
        pair
        for setting in (True, False)
        for pair in significance.compare_pairs(
            [each for each in every if (each.direction in supervised) is setting], setting
        )
    )


def facts(recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """What the numbers depend on, in words."""
    beams = recipe.translate.beams
    return (
        ("model", nameless(recipe.model)),
        ("languages", " ".join(recipe.languages)),
        ("decoding", "greedy" if beams == 1 else f"beam {beams}"),
        ("seed", str(recipe.seed)),
    )


def recipe_text(recipe: Recipe) -> str:
    """The recipe with its defaults as YAML, without the places of this machine."""
    content = {
        name: without_places(value)
        for name, value in recipe.model_dump(mode="json").items()
        if name not in NOT_SHOWN
    }
    text = yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )
    return "\n".join(map(errors.visible, text.splitlines()))


def without_places(value: Any) -> Any:
    """A setting with each absolute path cut to its last part."""
    if isinstance(value, dict):
        return {key: without_places(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_places(each) for each in value]
    return nameless(value) if isinstance(value, str) else value


def nameless(text: str) -> str:
    """A path without the folders of this machine; any other text as it is."""
    return f"…/{PurePath(text).name}" if PurePath(text).is_absolute() else text


def versions(recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """Of what made the numbers."""
    stamp = whole_stamp(recipe, "6_evaluate")
    return (
        ("ontarget", __version__),
        ("python", stamp["python"]),
        *sorted(stamp["libraries"].items()),
    )


def notes(recipe: Recipe) -> tuple[str, ...]:
    """What a reader must know with the numbers."""
    found = []
    if recipe.base.scratch is not None:
        made = stamped(recipe, "0_base")
        found.append(
            "The base model is no LLM. It is a stand-in: a Llama of "
            f"{made['parameters']:,} parameters, made for this run and trained on "
            f"{made['documents']:,} short documents of the recipe's own corpus. It shows the "
            "mechanism, not what to expect of a pretrained model."
        )
    if recipe.unlikelihood is not None:
        if recipe.unlikelihood.preflight:
            path = recipe.out / "4_unlikelihood" / "preflight.json"
            words = json.loads(path.read_text(encoding="utf-8"))["verdict"]["words"]
            found.append(f"Preflight, before stage 2: {words}.")
        drawn = stamped(recipe, "2_conflict")["asking_for_the_right_language_percent"]
        if drawn:
            found.append(f"{drawn} % of the conflict samples still ask for the right language.")
    return tuple(found)


def stamped(recipe: Recipe, step: str) -> dict[str, Any]:
    """What a step reported about itself."""
    result: dict[str, Any] = whole_stamp(recipe, step)["result"]
    return result


def whole_stamp(recipe: Recipe, step: str) -> dict[str, Any]:
    """A step's step.json."""
    stamp = artifacts.read_stamp(recipe.out / step)
    assert stamp is not None, f"{step} has run before the report"
    return stamp


def curves(recipe: Recipe) -> tuple[Chart, ...]:
    """The training curves of what this recipe trains."""
    trained = {
        "0_base": recipe.base.scratch,
        "3_mle": recipe.mle,
        "4_unlikelihood": recipe.unlikelihood,
        "4_control": recipe.control,
    }
    losses = [
        draw_chart(
            title,
            "nats per token",
            artifacts.read_jsonl(recipe.out / step / "curve.jsonl", dict),
            ("likelihood", "unlikelihood"),
        )
        for step, title in CURVES.items()
        if trained[step]
    ]
    validated = [
        draw_chart(
            title, "percent", told(artifacts.read_jsonl(path, dict)), ("off-target", "references")
        )
        for step, title in VALIDATED.items()
        if trained[step] and (path := recipe.out / step / "validation.jsonl").exists()
    ]
    return (*losses, *validated)


def told(lines: list[dict[str, int | float]]) -> list[dict[str, int | float]]:
    """Lines of validation.jsonl under the names that the page shows."""
    names = {"off_target_percent": "off-target", "reference_off_target_percent": "references"}
    return [{names.get(key, key): value for key, value in line.items()} for line in lines]
