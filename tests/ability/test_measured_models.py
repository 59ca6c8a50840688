"""Which models `ontarget ability` measures: those of a run, one of them, or a folder."""

import json
from pathlib import Path

from support.harness import ability, call_of, calls_of, failure, option, save_weights
from support.runs import FinishedRun


def test_the_base_model_of_a_run_is_the_one_that_its_recipe_names(
    tmp_path: Path, harness: Path, finished_run: FinishedRun, model: Path
) -> None:
    out = finished_run.copy_to(tmp_path).out
    (out / "0_base" / "step.json").unlink()
    for stamp in out.glob("[34]_*/step.json"):
        content = json.loads(stamp.read_text())
        content["recipe"]["base"] = {"model": str(model)}
        stamp.write_text(json.dumps(content))
    assert ability(tmp_path, f"{out}#base", f"{out}#stage1", "--tasks", "a").code == 0
    written = json.loads((tmp_path / "out" / "ability.json").read_text())
    assert [(m["name"], m["model"]) for m in written["models"]] == [
        (f"{out}#base", str(model)), (f"{out}#stage1", str(out / "3_mle" / "model")),
    ]  # fmt: skip
    for stamp in out.glob("[34]_*/step.json"):
        stamp.unlink()
    error = failure(tmp_path, f"{out}#base", "--tasks", "a")
    assert f"{out}#base: no training has finished; run its recipe first" in error


def test_the_revision_of_a_recipes_hub_id_is_measured(
    tmp_path: Path, harness: Path, finished_run: FinishedRun
) -> None:
    out = finished_run.copy_to(tmp_path).out
    (out / "0_base" / "step.json").unlink()
    stamp = out / "3_mle" / "step.json"
    content = json.loads(stamp.read_text())
    content["recipe"]["base"] = {"model": "org/name", "revision": "abc"}
    stamp.write_text(json.dumps(content))
    assert ability(tmp_path, f"{out}#base", "--tasks", "a").code == 0
    loading = json.loads(option(call_of(harness)["argv"], "--model_args"))
    assert (loading["pretrained"], loading["revision"]) == ("org/name", "abc")


def test_models_are_checked_before_anything_runs(
    tmp_path: Path, harness: Path, model: Path
) -> None:
    pickled = save_weights(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    link = tmp_path / "link"
    link.symlink_to(model)
    for named, message in (
        ([pickled], "expected weights as .safetensors, found only pytorch_model.bin"),
        ([tmp_path / "none"], "none: no such folder"),
        (["http://127.0.0.1:9/v1#x"], "lm-evaluation-harness reads weights as safetensors; give"),
        (["model.gguf"], "lm-evaluation-harness reads weights as safetensors; give"),
        ([model, model], f"{model}: is named twice; name each model once"),
        (
            [model, f"{model}/../{model.name}/"],
            f"{model.name}/: is named twice, first as {model}; name each model once",
        ),
        ([model, link], f"{link}: is named twice, first as {model}; name each model once"),
        ([model, "--chat"], "its tokenizer has no chat template"),
    ):
        assert message in failure(tmp_path, *named, "--tasks", "a")
    assert calls_of(harness) == 0


def test_a_system_that_no_run_has_is_an_error(tmp_path: Path, finished_run: FinishedRun) -> None:
    error = failure(tmp_path, f"{finished_run.out}#stage3", "--tasks", "a")
    assert "there is no system 'stage3'; use one of stage2, stage1" in error
