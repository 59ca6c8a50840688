"""Signals become exceptions where an exception is not lost, and as soon as it is not."""

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.models import tiny
from transformers import AutoConfig

from ontarget.artifacts import signals
from ontarget.errors import Stopped
from ontarget.models.loading import load_model, save_model

TEXT = "stopped; nothing is left"
MODULE = """
import os, signal, time
os.kill(os.getpid(), signal.{name})
time.sleep(0.3)
DONE = True
"""


class Finalized:
    """Its finalizer gets a signal, and takes longer than a signal is held back."""

    def __init__(self, number: int, log: list[str]) -> None:
        self.number, self.log = number, log

    def __del__(self) -> None:
        signal.raise_signal(self.number)
        time.sleep(0.3)
        self.log.append("finalized")


@pytest.fixture(params=["SIGTERM", "SIGHUP", "SIGINT"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def module(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that gets the signal while it is imported."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "signalled.py").write_text(MODULE.format(name=name))
    yield "signalled"
    sys.modules.pop("signalled", None)


def wait() -> None:
    """Long enough for a signal that was held back."""
    for _ in range(100):
        time.sleep(0.05)
    raise AssertionError("the signal was lost")


def test_a_signal_raises_at_once(name: str) -> None:
    number = signal.Signals[name]
    error = KeyboardInterrupt if name == "SIGINT" else Stopped
    with signals.raising_interrupts(), signals.raising_stopped(TEXT), pytest.raises(error) as info:
        signal.raise_signal(number)
        raise AssertionError("it did not raise")
    if isinstance(info.value, Stopped):
        assert (str(info.value), info.value.signal) == (TEXT, number)


def test_a_signal_within_an_import_waits_for_its_end(name: str, module: str) -> None:
    error = KeyboardInterrupt if name == "SIGINT" else Stopped
    with signals.raising_interrupts(), signals.raising_stopped(TEXT), pytest.raises(error):
        imported = __import__(module)
        assert imported.DONE
        wait()
    assert sys.modules[module].DONE


def test_a_signal_within_a_finalizer_is_not_lost(name: str) -> None:
    log: list[str] = []
    error = KeyboardInterrupt if name == "SIGINT" else Stopped
    with signals.raising_interrupts(), signals.raising_stopped(TEXT), pytest.raises(error):
        Finalized(signal.Signals[name], log)
        wait()
    assert log == ["finalized"]


def test_a_program_that_an_import_runs_is_stopped_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in `import my_experiment`, where the whole run is within an import."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "experiment.py").write_text(
        "import signal\nfrom ontarget.artifacts import signals\n"
        f"with signals.raising_stopped({TEXT!r}):\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "    raise AssertionError('it did not raise')\n"
    )
    with pytest.raises(Stopped, match=TEXT):
        __import__("experiment")


def test_a_signal_while_a_model_loads_is_no_fault_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(AutoConfig, "from_pretrained", killed)
    save_model(tiny(), tmp_path / "model")
    with signals.raising_stopped(TEXT), pytest.raises(Stopped, match=TEXT):
        load_model(str(tmp_path / "model"))


def test_handlers_are_put_back_and_ignored_signals_stay_ignored() -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with signals.raising_stopped(TEXT):
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGTERM) != before
        assert signal.getsignal(signal.SIGTERM) == before
    finally:
        signal.signal(signal.SIGHUP, previous)
