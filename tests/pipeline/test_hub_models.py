"""A base model on the Hub: it is asked for before a step is made, and only if one will read it."""

from pathlib import Path

import pytest
from conftest import Writer
from support.commands import run_command

from ontarget.pipeline import run
from ontarget.pipeline.graph import steps_of
from ontarget.recipe.yaml_file import load_recipe


def test_a_model_that_the_hub_does_not_give_is_found_before_the_corpus_is_prepared(
    write_recipe: Writer, tmp_path: Path
) -> None:
    path = write_recipe(base={"model": "my-model"}, out=str(tmp_path / "out"))
    result = run_command("run", path)
    assert result.code == 2 and "started" not in result.stdout
    assert result.stderr.startswith("ontarget: my-model: no such folder, and as a hub id it cannot")
    assert not list((tmp_path / "out").glob("[0-9]*"))
    prepared = run_command("prepare", path)  # reads no model
    assert (prepared.code, prepared.stderr) == (0, ""), prepared


def test_a_finished_run_needs_the_hub_only_for_steps_that_read_the_model(
    write_recipe: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only stage 2 is to be made again, which starts from the model of stage 1."""
    asked: list[str] = []
    monkeypatch.setattr(run.folder, "check_fetchable", lambda model, _: asked.append(model))
    recipe = load_recipe(write_recipe(out=str(tmp_path / "out"), base={"model": "my-model"}))
    steps = steps_of(recipe)
    old = [step.folder for step in steps if step.folder in ("2_conflict", "4_unlikelihood")]
    monkeypatch.setattr(
        run, "outdated_reasons", lambda _, step, __: ["changed"] * (step.folder in old)
    )
    run.check_base_model(recipe, steps, [])
    assert asked == []
    run.check_base_model(recipe, steps, [steps[0], *steps[-3:]])
    assert asked == []
    (first,) = [step for step in steps if step.folder == "3_mle"]
    run.check_base_model(recipe, steps, [first])
    assert asked == ["my-model"]
