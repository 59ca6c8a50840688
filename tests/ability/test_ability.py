"""`ontarget ability` with a stand-in for lm_eval: table, command line, what is written."""

import json
from pathlib import Path

import pytest
from support.harness import ability, call_of, option, save_weights
from support.runs import FinishedRun


def test_each_model_of_a_run_is_measured_and_compared_with_the_first(
    tmp_path: Path, harness: Path, finished_run: FinishedRun
) -> None:
    result = ability(tmp_path, finished_run.out, "--tasks", "a")
    assert result.code == 0, result
    names = [f"{finished_run.out}#{s}" for s in ("base", "stage1", "stage1-longer", "stage2")]
    folders = ["0_base", "3_mle", "4_control", "4_unlikelihood"]
    places = [str(finished_run.out / folder / "model") for folder in folders]
    called = [json.loads(option(call_of(harness, n)["argv"], "--model_args")) for n in range(4)]
    assert [each["pretrained"] for each in called] == places
    written = json.loads((tmp_path / "out" / "ability.json").read_text())
    assert [(m["name"], m["model"]) for m in written["models"]] == list(
        zip(names, places, strict=True)
    )
    table = " ".join(result.stdout.split())  # names are folded
    for value, versus in (("0.5000", "-"), ("0.6000", "+0.1000"), ("0.8000", "+0.3000")):
        assert f"{value} 0.1250 {versus} " in table
    for value, versus in (("9.0000", "-"), ("6.0000", "-3.0000")):
        assert f"{value} - {versus} " in table


def test_a_table_names_task_metric_and_better_direction(
    tmp_path: Path, harness: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        save_weights(tmp_path / name)
    result = ability(tmp_path, "one", "two", "--tasks", "a,b")
    lines = result.stdout.splitlines()
    assert [" ".join(line.split()) for line in lines[:7]] == [
        "value stderr versus first",
        "a acc ↑", "one 0.5000 0.1250 -", "two 0.6000 0.1250 +0.1000",
        "a word_perplexity ↓", "one 9.0000 - -", "two 8.0000 - -1.0000",
    ]  # fmt: skip
    assert lines[7].startswith("b acc") and lines[-1].startswith("lm-evaluation-harness 0.4.13; ")


def test_json_has_a_line_for_each_model(tmp_path: Path, harness: Path, model: Path) -> None:
    other = save_weights(tmp_path / "b")
    result = ability(tmp_path, model, other, "--tasks", "a", "--json")
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["name"], second["model"]) == (str(model), str(other))
    assert second["scores"][0] == {
        "task": "a", "metric": "acc", "value": 0.6, "stderr": 0.125, "higher_is_better": True,
        "versus_first": pytest.approx(0.1),
    }  # fmt: skip
    assert first["scores"][1]["stderr"] is None and first["scores"][1]["versus_first"] == 0


def test_the_command_line_says_all_that_was_asked(
    tmp_path: Path, harness: Path, model: Path
) -> None:
    (model / "chat_template.jinja").write_text("x")
    more = tmp_path / "more"
    more.mkdir()
    (more / "a.yaml").write_text("task: a")
    result = ability(
        tmp_path, model, "--tasks", "a, b", "--limit", "7", "--shots", "2", "--chat", "--batch",
        "3", "--include-path", more,
    )  # fmt: skip
    assert result.code == 0, result
    call = call_of(harness)
    output = option(call["argv"], "--output_path")
    loading = {"pretrained": str(model), "trust_remote_code": False, "use_safetensors": True}
    assert call["argv"] == [
        "--model", "hf", "--model_args", json.dumps(loading), "--tasks", "a,b",
        "--apply_chat_template", "--limit", "7", "--num_fewshot", "2", "--include_path", str(more),
        "--batch_size", "3", "--output_path", output,
    ]  # fmt: skip
    assert call["cwd"] == str(more), "a task names its files from its own folder"
    assert not Path(output).exists()


def test_what_was_measured_is_written_without_what_is_about_the_machine(
    tmp_path: Path, harness: Path, model: Path
) -> None:
    assert ability(tmp_path, model, "--tasks", "a", "--limit", "7").code == 0
    written = json.loads((tmp_path / "out" / "ability.json").read_text())
    assert written["settings"] == {
        "tasks": ["a"], "limit": 7, "shots": None, "chat": False, "batch": 8, "include_path": None,
    }  # fmt: skip
    (one,) = written["models"]
    measured = one["measured"]
    assert (measured["lm_eval_version"], measured["versions"]) == ("0.4.13", {"a": 1.0})
    assert measured["n-samples"] == {"a": {"original": 10, "effective": 10}}
    assert not {"pretty_env_info", "git_hash"} & set(measured)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ability.json"]


def test_the_program_gets_no_variable_that_lets_it_run_foreign_code(
    tmp_path: Path, harness: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_DATASETS_TRUST_REMOTE_CODE", "HF_ALLOW_CODE_EVAL", "PYTHONPATH"):
        monkeypatch.setenv(name, "hostile")
    monkeypatch.setenv("HF_DATASETS_CACHE", "/data")
    assert ability(tmp_path, model, "--tasks", "a").code == 0
    call = call_of(harness)
    assert "hostile" not in call["env"].values()
    assert call["env"]["HF_DATASETS_CACHE"] == "/data", "downloaded tasks are found again"
    assert call["files"] == [], "no file of the current folder is taken for a task"


def test_a_measurement_replaces_an_earlier_one(tmp_path: Path, harness: Path, model: Path) -> None:
    for task in ("a", "b"):
        assert ability(tmp_path, model, "--tasks", task).code == 0
    written = json.loads((tmp_path / "out" / "ability.json").read_text())
    assert written["settings"]["tasks"] == ["b"]
