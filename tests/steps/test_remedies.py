"""Systems with ways to stay on target: from a line of the recipe to a row of the tables."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Writer
from support.commands import run_command
from support.runs import FinishedRun

from ontarget import artifacts, systems
from ontarget.decoding.ways.settings import AntiLm, Contrastive, FewShot
from ontarget.errors import RecipeError
from ontarget.recipe.remedies import first_of_each, texts_by_language
from ontarget.recipe.sections.decoding import Translate
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Sample, Translation
from ontarget.systems import STAGE1, system_of


def sample(number: int, source: str = "en", target: str = "it") -> Sample:
    return Sample(
        key=f"{number}/{source}-{target}", source_lang=source, asked_lang=target,
        target_lang=target, source=f"{source}{number}", target=f"{target}{number}",
    )  # fmt: skip


def test_a_system_with_ways_has_the_model_of_its_system() -> None:
    system = system_of("stage1+anti-lm+few-shot")
    assert (system.folder, system.ways) == (STAGE1.folder, ("anti-lm", "few-shot"))
    assert systems.title_of(system.name) == "stage 1 (MLE), anti-lm, few-shot"
    assert systems.title_of("mine+more") == "mine+more"


def test_settings_in_lists_are_all_tried_together(write_recipe: Writer) -> None:
    ways = {
        "anti-lm": {"gamma": [0.1, 0.2]},
        "contrastive": {"language": [0.3, 0.4], "source": 0.5},
    }
    translate = {"remedies": ["base + anti-lm + contrastive", "base+few-shot"], "ways": ways}
    recipe = load_recipe(write_recipe(translate=translate))
    assert recipe.translate.remedies == ("base+anti-lm+contrastive", "base+few-shot")
    assert recipe.translate.ways_to_try(("anti-lm", "contrastive")) == tuple(
        (AntiLm(gamma), Contrastive(language, 0.5))
        for gamma in (0.1, 0.2)
        for language in (0.3, 0.4)
    )
    assert recipe.translate.ways_to_try(("few-shot",)) == ((FewShot(),),)


def test_a_way_with_settings_can_have_a_name_of_its_own() -> None:
    ways = {"1-shot": {"way": "few-shot", "shots": 1}, "5-shot": {"way": "few-shot"}}
    section = Translate(remedies=("base + 1-shot", "base + 5-shot"), ways=ways)
    assert section.remedies == ("base+1-shot", "base+5-shot")
    assert section.ways_to_try(("1-shot",)) == ((FewShot(1),),)
    assert section.ways_to_try(("5-shot",)) == ((FewShot(5),),)


@pytest.mark.parametrize(
    ("translate", "message"),
    [
        ({"systems": ["stage9"]}, "translate.systems: the recipe makes no 'stage9'; it has base"),
        ({"systems": ["base", "base"]}, "translate.systems: base is listed twice; keep it once"),
        (
            {"remedies": ["base+a/b"], "ways": {"a/b": {"way": "few-shot"}}},
            "ways.a/b: cannot be the name of a way of your own; write small letters",
        ),
        (
            {"remedies": ["base+few-shot"], "ways": {"few-shot": {"way": "anti-lm"}}},
            "ways.few-shot: cannot be the name of a way of your own",
        ),
        (
            {"remedies": ["base+mine"], "ways": {"mine": {"way": ["few-shot"]}}},
            r"ways.mine.way: found \"\['few-shot'\]\"; give the name of one way",
        ),
        (
            {"remedies": ["base+mine"], "ways": {"mine": {"way": "few-shots"}}},
            "'few-shots' is no way to stay on target; did you mean few-shot?",
        ),
        (
            {"remedies": ["base"]},
            "translate.remedies: 'base' has no way to stay on target; write base",
        ),
        ({"remedies": ["base + anti-ln"]}, "translate: remedies: 'anti-ln' is no way to stay on"),
        ({"remedies": ["stage3 + anti-lm"]}, "translate.remedies: the recipe makes no 'stage3'"),
        ({"ways": {"anti-lm": {}}}, "translate: ways.anti-lm: no remedy has it; add one"),
        ({"remedies": ["base+few-shot+few-shot"]}, "remedies: few-shot is listed twice; keep it"),
        (
            {"remedies": ["base+few-shot"], "ways": {"few-shot": {"shots": [1, -1]}}},
            "few-shot.shots: found '-1'; input should be greater than or equal to 1",
        ),
        (
            {"remedies": ["base+few-shot"], "ways": {"few-shot": {"shots": []}}},
            "few-shot.shots: is an empty list; give a value",
        ),
        (
            {"remedies": ["base+few-shot"], "ways": {"few-shot": {"shots": list(range(1, 102))}}},
            "few-shot: has more than 100 combinations of values; give fewer",
        ),
        (
            {"remedies": ["base+template"], "ways": {"template": {"name": "nope"}}},
            "template: is 'nope', not the name of a template",
        ),
        (
            {"remedies": ["base+anti-lm"], "ways": {"anti-lm": {"gama": 1}}},
            "translate: anti-lm: has no setting 'gama'; its settings: gamma",
        ),
        (
            {"remedies": ["base+anti-lm", "base + anti-lm"]},
            r"translate.remedies: base\+anti-lm is listed twice; keep it once",
        ),
    ],
)
def test_a_remedy_that_cannot_be_is_refused(
    write_recipe: Writer, translate: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(write_recipe(translate=translate))


def test_texts_are_those_of_both_sides_once_and_not_of_general_instructions() -> None:
    general = Sample(
        key="g", source_lang="", asked_lang="", target_lang="", source="Say hi", target="hi"
    )
    samples = [sample(1), sample(1, "it", "en"), sample(2, "en", "nl"), general]
    assert texts_by_language(samples) == {
        "en": ["en1", "en2"],
        "it": ["it1"],
        "nl": ["nl2"],
    }


def test_settings_are_tried_on_as_many_segments_of_each_direction() -> None:
    samples = [sample(n, *d) for n in range(9) for d in (("en", "it"), ("it", "en"))]
    chosen = first_of_each(samples, 4)
    assert len(chosen) == 8 and len(set(chosen)) == 8
    assert sum(one.source_lang == "en" for one in chosen) == 4
    assert set(first_of_each(samples[::-1], 4)) == set(chosen)


def test_only_chosen_systems_are_translated_and_compared(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    """Trainings and translations that are there stay; scores and report are made again."""
    copy = finished_run.copy_to(tmp_path)
    result = run_command("run", copy.recipe, "translate.systems=[stage2]")
    assert (result.code, result.stderr) == (0, ""), result
    again = {line.split()[0] for line in result.stdout.splitlines() if line.endswith("started")}
    assert again == {"6_evaluate", "7_report"}
    scores = (copy.out / "6_evaluate" / "scores.jsonl").read_text().splitlines()
    assert {json.loads(score)["system"] for score in scores} == {"stage2"}


def test_a_run_goes_on_with_remedies_and_only_they_are_made(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    """Trainings and the other translations stay; scores and report have the new rows."""
    copy = finished_run.copy_to(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in copy.out.rglob("step.json")}
    remedies = "translate.remedies=[base + few-shot, base + anti-lm]"
    ways = "translate.ways={few-shot: {shots: 1}, anti-lm: {gamma: [0.1, 0.9]}}"
    result = run_command("run", copy.recipe, remedies, ways, "translate.tune=1")
    assert (result.code, result.stderr) == (0, ""), result
    kept = {path for path, time in before.items() if path.stat().st_mtime_ns == time}
    assert {path.parent.name for path in set(before) - kept} == {"6_evaluate", "7_report"}
    scores = (copy.out / "6_evaluate" / "scores.jsonl").read_text().splitlines()
    named = {json.loads(score)["system"] for score in scores}
    assert {"base", "base+few-shot", "base+anti-lm"} <= named
    translations = artifacts.read_jsonl(
        copy.out / "5_translate" / "base+few-shot" / "translations.jsonl", Translation
    )
    assert {one.system for one in translations} == {"base+few-shot"}
    stamp = json.loads((copy.out / "5_translate" / "base+anti-lm" / "step.json").read_text())
    tried = stamp["result"]["tried"]
    assert [one["ways"] for one in tried] == [[{"gamma": 0.1}], [{"gamma": 0.9}]]
    values = [one["chrf"] * (1 - one["off_target_percent"] / 100) for one in tried]
    assert [one["chosen"] for one in tried].index(True) == values.index(max(values))
    report = (copy.out / "7_report" / "report.md").read_text(encoding="utf-8")
    assert "base, few-shot" in report and "base, anti-lm" in report
