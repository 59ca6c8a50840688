"""Signals that ask the program to stop become exceptions, at a moment when these are not lost.

An exception in the middle of an import can abort the process, because native libraries call back
into Python there. One in a finalizer or a weak reference's callback is dropped by Python. So a
signal that comes during an import waits, and one whose exception was dropped is sent again.
"""

import inspect
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

from ontarget.errors import Stopped

STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 0.1  # until a signal is sent again
HELD_SECONDS = 5.0  # after which an import no longer delays a signal: it may hang
IMPORTING = "<frozen importlib"


@contextmanager
def raising_stopped(text: str) -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP raise Stopped(`text`), so that `finally` blocks clean up.

    Signals that are ignored stay ignored (`nohup`). Only the main thread can set handlers.
    """
    heard = [number for number in STOP_SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    with raising(partial(Stopped, text), heard):
        yield


@contextmanager
def raising_interrupts() -> Iterator[None]:
    """Within the block Ctrl-C raises KeyboardInterrupt as always, but never where it is lost."""
    default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with raising(lambda _: KeyboardInterrupt(), [signal.SIGINT] if default else []):
        yield


@contextmanager
def raising(error: Callable[[int], BaseException], numbers: Iterable[int]) -> Iterator[None]:
    """Within the block, or at its end, these signals raise what `error` makes of their number."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = Handler(error, inside_import=is_importing(inspect.currentframe()))
    previous: dict[int, Any] = {}
    dropped = sys.unraisablehook
    try:
        sys.unraisablehook = partial(handler.send_if_dropped, dropped)
        for number in numbers:
            previous[number] = signal.getsignal(number)
            signal.signal(number, handler.handle)
        yield
    finally:
        for number, earlier in previous.items():
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)
        sys.unraisablehook = dropped
        handler.cancel()
    for number in handler.waiting:
        raise error(number)


class Handler:
    """Raises on a signal, or holds it back; further ones of the same number count as that one."""

    def __init__(self, error: Callable[[int], BaseException], *, inside_import: bool) -> None:
        self.error = error
        self.inside_import = inside_import  # the whole block is run by an import
        self.waiting: dict[int, threading.Timer] = {}  # by number
        self.came: dict[int, float] = {}  # when, of those that were sent again; monotonic clock
        self.raised: dict[int, BaseException] = {}

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if number in self.waiting:
            return
        now = time.monotonic()
        came = self.came.pop(number, now)
        if not self.inside_import and now - came < HELD_SECONDS and is_importing(frame):
            self.send_again(number, came)
            return
        self.raised[number] = self.error(number)
        raise self.raised[number]

    def send_if_dropped(self, otherwise: Callable[[Any], Any], dropped: Any) -> None:
        """Called with each exception that Python drops; only those raised here are sent again."""
        for number, error in self.raised.items():
            if dropped.exc_value is error:
                self.send_again(number, time.monotonic())
                return
        otherwise(dropped)

    def send_again(self, number: int, came: float) -> None:
        """Send the main thread the signal a moment later."""

        def send() -> None:
            self.came[number] = came
            if self.waiting.pop(number, None):
                signal.pthread_kill(threading.main_thread().ident or 0, number)

        self.waiting[number] = threading.Timer(AGAIN_SECONDS, send)
        self.waiting[number].daemon = True
        self.waiting[number].start()

    def cancel(self) -> None:
        """Send no signal any more; those that wait stay in `waiting`."""
        for timer in self.waiting.values():
            timer.cancel()


def is_importing(frame: FrameType | None) -> bool:
    """Whether an import is running in this frame or around it."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORTING):
            return True
        frame = frame.f_back
    return False
