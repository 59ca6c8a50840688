"""A training that is killed at any moment ends with the weights it would have had."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_model
from support.models import tiny
from support.resuming import (
    BEST,
    SETTING,
    STEPS,
    Uninterrupted,
    assert_ends_alike,
    result_of,
    same,
    trained,
    validation,
    weights_of,
)
from support.trainings import Killed, dies_after, examples, schedule

from ontarget.errors import RecipeError
from ontarget.models.adapters import LowRankAdapter
from ontarget.training import checkpoints
from ontarget.training.monitoring import callbacks
from ontarget.training.monitoring.callbacks import TimedCheckpoint
from ontarget.training.monitoring.model_selection import ValidationResult
from ontarget.training.resume import ResumableState
from ontarget.training.train import train


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adamw", "validated": True},
        {"optimizer": "muon", "validated": False, "own": True},
    ],
    ids=str,
)
def test_killed_anywhere_it_resumes_to_the_same_weights_and_curve(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uninterrupted: Uninterrupted,
    changes: dict[str, Any],
) -> None:
    """Killed between and while writing checkpoints, which take about a dozen flushes each."""
    resumed_from: list[str | None] = []
    restore = ResumableState.restore

    def recorded(self: ResumableState) -> str | None:
        resumed_from.append(restore(self))
        return resumed_from[-1]

    monkeypatch.setattr(ResumableState, "restore", recorded)
    for flushes in (1, 14, 5, 30, 2):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(checkpoints, "fsync", dies_after(flushes, checkpoints.fsync))
            trained(tmp_path, **changes)
    result, model = trained(tmp_path, **changes)
    starts = [None if path is None else Path(path).name for path in resumed_from]
    assert starts[:2] == [None, None] and None not in starts[2:]
    assert starts[2] == "step-000000002" and starts[-1] >= "step-000000006"  # type: ignore[operator]
    expected, weights = uninterrupted(**changes)
    assert same(weights_of(model), weights)
    assert result == expected
    assert result.kept == (BEST if changes["validated"] else STEPS)


KINDS: tuple[dict[str, Any], ...] = (
    {"optimizer": "adamw"},
    {"optimizer": "muon"},
    {
        "adapter": {
            "rank": 2,
            "scale": 2.0,
            "dropout": 0.1,
            "targets": ["all-linear"],
            "kind": "lora",
        }
    },
)


def child(folder: Path, result: Path, validated: bool, kind: int, flushes: int = 0) -> None:
    """What a process of its own runs; it kills itself after so many flushes, unless they are 0."""
    checkpoints.fsync = dies_after(flushes, checkpoints.fsync, by=sigkill)
    changes = dict(KINDS[kind])
    if "adapter" in changes:
        changes["adapter"] = LowRankAdapter(**changes["adapter"])
    done, model = trained(folder, validated=validated, **changes)
    result.mkdir(exist_ok=True)
    save_model(done.adapter or model, str(result / "model.safetensors"))
    (result / "curve.json").write_text(json.dumps(done.curve))


def sigkill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def started(
    folder: Path, result: Path, validated: bool, kind: int, flushes: int = 0
) -> subprocess.Popen[bytes]:
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    code = (
        f"import sys; sys.path[:0] = {paths!r}\n"
        f"from pathlib import Path\nimport test_resume as t\n"
        f"t.child(Path({str(folder)!r}), Path({str(result)!r}), {validated}, {kind}, {flushes})"
    )
    return subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"OMP_NUM_THREADS": "1"})


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(20))
def test_killed_at_random_moments_it_resumes_to_the_same_weights(tmp_path: Path, turn: int) -> None:
    """SIGKILL up to four times, soon after a checkpoint has appeared."""
    kind, validated = turn % 3, turn % 4 < 2
    rng, result, folder = random.Random(turn), tmp_path / "result", tmp_path / "cut"
    kills = 0
    while True:
        before = {path.name for path in folder.glob("step-*")}
        process = started(folder, result, validated, kind)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if {path.name for path in folder.glob("step-*")} - before:
                break
            time.sleep(0.002)
        if kills < 4:
            time.sleep(rng.random() * 0.15)
            process.send_signal(signal.SIGKILL)
        if process.wait(timeout=120) == 0:
            break
        kills += 1
    assert kills > 0
    assert_as_if_uninterrupted(result, validated, kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_killed_while_a_checkpoint_is_written_it_resumes_to_the_same_weights(
    tmp_path: Path, kind: int
) -> None:
    """SIGKILL while the first checkpoint is written, which leaves none, then the second."""
    folder, result = tmp_path / "cut", tmp_path / "result"
    for flushes in (3, 18, 0):
        process = started(folder, result, True, kind, flushes)
        assert process.wait(timeout=120) == (-signal.SIGKILL if flushes else 0)
        assert [path.name for path in folder.glob(".*")] == [f"{checkpoints.PARTIAL}-{process.pid}"]
    assert_as_if_uninterrupted(result, True, kind)


def assert_as_if_uninterrupted(result: Path, validated: bool, kind: int) -> None:
    """Compare with a process that nobody kills; in this one, threads may round differently."""
    whole = result.parent / "whole"
    assert started(whole / "states", whole, validated, kind).wait(timeout=120) == 0
    weights = [load_file(folder / "model.safetensors") for folder in (result, whole)]
    assert same(*weights)
    assert (result / "curve.json").read_text() == (whole / "curve.json").read_text()


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    trained(tmp_path)
    names = [path.name for path in checkpoints.all_checkpoints(tmp_path)]
    assert names == ["step-000000010", "step-000000008"]  # none of the last: nothing to resume


def test_slow_steps_are_saved_by_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: Uninterrupted
) -> None:
    """Killed after two checkpoints of a training whose steps alone would request none."""
    monkeypatch.setattr(callbacks, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE", 1e9)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoints, "publish", dies_after(2, checkpoints.publish))
        trained(tmp_path, checkpoint_every=1000)
    assert [path.name for path in checkpoints.all_checkpoints(tmp_path)] == [
        "step-000000002", "step-000000001",
    ]  # fmt: skip
    assert_ends_alike(tmp_path, uninterrupted)


def test_checkpoints_by_the_clock_take_at_most_a_twentieth_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Steps take a minute and writing two: every ten minutes at first, then every forty."""
    clock = [0.0]
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: clock[0])
    timed, written = TimedCheckpoint(), []
    timed.on_train_begin(None, None, None)
    for step in range(1, 101):
        clock[0] += 60
        control = SimpleNamespace(should_save=False)
        timed.on_step_end(None, None, control)
        if control.should_save:
            clock[0] += 120
            timed.on_save(None, None, control)
            written.append(step)
    assert written == [10, 50, 90]


