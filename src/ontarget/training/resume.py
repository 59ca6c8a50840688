"""What a training remembers besides the Trainer's own state, so that it can be resumed exactly."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from torch import nn
from transformers import TrainerCallback

from ontarget import artifacts, processes
from ontarget.errors import RecipeError
from ontarget.training import checkpoints
from ontarget.training.monitoring.callbacks import (
    LOGGED_MEANS,
    BestCheckpoint,
    LossCurve,
    OnLog,
    ValidationPlan,
)
from ontarget.training.monitoring.model_selection import ValidationResult

BEST_FILE, STATE_FILE = "best.safetensors", "memory.json"


class ResumableState:
    """The curve, what was validated, the best weights, and what is seen but not yet logged."""

    def __init__(
        self,
        model: nn.Module,
        validation: ValidationPlan | None,
        folder: Path,
        progress: OnLog,
    ) -> None:
        self.folder = folder  # of the checkpoints
        self.partial = folder / checkpoints.PARTIAL
        self.curve = LossCurve(progress)
        self.keeper = validation and BestCheckpoint(
            model, validation, self.partial / BEST_FILE, progress
        )
        self.seen: list[list[float]] = []  # step and sums of each micro-batch since the last log
        if processes.is_main_process():
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir(parents=True)
        processes.barrier()

    @property
    def callbacks(self) -> list[TrainerCallback]:
        """What the Trainer has to call."""
        return [self.curve, *([self.keeper] if self.keeper else [])]

    @property
    def validated(self) -> list[ValidationResult]:
        """All that was measured on dev sentences."""
        return self.keeper.validated if self.keeper else []

    def save(self, written: Path) -> None:
        """Add all of it to a checkpoint; of what the processes have seen, the mean."""
        means = [
            [each / processes.world_size() for each in processes.sum_over_processes(row)]
            for row in self.seen
        ]
        if not processes.is_main_process():
            return
        content = {
            "curve": self.curve.points,
            "validated": [asdict(each) for each in self.validated],
            "seen": means,
            "engine": processes.sharding_engine(),
        }
        artifacts.write_json(written / STATE_FILE, content)
        if self.validated:
            shutil.copyfile(self.partial / BEST_FILE, written / BEST_FILE)

    def recall(self) -> str | None:
        """Take up the newest whole checkpoint, if there is one; its place."""
        place = processes.decide_on_main(lambda: checkpoints.newest(self.folder))
        if place is None:
            return None
        content = json.loads((place / STATE_FILE).read_text(encoding="utf-8"))
        engine = content.get("engine")
        if engine != processes.sharding_engine():
            raise RecipeError(
                f"{place}: was saved under {engine or 'no engine that shards'}, this "
                f"run has {processes.sharding_engine() or 'none'}; go on as it was begun, or remove "
                f"{self.folder} to begin again"
            )
        self.curve.points[:] = content["curve"]
        # A state of an earlier version has seen less; the curve's next point goes without that.
        self.seen[:] = [row for row in content["seen"] if len(row) == len(LOGGED_MEANS) + 2]
        if self.keeper:
            self.keeper.validated[:] = [ValidationResult(**each) for each in content["validated"]]
            if processes.is_main_process():
                shutil.copyfile(place / BEST_FILE, self.partial / BEST_FILE)
        return str(place)

    def keep_best(self) -> None:
        """Give the model the best weights that were seen."""
        if self.keeper:
            self.keeper.restore()
