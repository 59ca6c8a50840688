"""`status` says what a run would do and why; `run` does exactly that."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import RECIPE
from support.commands import run_command
from support.runs import FinishedRun, Log

from ontarget import artifacts
from ontarget.decoding.base import Hypothesis
from ontarget.pipeline import run as running
from ontarget.pipeline.dependencies import dependencies_of, input_hashes
from ontarget.pipeline.graph import conflict_step, steps_of
from ontarget.pipeline.status import differences, recipe_status
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Sample
from ontarget.steps import s5_translate
from ontarget.training import checkpoints

UP_TO_DATE = "up to date"


@pytest.fixture
def run(finished_run: FinishedRun, tmp_path: Path) -> FinishedRun:
    """A copy of the finished run, which may be changed."""
    return finished_run.copy_to(tmp_path)


def change(run: FinishedRun, **changes: Any) -> None:
    content = yaml.safe_load(run.recipe.read_text())
    run.recipe.write_text(yaml.safe_dump(content | changes))


def status_of(run: FinishedRun) -> dict[str, str]:
    """What the command says of each step; nothing in the run's folder may change."""
    before = {path: path.lstat().st_mtime_ns for path in sorted(run.out.rglob("*"))}
    result = run_command("status", run.recipe)
    assert (result.code, result.stderr) == (0, "")
    assert {path: path.lstat().st_mtime_ns for path in sorted(run.out.rglob("*"))} == before
    lines = (line.split(maxsplit=1) for line in result.stdout.splitlines())
    return {folder: text for folder, text in lines}


def outdated(run: FinishedRun) -> dict[str, str]:
    return {folder: text for folder, text in status_of(run).items() if text != UP_TO_DATE}


def test_a_finished_run_is_up_to_date(run: FinishedRun) -> None:
    assert set(status_of(run).values()) == {UP_TO_DATE} and len(status_of(run)) == 13


