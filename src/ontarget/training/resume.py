"""What a training must save in addition to the Trainer's checkpoint to resume exactly.

The Trainer saves weights, optimizer, schedule, random states and its log. This module adds the
validation results, the best weights so far, and the loss sums that are not logged yet.
"""

import os
import shutil
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors import safe_open
from torch import nn
from transformers import TrainerCallback, TrainerState
from transformers.trainer_pt_utils import safe_globals

from ontarget import artifacts, processes
from ontarget.errors import RecipeError
from ontarget.training import checkpoints
from ontarget.training.monitoring.callbacks import (
    LOGGED_MEANS,
    BestCheckpoint,
    OnLog,
    ProgressLog,
    TimedCheckpoint,
    ValidationPlan,
)
from ontarget.training.monitoring.model_selection import ValidationResult

BEST_FILE, STATE_FILE = "best.safetensors", "memory.json"
TRAINER_STATE = "trainer_state.json"  # written by the Trainer
UNSHARDED_FILES = ("optimizer.pt", "scheduler.pt")  # engines write these in their own way
FULLY_LOADED_BYTES = 1 << 26  # of larger files only the table of contents is read
CONTENTS = {  # what the Trainer expects in the files that it reads with torch.load
    "optimizer.pt": {"state", "param_groups"},
    "scheduler.pt": {"last_epoch"},
    "rng_state": {"python", "numpy", "cpu"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """The content of a checkpoint's `STATE_FILE`."""

    validated: list[ValidationResult]
    seen: list[list[float]]  # step and loss sums of each micro-batch since the last log
    engine: str | None = None  # the sharding engine that wrote the checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerProgress:
    """The fields of the Trainer's own state file without which it cannot resume."""

    global_step: int
    max_steps: int
    epoch: float
    total_flos: float
    log_history: list[dict[str, float]]
    stateful_callbacks: dict[str, Any]


class ResumableState:
    """Saves and restores what the Trainer's checkpoints lack.

    `partial` is the folder into which the Trainer writes its checkpoints; all processes of a
    training share it.
    """

    def __init__(
        self,
        model: nn.Module,
        validation: ValidationPlan | None,
        folder: Path,
        progress: OnLog,
    ) -> None:
        self.folder = folder  # of the published checkpoints
        self.partial = processes.decide_on_main(
            lambda: checkpoints.prepare_partial(folder, os.getpid())
        )
        self.progress = ProgressLog(progress)
        self.best = (
            None
            if validation is None
            else BestCheckpoint(model, validation, self.partial / BEST_FILE, progress)
        )
        self.unlogged: list[list[float]] = []  # step and loss sums of each micro-batch

    @property
    def callbacks(self) -> list[TrainerCallback]:
        """The callbacks to give to the Trainer."""
        return [self.progress, *([self.best] if self.best else []), TimedCheckpoint()]

    @property
    def validated(self) -> list[ValidationResult]:
        """All validation results so far."""
        return self.best.validated if self.best else []

    def save(self, checkpoint: Path) -> None:
        """Add this state to a checkpoint; call it on every process."""
        means = [
            [value / processes.world_size() for value in processes.sum_over_processes(sums)]
            for sums in self.unlogged
        ]
        if not processes.is_main_process():
            return
        state = SavedState(validated=self.validated, seen=means, engine=processes.sharding_engine())
        artifacts.write_json(checkpoint / STATE_FILE, asdict(state))
        if self.validated:
            shutil.copyfile(self.partial / BEST_FILE, checkpoint / BEST_FILE)

    def restore(self) -> str | None:
        """Restore the newest usable checkpoint and return its path; None if there is none.

        Raises:
            RecipeError: it was written under another sharding engine.
        """
        newest = processes.decide_on_main(self.newest_usable)
        if newest is None:
            return None
        checkpoint, state = newest
        engine = processes.sharding_engine()
        if state.engine != engine:
            raise RecipeError(
                f"{checkpoint}: was saved under {state.engine or 'no sharding engine'}, this run "
                f"uses {engine or 'none'}; resume with the same engine, or remove {self.folder} "
                "to start anew"
            )
        # Rows of an earlier version have fewer columns; they are dropped.
        self.unlogged[:] = [row for row in state.seen if len(row) == len(LOGGED_MEANS) + 2]
        if self.best:
            self.best.validated[:] = state.validated
            if processes.is_main_process():
                shutil.copyfile(checkpoint / BEST_FILE, self.partial / BEST_FILE)
        return str(checkpoint)

    def newest_usable(self) -> tuple[Path, SavedState] | None:
        """The newest checkpoint from which both this state and the Trainer can be restored."""
        for checkpoint in checkpoints.complete_checkpoints(self.folder):
            state = read_state(checkpoint)
            if state is None or not is_loadable(checkpoint):
                continue
            if not self.best or (state.validated and (checkpoint / BEST_FILE).is_file()):
                return checkpoint, state
        return None

    def restore_best(self) -> None:
        """Give the model the weights of the best validation."""
        if self.best:
            self.best.restore()


def read_state(checkpoint: Path) -> SavedState | None:
    """The saved state; None if it, or the Trainer's own state, is missing or malformed."""
    try:
        content = (checkpoint / STATE_FILE).read_bytes()
        state = TypeAdapter(SavedState).validate_json(content, strict=True)
        content = (checkpoint / TRAINER_STATE).read_bytes()
        progress = TypeAdapter(TrainerProgress).validate_json(content, strict=True)
        TrainerState.load_from_json(str(checkpoint / TRAINER_STATE))  # rejects unknown keys
    except (OSError, ValueError, TypeError, RecursionError):  # pydantic raises a ValueError
        return None
    missing = [name for name in UNSHARDED_FILES if not (checkpoint / name).is_file()]
    if checkpoint.name != f"step-{progress.global_step:09}" or (missing and not state.engine):
        return None
    return state


def is_loadable(checkpoint: Path) -> bool:
    """Whether every weight and state file can be loaded; a matching checksum does not prove that.

    Small files are loaded, with `weights_only=True`. For large files, and for
    those of a sharding engine, only the table of contents is read.
    """
    for path in filter(Path.is_file, checkpoint.rglob("*")):
        required = CONTENTS.get("rng_state" if path.name.startswith("rng_state") else path.name)
        try:
            if path.suffix == ".safetensors":
                with safe_open(path, framework="pt"):
                    continue
            if path.suffix in (".pt", ".pth") and not zipfile.is_zipfile(path):
                return False
            if required is None or path.stat().st_size > FULLY_LOADED_BYTES:
                continue
            with safe_globals():  # type: ignore[no-untyped-call]
                content = torch.load(path, map_location="cpu", weights_only=True)
        except Exception:  # reading a damaged file can raise anything
            return False
        if not isinstance(content, dict) or not required <= content.keys():
            return False
    return True
