"""What a person sees while a pipeline runs: one live line a step, one line when it is done."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from ontarget import processes
from ontarget.errors import visible
from ontarget.pipeline.graph import Step

console = Console(highlight=False, quiet=not processes.is_main_process())
SPEED_SECONDS = 3600.0  # batches of a large model are minutes apart


class ConsoleProgress:
    """A `pipeline.Show` on a terminal; without one, only the lines of finished steps."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress: Progress | None = None

    def began(self, unit: Step) -> None:
        """Start the step's line."""
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
            disable=not self.console.is_terminal,
            speed_estimate_period=SPEED_SECONDS,
        )
        self.progress.add_task("starting", step=unit.folder, speed="", total=None)
        self.progress.start()

    def tell(self, text: str, done: int, total: int) -> None:
        """Update the step's line; a change of what is counted restarts its clock."""
        if self.progress is None:
            return
        (task,) = self.progress.tasks
        if task.total != total or done < task.completed:
            self.progress.reset(task.id, total=total)
        unit = {"segments": "segments/s", "preflight": "segments/s"}.get(text)
        speed = f"{task.speed:.3g} {unit}" if unit and task.speed else ""
        self.progress.update(task.id, completed=done, description=text, speed=speed)

    def ended(self, unit: Step, seconds: float, result: dict[str, Any]) -> None:
        """Replace the line by what the step reports."""
        self.close()
        values = ", ".join(
            f"{key.replace('_', ' ')} {format_result(value)}" for key, value in result.items()
        )
        self.console.print(Text(f"{unit.folder:24} {seconds:6.1f} s  {values}"), soft_wrap=True)

    def skipped(self, unit: Step) -> None:
        """Say that nothing had to be done."""
        self.console.print(Text(f"{unit.folder:24} up to date"), soft_wrap=True)

    def close(self) -> None:
        """Take the live line away."""
        if self.progress is not None:
            self.progress.stop()
            self.progress = None


def format_result(value: Any) -> str:
    """A step's result in words."""
    if isinstance(value, dict):
        return " ".join(f"{key}:{each}" for key, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def one_line(error: Exception | str) -> str:
    """An error's words with control characters, which names may hold, written out."""
    return visible(str(error))
