"""`ontarget ability` with a stand-in for lm_eval: models, command line, table, resuming, faults."""

import json
import os
import signal
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from conftest import FinishedRun
from support.commands import Result, error_of, process_error_of, run_command
from support.harness import WORKS, call_of, calls_of, install_harness, save_weights

from ontarget.ability.harness import RESULTS_BYTES
from ontarget.errors import ProgramError
from ontarget.programs.environments import ProgramCommand
from ontarget.programs.running import LINE, Invocation, run

REAL = os.environ.get("ONTARGET_LM_EVAL")  # before the fixture below removes it


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No program of this machine."""
    monkeypatch.delenv("ONTARGET_LM_EVAL", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


@pytest.fixture
def harness(tmp_path: Path) -> Path:
    """The default environment with a stand-in that works."""
    environment = tmp_path / "cache" / "ontarget" / "lm_eval"
    install_harness(environment)
    return environment


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_weights(tmp_path / "a, =model")


def ability(tmp_path: Path, *arguments: str | Path) -> Result:
    return run_command("ability", *arguments, "--out", tmp_path / "out" / "ability.json")


def failure(tmp_path: Path, *arguments: str | Path) -> str:
    return error_of("ability", *arguments, "--out", tmp_path / "out" / "ability.json")


def option(argv: list[str], name: str) -> str:
    return argv[argv.index(name) + 1]


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


FAILS_SECOND = "if calls == 1:\n    sys.exit('out of memory')\n" + WORKS


def test_a_measurement_resumes_with_the_model_that_failed(tmp_path: Path, harness: Path) -> None:
    models = [save_weights(tmp_path / name) for name in ("one", "two")]
    install_harness(harness, FAILS_SECOND)
    failed = ability(tmp_path, *models, "--tasks", "a")
    assert (failed.code, failed.stdout) == (2, "")
    message = f"{harness}/bin/lm_eval: failed with exit code 1: out of memory; check that "
    expected = f"ontarget: {message}lm-evaluation-harness runs by hand with {models[1]}"
    assert failed.stderr.splitlines()[-1] == expected
    assert not (tmp_path / "out" / "ability.json").exists()
    assert ability(tmp_path, *models, "--tasks", "a").code == 0
    assert calls_of(harness) == 3, "the first model is measured once"
    assert ability(tmp_path, *models, "--tasks", "a").code == 0
    assert calls_of(harness) == 5, "nothing is kept of a measurement that is complete"


@pytest.mark.parametrize("changed", ["a setting", "the model", "a task"])
def test_what_was_measured_otherwise_is_not_resumed(
    tmp_path: Path, harness: Path, changed: str
) -> None:
    models = [save_weights(tmp_path / name) for name in ("one", "two")]
    more = tmp_path / "more"
    more.mkdir()
    install_harness(harness, FAILS_SECOND)
    arguments = [*models, "--tasks", "a", "--include-path", more, "--limit", "7"]
    assert ability(tmp_path, *arguments).code == 2
    if changed == "a setting":
        arguments[-1] = "8"
    elif changed == "the model":
        (models[0] / "config.json").write_text('{"vocab_size": 3}')
    else:
        (more / "a.yaml").write_text("task: a")
    assert ability(tmp_path, *arguments).code == 0
    assert calls_of(harness) == 4


def test_a_signal_kills_the_program_and_keeps_what_was_measured(
    tmp_path: Path, harness: Path
) -> None:
    models = [save_weights(tmp_path / name) for name in ("one", "two")]
    install_harness(harness, "if calls == 1:\n    time.sleep(300)\n" + WORKS)
    second = harness / "call1.json"

    def send() -> None:
        end = time.monotonic() + 60
        while not second.exists() and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    previous = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sender = threading.Thread(target=send)
    sender.start()
    result = ability(tmp_path, *models, "--tasks", "a")
    sender.join()
    signal.signal(signal.SIGTERM, previous)
    assert result.code == 143 and "models measured so far are kept" in result.stderr
    install_harness(harness)
    assert ability(tmp_path, *models, "--tasks", "a").code == 0
    assert calls_of(harness) == 3


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


@pytest.mark.parametrize("tasks", ["", "a,,b", "--trust_remote_code", "x.yaml/y", "a*", "a b"])
def test_what_is_no_name_of_a_task_is_an_error(
    tmp_path: Path, harness: Path, model: Path, tasks: str
) -> None:
    error = failure(tmp_path, model, f"--tasks={tasks}")
    assert "is no task's name; list names such as arc_easy,hellaswag" in error
    assert calls_of(harness) == 0


def test_a_task_that_is_named_twice_is_an_error(tmp_path: Path, harness: Path, model: Path) -> None:
    error = failure(tmp_path, model, "--tasks", "b,a, a")
    assert error == "ontarget: --tasks: 'a' is named twice; name each task once\n"
    assert calls_of(harness) == 0


@pytest.mark.parametrize("kind", ["a file", "a link"])
def test_a_file_of_the_user_is_not_replaced(
    tmp_path: Path, harness: Path, model: Path, kind: str
) -> None:
    out = tmp_path / "out" / "ability.json"
    mine = out if kind == "a file" else tmp_path / "mine"
    out.parent.mkdir()
    mine.write_text('{"program": "another"}')
    if kind == "a link":
        out.symlink_to(mine)
    messages = {
        "a file": "was not written by `ontarget ability`; give another --out, or move it away",
        "a link": "is a link; give another --out, or remove the link",
    }
    error = failure(tmp_path, model, "--tasks", "a")
    assert error == f"ontarget: {out}: {messages[kind]}\n"
    assert mine.read_text() == '{"program": "another"}' and calls_of(harness) == 0


def test_a_measurement_replaces_an_earlier_one(tmp_path: Path, harness: Path, model: Path) -> None:
    for task in ("a", "b"):
        assert ability(tmp_path, model, "--tasks", task).code == 0
    written = json.loads((tmp_path / "out" / "ability.json").read_text())
    assert written["settings"]["tasks"] == ["b"]


def test_a_message_without_an_end_is_cut(tmp_path: Path, harness: Path, model: Path) -> None:
    """Neither time nor memory grows with what is written."""
    body = "for _ in range(300):\n    sys.stderr.write('x' * 100_000)\n"
    install_harness(harness, body + "sys.exit(1)")
    seen: list[str] = []
    call = Invocation(
        title="x", command=ProgramCommand((str(harness / "bin" / "lm_eval"),), "1"), arguments=[],
        folder=tmp_path, variables={}, model="m", when_stopped="stopped",
    )  # fmt: skip
    tracemalloc.start()
    with pytest.raises(ProgramError, match="failed with exit code 1: x{300}; check that"):
        run(call, seen.append)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000, "a third of what was written"
    assert seen[-1] == "x" * LINE and max(map(len, seen)) <= LINE


def test_a_message_is_cut_between_two_reads_as_within_one(tmp_path: Path) -> None:
    script = (
        "import sys, time\nlast = '\\nnext\\n' + 'c' * 60_000 + '\\n'\n"
        "for part in ('a' * 60_000, 'b' * 60_000, last):\n"
        "    sys.stderr.write(part); sys.stderr.flush(); time.sleep(0.3)\n"
    )
    seen: list[str] = []
    call = Invocation(
        title="x", command=ProgramCommand((sys.executable, "-c"), "1"), arguments=[script],
        folder=tmp_path, variables={}, model="m", when_stopped="stopped",
    )  # fmt: skip
    run(call, seen.append)
    assert seen == ["a" * LINE, "next", "c" * LINE]


def test_a_missing_folder_of_tasks_is_an_error(tmp_path: Path, harness: Path, model: Path) -> None:
    error = failure(tmp_path, model, "--tasks", "a", "--include-path", tmp_path / "none")
    assert f"--include-path {tmp_path}/none: is no folder; give one with tasks as YAML" in error


def test_a_missing_program_is_one_line_with_the_commands_that_install_it(
    tmp_path: Path, model: Path
) -> None:
    folder = tmp_path / "cache" / "ontarget" / "lm_eval"
    assert failure(tmp_path, model, "--tasks", "a") == (
        "ontarget: lm-evaluation-harness is not installed; it needs an environment of its own: "
        f"python3 -m venv {folder} && {folder}/bin/pip install "
        "'lm_eval[hf,sentencepiece]>=0.4.13' protobuf; or name an existing one: export "
        "ONTARGET_LM_EVAL=/path/to/environment; or install uv, which runs it without\n"
    )


def test_a_program_that_is_too_old_is_an_error(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version, code in (("0.4.9", 2), ("0.4.13", 0), ("0.5.0", 0), ("1.0", 0)):
        environment = tmp_path / version
        install_harness(environment, version=version)
        monkeypatch.setenv("ONTARGET_LM_EVAL", str(environment))
        result = ability(tmp_path, model, "--tasks", "a")
        assert result.code == code, result
        if code:
            assert "is lm-evaluation-harness 0.4.9, expected 0.4.13 or newer; in" in result.stderr
        else:
            written = json.loads((tmp_path / "out" / "ability.json").read_text())
            assert written["version"] == version


RESULT = "next(Path(given.output_path).glob('*/*'))"
NO_RESULTS = {
    "no file": ("pass", "without usable results (0 files of results); is this lm-evaluation"),
    "two files": ("write({}); write({}, 'results_2.json')", "(2 files of results)"),
    "no scores": ("write({'results': {}})", "(no scores)"),
    "a list": ("write([1])", "(no scores)"),
    "no tasks": ("write({'results': 3})", "(not the results of tasks, each with its metrics)"),
    "not JSON": (
        "write({})\nnext(Path(given.output_path).glob('*/*')).write_text('x')",
        "(Expecting value: line 1 column 1 (char 0))",
    ),
    "a huge number": (
        "write({'results': {'a': {'acc,none': 10 ** 400}}})",
        "(not the results of tasks, each with its metrics)",
    ),
    "a number beyond Python's limit": (
        f"write({{}})\n{RESULT}.write_text('[' + '1' * 5000 + ']')",
        "(Exceeds the limit",
    ),
    "half a surrogate pair in a name": (
        r"write({'results': {'a': {'acc,none': 0.5, '\ud800,none': 0.5}}})",
        "(a text has half of a surrogate pair)",
    ),
    "half a surrogate pair elsewhere": (
        r"write({'results': {'a': {'acc,none': 0.5}}, 'config': {'x': ['\udfff']}})",
        "(a text has half of a surrogate pair)",
    ),
    "a direction that is none": (
        "write({'results': {'a': {'acc,none': 0.5}}, 'higher_is_better': {'a': {'acc': 'up'}}})",
        "(not the results of tasks, each with its metrics)",
    ),
    "too deep": (
        f"write({{}})\n{RESULT}.write_text('{{\"a\":' * 100_000)",
        "usable results (",
    ),
    "a FIFO": (
        f"write({{}})\npath = {RESULT}\npath.unlink()\nos.mkfifo(path)",
        "(the results are no regular file)",
    ),
    "a link": (
        f"write({{}})\npath = {RESULT}\npath.unlink()\npath.symlink_to('/dev/zero')",
        "(the results are a link)",
    ),
    "a folder": (f"write({{}})\npath = {RESULT}\npath.unlink()\npath.mkdir()", "(Is a directory)"),
    "a link to a folder": (
        f"write({{}})\npath = {RESULT}.parent\npath.rename('moved')\n"
        "path.symlink_to(Path('moved').absolute())",
        "(the results are a link)",
    ),
    "too large": (
        f"write({{}})\nos.truncate({RESULT}, {RESULTS_BYTES + 1})",
        "(the results are larger than 32 MB)",
    ),
}


@pytest.mark.parametrize("fault", NO_RESULTS)
def test_output_that_is_no_results_file_is_an_error(
    tmp_path: Path, harness: Path, model: Path, fault: str
) -> None:
    body, message = NO_RESULTS[fault]
    install_harness(harness, body)
    assert message in failure(tmp_path, model, "--tasks", "a")
    assert not (tmp_path / "out" / "ability.json").exists()


def test_a_direction_that_is_none_is_an_error_where_no_type_is_checked(
    tmp_path: Path, harness: Path, model: Path
) -> None:
    """In the process of the tests, a checker of types would find it too."""
    body, message = NO_RESULTS["a direction that is none"]
    install_harness(harness, body)
    out = tmp_path / "out" / "ability.json"
    assert message in process_error_of("ability", model, "--tasks", "a", "--out", out)


TASK = """\
task: ten_questions
dataset_path: json
dataset_kwargs: {data_files: {test: ten.jsonl}}
output_type: multiple_choice
test_split: test
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
metadata: {version: 1.0}
"""


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="ONTARGET_LM_EVAL names no environment with lm_eval")
def test_the_real_program_measures_the_models_of_a_run(
    tmp_path: Path, finished_run: FinishedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONTARGET_LM_EVAL", REAL or "")
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "ten.yaml").write_text(TASK)
    rows = [{"question": f"{n} + 1?", "choices": [str(n + 1), "x"], "answer": 0} for n in range(10)]
    (tasks / "ten.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = ability(
        tmp_path, f"{finished_run.out}#base", f"{finished_run.out}#stage2", "--tasks",
        "ten_questions", "--include-path", tasks, "--limit", "10", "--json",
    )  # fmt: skip
    assert result.code == 0, result
    written = json.loads((tmp_path / "out" / "ability.json").read_text())
    for line, one in zip(result.stdout.splitlines(), written["models"], strict=True):
        (score,) = json.loads(line)["scores"]
        assert (score["task"], score["metric"]) == ("ten_questions", "acc")
        assert 10 * score["value"] == pytest.approx(round(10 * score["value"]))
        assert score["higher_is_better"] is True
        measured = one["measured"]
        assert measured["n-samples"] == {"ten_questions": {"original": 10, "effective": 10}}
        assert measured["versions"] == {"ten_questions": 1.0}
        assert not measured["config"]["model_args"].get("trust_remote_code")
