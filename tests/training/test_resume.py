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
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_model
from support.models import tiny
from support.trainings import Killed, dies_after, examples, own_answers, schedule
from torch import Tensor, nn

from ontarget import artifacts
from ontarget.errors import RecipeError, Stopped
from ontarget.models.adapters import LowRankAdapter
from ontarget.training import checkpoints
from ontarget.training.monitoring import callbacks
from ontarget.training.monitoring.callbacks import StopOnSignal, TimedCheckpoint, ValidationPlan
from ontarget.training.monitoring.model_selection import ValidationResult
from ontarget.training.resume import BEST_FILE, STATE_FILE, TRAINER_STATE, ResumableState
from ontarget.training.train import TrainingResult, train

STEPS, BEST = 12, 8
SETTING: dict[str, Any] = {
    "steps": STEPS, "batch": 4, "micro_batch": 2, "checkpoint_every": 2, "schedule": "cosine",
    "row_tokens": 30,
}  # fmt: skip
Weights = dict[str, Tensor]
Damage = Callable[[Path], None]  # what happens to a checkpoint


def result_of(step: int) -> ValidationResult:
    return ValidationResult(
        step=step,
        off_target_percent=abs(step - BEST) + 10.0,
        reference_off_target_percent=0.0,
        chrf=1.0,
    )


def validation(measure: Callable[[int], ValidationResult] = result_of) -> ValidationPlan:
    return ValidationPlan(every=4, measure=measure, stop=False)


def trained(
    folder: Path, *, validated: bool = True, own: bool = False, **changes: Any
) -> tuple[TrainingResult, nn.Module]:
    """Four epochs over ten examples, resumed from the checkpoints in `folder`."""
    loaded = tiny()
    setting = schedule(**{**SETTING, **changes, "validation": validation() if validated else None})
    drawn = examples(10, own=own)
    return train(loaded, drawn, setting, folder, answers=own_answers(loaded)), loaded.model


def weights_of(model: nn.Module) -> Weights:
    return dict(model.state_dict())


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


Uninterrupted = Callable[..., tuple[TrainingResult, Weights]]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Uninterrupted:
    """Result and weights of a training that nothing interrupts; each kind is trained once."""
    known: dict[str, tuple[TrainingResult, Weights]] = {}

    def of(**changes: Any) -> tuple[TrainingResult, Weights]:
        name = repr(sorted(changes.items()))
        if name not in known:
            result, model = trained(tmp_path_factory.mktemp("uninterrupted"), **changes)
            known[name] = result, weights_of(model)
        return known[name]

    return of


