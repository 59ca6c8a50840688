"""What each process of a launched training runs; not a test itself.

    python -m torch.distributed.run --nproc-per-node 2 distributed_training.py FOLDER SETTING

SETTING is JSON, changes to `SETTING` below.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from accelerate import DistributedType, PartialState
from models_for_tests import tiny
from safetensors.torch import save_model
from test_tuning import examples, schedule

from ontarget import processes
from ontarget.adapters import LowRank
from ontarget.callbacks import Validation
from ontarget.tuning import train
from ontarget.validation import Validated

SETTING: dict[str, Any] = {
    "steps": 20, "batch": 8, "micro_batch": 2, "learning_rate": 3e-3, "row_tokens": 30,
    "checkpoint_every": 7, "warmup": 0.2, "schedule": "cosine",
}  # fmt: skip
SAMPLES = 40  # four epochs


def validation() -> Validation:
    """Finds the state after step 12 the best."""

    def measure(step: int) -> Validated:
        return Validated(
            step=step,
            off_target_percent=float(abs(step - 12) + 10),
            reference_off_target_percent=0.0,
            chrf=1.0,
        )

    return Validation(every=4, measure=measure, stop=False)


def as_if_on_accelerators() -> None:
    """accelerate offers FSDP to processes with accelerators only; torch has it for CPUs too."""
    begin = PartialState.__init__

    def begun(self: PartialState, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        if self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.MULTI_GPU

    PartialState.__init__ = begun


def trained(folder: Path, changes: dict[str, Any]) -> None:
    """Train in `folder`; the leader writes curve and weights there."""
    setting = SETTING | changes
    if setting.pop("lora", False):
        setting["adapter"] = LowRank(
            rank=2, scale=2.0, dropout=0.0, targets=["all-linear"], kind="lora"
        )
    if setting.pop("validated", False):
        setting["validation"] = validation()
    slow = 0.2 if setting.pop("slow", False) else 0.0
    loaded = tiny()
    done = train(
        loaded,
        examples(SAMPLES),
        schedule(**setting),
        folder / "states",
        lambda point: time.sleep(slow),
    )
    if processes.leads():
        save_model(done.adapter or loaded.model, str(folder / "model.safetensors"))
        (folder / "curve.json").write_text(json.dumps(done.curve))


if __name__ == "__main__":
    if processes.shard():
        as_if_on_accelerators()
    trained(Path(sys.argv[1]), json.loads(sys.argv[2]))
    processes.part()