@pytest.mark.parametrize("due", [True, False])
def test_only_the_clock_of_the_main_process_counts(
    monkeypatch: pytest.MonkeyPatch, due: bool
) -> None:
    """The clocks differ, and a checkpoint takes all processes."""
    monkeypatch.setattr(callbacks, "CHECKPOINT_SECONDS", 1e9 if due else 0.0)
    monkeypatch.setattr(callbacks.processes, "decide_on_main", lambda decide: due)
    control = SimpleNamespace(should_save=False)
    TimedCheckpoint().on_step_end(None, None, control)
    assert control.should_save is due


def test_the_last_step_is_logged(tmp_path: Path) -> None:
    """Every second step of 23 is logged, and the last one."""
    result, _ = trained(tmp_path, steps=23, validated=False, checkpoint_every=1000)
    assert [point["step"] for point in result.curve][-2:] == [22, 23]


def test_a_loss_that_becomes_nan_names_the_last_checkpoint(tmp_path: Path) -> None:
    loaded = tiny()

    def measure(step: int) -> ValidationResult:
        if step == 4:
            with torch.no_grad():
                loaded.model.lm_head.weight[5] = torch.inf
        return result_of(step)

    setting = schedule(**{**SETTING, "checkpoint_every": 3, "validation": validation(measure)})
    with pytest.raises(RecipeError, match=r"step 5: .* is nan on .*checkpoint: .*step-000000003\)"):
        train(loaded, examples(10), setting, tmp_path)


def test_a_training_resumes_only_under_the_engine_that_it_was_started_with(
    killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ontarget.processes.sharding_engine", lambda: "ACCELERATE_USE_FSDP")
    monkeypatch.setattr("ontarget.processes.is_sharded", lambda: False)
    text = (
        f"{killed / 'step-000000004'}: was saved under no sharding engine, this run uses "
        "ACCELERATE_USE_FSDP; resume with the same engine"
    )
    with pytest.raises(RecipeError, match=re.escape(text)):
        trained(killed)
