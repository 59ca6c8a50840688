"""Trainer callbacks: progress, validation, checkpoints, sampler epochs, signals."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import TrainerCallback

from ontarget import processes
from ontarget.errors import Stopped
from ontarget.training.batches.sampler import LengthGroupedSampler
from ontarget.training.engine.compile import run_eagerly
from ontarget.training.engine.sharding import assign, full_tensor
from ontarget.training.monitoring.model_selection import ValidationResult, best_result, has_settled

LogPoint = dict[str, int | float]  # step, steps, likelihood, unlikelihood, learning_rate, ...
OnLog = Callable[[LogPoint], None]

# Means over response tokens, but conflict log-odds weighted by reach are of first tokens only. They
# still change where a loss is too close to 0 to show anything.
LOGGED_MEANS = ("likelihood", "unlikelihood", "log_odds", "conflict_log_odds", "conflict_share")
CURVE_KEYS = (*LOGGED_MEANS, "learning_rate", "grad_norm")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_SIGNAL_SECONDS = 2.0  # signals within this time count as one if a launcher may repeat them
CHECKPOINT_SECONDS = 600.0  # between checkpoints, unless writing one takes long
CHECKPOINT_SHARE = 0.05  # of the time of a training that such checkpoints may take
STOPPING = b"ontarget: stops after this optimizer step; Ctrl-C again stops at once\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPlan:
    """When and how to validate on dev sentences, and which checkpoint is kept."""

    every: int  # optimizer steps; also before the first and after the last
    measure: Callable[[int], ValidationResult]  # of the current model; its argument is the step
    stop: bool  # stop early, by `has_settled`
    best: bool = True  # keep the best checkpoint; False: the last one, as in arXiv 2403.14399

    def kept(self, results: Sequence[ValidationResult]) -> ValidationResult:
        """The result of the checkpoint that is kept after these validations."""
        return best_result(results) if self.best else results[-1]


class ProgressLog(TrainerCallback):
    """Passes each logged point of the loss curve to `progress`."""

    def __init__(self, progress: OnLog) -> None:
        self.progress = progress

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Pass on everything that is logged with a loss."""
        if logs and "likelihood" in logs:
            self.progress({"step": state.global_step, "steps": state.max_steps} | logs)


def loss_curve(state: Any) -> list[LogPoint]:
    """The loss curve of a training, from the Trainer's log history.

    Only values that the same training would repeat are in it, so no speeds.
    """
    return [
        {"step": logs["step"], "steps": state.max_steps}
        | {name: logs[name] for name in CURVE_KEYS if name in logs}
        for logs in state.log_history
        if "likelihood" in logs
    ]


class BestCheckpoint(TrainerCallback):
    """Validates, saves the weights of the best validation, and stops early if requested."""

    def __init__(
        self, model: nn.Module, validation: ValidationPlan, file: Path, progress: OnLog
    ) -> None:
        self.model, self.validation, self.file = model, validation, file
        self.progress = progress
        self.validated: list[ValidationResult] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Validate before the first step: the untrained model may turn out the best."""
        if not self.validated:  # not resumed
            self.validate(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Validate every `every` steps and after the last one."""
        if state.global_step % self.validation.every and state.global_step != state.max_steps:
            return
        self.validate(state)
        control.should_training_stop |= self.validation.stop and has_settled(self.validated)

    def validate(self, state: Any) -> None:
        """Measure the current model, and save its weights if it is the best so far."""
        step = state.global_step
        with run_eagerly():
            if processes.is_sharded():  # translating takes all processes
                result = processes.broadcast(self.validation.measure(step))
            else:
                result = processes.decide_on_main(lambda: self.validation.measure(step))
        self.validated.append(result)
        measured = {name: value for name, value in asdict(result).items() if value is not None}
        self.progress({**measured, "steps": state.max_steps})
        if best_result(self.validated) is result:
            self.save()

    def save(self) -> None:
        """Write the trained weights; only the main process ever holds more than one full weight."""
        weights = {}
        for name, parameter in self.trained.items():
            content = full_tensor(parameter)
            if processes.is_main_process():
                weights[name] = content.cpu()
        if processes.is_main_process():
            save_file(weights, self.file)

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes."""
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def restore(self) -> None:
        """Give the model the weights of the checkpoint that is kept."""
        if self.validation.kept(self.validated) is not self.validated[-1]:
            processes.barrier()  # until the file is written
            weights = load_file(self.file)
            for name, parameter in self.trained.items():
                assign(parameter, weights[name])


class TimedCheckpoint(TrainerCallback):
    """Requests a checkpoint ten minutes after the last one, however few steps were made.

    Where writing one takes long, the time between them grows with it.
    """

    def __init__(self) -> None:
        self.requested = self.written = time.monotonic()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A resumed training has a checkpoint, a new one has nothing to lose."""
        self.requested = self.written = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Request a checkpoint if it is time by the clock of the main process."""
        cost = self.written - self.requested
        now = time.monotonic()
        due = now - self.written >= max(CHECKPOINT_SECONDS, cost / CHECKPOINT_SHARE)
        control.should_save |= processes.decide_on_main(lambda: due)
        if control.should_save:
            self.requested = now

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take the time that it was written."""
        self.written = time.monotonic()


