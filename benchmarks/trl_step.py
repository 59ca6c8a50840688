"""Speed and memory of whole trainings by our Trainer and by TRL's, on the same pairs.

    python benchmarks/trl_step.py [demo] [larger] [MODEL:TSV]     # default: demo

    stage 1                 ours: packed pairs, the fused loss
    stage 2                 ours: the same with a conflict sample for each pair
    stage 2, own answers    ours: the default; the beginning of the model's answer is the conflict
    TRL SFT                 prompts and completions, loss on completions only, padded
    TRL SFT padding-free    the same, all pairs of a step in one row (like packing=True)
    TRL CPO                 the same pairs; rejected is the right response to the conflicting prompt
    TRL KTO                 the response, desirable after its prompt and not after the other one

All run in float32 with the Trainer's AdamW, a log entry per step and no checkpoints; a step is one
micro-batch, always of the same pairs. Stage 2, CPO and KTO read two sequences per pair, the others
one. MODEL, a folder, is trained with LoRA of rank 16 on all linear layers, in one round.
The response tokens of the true samples are counted. Stage 1 and TRL SFT must have the same loss.

Each training runs in its own process, and each round starts from a fresh model, so the peak memory
is that of gradients, optimizer and activations, without the loaded model. Rounds alternate.

TRL is an extra. If it is missing, a line says so and nothing is measured (exit code 0).
"""

import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import pairs
from measure import ROUNDS, accelerator, machine, peak_megabytes, wait
from transformers import PrinterCallback, TrainerCallback, logging

from ontarget.models.adapters import LowRankAdapter
from ontarget.models.loading import LoadedModel
from ontarget.models.templates import PromptFormat
from ontarget.recipe.training_data import own_answers
from ontarget.training.schedule import Schedule
from ontarget.training.train import train

# The libraries read these when they are imported.
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRL_EXPERIMENTAL_SILENCE": "1",
}

ALPHA = 0.05
PLAUSIBILITY = 0.02
RATE = 1e-6
LORA = LowRankAdapter(rank=16, scale=2.0, dropout=0.0, targets=("all-linear",), kind="lora")
LONGEST = 512  # tokens of prompt and response, which no pair reaches


@dataclass(frozen=True, slots=True)
class Length:
    """The number of steps of a training."""

    warm: int
    timed: int
    rounds: int = ROUNDS

    @property
    def steps(self) -> int:
        """All steps."""
        return self.warm + self.timed


def case_of(name: str) -> tuple[pairs.Case, Length]:
    """A case by its name on the command line, and how long it is trained."""
    if name == "demo":
        return pairs.demo(32), Length(warm=3, timed=12)
    if name == "larger":
        return pairs.larger(8), Length(warm=1, timed=1)
    model, _, path = name.partition(":")
    return pairs.pretrained(model, Path(path), 8), Length(warm=1, timed=3, rounds=1)


@dataclass(slots=True)
class Clock(TrainerCallback):
    """Time and loss of each logged step."""

    times: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def tick(self, logs: Mapping[str, float]) -> None:
        """Record a step."""
        wait()
        self.times.append(time.perf_counter())
        self.losses.append(logs["likelihood" if "likelihood" in logs else "loss"])

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Record a step of TRL's Trainer, but not its final summary."""
        if "loss" in logs:
            self.tick(logs)


