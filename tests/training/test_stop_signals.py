"""A signal saves a checkpoint and stops after the step; a second one stops at once."""

import os
import signal
from pathlib import Path

import pytest
from support.models import tiny
from support.resuming import (
    SETTING,
    Uninterrupted,
    assert_ends_alike,
    result_of,
    validation,
)
from support.trainings import examples, schedule

from ontarget.errors import Stopped
from ontarget.training import checkpoints
from ontarget.training.monitoring.callbacks import StopOnSignal
from ontarget.training.monitoring.model_selection import ValidationResult
from ontarget.training.train import train


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_saves_a_checkpoint_and_stops_after_the_step(
    tmp_path: Path, uninterrupted: Uninterrupted, number: int
) -> None:
    """The signal comes while step 4 is validated; the next run resumes from there."""

    def measure(step: int) -> ValidationResult:
        if step == 4:
            os.kill(os.getpid(), number)
        return result_of(step)

    before = signal.getsignal(number)
    setting = schedule(**{**SETTING, "checkpoint_every": 1000, "validation": validation(measure)})
    with pytest.raises(Stopped, match=r"^stopped after step 4 of 12; run again to resume$") as at:
        train(tiny(), examples(10), setting, tmp_path)
    assert at.value.signal == number
    assert signal.getsignal(number) == before
    assert [path.name for path in checkpoints.all_checkpoints(tmp_path)] == ["step-000000004"]
    assert_ends_alike(tmp_path, uninterrupted)


def test_a_second_sigterm_kills_unless_it_comes_with_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([10.0, 10.1, 13.0])
    module = "ontarget.training.monitoring.callbacks"
    monkeypatch.setattr(f"{module}.time.monotonic", lambda: next(clock))
    raised: list[int] = []
    on_signal = StopOnSignal()
    with on_signal.listening():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert on_signal.received == (signal.SIGTERM, 10.0)
        assert signal.getsignal(signal.SIGTERM) == on_signal.handle
        with monkeypatch.context() as patch:
            patch.setattr(f"{module}.signal.raise_signal", raised.append)
            os.kill(os.getpid(), signal.SIGTERM)
    assert raised == [signal.SIGTERM]


def test_a_second_ctrl_c_ends_at_once_but_not_if_a_launcher_may_have_repeated_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt), StopOnSignal().listening():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    message = "ontarget: stops after this optimizer step; Ctrl-C again stops at once\n"
    assert capfd.readouterr().err == message
    monkeypatch.setattr("ontarget.processes.world_size", lambda: 2)
    with StopOnSignal().listening():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As after nohup, or in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    on_signal = StopOnSignal()
    try:
        with on_signal.listening():
            signal.raise_signal(signal.SIGINT)
        assert on_signal.received is None and signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
