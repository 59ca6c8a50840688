"""lm-evaluation-harness as a program: missing, too old, its messages, its results; for real."""

import json
import os
import re
import sys
import tracemalloc
from pathlib import Path

import pytest
import yaml
from support.commands import process_error_of
from support.harness import ability, failure, install_harness
from support.runs import FinishedRun

from ontarget.ability.harness import RESULTS_BYTES
from ontarget.errors import ProgramError
from ontarget.programs.environments import ProgramCommand
from ontarget.programs.running import LINE, Invocation, run

REAL = os.environ.get("ONTARGET_LM_EVAL")  # before a fixture removes it


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


def test_the_guide_shows_the_task_that_was_run() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(task: .*?)```", guide, flags=re.DOTALL)
    assert yaml.safe_load(shown) == yaml.safe_load(TASK)


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
