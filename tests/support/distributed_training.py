"""What every process of a distributed training runs; not a test itself.

    python -m torch.distributed.run --nproc-per-node 2 distributed_training.py FOLDER SETTINGS

SETTINGS is JSON: the name of a folder in FOLDER -> changes to `SETTING`. Each is one training.
"""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from safetensors.torch import save_model
from transformers import TrainingArguments

from ontarget import processes
from ontarget.models.adapters import LowRankAdapter
from ontarget.models.prompting import Prompt
from ontarget.training import checkpoints, train
from ontarget.training.batches.sequences import Example, token_sequence
from ontarget.training.monitoring.callbacks import LogPoint, ValidationPlan
from ontarget.training.monitoring.model_selection import ValidationResult
from ontarget.training.resume import STATE_FILE
from ontarget.training.train import training_arguments
from support.as_if_on_accelerators import as_if_on_accelerators
from support.models import coder, tiny
from support.trainings import examples, own_answers, schedule

SETTING: dict[str, Any] = {
    "steps": 8, "batch": 8, "micro_batch": 2, "learning_rate": 3e-3, "row_tokens": 30,
    "checkpoint_every": 3, "warmup": 0.2, "schedule": "cosine",
}  # fmt: skip
SAMPLES = 16  # four epochs


def validation() -> ValidationPlan:
    """A validation that finds step 4 the best."""

    def measure(step: int) -> ValidationResult:
        return ValidationResult(
            step=step,
            off_target_percent=float(abs(step - 4) + 10),
            reference_off_target_percent=0.0,
            chrf=1.0,
        )

    return ValidationPlan(every=2, measure=measure, stop=False)


def encoded(example: Example) -> Example:
    """The example for an encoder-decoder with a vocabulary of 30."""

    def reduced(tokens: Sequence[int]) -> tuple[int, ...]:
        return tuple(3 + token % 27 for token in tokens)

    return Example(
        rows=tuple(
            token_sequence(
                row.key,
                Prompt(tokens=(2,), encoder=reduced(row.tokens[: row.prompt_tokens])),
                reduced(row.tokens[row.prompt_tokens :]),
                unlikely=row.unlikely,
                by_reach=row.by_reach,
            )
            for row in example.rows
        )
    )


def logging_every_step(*inputs: Any) -> TrainingArguments:
    """The Trainer's arguments, with every step in the loss curve."""
    return replace(training_arguments(*inputs), logging_steps=1)


def report(folder: Path, point: LogPoint, seconds: float) -> None:
    """Write the step of each point of the loss curve to a file, and slow training down."""
    if processes.is_main_process() and "likelihood" in point:
        with (folder / "steps").open("a") as steps:
            steps.write(f"{point['step']}\n")
    time.sleep(seconds)


def copy_checkpoints(finished: Path, folder: Path) -> None:
    """Give `folder` the checkpoints of a finished training, the newest of them damaged."""
    if processes.is_main_process():
        shutil.copytree(finished / "states", folder / "states")
        newest, *_ = checkpoints.all_checkpoints(folder / "states")
        (newest / STATE_FILE).write_text("damaged")
    processes.barrier()


def trained(folder: Path, changes: dict[str, Any]) -> None:
    """Train in `folder`; the main process writes curve and weights there."""
    folder.mkdir(parents=True, exist_ok=True)
    setting = SETTING | changes
    if finished := setting.pop("resumes", None):
        copy_checkpoints(folder.parent / finished, folder)
    if setting.pop("lora", False):
        setting["adapter"] = LowRankAdapter(
            rank=2, scale=2.0, dropout=0.0, targets=["all-linear"], kind="lora"
        )
    own = setting.pop("own", False)
    loaded, drawn = tiny(), examples(setting.pop("samples", SAMPLES), own=own)
    if setting.pop("encoder", False):
        loaded, drawn = coder("M2M-100"), [encoded(example) for example in drawn]
    if setting.pop("validated", False):
        setting["validation"] = validation()
    slow = 0.2 if setting.pop("slow", False) else 0.0
    with patch.object(train, "training_arguments", logging_every_step):
        done = train.train(
            loaded,
            drawn,
            schedule(**setting),
            folder / "states",
            lambda point: report(folder, point, slow),
            answers=own_answers(loaded),
        )
    if processes.is_main_process():
        save_model(done.adapter or loaded.model, str(folder / "model.safetensors"))
        (folder / "curve.json").write_text(json.dumps(done.curve))


if __name__ == "__main__":
    if processes.is_sharded():
        as_if_on_accelerators()
    for name, changes in json.loads(sys.argv[2]).items():
        trained(Path(sys.argv[1]) / name, changes)
    processes.shut_down()
