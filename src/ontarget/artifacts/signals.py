"""Signals that ask the program to stop become exceptions, at a moment when these are not lost.

An exception in the middle of an import can abort the process, because native libraries call back
into Python there, and one within `__del__` is printed and forgotten. So a signal that comes then is
sent again until it is safe.
"""

import inspect
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

from ontarget.errors import Stopped

STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 0.1  # until a signal that came at a bad moment is sent again
IMPORTING, FINALIZER = "<frozen importlib", "__del__"


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
    """Within the block these signals raise what `error` makes of their number."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    inside = is_bad_moment(inspect.currentframe())  # of a program that an import runs

    def handle(number: int, frame: FrameType | None) -> None:
        if not inside and is_bad_moment(frame):
            send_again(number)
            return
        raise error(number)

    previous = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def is_bad_moment(frame: FrameType | None) -> bool:
    """Whether an import or a finalizer is running in this frame or around it."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == FINALIZER or code.co_filename.startswith(IMPORTING):
            return True
        frame = frame.f_back
    return False


def send_again(number: int) -> None:
    """Send this process the signal a moment later."""
    timer = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()