def test_a_recipe_that_never_ran_has_no_folder_afterwards(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    recipe = load_recipe(finished_run.recipe, {"out": str(tmp_path / "new")})
    texts = {str(state) for state in recipe_status(recipe)}
    assert texts == {"would be made: not made yet"}
    assert not (tmp_path / "new").exists()


def test_changed_settings_are_named_as_in_the_recipe(run: FinishedRun) -> None:
    change(
        run,
        translate={"beams": 2, "max_new_tokens": 8},
        unlikelihood=RECIPE["unlikelihood"] | {"alpha": 2.0, "adapter": {"rank": 2}},
        evaluate={"votes": 2},
    )
    texts = outdated(run)
    assert texts["5_translate/base"] == "would be made: translate.beams was 1, is 2"
    assert texts["4_unlikelihood"].startswith(
        "would be made: unlikelihood.learning_rate was 2e-06, is 0.0003; "
        'unlikelihood.adapter was null, is {"kind": "lora", "rank": 2, '
    )
    assert "; unlikelihood.alpha was 1.0, is 2.0; " in texts["4_unlikelihood"]
    assert texts["4_unlikelihood"].endswith("; evaluate.votes was 1, is 2")
    assert texts["4_control"].startswith("would be made: unlikelihood.learning_rate was ")
    assert "alpha" not in texts["4_control"].replace('"alpha": 32.0', "")
    assert texts["6_evaluate"] == "would be made: evaluate.votes was 1, is 2"
    assert "3_mle" not in texts and "1_prepare" not in texts


def test_what_follows_a_changed_step_waits_for_its_files(run: FinishedRun) -> None:
    change(run, mle=RECIPE["mle"] | {"steps": 5})
    texts = outdated(run)
    assert texts["3_mle"] == "would be made: mle.steps was 4, is 5"
    assert texts["4_control"] == "would be made if other files come out of 3_mle"
    assert texts["5_translate/stage1"] == "would be made if other files come out of 3_mle"
    assert "5_translate/base" not in texts and "2_conflict" not in texts
    assert texts["7_report"].startswith("would be made: mle.steps was 4, is 5")


def test_missing_and_altered_files_are_named(run: FinishedRun) -> None:
    (run.out / "6_evaluate/scores.jsonl").unlink()
    (run.out / "2_conflict/conflicts.arrow").write_text("")
    (run.out / "7_report/step.json").write_text("{}")
    texts = outdated(run)
    assert texts["6_evaluate"] == "would be made: scores.jsonl is missing"
    assert texts["2_conflict"] == "would be made: conflicts.arrow is altered"
    assert texts["7_report"] == "would be made: step.json is altered"


def signed(run: FinishedRun, folder: str, **changes: Any) -> None:
    """A step.json with other content and a hash that fits, as an earlier version wrote it."""
    stamp = artifacts.read_stamp(run.out / folder)
    assert stamp is not None
    made_from = stamp["made_from"] | changes
    artifacts.write_stamp(run.out / folder, stamp | {"made_from": made_from})


def test_other_versions_and_changed_inputs_are_named(run: FinishedRun) -> None:
    signed(run, "1_prepare", ontarget="0.0.9", files={"a.tsv": "1"})
    read = input_hashes(load_recipe(run.recipe), conflict_step())
    signed(run, "2_conflict", steps=read | {"1_prepare/train.arrow": "0"})
    signed(run, "6_evaluate", settings=None)
    texts = outdated(run)
    assert texts["1_prepare"].startswith("would be made: made by ontarget 0.0.9, this is ")
    assert texts["1_prepare"].endswith("; a.tsv is no longer read")
    assert texts["6_evaluate"] == "would be made: its step.json does not say what made it"
    assert texts["2_conflict"] == "would be made if other files come out of 1_prepare"
    run_command("prepare", run.recipe)
    assert outdated(run)["2_conflict"] == "would be made: 1_prepare/train.arrow has changed"


def test_a_corpus_file_that_is_gone_is_named(run: FinishedRun) -> None:
    files = {name: str(run.out.parent / f"{name}.tsv") for name in ("train", "dev", "test")}
    change(run, corpus=files)
    signed(run, "1_prepare", files={files["train"]: "1"})
    assert f"{files['train']} is missing" in outdated(run)["1_prepare"]


def test_run_makes_what_status_says_and_nothing_else(run: FinishedRun) -> None:
    change(run, translate={"beams": 1, "max_new_tokens": 7})
    said = outdated(run)
    log = Log()
    running.run_recipe(load_recipe(run.recipe), log)
    assert set(log.made) <= set(said)
    assert {folder for folder, text in said.items() if " made: " in text} <= set(log.made)
    assert outdated(run) == {}


def test_an_interrupted_translation_is_resumed_and_the_same(
    run: FinishedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(run, translate={"beams": 1, "max_new_tokens": 8, "batch": 3})
    translated: list[int] = []
    made = s5_translate.translator_of

    class Interrupted:
        def __init__(self, *arguments: Any) -> None:
            self.translator = made(*arguments)

        def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
            for batch in self.translator.translate(samples):
                if len(translated) == 4:
                    translated.append(0)
                    raise KeyboardInterrupt
                translated.append(len(batch))
                yield batch

    monkeypatch.setattr(s5_translate, "translator_of", Interrupted)
    assert run_command("translate", run.recipe).code == 130
    text = outdated(run)["5_translate/base"]
    assert text.endswith("translate.batch was 16, is 3 (resumes from 12 translated segments)")
    assert run_command("translate", run.recipe).code == 0
    segments = sum(
        json.loads((path / "step.json").read_text())["result"]["segments"]
        for path in (run.out / "5_translate").iterdir()
    )
    assert sum(translated) == segments
    files = {path: path.read_bytes() for path in run.out.glob("5_translate/*/*.jsonl")}
    running.run_recipe(
        load_recipe(run.recipe), Log(), verb="translate", force_from="5_translate/base"
    )
    assert {path: path.read_bytes() for path in files} == files


def test_a_checkpoint_is_mentioned_if_the_training_would_resume_from_it(
    run: FinishedRun,
) -> None:
    change(run, mle=RECIPE["mle"] | {"steps": 900})
    recipe = load_recipe(run.recipe)
    step = next(step for step in steps_of(recipe) if step.folder == "3_mle")
    unfinished = run.out / ".unfinished/3_mle"
    artifacts.prepare_unfinished(unfinished, artifacts.fingerprint(dependencies_of(recipe, step)))
    assert outdated(run)["3_mle"] == "would be made: mle.steps was 4, is 900"
    (run.out / "written").mkdir()
    (run.out / "written/weights").write_text("1")
    checkpoints.publish(run.out / "written", unfinished, 500)
    assert outdated(run)["3_mle"].endswith("is 900 (resumes from a checkpoint at step 500)")
    change(run, mle=RECIPE["mle"] | {"steps": 901})  # a run would not use it
    assert outdated(run)["3_mle"] == "would be made: mle.steps was 4, is 901"


def test_differences_are_the_leaves_that_differ() -> None:
    before = {"a": 1, "b": {"c": [1], "d": None}, "e": {"f": 2}}
    now = {"a": 1, "b": {"c": [2]}, "e": {"f": 3}, "g": 4}
    assert list(differences(before, now)) == [
        (("b", "c"), [1], [2]), (("e", "f"), 2, 3), (("g",), None, 4),
    ]  # fmt: skip
    assert list(differences(before, before)) == []
