"""What a training remembers besides the Trainer's own state, so that it can be resumed exactly."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from torch import nn
from transformers import TrainerCallback

from ontarget import artifacts, checkpoints, processes
from ontarget.callbacks import SEEN, Curve, Keeper, Progress, Validation
from ontarget.errors import RecipeError
from ontarget.validation import Validated

BEST, REST = "best.safetensors", "memory.json"


class Memory:
    """The curve, what was validated, the best weights, and what is seen but not yet logged."""

    def __init__(
        self,
        model: nn.Module,
        validation: Validation | None,
        folder: Path,
        progress: Progress,
    ) -> None:
        self.folder = folder  # of the checkpoints
        self.partial = folder / checkpoints.PARTIAL
        self.curve = Curve(progress)
        self.keeper = validation and Keeper(model, validation, self.partial / BEST, progress)
        self.seen: list[list[float]] = []  # step and sums of each micro-batch since the last log
        if processes.leads():
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir(parents=True)
        processes.together()

    @property
    def callbacks(self) -> list[TrainerCallback]:
        """What the Trainer has to call."""
        return [self.curve, *([self.keeper] if self.keeper else [])]

    @property
    def validated(self) -> list[Validated]:
        """All that was measured on dev sentences."""
        return self.keeper.validated if self.keeper else []

    def save(self, written: Path) -> None:
        """Add all of it to a checkpoint; of what the processes have seen, the mean."""
        means = [[each / processes.count() for each in processes.summed(row)] for row in self.seen]
        if not processes.leads():
            return
        content = {
            "curve": self.curve.points,
            "validated": [asdict(each) for each in self.validated],
            "seen": means,
            "engine": processes.engine(),
        }
        artifacts.write_json(written / REST, content)
        if self.validated:
            shutil.copyfile(self.partial / BEST, written / BEST)

    def recall(self) -> str | None:
        """Take up the newest whole checkpoint, if there is one; its place."""
        place = processes.agreed(lambda: checkpoints.newest(self.folder))
        if place is None:
            return None
        content = json.loads((place / REST).read_text(encoding="utf-8"))
        engine = content.get("engine")
        if engine != processes.engine():
            raise RecipeError(
                f"{place}: was saved under {engine or 'no engine that shards'}, this "
                f"run has {processes.engine() or 'none'}; go on as it was begun, or remove "
                f"{self.folder} to begin again"
            )
        self.curve.points[:] = content["curve"]
        # A state of an earlier version has seen less; the curve's next point goes without that.
        self.seen[:] = [row for row in content["seen"] if len(row) == len(SEEN) + 2]
        if self.keeper:
            self.keeper.validated[:] = [Validated(**each) for each in content["validated"]]
            if processes.leads():
                shutil.copyfile(place / BEST, self.partial / BEST)
        return str(place)

    def keep_best(self) -> None:
        """Give the model the best weights that were seen."""
        if self.keeper:
            self.keeper.restore()
