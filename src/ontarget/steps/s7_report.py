"""Step 7: the run as a page to look at and as Markdown."""

import json
from pathlib import Path
from typing import Any

from ontarget import artifacts, report
from ontarget.charts import Chart, chart
from ontarget.offtarget import primary
from ontarget.recipe import Recipe
from ontarget.records import Direction
from ontarget.report import Attempt, Case, Report
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


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `report.html` and `report.md`."""
    tell("drawing", 0, 1)
    evaluated = recipe.out / "6_evaluate"
    scores = inputs.scores(evaluated / "scores.jsonl")
    content = Report(
        title=recipe.name,
        facts=facts(recipe),
        notes=notes(recipe),
        scores=tuple(scores),
        ability=tuple(inputs.scores(evaluated / "ability.jsonl")),
        charts=curves(recipe),
        cases=cases(recipe),
    )
    (out / "report.html").write_text(report.html(content), encoding="utf-8")
    (out / "report.md").write_text(report.markdown(content), encoding="utf-8")
    return {"scores": len(scores)}


def facts(recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """What the numbers depend on, in words."""
    beams = recipe.translate.beams
    return (
        ("model", recipe.model),
        ("languages", " ".join(recipe.languages)),
        ("decoding", "greedy" if beams == 1 else f"beam {beams}"),
        ("seed", str(recipe.seed)),
    )


def notes(recipe: Recipe) -> tuple[str, ...]:
    """What a reader must know before the numbers."""
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
        drawn = stamped(recipe, "2_conflict")
        found.append(
            f"{drawn['asking_for_the_right_language_percent']} % of the conflict samples still ask "
            "for the right language."
        )
        if recipe.unlikelihood.preflight:
            path = recipe.out / "4_unlikelihood" / "preflight.json"
            words = json.loads(path.read_text(encoding="utf-8"))["verdict"]["words"]
            found.append(f"Preflight, before stage 2: {words}.")
    return tuple(found)


def stamped(recipe: Recipe, step: str) -> dict[str, Any]:
    """What a step reported about itself."""
    stamp = artifacts.read_stamp(recipe.out / step)
    assert stamp is not None, f"{step} has run before the report"
    result: dict[str, Any] = stamp["result"]
    return result


def curves(recipe: Recipe) -> tuple[Chart, ...]:
    """The training curves of what this recipe trains."""
    trained = {
        "0_base": recipe.base.scratch,
        "3_mle": recipe.mle,
        "4_unlikelihood": recipe.unlikelihood,
        "4_control": recipe.control,
    }
    losses = [
        chart(
            title,
            artifacts.read_lines(recipe.out / step / "curve.jsonl", dict),
            ("likelihood", "unlikelihood"),
        )
        for step, title in CURVES.items()
        if trained[step]
    ]
    validated = [
        chart(title, told(artifacts.read_lines(path, dict)), ("off-target", "references"))
        for step, title in VALIDATED.items()
        if trained[step] and (path := recipe.out / step / "validation.jsonl").exists()
    ]
    return (*losses, *validated)


def told(lines: list[dict[str, int | float]]) -> list[dict[str, int | float]]:
    """Lines of validation.jsonl under the names that the page shows."""
    names = {"off_target_percent": "off-target", "reference_off_target_percent": "references"}
    return [{names.get(key, key): value for key, value in line.items()} for line in lines]


def cases(recipe: Recipe) -> dict[Direction, tuple[Case, ...]]:
    """The first sentences of each direction, with the answers of all systems."""
    systems = inputs.systems(recipe)
    found: dict[Direction, dict[str, list[dict[str, str]]]] = {}
    for line in artifacts.read_lines(recipe.out / "6_evaluate" / "segments.jsonl", dict):
        if line["system"] in systems:
            direction = Direction(line["source_lang"], line["target_lang"])
            found.setdefault(direction, {}).setdefault(line["key"], []).append(line)
    return {
        direction: tuple(map(case, list(by_key.values())[: recipe.report.examples]))
        for direction, by_key in found.items()
    }


def case(lines: list[dict[str, str]]) -> Case:
    """One test sentence from its lines, one a system."""
    return Case(
        source=lines[0]["source"],
        reference=lines[0]["reference"],
        attempts=tuple(
            Attempt(
                system=line["system"],
                text=line["hypothesis"],
                found_lang=line["found_lang"],
                wrong=primary(line["found_lang"]) != primary(line["target_lang"]),
            )
            for line in lines
        ),
    )
