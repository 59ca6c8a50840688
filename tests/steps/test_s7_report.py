"""Step 7: what it reads from a run folder and what it shows of the recipe."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import RECIPE
from support.reports import SCORE, SYSTEMS, a_segment

from ontarget import artifacts
from ontarget.artifacts import fingerprint
from ontarget.errors import ArtifactError
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.step_settings import ReportSettings
from ontarget.steps import s7_report


def recipe(out: Path, **changes: Any) -> Recipe:
    return Recipe.model_validate({**RECIPE, "out": out, **changes})


def test_the_whole_recipe_is_shown_without_paths_of_this_machine(tmp_path: Path) -> None:
    with_paths = recipe(
        tmp_path / "run",
        corpus={"train": [tmp_path / "a.tsv", "data/b.tsv"], "dev": "data/dev.tsv",
                "test": "data/test.tsv"},
        base={"model": str(tmp_path / "llm")},
        template="\u202e {source} {target} {input}",
    )  # fmt: skip
    text = s7_report.recipe_text(with_paths)
    shown = yaml.safe_load(text)
    assert str(tmp_path) not in text and "\u202e" not in text
    assert shown["corpus"]["train"] == ["…/a.tsv", "data/b.tsv"]
    assert shown["base"]["model"] == "…/llm"
    assert shown["unlikelihood"]["alpha"] == 1.0  # a default
    assert set(shown) == set(Recipe.model_fields) - {"out", "report_to"}
    assert str(tmp_path) not in str(s7_report.facts(with_paths))


@pytest.mark.parametrize(
    "change",
    [{"seed": 5}, {"report": {"segments": 3}}, {"template": "alpaca"}, {"name": "another"}],
)
def test_the_report_is_made_again_when_anything_that_it_shows_changes(
    change: dict[str, Any], tmp_path: Path
) -> None:
    before, after = (ReportSettings.of(recipe(tmp_path, **each)) for each in ({}, change))
    assert s7_report.recipe_text(before.recipe) != s7_report.recipe_text(after.recipe)
    assert fingerprint(asdict(before)) != fingerprint(asdict(after))
    elsewhere = ReportSettings.of(recipe(tmp_path / "other", report_to=["tensorboard"]))
    assert elsewhere == ReportSettings.of(recipe(tmp_path))


@pytest.mark.parametrize(
    ("systems", "message"),
    [
        ([], "0 scores of any system"),
        (["base", "stage1"], "0 scores of stage2 in it-nl; expected one of each system"),
        ([*SYSTEMS, "base"], "2 scores of base in it-nl"),
        ([*SYSTEMS, "guest"], "1 scores of guest in it-nl"),
    ],
)
def test_a_report_needs_one_score_of_each_system_in_each_direction(
    systems: list[str], message: str, tmp_path: Path
) -> None:
    without_control = recipe(tmp_path, control=False)
    path = tmp_path / "scores.jsonl"
    scores = [replace(SCORE, system=system) for system in systems]
    with pytest.raises(ArtifactError, match=rf"scores.jsonl: {message}"):
        s7_report.check_complete(path, scores, without_control)
    complete = [replace(SCORE, system=system) for system in SYSTEMS]
    s7_report.check_complete(path, complete, without_control)


def test_a_missing_output_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "segments.jsonl"
    artifacts.write_jsonl(path, map(asdict, a_segment(1)))
    message = (
        r"segments.jsonl: no output of stage1-longer for t:1/it-nl \(it-nl\); remove its folder"
    )
    with pytest.raises(ArtifactError, match=message):
        s7_report.read_segments(recipe(tmp_path), path)
    (segment,) = s7_report.read_segments(recipe(tmp_path, control=False), path)
    assert [output.system for output in segment.outputs] == ["base", "stage1", "stage2"]


@pytest.mark.parametrize(("percent", "count"), [(0.0, 0), (17.5, 1)])
def test_conflict_samples_that_name_the_right_language_are_reported(
    percent: float, count: int, tmp_path: Path
) -> None:
    folder = tmp_path / "2_conflict"
    folder.mkdir()
    result = {"asking_for_the_right_language_percent": percent}
    artifacts.write_stamp(folder, {"fingerprint": "", "result": result})
    stage2 = RECIPE["unlikelihood"] | {"preflight": 0}
    of_a_model = recipe(tmp_path, base={"model": "someone/llm"}, unlikelihood=stage2)
    notes = s7_report.notes(of_a_model, {"2_conflict": folder})
    assert notes == (f"{percent} % of the conflict samples still name the right language.",) * count


def test_only_directions_of_one_setting_are_pooled(tmp_path: Path) -> None:
    without_control = recipe(tmp_path, control=False)
    path = tmp_path / "segments.jsonl"
    supervised = a_segment(2, source_lang="en", target_lang="nl")
    artifacts.write_jsonl(path, map(asdict, [*a_segment(1), *supervised, *a_segment(3)]))
    segments = s7_report.read_segments(without_control, path)
    pairs = s7_report.compare_systems(without_control, segments)
    pooled = [(pair.supervised, pair.segments) for pair in pairs]
    assert pooled == [(True, 1)] * 3 + [(False, 2)] * 3
