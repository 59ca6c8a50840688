"""A training that is killed at any moment ends with the weights it would have had."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_model
from support.models import tiny
from support.trainings import Killed, dies_after, examples, schedule
from torch import Tensor, nn

from ontarget import artifacts
from ontarget.errors import RecipeError, Stopped
from ontarget.models.adapters import LowRankAdapter
from ontarget.training import checkpoints
from ontarget.training.monitoring.callbacks import StopOnSigterm, ValidationPlan
from ontarget.training.monitoring.model_selection import ValidationResult
from ontarget.training.resume import STATE_FILE
from ontarget.training.train import TrainingResult, train

STEPS = 24
SETTING: dict[str, Any] = {
    "steps": STEPS, "batch": 4, "micro_batch": 2, "checkpoint_every": 3, "schedule": "cosine",
    "row_tokens": 30,
}  # fmt: skip


def percent(step: int) -> float:
    """What validation finds; best after step 16."""
    return abs(step - 16) + 10.0


def validation() -> ValidationPlan:
    def measure(step: int) -> ValidationResult:
        return ValidationResult(
            step=step, off_target_percent=percent(step), reference_off_target_percent=0.0, chrf=1.0
        )

    return ValidationPlan(every=4, measure=measure, stop=False)


def trained(folder: Path, *, validated: bool = True, **changes: Any) -> tuple[TrainingResult, Any]:
    """Several epochs over few examples, from what `folder` holds."""
    loaded = tiny()
    setting = schedule(**{**SETTING, **changes, "validation": validation() if validated else None})
    return train(loaded, examples(10), setting, folder), loaded.model


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


def of_kind(folder: Path, kind: int, *, validated: bool) -> tuple[TrainingResult, nn.Module]:
    """A training of all weights, or of an adapter."""
    changes = dict(KINDS[kind])
    if "adapter" in changes:
        changes["adapter"] = LowRankAdapter(**changes["adapter"])
    done, model = trained(folder, validated=validated, **changes)
    return done, done.adapter or model


def child(folder: Path, result: Path, validated: bool, kind: int, deadly: int = 0) -> None:
    """What the killed process runs; it dies by itself after so many flushes to the disk."""
    checkpoints.fsync = dies_after(deadly, checkpoints.fsync, by=sigkill)
    done, model = of_kind(folder, kind, validated=validated)
    result.mkdir(exist_ok=True)
    save_model(model, str(result / "model.safetensors"))
    (result / "curve.json").write_text(json.dumps(done.curve))


def started(
    folder: Path, result: Path, validated: bool, kind: int, deadly: int = 0
) -> subprocess.Popen[bytes]:
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}\n"
        f"from pathlib import Path\nimport test_resume as t\n"
        f"t.child(Path({str(folder)!r}), Path({str(result)!r}), {validated}, {kind}, {deadly})"
    )
    return subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"OMP_NUM_THREADS": "1"})


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_ended_anywhere_it_resumes_to_the_same_weights_and_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, validated: bool, optimizer: str
) -> None:
    """Ended while checkpoints are written, in different places and one after another."""
    whole, wanted = trained(tmp_path / "whole", validated=validated, optimizer=optimizer)
    real = checkpoints.fsync
    for deadly in (1, 14, 5, 17, 30, 2):  # a checkpoint is about a dozen flushes
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(checkpoints, "fsync", dies_after(deadly, real))
            trained(tmp_path / "cut", validated=validated, optimizer=optimizer)
    assert checkpoints.newest(tmp_path / "cut") is not None
    found, model = trained(tmp_path / "cut", validated=validated, optimizer=optimizer)
    assert same(dict(model.state_dict()), dict(wanted.state_dict()))
    assert found == whole
    assert found.kept == (16 if validated else STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(20))
def test_killed_at_a_random_moment_it_resumes_to_the_same_weights(
    tmp_path: Path, turn: int
) -> None:
    """SIGKILL, again and again, until a run comes through."""
    kind, validated = turn % 3, turn % 4 < 2
    draw, result = random.Random(turn), tmp_path / "result"
    kills = 0
    while True:
        process = started(tmp_path / "cut", result, validated, kind)
        waited = time.monotonic() + 60
        before = {path.name for path in (tmp_path / "cut").glob("step-*")}
        while process.poll() is None and time.monotonic() < waited:
            if {path.name for path in (tmp_path / "cut").glob("step-*")} - before:
                break  # it trains: now any moment may be the last
            time.sleep(0.002)
        if kills < 4:
            time.sleep(draw.random() * 0.15)
            process.send_signal(signal.SIGKILL)
        if process.wait(timeout=120) == 0:
            break
        kills += 1
    assert kills > 0
    assert_uninterrupted(result, validated, kind)


def assert_uninterrupted(result: Path, validated: bool, kind: int) -> None:
    """The weights and the curve are those of a process that nobody kills; so are its threads."""
    whole = result.parent / "whole"
    assert started(whole / "states", whole, validated, kind).wait(timeout=120) == 0
    weights = [load_file(each / "model.safetensors") for each in (result, whole)]
    assert same(*weights)
    assert (result / "curve.json").read_text() == (whole / "curve.json").read_text()


@pytest.mark.parametrize("kind", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_killed_while_a_state_is_saved_it_resumes_to_the_same_weights(
    tmp_path: Path, kind: int
) -> None:
    """SIGKILL in the first state's save, which leaves nothing, and in the second's."""
    result = tmp_path / "result"
    for deadly in (3, 18, 0):  # a state is a dozen flushes
        process = started(tmp_path / "cut", result, True, kind, deadly)
        assert process.wait(timeout=120) == (-signal.SIGKILL if deadly else 0)
        assert (tmp_path / "cut" / checkpoints.PARTIAL).is_dir()
    assert_uninterrupted(result, True, kind)


def sigkill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_damaged_checkpoint_is_not_used(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "publish", dies_after(3, checkpoints.publish))
        with pytest.raises(Killed):
            trained(tmp_path)
    newest, older = checkpoints.all_checkpoints(tmp_path)
    weights = newest / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    (newest / "made-by-someone").write_text("")
    assert checkpoints.newest(tmp_path) == older
    shutil.rmtree(older)
    assert checkpoints.newest(tmp_path) is None


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "publish", dies_after(5, checkpoints.publish))
        with pytest.raises(Killed):
            trained(tmp_path)
    assert [each.name for each in checkpoints.all_checkpoints(tmp_path)] == [
        "step-000000015",
        "step-000000012",
    ]


def test_sigterm_saves_and_ends_after_the_step(tmp_path: Path) -> None:
    """The signal comes while step 4 is validated; the next run goes on from there."""
    whole, wanted = trained(tmp_path / "whole")

    def measure(step: int) -> ValidationResult:
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return validation().measure(step)

    loaded = tiny()
    asked = ValidationPlan(every=4, measure=measure, stop=False)
    setting = schedule(**{**SETTING, "checkpoint_every": 1000, "validation": asked})
    with pytest.raises(Stopped, match=r"stopped after step 4 of 24; run again to go on"):
        train(loaded, examples(10), setting, tmp_path / "cut")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    newest = checkpoints.newest(tmp_path / "cut")
    assert newest is not None and newest.name == "step-000000004"
    found, model = trained(tmp_path / "cut", checkpoint_every=1000)
    assert same(dict(model.state_dict()), dict(wanted.state_dict()))
    assert found == whole


def test_a_second_sigterm_kills_unless_it_comes_with_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([10.0, 10.1, 13.0])
    monkeypatch.setattr(
        "ontarget.training.monitoring.callbacks.time.monotonic", lambda: next(clock)
    )
    killed: list[int] = []
    terminated = StopOnSigterm()
    with terminated.listening():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert terminated.asked == 10.0 and signal.getsignal(signal.SIGTERM) == terminated.ask
        with monkeypatch.context() as patch:
            patch.setattr(
                "ontarget.training.monitoring.callbacks.signal.raise_signal", killed.append
            )
            os.kill(os.getpid(), signal.SIGTERM)
    assert killed == [signal.SIGTERM]


def test_the_last_step_is_logged(tmp_path: Path) -> None:
    done, _ = trained(tmp_path, steps=23)
    assert [point["step"] for point in done.curve][-2:] == [22, 23]


def test_a_state_of_an_earlier_version_is_gone_on_from(tmp_path: Path) -> None:
    """It has seen fewer numbers a step than are logged now."""
    whole, wanted = trained(tmp_path / "whole", checkpoint_every=7)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoints, "publish", dies_after(1, checkpoints.publish))
        trained(tmp_path / "cut", checkpoint_every=7)
    (state,) = checkpoints.all_checkpoints(tmp_path / "cut")
    content = json.loads((state / STATE_FILE).read_text())
    content["seen"] = [row[:5] for row in content["seen"]]
    assert content["seen"]
    (state / STATE_FILE).write_text(json.dumps(content))
    manifest = json.loads((state / checkpoints.MANIFEST).read_text())
    manifest[STATE_FILE] = artifacts.file_hash(state / STATE_FILE)
    (state / checkpoints.MANIFEST).write_text(json.dumps(manifest))
    found, model = trained(tmp_path / "cut", checkpoint_every=7)
    assert same(dict(model.state_dict()), dict(wanted.state_dict()))
    assert [point["step"] for point in found.curve] == [point["step"] for point in whole.curve]


def test_a_loss_that_becomes_no_number_names_the_last_state_before(tmp_path: Path) -> None:
    loaded = tiny()

    def measure(step: int) -> ValidationResult:
        if step == 8:
            with torch.no_grad():
                loaded.model.lm_head.weight[5] = torch.inf
        return validation().measure(step)

    setting = schedule(
        **{**SETTING, "validation": ValidationPlan(every=4, measure=measure, stop=False)}
    )
    with pytest.raises(RecipeError, match=r"step 9: .* is nan on .*before: .*step-000000006\)"):
        train(loaded, examples(10), setting, tmp_path)


@pytest.mark.parametrize("damage", ["empty", "deep"])
def test_a_state_that_is_none_is_passed_over(tmp_path: Path, damage: str) -> None:
    trained(tmp_path / "folder")
    good = checkpoints.newest(tmp_path / "folder")
    bad = tmp_path / "folder" / "step-999999999"
    bad.mkdir()
    (bad / "manifest.json").write_text("{}" if damage == "empty" else "[" * 100_000)
    assert good is not None and checkpoints.newest(tmp_path / "folder") == good


def test_a_training_goes_on_under_the_engine_that_it_was_begun_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(tmp_path / "folder")
    state = checkpoints.newest(tmp_path / "folder")
    monkeypatch.setattr("ontarget.processes.sharding_engine", lambda: "ACCELERATE_USE_FSDP")
    monkeypatch.setattr("ontarget.processes.is_sharded", lambda: False)
    text = f"{state}: was saved under no engine that shards, this run has ACCELERATE_USE_FSDP"
    with pytest.raises(RecipeError, match=re.escape(text)):
        trained(tmp_path / "folder")