@dataclass(frozen=True, slots=True)
class Setting:
    """The inputs of a training."""

    case: pairs.Case
    loaded: LoadedModel
    steps: int
    clock: Clock
    folder: Path


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of a training."""

    speed: float  # response tokens of the true samples a second
    megabytes: float
    loss: float  # of the first step, in nats


def ours(setting: Setting, alpha: float, *, own: bool = False) -> None:
    """Stage 1, or stage 2 if alpha is positive; with references or own answers as conflicts."""
    batch = len(setting.case.pairs)
    schedule = Schedule(
        steps=setting.steps,
        batch=batch,
        micro_batch=batch,
        learning_rate=RATE,
        schedule="constant",
        warmup=0.0,
        optimizer="adamw",
        weight_decay=0.0,
        precision="float32",
        row_tokens=setting.case.row_tokens,
        checkpoint_every=setting.steps + 1,
        alpha=alpha,
        adapter=LORA if setting.case.adapter else None,
    )
    case, loaded = setting.case, setting.loaded
    examples = case.own_examples(loaded) if own else case.examples(loaded, conflicts=alpha > 0)
    answers = own_answers(loaded, PromptFormat(template=""), PLAUSIBILITY)
    train(loaded, examples, schedule, setting.folder, setting.clock.tick, answers=answers)


def sft(setting: Setting, **options: Any) -> None:
    """trl.SFTTrainer."""
    from trl import SFTConfig, SFTTrainer

    columns = {"prompt": "prompt", "completion": "response"}
    theirs(setting, SFTTrainer, SFTConfig, columns, completion_only_loss=True, **options)


def cpo(setting: Setting) -> None:
    """trl.experimental.cpo.CPOTrainer."""
    from trl.experimental.cpo import CPOConfig, CPOTrainer

    columns = {"prompt": "prompt", "chosen": "response", "rejected": "rejected"}
    options = {"max_length": LONGEST, "remove_unused_columns": False}
    theirs(setting, CPOTrainer, CPOConfig, columns, **options)


def kto(setting: Setting) -> None:
    """trl.KTOTrainer."""
    from trl import KTOConfig, KTOTrainer

    both = setting.case.pairs
    content = {
        "prompt": [pair.prompt for pair in both] + [pair.conflict for pair in both],
        "completion": [pair.response for pair in both] * 2,
        "label": [True] * len(both) + [False] * len(both),
    }
    train_with_trl(setting, KTOTrainer, KTOConfig, content, max_length=LONGEST)


def theirs(
    setting: Setting, trainer: Any, config: Any, columns: dict[str, str], **more: Any
) -> None:
    """Train with TRL; `columns` maps its column names to the parts of a pair."""
    content = {
        name: [getattr(pair, part) for pair in setting.case.pairs] for name, part in columns.items()
    }
    train_with_trl(setting, trainer, config, content, **more)


def train_with_trl(
    setting: Setting, trainer: Any, config: Any, content: dict[str, list[Any]], **more: Any
) -> None:
    """Train with TRL; a step is all of `content`."""
    from datasets import Dataset
    from peft import LoraConfig

    lora = LoraConfig(
        r=LORA.rank,
        lora_alpha=LORA.rank * LORA.scale,
        target_modules=LORA.targets[0],
        task_type="CAUSAL_LM",
    )
    arguments = config(
        output_dir=str(setting.folder),
        max_steps=setting.steps,
        per_device_train_batch_size=len(content["prompt"]),
        learning_rate=RATE,
        lr_scheduler_type="constant",
        bf16=False,
        gradient_checkpointing=False,
        use_cpu=accelerator().type == "cpu",
        logging_steps=1,
        disable_tqdm=True,
        report_to="none",
        save_strategy="no",
        dataloader_pin_memory=False,
        **more,
    )
    made = trainer(
        model=setting.loaded.model,
        args=arguments,
        train_dataset=Dataset.from_dict(content),
        processing_class=setting.loaded.tokenizer,
        callbacks=[setting.clock],
        peft_config=lora if setting.case.adapter else None,
    )
    made.remove_callback(PrinterCallback)
    made.train()


WAYS: dict[str, Callable[[Setting], None]] = {
    "stage 1": lambda setting: ours(setting, 0.0),
    "stage 2": lambda setting: ours(setting, ALPHA),
    "stage 2, own answers": lambda setting: ours(setting, ALPHA, own=True),
    "TRL SFT": lambda setting: sft(setting, max_length=LONGEST),
    "TRL SFT padding-free": lambda setting: sft(setting, padding_free=True, max_length=None),
    "TRL CPO": cpo,
    "TRL KTO": kto,
}
OURS = {
    "TRL SFT": "stage 1",
    "TRL SFT padding-free": "stage 1",
    "TRL CPO": "stage 2",
    "TRL KTO": "stage 2",
}


def training(case: pairs.Case, way: str, steps: int) -> tuple[Clock, float]:
    """Train a fresh model; return the clock and the peak memory in MB."""
    clock, loaded = Clock(), case.make()
    with TemporaryDirectory() as folder:
        setting = Setting(case, loaded, steps, clock, Path(folder))
        return clock, peak_megabytes(lambda: WAYS[way](setting))


def warm_up(name: str, way: str) -> None:
    """Import the libraries and silence them."""
    from datasets import disable_progress_bars

    disable_progress_bars()
    logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    case, _ = case_of(name)
    training(replace(case, pairs=case.pairs[:2]), way, 1)


def measured(name: str, way: str) -> Measured:
    """Measure one training in this process."""
    case, length = case_of(name)
    clock, megabytes = training(case, way, length.steps)
    seconds = (clock.times[-1] - clock.times[length.warm - 1]) / length.timed
    return Measured(case.tokens / seconds, megabytes, clock.losses[0])


def rounds(name: str) -> dict[str, list[Measured]]:
    """Measure all trainings of a case."""
    found: dict[str, list[Measured]] = {way: [] for way in WAYS}
    with ExitStack() as stack:
        workers = {
            way: stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"))) for way in WAYS
        }
        for way, worker in workers.items():
            worker.submit(warm_up, name, way).result()
        for _ in range(case_of(name)[1].rounds):
            for way, worker in workers.items():
                found[way].append(worker.submit(measured, name, way).result())
    return found


def show(name: str) -> None:
    """Print a line per training.

    Raises:
        SystemExit: stage 1 and TRL SFT have different losses.
    """
    found = rounds(name)
    case, _ = case_of(name)
    print(f"{case.name}, {len(case.pairs)} pairs a step")
    for way, runs in found.items():
        speed = median(run.speed for run in runs)
        memory = median(run.megabytes for run in runs)
        line = f"  {way:20} {speed:6,.0f} response tokens/s, {memory:5,.0f} MB"
        print(line + (compared(OURS[way], found[OURS[way]], runs) if way in OURS else ""))
    losses = [found[way][0].loss for way in ("stage 1", *OURS) if OURS.get(way) != "stage 2"]
    if max(losses) - min(losses) > 1e-4:
        raise SystemExit(f"the first losses {losses} differ, so these are different trainings")


def compared(way: str, ours: list[Measured], theirs: list[Measured]) -> str:
    """Medians of the ratios within each round."""
    both = list(zip(ours, theirs, strict=True))
    faster = median(own.speed / other.speed for own, other in both)
    smaller = median(other.megabytes / own.megabytes for own, other in both)
    return f"; {way} is {faster:.2f}x as fast, {smaller:.2f}x less memory"


def main() -> None:
    """Print the table."""
    if find_spec("trl") is None:
        print(f"TRL: not installed, not compared; {sys.executable} -m pip install 'trl>=1.16,<2'")
        return
    print(f"TRL {version('trl')}, transformers {version('transformers')}, {machine()}")
    for name in sys.argv[1:] or ["demo"]:
        show(name)


if __name__ == "__main__":
    main()
