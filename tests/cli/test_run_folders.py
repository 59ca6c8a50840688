"""Run folders that were prepared by somebody else, or altered: nothing outside is touched."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.commands import error_of, run_command
from support.runs import FinishedRun

from ontarget import artifacts
from ontarget.artifacts import fingerprint
from ontarget.errors import ArtifactError

REDO = ("--force-from", "report")  # the shortest step


@pytest.fixture
def run(finished_run: FinishedRun, tmp_path: Path) -> FinishedRun:
    """A copy of the finished run, which may be changed."""
    return finished_run.copy_to(tmp_path)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that belongs to the user, with what ontarget would write or remove."""
    folder = tmp_path / "outside"
    for name in ("step.json", "README.md", "a/b", "7_report/step.json", "stage2/README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    return folder


def snapshot(folder: Path) -> dict[str, tuple[bytes | None, int]]:
    """Content and time of everything below a folder."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else None,
            path.lstat().st_mtime_ns,
        )
        for path in [folder, *sorted(folder.rglob("*"))]
    }


def replace_by_link(place: Path, target: Path) -> None:
    if place.exists():
        place.rename(place.with_name(f"{place.name}-moved"))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


COMMANDS: dict[str, tuple[str, ...]] = {
    "report": ("report", *REDO),
    "translate": ("run", "--force-from", "translate"),
    "run": ("run",),
    "push": ("push", "me/tiny", "--dry-run"),
}


def arguments_of(command: str, run: FinishedRun) -> list[str | Path]:
    verb, *options = COMMANDS[command]
    return [verb, run.recipe, *options]


@pytest.mark.parametrize("target", ["", "a/b", "nothing"])
@pytest.mark.parametrize(
    ("name", "command"),
    [
        (".lock", "report"),
        (".unfinished", "report"),
        (".unfinished/7_report", "report"),
        ("logs", "report"),
        ("logs/7_report", "report"),
        ("7_report", "report"),
        ("5_translate", "translate"),
        ("5_translate/stage2", "translate"),
        (".unfinished/5_translate", "translate"),
        ("logs/5_translate", "translate"),
        (".7_report.1.partial", "report"),
        (".7_report.1.outdated", "report"),
        (".unfinished", "run"),
        (".lock", "push"),
        ("push", "push"),
        ("push/stage2", "push"),
        ("push/.stage2.1.partial", "push"),
    ],
)
def test_a_link_in_a_run_is_not_followed(
    name: str, command: str, target: str, run: FinishedRun, outside: Path
) -> None:
    """To a folder, to a file, or to nothing."""
    link, before = run.out / name, snapshot(outside)
    replace_by_link(link, outside / target)
    result = run_command(*arguments_of(command, run))
    assert result.code in (0, 2), result
    assert snapshot(outside) == before
    if result.code == 2:
        assert link.is_symlink() and result.stderr.count("\n") == 1
        assert result.stderr.startswith(f"ontarget: {run.out}")


@pytest.mark.parametrize("name", ["5_translate", "7_report", "push", ".unfinished", "logs"])
def test_a_link_to_a_folder_is_an_error_where_something_would_be_written(
    name: str, run: FinishedRun, outside: Path
) -> None:
    replace_by_link(run.out / name, outside)
    command = {"5_translate": "translate", "push": "push"}.get(name, "report")
    error = error_of_last_line(arguments_of(command, run))
    assert str(run.out / name) in error and ("is a link" in error or "not a folder" in error)


def error_of_last_line(arguments: list[str | Path]) -> str:
    """The error of a command that may have printed the steps before it failed."""
    result = run_command(*arguments)
    assert result.code == 2 and result.stderr.count("\n") == 1, result
    return result.stderr


def test_a_fifo_in_place_of_the_lock_is_one_line(run: FinishedRun) -> None:
    (run.out / ".lock").unlink()
    os.mkfifo(run.out / ".lock")
    error = error_of("report", run.recipe)
    assert f"{run.out / '.lock'}: not a file, expected one to lock; remove it" in error


def test_a_run_in_use_is_one_line(run: FinishedRun) -> None:
    with artifacts.lock_folder(run.out):
        for command in ("report", "push"):
            error = error_of_last_line(arguments_of(command, run))
            assert f"{run.out}: another ontarget works there; wait for it" in error


ALTERATIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "empty": lambda _: "",
    "not JSON": lambda _: "{",
    "not an object": lambda _: "[1]",
    "deeply nested": lambda _: "[" * 100_000,
    "a deeply nested value": lambda _: '{"sha256":' * 100_000,
    "not UTF-8": lambda _: "\udcff",
    "a changed result": lambda stamp: json.dumps(stamp | {"result": {"steps": 10**9}}),
    "a changed recipe": lambda stamp: json.dumps(stamp | {"recipe": {}}),
    "a changed fingerprint": lambda stamp: json.dumps(stamp | {"fingerprint": "0" * 64}),
    "no hash of its own": lambda stamp: without(stamp, "sha256"),
    "no outputs": lambda stamp: signed(stamp, "outputs"),
    "no result": lambda stamp: signed(stamp, "result"),
    "no fingerprint": lambda stamp: signed(stamp, "fingerprint"),
}


def without(stamp: dict[str, Any], key: str) -> str:
    return json.dumps({name: value for name, value in stamp.items() if name != key})


def signed(stamp: dict[str, Any], missing: str) -> str:
    """The stamp without a key, and with a hash that fits."""
    content = {k: v for k, v in stamp.items() if k not in (missing, "sha256")}
    return json.dumps(content | {"sha256": fingerprint(content)})


def alter(path: Path, change: Callable[[dict[str, Any]], str]) -> None:
    text = change(json.loads(path.read_text(encoding="utf-8")))
    path.write_bytes(text.encode(errors="surrogateescape"))


@pytest.mark.parametrize("case", ALTERATIONS)
def test_a_step_with_an_altered_stamp_is_redone_and_not_pushed(case: str, run: FinishedRun) -> None:
    stamp = run.out / "6_evaluate/step.json"
    alter(stamp, ALTERATIONS[case])
    error = error_of(*arguments_of("push", run))
    assert f"{run.out / '6_evaluate'}: is missing or altered; run `ontarget run RECIPE`" in error
    result = run_command("evaluate", run.recipe)
    assert (result.code, result.stderr) == (0, "")
    assert "6_evaluate               started" in result.stdout
    assert "5_translate/stage2       up to date" in result.stdout
    assert artifacts.read_stamp(run.out / "6_evaluate") is not None


@pytest.mark.parametrize(
    "change", [{"made_from": None}, {"recipe": None}, {"made_from": {}}, {"made_from": [1]},
               {"recipe": "x"}, {"outputs": {}}, {"result": 1}],
)  # fmt: skip
def test_a_forged_stamp_with_a_valid_hash_is_not_pushed(
    change: dict[str, Any], run: FinishedRun
) -> None:
    def forge(stamp: dict[str, Any]) -> str:
        content = {k: v for k, v in (stamp | change).items() if v is not None and k != "sha256"}
        return json.dumps(content | {"sha256": fingerprint(content)})

    alter(run.out / "4_unlikelihood/step.json", forge)
    error_of(*arguments_of("push", run))


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_step_with_a_changed_or_missing_file_is_redone(damage: str, run: FinishedRun) -> None:
    path = run.out / "7_report/report.md"
    content = path.read_text(encoding="utf-8")
    path.write_text("other") if damage == "changed" else path.unlink()
    result = run_command("report", run.recipe)
    assert result.code == 0 and "7_report                 started" in result.stdout
    assert path.read_text(encoding="utf-8") == content


def test_what_a_kill_left_of_a_finished_step_is_removed(run: FinishedRun) -> None:
    """Killed after the step was published, before its checkpoints were removed."""
    place = run.out / ".unfinished/3_mle/checkpoint-2"
    place.mkdir(parents=True)
    (place / "optimizer.safetensors").write_bytes(bytes(1000))
    result = run_command("mle", run.recipe)
    assert result.code == 0 and "3_mle                    up to date" in result.stdout
    assert not (run.out / ".unfinished/3_mle").exists()


def test_nothing_is_written_into_a_new_folder_of_the_same_name(
    run: FinishedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's folder is moved while a step is being made, and another takes its place."""
    from ontarget.steps import s7_report

    made = s7_report.run

    def run_and_move(context: Any) -> dict[str, Any]:
        result = made(context)
        run.out.rename(run.out.with_name("moved"))
        run.out.mkdir()
        (run.out / "mine").write_text("mine")
        return result

    monkeypatch.setattr(s7_report, "run", run_and_move)
    error = error_of_last_line(arguments_of("report", run))
    assert "ontarget did not foresee" not in error
    assert snapshot(run.out).keys() == {".", "mine"}


def test_a_published_folder_checks_its_lock(run: FinishedRun) -> None:
    message = "was moved or replaced while it was in use; nothing more is written there: run again"
    with artifacts.lock_folder(run.out) as lock, pytest.raises(ArtifactError, match=message):
        place = run.out / "7_report"
        with artifacts.publish_folder(place, still_locked=lock.check) as partial:
            (partial / "report.html").write_text("new")
            run.out.rename(run.out.with_name("moved"))
            run.out.mkdir()
    assert not list(run.out.iterdir())
    assert re.search("<html", (run.out.with_name("moved") / "7_report/report.html").read_text())
