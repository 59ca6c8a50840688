"""Signals become exceptions where an exception is not lost, and as soon as it is not."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.models import tiny
from transformers import AutoConfig

from ontarget.artifacts import signals
from ontarget.cli import app
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
    """Its finalizer gets a signal, whose exception Python drops."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


def collected(number: int) -> None:
    """A generator gets a signal when it is collected."""

    def numbers() -> Iterator[int]:
        try:
            yield 0
        finally:
            signal.raise_signal(number)

    next(numbers())


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


def wait(seconds: float = 2.0) -> None:
    """Long enough for a signal that is sent again."""
    for _ in range(round(seconds / 0.02)):
        time.sleep(0.02)
    raise AssertionError("the signal was lost")


def error_of(name: str) -> type[BaseException]:
    return KeyboardInterrupt if name == "SIGINT" else Stopped


def test_a_signal_raises_at_once(name: str) -> None:
    number = signal.Signals[name]
    error = error_of(name)
    with signals.raising_interrupts(), signals.raising_stopped(TEXT), pytest.raises(error) as info:
        signal.raise_signal(number)
        raise AssertionError("it did not raise")
    if isinstance(info.value, Stopped):
        assert (str(info.value), info.value.signal) == (TEXT, number)


def test_a_signal_within_an_import_waits_for_its_end(name: str, module: str) -> None:
    with signals.raising_interrupts(), signals.raising_stopped(TEXT), pytest.raises(error_of(name)):
        imported = __import__(module)
        assert imported.DONE
        wait()
    assert sys.modules[module].DONE


def test_a_signal_that_still_waits_is_raised_when_the_block_ends(name: str, module: str) -> None:
    with pytest.raises(error_of(name)), signals.raising_interrupts(), signals.raising_stopped(TEXT):
        __import__(module)
    time.sleep(3 * signals.AGAIN_SECONDS)  # and is not sent once more, which would end the tests


def test_an_import_that_hangs_delays_a_signal_for_a_limited_time(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "HELD_SECONDS", 0.05)
    with signals.raising_interrupts(), signals.raising_stopped(TEXT), pytest.raises(error_of(name)):
        __import__(module)
    assert module not in sys.modules


def test_repeated_signals_within_an_import_are_one(name: str, tmp_path: Path, module: str) -> None:
    """The second one would interrupt what the first one cleans up."""
    path = tmp_path / "signalled.py"
    path.write_text(f"{MODULE.format(name=name)}\n{MODULE.format(name=name)}")
    cleaned = False
    with signals.raising_interrupts(), signals.raising_stopped(TEXT), pytest.raises(error_of(name)):
        try:
            __import__(module)
            wait()
        finally:
            time.sleep(3 * signals.AGAIN_SECONDS)
            cleaned = True
    assert cleaned


@pytest.mark.parametrize("drop", [Finalized, collected])
def test_a_signal_whose_exception_python_drops_is_sent_again(
    name: str, drop: Callable[[int], object]
) -> None:
    number = signal.Signals[name]
    with signals.raising_interrupts(), signals.raising_stopped(TEXT), pytest.raises(error_of(name)):
        drop(number)
        wait()


def test_other_exceptions_that_python_drops_are_reported_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Faulty:
        def __del__(self) -> None:
            raise ValueError("dropped")

    reported: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda one: reported.append(str(one.exc_value)))
    with signals.raising_stopped(TEXT):
        Faulty()
    assert reported == ["dropped"]
    with pytest.raises(KeyError), signals.raising_stopped(TEXT):
        raise KeyError
    Faulty()
    assert reported == ["dropped", "dropped"]  # the hook is put back, also after an error


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


def test_other_threads_leave_the_handlers_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with signals.raising_stopped(TEXT), signals.raising_interrupts():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_command_holds_ctrl_c_back_during_an_import(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command is a stand-in that imports a module which gets the signal."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "signalled.py").write_text(MODULE.format(name="SIGINT"))

    def command(*_: object, **__: object) -> None:
        __import__("signalled")
        wait()

    monkeypatch.setattr(app, "app", command)
    assert app.execute(["status"]) == 130
    assert sys.modules.pop("signalled").DONE
