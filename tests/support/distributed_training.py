"""What each process of a launched training runs; not a test itself.

    python -m torch.distributed.run --nproc-per-node 2 distributed_training.py FOLDER SETTINGS

SETTINGS is JSON, changes to `SETTING` below by the name of a folder in FOLDER; one training each.
"""

import json
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
from ontarget.training import train
from ontarget.training.monitoring.callbacks import ValidationPlan
from ontarget.training.monitoring.model_selection import ValidationResult
from ontarget.training.packing import Example, token_sequence
from ontarget.training.train import training_arguments
from support.as_if_on_accelerators import as_if_on_accelerators
from support.models import coder, tiny
from support.trainings import examples, schedule

SETTING: dict[str, Any] = {
    "steps": 20, "batch": 8, "micro_batch": 2, "learning_rate": 3e-3, "row_tokens": 30,
    "checkpoint_every": 7, "warmup": 0.2, "schedule": "cosine",
}  # fmt: skip
SAMPLES = 40  # four epochs


def validation() -> ValidationPlan:
    """Finds the state after step 12 the best."""

    def measure(step: int) -> ValidationResult:
        return ValidationResult(
            step=step,
            off_target_percent=float(abs(step - 12) + 10),
            reference_off_target_percent=0.0,
            chrf=1.0,
        )

    return ValidationPlan(every=4, measure=measure, stop=False)


def encoded(example: Example) -> Example:
    """The same for an encoder-decoder with a vocabulary of 30."""

    def few(tokens: Sequence[int]) -> tuple[int, ...]:
        return tuple(3 + token % 27 for token in tokens)

    return Example(
        rows=tuple(
            token_sequence(
                each.key,
                Prompt(tokens=(2,), encoder=few(each.tokens[: each.prompt_tokens])),
                few(each.tokens[each.prompt_tokens :]),
                unlikely=each.unlikely,
            )
            for each in example.rows
        )
    )


def logging_every_step(*given: Any) -> TrainingArguments:
    """The Trainer's settings; but each step's losses are a point of the curve."""
    return replace(training_arguments(*given), logging_steps=1)


def seen(folder: Path, seconds: float) -> None:
    """Leave word that it trains, and take time."""
    (folder / "trains").touch()
    time.sleep(seconds)


def trained(folder: Path, changes: dict[str, Any]) -> None:
    """Train in `folder`; the leader writes curve and weights there."""
    folder.mkdir(parents=True, exist_ok=True)
    setting = SETTING | changes
    if setting.pop("lora", False):
        setting["adapter"] = LowRankAdapter(
            rank=2, scale=2.0, dropout=0.0, targets=["all-linear"], kind="lora"
        )
    loaded, drawn = tiny(), examples(setting.pop("samples", SAMPLES))
    if setting.pop("encoder", False):
        loaded, drawn = coder("M2M-100"), [encoded(each) for each in drawn]
    if setting.pop("validated", False):
        setting["validation"] = validation()
    slow = 0.2 if setting.pop("slow", False) else 0.0
    with patch.object(train, "training_arguments", logging_every_step):
        done = train.train(
            loaded,
            drawn,
            schedule(**setting),
            folder / "states",
            lambda point: seen(folder, slow),
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
