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

from as_if_on_accelerators import as_if_on_accelerators
from models_for_tests import coder, tiny
from safetensors.torch import save_model
from test_tuning import examples, schedule
from transformers import TrainingArguments

from ontarget import processes, tuning
from ontarget.adapters import LowRank
from ontarget.batches import Example, Prompt, row
from ontarget.callbacks import Validation
from ontarget.tuning import arguments
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


def encoded(example: Example) -> Example:
    """The same for an encoder-decoder with a vocabulary of 30."""

    def few(tokens: Sequence[int]) -> tuple[int, ...]:
        return tuple(3 + token % 27 for token in tokens)

    return Example(
        rows=tuple(
            row(
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
    return replace(arguments(*given), logging_steps=1)


def seen(folder: Path, seconds: float) -> None:
    """Leave word that it trains, and take time."""
    (folder / "trains").touch()
    time.sleep(seconds)


def trained(folder: Path, changes: dict[str, Any]) -> None:
    """Train in `folder`; the leader writes curve and weights there."""
    folder.mkdir(parents=True, exist_ok=True)
    setting = SETTING | changes
    if setting.pop("lora", False):
        setting["adapter"] = LowRank(
            rank=2, scale=2.0, dropout=0.0, targets=["all-linear"], kind="lora"
        )
    loaded, drawn = tiny(), examples(setting.pop("samples", SAMPLES))
    if setting.pop("encoder", False):
        loaded, drawn = coder("M2M-100"), [encoded(each) for each in drawn]
    if setting.pop("validated", False):
        setting["validation"] = validation()
    slow = 0.2 if setting.pop("slow", False) else 0.0
    with patch.object(tuning, "arguments", logging_every_step):
        done = tuning.train(
            loaded,
            drawn,
            schedule(**setting),
            folder / "states",
            lambda point: seen(folder, slow),
        )
    if processes.leads():
        save_model(done.adapter or loaded.model, str(folder / "model.safetensors"))
        (folder / "curve.json").write_text(json.dumps(done.curve))


if __name__ == "__main__":
    if processes.shard():
        as_if_on_accelerators()
    for name, changes in json.loads(sys.argv[2]).items():
        trained(Path(sys.argv[1]) / name, changes)
    processes.part()
