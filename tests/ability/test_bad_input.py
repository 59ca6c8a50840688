"""Bad input of `ontarget ability`: one line, and nothing is measured or replaced."""

from pathlib import Path

import pytest
from support.harness import calls_of, failure


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


def test_a_missing_folder_of_tasks_is_an_error(tmp_path: Path, harness: Path, model: Path) -> None:
    error = failure(tmp_path, model, "--tasks", "a", "--include-path", tmp_path / "none")
    assert f"--include-path {tmp_path}/none: is no folder; give one with tasks as YAML" in error


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
