"""Live training curves in TensorBoard, W&B or trackio.

Trackers get the same points as the terminal. They never change a training; the numbers of record
are in curve.jsonl and validation.jsonl.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ontarget.errors import RecipeError

Scalars = Mapping[str, int | float]
Track = Callable[[Scalars, int], None]  # takes values by name, and the optimizer step

PACKAGES = {"tensorboard": "tensorboardX", "wandb": "wandb", "trackio": "trackio"}
PROJECT = "ontarget"
ERROR_CHARACTERS = 200  # of a service's own error message
TRACKED = {  # value -> group of the curves that it is shown in
    "likelihood": "train",  # nats per response token, as all losses and log-odds
    "unlikelihood": "train",
    "log_odds": "train",  # mean over the labels of true samples
    "conflict_log_odds": "train",
    "conflict_share": "train",
    "learning_rate": "train",
    "grad_norm": "train",
    "tokens_per_second": "train",
    "off_target_percent": "dev",
    "reference_off_target_percent": "dev",
    "chrf": "dev",
    "supervised_chrf": "dev",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """One training, as trackers show it."""

    name: str  # such as demo/3_mle
    folder: Path  # of TensorBoard's event files
    settings: Mapping[str, Any]  # shown next to the curves by W&B and trackio


def check_installed(names: Sequence[str]) -> None:
    """Raise RecipeError where a tracker's package is not installed; imports none of them."""
    for name in names:
        package = PACKAGES[name]
        if find_spec(package) is None:
            raise RecipeError(
                f"report_to: {name} needs the package {package}, which is not installed; "
                f"pip install {package}, or leave {name} out"
            )


@contextmanager
def tracking(names: Sequence[str], tracked: TrackedRun) -> Iterator[Callable[[Scalars], None]]:
    """A function that sends a point to all trackers: its `step`, and its values among TRACKED.

    Raises:
        RecipeError: a tracker is not installed or cannot start.
    """
    check_installed(names)
    with ExitStack() as stack:
        tracks = [stack.enter_context(TRACKERS[name](tracked)) for name in names]

        def send(point: Scalars) -> None:
            scalars = tagged(point)
            for track in tracks:
                track(scalars, int(point["step"]))

        yield send


def tagged(point: Scalars) -> dict[str, float]:
    """The tracked values of a point, with the prefix `train/` or `dev/`."""
    return {
        f"{group}/{name}": float(point[name]) for name, group in TRACKED.items() if name in point
    }


@contextmanager
def tensorboard(tracked: TrackedRun) -> Iterator[Track]:
    """TensorBoard event files in the run's folder; a resumed training adds another file.

    Points are written directly, without the thread and queue of tensorboardX's SummaryWriter: they
    are visible at once, and a full disk stops the training with an error.
    """
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto.event_pb2 import Event, SessionLog
    from tensorboardX.proto.summary_pb2 import Summary

    writers: list[Any] = []

    def write(step: int, **content: Any) -> None:
        writers[0].write_event(Event(step=step, wall_time=time.time(), **content))

    def track(scalars: Scalars, step: int) -> None:
        if not writers:
            tracked.folder.mkdir(parents=True, exist_ok=True)
            writers.append(EventsWriter(str(tracked.folder / "events"), f".{step}"))
            # A killed training may have written points after its last checkpoint. This event tells
            # TensorBoard to drop them: the resumed training writes these steps again.
            write(step, session_log=SessionLog(status=SessionLog.START))
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        write(step, summary=Summary(value=values))
        writers[0].flush()

    try:
        yield track
    finally:
        for writer in writers:
            writer.close()


@contextmanager
def wandb(tracked: TrackedRun) -> Iterator[Track]:
    """A W&B run; W&B's own environment variables say where it goes, and whether it is uploaded."""
    with start_run("wandb", "WANDB_PROJECT", tracked) as run:  # marks the run as failed on error
        yield lambda scalars, step: run.log(dict(scalars), step=step)


@contextmanager
def trackio(tracked: TrackedRun) -> Iterator[Track]:
    """A trackio run, kept on this machine unless trackio's environment variables name a Space."""
    run = start_run("trackio", "TRACKIO_PROJECT", tracked)
    try:
        yield lambda scalars, step: run.log(dict(scalars), step=step)
    finally:
        run.finish()


def start_run(package: str, project: str, tracked: TrackedRun) -> Any:
    """Start a run with a package that has W&B's interface.

    `project` is the environment variable that names the project; the default is `PROJECT`.

    Raises:
        RecipeError: the run cannot start.
    """
    try:
        return import_module(package).init(
            project=os.environ.get(project, PROJECT),
            name=tracked.name,
            config=dict(tracked.settings),
        )
    except Exception as error:  # network, login, quota: each service fails in its own way
        raise RecipeError(
            f"report_to: {package} cannot start ({' '.join(str(error).split())[:ERROR_CHARACTERS]})"
            f"; fix that, or leave {package} out"
        ) from error


TRACKERS: dict[str, Callable[[TrackedRun], AbstractContextManager[Track]]] = {
    "tensorboard": tensorboard,
    "wandb": wandb,
    "trackio": trackio,
}
