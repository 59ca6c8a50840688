"""What a person sees while a pipeline runs.

On a terminal there is one live line a step. Elsewhere (a log file, a cluster's scheduler, CI) there
is one plain line when a step starts and at least one a minute while it runs.
"""

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from ontarget import processes
from ontarget.errors import visible
from ontarget.pipeline.graph import Step

SPEED_SECONDS = 3600.0  # batches of a large model are minutes apart
LOG_SECONDS = 60.0  # between plain lines
SEGMENTS = ("segments", "diagnosis: segments", "pairs")  # what is counted, with its speed

console = Console(highlight=False, quiet=not processes.is_main_process())


def error_console() -> Console:
    """Standard error, as it is now."""
    return Console(stderr=True, highlight=False)


def write(*lines: str) -> None:
    """Print lines of text, unwrapped and without interpreting markup."""
    for line in lines:
        console.print(Text(line), soft_wrap=True)


class ConsoleProgress:
    """A `ProgressDisplay` for a terminal or a log file."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress: Progress | None = None
        self.log: PlainLog | None = None

    def began(self, step: Step) -> None:
        """Start the step's line."""
        self.start(step.folder)

    def start(self, title: str) -> None:
        """Start a line with a title."""
        if not self.console.is_terminal:
            self.log = PlainLog(self.console, title)
            return
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[step]}", markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[speed]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
            speed_estimate_period=SPEED_SECONDS,
        )
        self.progress.add_task("starting", step=title, speed="", total=None)
        self.progress.start()

    def tell(self, text: str, done: int, total: int) -> None:
        """Update the step's line; a change of what is counted restarts its clock."""
        if self.log is not None:
            self.log.update(text, done, total)
        if self.progress is None:
            return
        (task,) = self.progress.tasks
        if task.total != total or done < task.completed:
            self.progress.reset(task.id, total=total)
        speed = f"{task.speed:.3g} {text.split()[-1]}/s" if text in SEGMENTS and task.speed else ""
        self.progress.update(task.id, completed=done, description=text, speed=speed)

    def ended(self, step: Step, seconds: float, result: dict[str, Any]) -> None:
        """Replace the line by what the step reports."""
        self.close()
        values = ", ".join(
            f"{key.replace('_', ' ')} {format_result(value)}" for key, value in result.items()
        )
        self.console.print(Text(f"{step.folder:24} {seconds:6.1f} s  {values}"), soft_wrap=True)

    def skipped(self, step: Step) -> None:
        """Say that nothing had to be done."""
        self.console.print(Text(f"{step.folder:24} up to date"), soft_wrap=True)

    def close(self) -> None:
        """Remove the live line, or stop logging."""
        if self.progress is not None:
            self.progress.stop()
            self.progress = None
        if self.log is not None:
            self.log.close()
            self.log = None


@contextmanager
def progress_line(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress line on standard error, so that standard output holds results only.

    Yields the function that updates it: (what is counted, how much is done, out of how much). In a
    log file the first line comes with the first batch, so that bad input leaves only its error.
    """
    console = error_console()
    display = ConsoleProgress(console)
    if console.is_terminal:
        display.start(title)

    def tell(text: str, done: int, total: int) -> None:
        if display.progress is None and display.log is None and done:
            display.start(title)
        display.tell(text, done, total)

    try:
        yield tell
    finally:
        display.close()


@contextmanager
def working(title: str) -> Iterator[Callable[[str], None]]:
    """A spinner on standard error; in a log file one line a minute, so none for quick work.

    Yields the function that replaces the text.
    """
    console = error_console()
    if console.is_terminal:
        with console.status(Text(title)) as status:
            yield lambda text: status.update(Text(one_line(text)))
        return
    log = PlainLog(console, title, announced=False)
    log.update("", 0, 0)  # in place of "starting"
    try:
        yield lambda text: log.update(one_line(text), 0, 0)
    finally:
        log.close()


class PlainLog:
    """A plain line when a step starts, if `announced`, and then one every `LOG_SECONDS`."""

    def __init__(self, console: Console, step: str, *, announced: bool = True) -> None:
        self.console, self.step = console, step
        self.text, self.done, self.total = "starting", 0, 0
        self.first, self.since = 0, time.monotonic()  # where and when the current count began
        self.lock, self.finished = threading.Lock(), threading.Event()
        if announced:
            self.console.print(Text(f"{step:24} started"), soft_wrap=True)
        self.thread = threading.Thread(target=self.repeat, daemon=True)
        self.thread.start()

    def update(self, text: str, done: int, total: int) -> None:
        """Take note of what the step is doing."""
        with self.lock:
            if total != self.total or done < self.done:
                self.first, self.since = done, time.monotonic()
            self.text, self.done, self.total = text, done, total

    def repeat(self) -> None:
        """Print the state until the step has ended."""
        while not self.finished.wait(LOG_SECONDS):
            self.console.print(Text(self.line()), soft_wrap=True)

    def line(self) -> str:
        """The state: what is done of how much, losses and speed, the time left."""
        with self.lock:
            if self.total <= 1 and self.done <= 1:
                return f"{self.step:24} {self.text}".rstrip()
            seconds, advanced = time.monotonic() - self.since, self.done - self.first
            total = f" of {self.total:,}" if self.total else ""
            line = f"{self.step:24} {self.done:,}{total}  {self.text}"
            if self.text in SEGMENTS and seconds > 0:
                line += f"  {advanced / seconds:.3g} {self.text.split()[-1]}/s"
            if advanced > 0 and self.total:
                left = (self.total - self.done) * seconds / advanced
                line += f"  {format_duration(left)} left"
            return line

    def close(self) -> None:
        """Stop."""
        self.finished.set()
        self.thread.join()


def format_duration(seconds: float) -> str:
    """`2 h 05 min`, `3 min 20 s`, `12 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def format_result(value: Any) -> str:
    """A step's result as text."""
    if isinstance(value, dict):
        return " ".join(f"{key}:{format_part(item)}" for key, item in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def format_part(value: Any) -> str:
    """A part of a result; parts of it follow in brackets."""
    if isinstance(value, dict):
        return "(" + " ".join(f"{key}:{item}" for key, item in value.items()) + ")"
    return str(value)


def one_line(error: Exception | str) -> str:
    """An error's message, with control characters, which names may contain, written out."""
    return visible(str(error))


def quiet_libraries() -> None:
    """Silence progress bars and advice of libraries, which would break our own line.

    Also limits one process to one accelerator: with several, the Trainer would multiply the
    recipe's batch by their number. A launcher starts one process for each.
    """
    if processes.world_size() == 1:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("TQDM_DISABLE", "1")
    warnings.filterwarnings("ignore", ".is_gradient_checkpointing. is deprecated", FutureWarning)