def assert_ends_alike(folder: Path, uninterrupted: Uninterrupted) -> None:
    """Resumed from `folder`, a training ends as if nothing had interrupted it."""
    result, model = trained(folder, checkpoint_every=1000)
    expected, weights = uninterrupted()
    assert same(weights_of(model), weights) and result == expected


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that was killed with two checkpoints: of steps 2 and 4."""
    folder = tmp_path_factory.mktemp("interrupted")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoints, "publish", dies_after(2, checkpoints.publish))
        trained(folder)
    return folder


@pytest.fixture
def killed(interrupted: Path, tmp_path: Path) -> Path:
    """A copy of `interrupted`, to be damaged."""
    return Path(shutil.copytree(interrupted, tmp_path / "killed"))


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


def usable(folder: Path) -> Path | None:
    """The checkpoint that the training of `trained` would resume from."""
    state = ResumableState(tiny().model, validation(), folder, lambda point: None)
    found = state.newest_usable()
    return found and found[0]


def resealed(checkpoint: Path) -> None:
    """Write a new manifest, as if the files had always been what they are now."""
    hashes = artifacts.folder_hashes(checkpoint)
    hashes.pop(checkpoints.MANIFEST)
    artifacts.write_json(checkpoint / checkpoints.MANIFEST, hashes)


def altered(name: str, change: Callable[[dict[str, Any]], Any]) -> Damage:
    """Damage that replaces the JSON in a file by what `change` makes of it."""

    def damage(checkpoint: Path) -> None:
        content = json.loads((checkpoint / name).read_text())
        (checkpoint / name).write_text(json.dumps(change(content)))
        resealed(checkpoint)

    return damage


def overwritten(name: str, content: bytes) -> Damage:
    """Damage that the manifest shows."""

    def damage(checkpoint: Path) -> None:
        (checkpoint / name).write_bytes(content)

    return damage


def written(name: str, content: bytes) -> Damage:
    """Damage that the manifest does not show, as all below."""

    def damage(checkpoint: Path) -> None:
        overwritten(name, content)(checkpoint)
        resealed(checkpoint)

    return damage


def truncated(name: str) -> Damage:
    def damage(checkpoint: Path) -> None:
        content = (checkpoint / name).read_bytes()
        written(name, content[: len(content) // 2])(checkpoint)

    return damage


def removed(name: str) -> Damage:
    def damage(checkpoint: Path) -> None:
        (checkpoint / name).unlink()
        resealed(checkpoint)

    return damage


def linked(checkpoint: Path) -> None:
    """The checkpoint moves away and leaves a link, which a rename or removal must not follow."""
    moved = checkpoint.rename(checkpoint.parent.parent / f"elsewhere-{checkpoint.name}")
    checkpoint.symlink_to(moved)


def file_linked(checkpoint: Path) -> None:
    weights = checkpoint / "model.safetensors"
    weights.rename(checkpoint.parent / f"weights-{checkpoint.name}")
    weights.symlink_to(checkpoint.parent / f"weights-{checkpoint.name}")


def replaced_by_file(checkpoint: Path) -> None:
    shutil.rmtree(checkpoint)
    checkpoint.write_text("")


def saved(name: str, content: Any) -> Damage:
    def damage(checkpoint: Path) -> None:
        torch.save(content, checkpoint / name)
        resealed(checkpoint)

    return damage


def without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda content: {key: value for key, value in content.items() if key != name}


DEEP = b"[" * 100_000
DAMAGES: dict[str, Damage] = {
    "the weights differ from the manifest": overwritten("model.safetensors", b"damaged"),
    "a file is added": overwritten("added", b""),
    "the manifest is missing": lambda checkpoint: (checkpoint / checkpoints.MANIFEST).unlink(),
    "the manifest is empty": overwritten(checkpoints.MANIFEST, b"{}"),
    "the manifest is nested too deep": overwritten(checkpoints.MANIFEST, DEEP),
    "the state is missing": removed(STATE_FILE),
    "the state is not JSON": written(STATE_FILE, b"damaged"),
    "the state is not UTF-8": written(STATE_FILE, b"\xff\xfe"),
    "the state is nested too deep": written(STATE_FILE, DEEP),
    "the state is a list": altered(STATE_FILE, lambda content: [content]),
    "the state has no validation results": altered(STATE_FILE, without("validated")),
    "the state's validation results are numbers": altered(
        STATE_FILE, lambda content: content | {"validated": [1, 2]}
    ),
    "a validation result lacks a field": altered(
        STATE_FILE, lambda content: content | {"validated": [{"step": 0}]}
    ),
    "the state's loss sums are text": altered(
        STATE_FILE, lambda content: content | {"seen": [["1.0"]]}
    ),
    "the best weights are missing": removed(BEST_FILE),
    "the best weights are truncated": truncated(BEST_FILE),
    "the Trainer's state is not JSON": written(TRAINER_STATE, b"{"),
    "the Trainer's state is nested too deep": written(TRAINER_STATE, DEEP),
    "the Trainer's state has no step": altered(TRAINER_STATE, without("global_step")),
    "the Trainer's state is of another step": altered(
        TRAINER_STATE, lambda content: content | {"global_step": 7}
    ),
    "the Trainer's state has an unknown key": altered(
        TRAINER_STATE, lambda content: content | {"unknown": 1}
    ),
    "the Trainer's log is text": altered(
        TRAINER_STATE, lambda content: content | {"log_history": "x"}
    ),
    "the weights are truncated": truncated("model.safetensors"),
    "the optimizer is truncated": truncated("optimizer.pt"),
    "the optimizer is missing": removed("optimizer.pt"),
    "the optimizer is a list": saved("optimizer.pt", [1]),
    "the optimizer lacks its groups": saved("optimizer.pt", {"state": {}}),
    "the scheduler is truncated": truncated("scheduler.pt"),
    "the random state is truncated": truncated("rng_state.pth"),
    "the random state would run code": saved("rng_state.pth", {"python": print}),
    "it is a link": linked,
    "its weights are a link": file_linked,
    "it is a file": replaced_by_file,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_skipped(killed: Path, damage: Damage) -> None:
    newest, older = (killed / f"step-{step:09}" for step in (4, 2))
    assert usable(killed) == newest
    damage(newest)
    assert usable(killed) == older
    damage(older)
    assert usable(killed) is None


@pytest.mark.parametrize(
    "name",
    ["the optimizer is truncated", "the state is nested too deep", "it is a link", "it is a file"],
)
def test_without_a_usable_checkpoint_training_starts_anew(
    killed: Path, name: str, uninterrupted: Uninterrupted
) -> None:
    """What is in the way of a new checkpoint is replaced; what a link points to stays."""
    for step in (2, 4):
        DAMAGES[name](killed / f"step-{step:09}")
    result, model = trained(killed)
    expected, weights = uninterrupted()
    assert result == expected and same(weights_of(model), weights)
    assert checkpoints.newest(killed) == killed / "step-000000010"
    if name == "it is a link":
        assert (killed.parent / "elsewhere-step-000000002" / "optimizer.pt").is_file()


def test_links_and_files_are_no_checkpoints_and_removal_does_not_follow_them(
    tmp_path: Path,
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").write_text("")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("step-000000001", "step-x", "step-000000002.old"):
        (folder / name).mkdir()
    (folder / "step-000000003").symlink_to(target)
    (folder / "step-000000004").write_text("")
    assert checkpoints.all_checkpoints(folder) == [folder / "step-000000001"]
    for path in list(folder.iterdir()):
        checkpoints.remove(path)
    checkpoints.remove(folder / "missing")
    assert not list(folder.iterdir()) and (target / "kept").is_file()


def test_partial_folders_are_one_per_process_and_those_of_ended_ones_are_removed(
    tmp_path: Path,
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine, other = os.getpid(), os.getppid()
    for name in (mine, other, ended.pid, "x"):
        (tmp_path / f"{checkpoints.PARTIAL}-{name}" / "checkpoint-1").mkdir(parents=True)
    partial = checkpoints.prepare_partial(tmp_path, mine)
    assert partial.name == f"{checkpoints.PARTIAL}-{mine}" and not list(partial.iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{checkpoints.PARTIAL}-{name}" for name in (mine, other)
    }


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_saves_a_checkpoint_and_stops_after_the_step(
    tmp_path: Path, uninterrupted: Uninterrupted, number: int
) -> None:
    """The signal comes while step 4 is validated; the next run resumes from there."""

    def measure(step: int) -> ValidationResult:
        if step == 4:
            os.kill(os.getpid(), number)
        return result_of(step)

    before = signal.getsignal(number)
    setting = schedule(**{**SETTING, "checkpoint_every": 1000, "validation": validation(measure)})
    with pytest.raises(Stopped, match=r"^stopped after step 4 of 12; run again to resume$") as at:
        train(tiny(), examples(10), setting, tmp_path)
    assert at.value.signal == number
    assert signal.getsignal(number) == before
    assert [path.name for path in checkpoints.all_checkpoints(tmp_path)] == ["step-000000004"]
    assert_ends_alike(tmp_path, uninterrupted)


def test_a_second_sigterm_kills_unless_it_comes_with_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([10.0, 10.1, 13.0])
    module = "ontarget.training.monitoring.callbacks"
    monkeypatch.setattr(f"{module}.time.monotonic", lambda: next(clock))
    raised: list[int] = []
    on_signal = StopOnSignal()
    with on_signal.listening():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert on_signal.received == (signal.SIGTERM, 10.0)
        assert signal.getsignal(signal.SIGTERM) == on_signal.handle
        with monkeypatch.context() as patch:
            patch.setattr(f"{module}.signal.raise_signal", raised.append)
            os.kill(os.getpid(), signal.SIGTERM)
    assert raised == [signal.SIGTERM]


def test_a_second_ctrl_c_ends_at_once_but_not_if_a_launcher_may_have_repeated_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt), StopOnSignal().listening():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    message = "ontarget: stops after this optimizer step; Ctrl-C again stops at once\n"
    assert capfd.readouterr().err == message
    monkeypatch.setattr("ontarget.processes.world_size", lambda: 2)
    with StopOnSignal().listening():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As after nohup, or in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    on_signal = StopOnSignal()
    try:
        with on_signal.listening():
            signal.raise_signal(signal.SIGINT)
        assert on_signal.received is None and signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_last_step_is_logged(tmp_path: Path) -> None:
    """Every second step of 23 is logged, and the last one."""
    result, _ = trained(tmp_path, steps=23, validated=False, checkpoint_every=1000)
    assert [point["step"] for point in result.curve][-2:] == [22, 23]


def test_a_checkpoint_of_an_earlier_version_is_resumed(
    tmp_path: Path, uninterrupted: Uninterrupted
) -> None:
    """It has fewer logged values per step; steps=24 logs every second one, so some are pending."""
    changes = {"steps": 24, "checkpoint_every": 7}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoints, "publish", dies_after(1, checkpoints.publish))
        trained(tmp_path, **changes)
    (checkpoint,) = checkpoints.all_checkpoints(tmp_path)
    content = json.loads((checkpoint / STATE_FILE).read_text())
    assert content["seen"]
    altered(STATE_FILE, lambda state: state | {"seen": [row[:5] for row in state["seen"]]})(
        checkpoint
    )
    result, model = trained(tmp_path, **changes)
    expected, weights = uninterrupted(**changes)
    assert same(weights_of(model), weights)
    assert [point["step"] for point in result.curve] == [point["step"] for point in expected.curve]


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