class SamplerEpoch(TrainerCallback):
    """Tells the sampler which epoch begins.

    The Trainer does so too, but when several processes resume within an epoch, the call does not
    reach the sampler (transformers 5.23, accelerate 1.15).
    """

    def __init__(self, sampler: LengthGroupedSampler) -> None:
        self.sampler = sampler

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """`state.epoch` has a fraction when training resumes within an epoch."""
        self.sampler.set_epoch(int(state.epoch or 0))


class StopOnSignal(TrainerCallback):
    """Saves a checkpoint and stops after the optimizer step in which one of `STOP_SIGNALS` came.

    SIGINT is Ctrl-C, SIGHUP a closed terminal; cluster schedulers send SIGTERM some time before
    they kill. A second signal ends the training at once. Launchers forward signals that the workers
    already received, so where there is a launcher, and for SIGTERM, one within two seconds counts
    as the first. This must be the last callback: where training ends anyway, it requests a last
    log and no checkpoint, as there is nothing to resume.
    """

    def __init__(self) -> None:
        self.received: tuple[int, float] | None = None  # the signal, and when by monotonic clock
        self.stopped: int | None = None  # the signal because of which training ended early
        self.previous: dict[int, Any] = {}  # handlers

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals within the block; does nothing outside the main thread."""
        numbers = STOP_SIGNALS * (threading.current_thread() is threading.main_thread())
        # What is ignored stays ignored, as after `nohup` or in the background of a shell.
        heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
        try:
            for number in heard:
                self.previous[number] = signal.getsignal(number)
                signal.signal(number, self.handle)
            yield
        finally:
            for changed, handler in self.previous.items():
                signal.signal(changed, handler)

    def handle(self, number: int, frame: Any) -> None:
        """The signal handler."""
        now = time.monotonic()
        if self.received is None:
            self.received = number, now
            if number == signal.SIGINT and processes.is_main_process():
                os.write(2, STOPPING)  # safe in a handler, unlike print
            return
        forwarded = number == signal.SIGTERM or processes.world_size() > 1
        if not forwarded or now - self.received[1] > SAME_SIGNAL_SECONDS:
            signal.signal(number, self.previous[number])
            signal.raise_signal(number)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save and stop if any process received a signal."""
        if control.should_training_stop:
            control.should_save, control.should_log = False, True
            return
        own = self.received and self.received[0]
        counts = processes.sum_over_processes([float(own == number) for number in STOP_SIGNALS])
        for number, count in zip(STOP_SIGNALS, counts, strict=True):
            if count and self.stopped is None:
                control.should_save = control.should_training_stop = True
                self.stopped = number

    def raise_if_stopped(self, step: int, steps: int) -> None:
        """Raise Stopped where a signal ended the training early."""
        if self.stopped is not None:
            text = f"stopped after step {step} of {steps}; run again to resume"
            raise Stopped(text, self.stopped)
