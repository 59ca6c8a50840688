"""Checkpoints: a damaged one is skipped, one of an earlier version is resumed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.models import tiny
from support.resuming import (
    Uninterrupted,
    same,
    trained,
    validation,
    weights_of,
)
from support.trainings import Killed, dies_after

from ontarget import artifacts
from ontarget.training import checkpoints
from ontarget.training.resume import BEST_FILE, STATE_FILE, TRAINER_STATE, ResumableState

Damage = Callable[[Path], None]  # what happens to a checkpoint


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
