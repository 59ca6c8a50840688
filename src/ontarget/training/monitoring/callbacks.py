"""What the Trainer calls between steps: the curve, and validation on dev sentences."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
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
from ontarget.training.engine.compile import run_eagerly
from ontarget.training.engine.sharding import assign, full_tensor
from ontarget.training.monitoring.model_selection import ValidationResult, best_result, has_settled
from ontarget.training.sampler import LengthGroupedSampler

LogPoint = dict[str, int | float]  # step, steps, likelihood, unlikelihood, learning_rate, ...
OnLog = Callable[[LogPoint], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPlan:
    """Dev sentences translated while training; the best state is kept."""

    every: int  # optimiser steps; and once after the last
    measure: Callable[[int], ValidationResult]  # of the model as it is after so many steps
    stop: bool  # end when it has settled


# Means over response tokens. Log-odds go on telling where a loss near 0 tells nothing any more.
LOGGED_MEANS = ("likelihood", "unlikelihood", "odds", "conflict_odds", "conflict_share")
SAME_SIGNAL_SECONDS = 2.0  # seconds between signals that are one
CURVE_KEYS = (*LOGGED_MEANS, "learning_rate", "grad_norm")


class LossCurve(TrainerCallback):
    """Collects what is logged, and hands each point to `progress`."""

    def __init__(self, progress: OnLog) -> None:
        self.points: list[LogPoint] = []
        self.progress = progress

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Keep the points that carry a loss; of them, what the same training would repeat."""
        if logs and "likelihood" in logs:
            at = {"step": state.global_step, "steps": state.max_steps}
            self.progress(at | logs)
            self.points.append(at | {name: logs[name] for name in CURVE_KEYS if name in logs})


class BestCheckpoint(TrainerCallback):
    """Validates, keeps the best state in a file, ends the training where that is asked for."""

    def __init__(
        self, model: nn.Module, validation: ValidationPlan, file: Path, progress: OnLog
    ) -> None:
        self.model, self.validation, self.file = model, validation, file
        self.progress = progress
        self.validated: list[ValidationResult] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Where training starts from is a state that may turn out the best."""
        if not self.validated:  # it is not resumed
            self.validate(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Validate every so many steps and after the last."""
        if state.global_step % self.validation.every and state.global_step != state.max_steps:
            return
        self.validate(state)
        control.should_training_stop |= self.validation.stop and has_settled(self.validated)

    def validate(self, state: Any) -> None:
        """Measure the model as it is, and keep it if it is the best so far."""
        step = state.global_step
        with run_eagerly():
            if processes.is_sharded():  # each translation needs all processes
                found = processes.broadcast(self.validation.measure(step))
            else:
                found = processes.decide_on_main(lambda: self.validation.measure(step))
        self.validated.append(found)
        self.progress({**asdict(found), "steps": state.max_steps})
        if best_result(self.validated) is found:
            self.keep()

    def keep(self) -> None:
        """Write the weights; no process but the leading one holds more than one of them whole."""
        weights = {}
        for name, each in self.trained.items():
            content = full_tensor(each)
            if processes.is_main_process():
                weights[name] = content.cpu()
        if processes.is_main_process():
            save_file(weights, self.file)

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """What differs from one state to another."""
        return {name: each for name, each in self.model.named_parameters() if each.requires_grad}

    @torch.no_grad()
    def restore(self) -> None:
        """Give the model the weights of its best state."""
        if best_result(self.validated) is not self.validated[-1]:
            processes.barrier()  # the file is written
            kept = load_file(self.file)
            for name, each in self.trained.items():
                assign(each, kept[name])


class SamplerEpoch(TrainerCallback):
    """Tells the sampler which epoch begins.

    The Trainer does so too, but in the epoch that several processes resume in it does not get
    through to the sampler (transformers 5.23, accelerate 1.15).
    """

    def __init__(self, sampler: LengthGroupedSampler) -> None:
        self.sampler = sampler

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """`state.epoch` counts finished epochs and what is done of the one that is resumed."""
        self.sampler.set_epoch(int(state.epoch or 0))


class StopOnSigterm(TrainerCallback):
    """Ends the training after the step in which SIGTERM came, with its state saved.

    Schedulers of clusters send it some time before they kill; a second one kills at once, but not
    one that comes with the first: a launcher hands on what its processes may have got themselves.
    It must be the last callback: at a training's own end nothing is saved, as nothing is left to
    resume, and the last steps are logged.
    """

    def __init__(self) -> None:
        self.asked: float | None = None  # when
        self.ended = False  # by the signal, before its time

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Meanwhile SIGTERM asks for the end; only the main thread can listen."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self.ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def ask(self, number: int, frame: Any) -> None:
        """The signal's handler."""
        now = time.monotonic()
        if self.asked is None:
            self.asked = now
        elif now - self.asked > SAME_SIGNAL_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save and end, if it was asked for and the end is not there anyway."""
        if control.should_training_stop:
            control.should_save, control.should_log = False, True
        elif sum(processes.sum_over_processes([float(self.asked is not None)])):
            control.should_save = control.should_training_stop = self.ended = True

    def raise_if_ended(self, step: int, steps: int) -> None:
        """Raise Stopped where the signal ended the training before its time."""
        if self.ended:
            raise Stopped(f"stopped after step {step} of {steps}; run again to go on")
