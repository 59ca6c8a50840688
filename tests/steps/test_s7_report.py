"""Step 7: what it takes from a run's folder."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import RECIPE
from support.reports import a_segment

from ontarget import artifacts
from ontarget.errors import ArtifactError
from ontarget.pipeline.graph import steps_of
from ontarget.recipe.recipe import Recipe
from ontarget.steps import s7_report


def recipe(out: Path, **changes: Any) -> Recipe:
    return Recipe.model_validate({**RECIPE, "out": out, **changes})


def test_the_recipe_is_shown_whole_but_for_the_places_of_this_machine(tmp_path: Path) -> None:
    made = recipe(
        tmp_path / "run",
        corpus={"train": [tmp_path / "a.tsv", "data/b.tsv"], "dev": "data/dev.tsv",
                "test": "data/test.tsv"},
        base={"model": str(tmp_path / "llm")},
        template="\u202e {source} {target} {input}",
    )  # fmt: skip
    text = s7_report.recipe_text(made)
    shown = yaml.safe_load(text)
    assert str(tmp_path) not in text and "\u202e" not in text
    assert shown["corpus"]["train"] == ["…/a.tsv", "data/b.tsv"]
    assert shown["base"]["model"] == "…/llm"
    assert shown["unlikelihood"]["alpha"] == 0.05  # a default
    assert set(shown) == set(Recipe.model_fields) - {"out", "report_to"}
    assert str(tmp_path) not in str(s7_report.facts(made))


def test_the_report_is_made_again_when_anything_it_shows_changes(tmp_path: Path) -> None:

    (unit,) = [each for each in steps_of(recipe(tmp_path)) if each.folder == "7_report"]
    shown = yaml.safe_load(s7_report.recipe_text(recipe(tmp_path)))
    assert set(unit.reads) == set(shown)


def test_a_missing_answer_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "segments.jsonl"
    artifacts.write_jsonl(path, map(asdict, a_segment(1)))
    with pytest.raises(
        ArtifactError,
        match=r"segments.jsonl: no answer of stage1-longer to t:1/it-nl \(it-nl\); remove its fold",
    ):
        s7_report.answered(recipe(tmp_path), path)
    made = recipe(tmp_path, control=False)
    (segment,) = s7_report.answered(made, path)
    assert [each.system for each in segment.answers] == ["base", "stage1", "stage2"]


@pytest.mark.parametrize(("percent", "notes"), [(0.0, 0), (17.5, 1)])
def test_conflicts_that_ask_for_the_right_language_are_named_where_there_are_some(
    percent: float, notes: int, tmp_path: Path
) -> None:
    (tmp_path / "2_conflict").mkdir()
    result = {"asking_for_the_right_language_percent": percent}
    artifacts.write_stamp(tmp_path / "2_conflict", {"fingerprint": "", "result": result})
    stage2 = RECIPE["unlikelihood"] | {"preflight": 0}
    made = recipe(tmp_path, base={"model": "someone/llm"}, unlikelihood=stage2)
    found = s7_report.notes(made)
    assert (
        found == (f"{percent} % of the conflict samples still ask for the right language.",) * notes
    )


def test_only_pairs_of_the_same_setting_are_pooled(tmp_path: Path) -> None:
    made = recipe(tmp_path, control=False)
    path = tmp_path / "segments.jsonl"
    supervised = a_segment(2, source_lang="en", target_lang="nl")
    artifacts.write_jsonl(path, map(asdict, [*a_segment(1), *supervised, *a_segment(3)]))
    pairs = s7_report.compared(made, s7_report.answered(made, path))
    assert [(each.supervised, each.segments) for each in pairs] == [(True, 1)] * 3 + [
        (False, 2)
    ] * 3
