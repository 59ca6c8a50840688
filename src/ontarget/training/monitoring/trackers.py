"""Where a training's curves can be watched: TensorBoard files, W&B, trackio.

They are told the points that the terminal's line is made of. curve.jsonl and validation.jsonl hold
the numbers whatever is told here, and no tracker changes a training.
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
Track = Callable[[Scalars, int], None]  # numbers by name, after so many steps

PACKAGES = {"tensorboard": "tensorboardX", "wandb": "wandb", "trackio": "trackio"}
PROJECT = "ontarget"
TRACKED = {
    "likelihood": "train",  # nats per response token, as unlikelihood
    "unlikelihood": "train",
    "odds": "train",  # mean log-odds of the labels, of true and of conflict samples
    "conflict_odds": "train",
    "conflict_share": "train",
    "learning_rate": "train",
    "grad_norm": "train",
    "tokens_per_second": "train",
    "off_target_percent": "dev",
    "reference_off_target_percent": "dev",
    "chrf": "dev",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """One training, as trackers show it."""

    name: str  # such as demo/3_mle
    folder: Path  # of TensorBoard's event files
    settings: Mapping[str, Any]  # shown beside the curves by W&B and trackio


def check_installed(names: Sequence[str]) -> None:
    """Raise RecipeError where the package of a tracker is not installed; none is imported."""
    for name in names:
        package = PACKAGES[name]
        if find_spec(package) is None:
            raise RecipeError(
                f"report_to: {name} needs the package {package}, which is not installed; "
                f"pip install {package}, or leave {name} out"
            )


@contextmanager
def tracking(names: Sequence[str], tracked: TrackedRun) -> Iterator[Callable[[Scalars], None]]:
    """What tells a point (`step`, and numbers of which those in TRACKED count) to all trackers.

    Raises:
        RecipeError: a tracker is not installed or cannot start.
    """
    check_installed(names)
    with ExitStack() as stack:
        tracks = [stack.enter_context(TRACKERS[name](tracked)) for name in names]

        def tell(point: Scalars) -> None:
            scalars = tagged(point)
            for track in tracks:
                track(scalars, int(point["step"]))

        yield tell


def tagged(point: Scalars) -> dict[str, float]:
    """The tracked numbers of a point, each under `train/` or `dev/`."""
    return {
        f"{group}/{name}": float(point[name]) for name, group in TRACKED.items() if name in point
    }


@contextmanager
def tensorboard(tracked: TrackedRun) -> Iterator[Track]:
    """Event files in the training's folder; there a resumed training goes on.

    Each point is written at once, without the thread and queue of tensorboardX's SummaryWriter, so
    that it can be watched at once, and a full disk ends the training as any other.
    """
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto.event_pb2 import Event, SessionLog
    from tensorboardX.proto.summary_pb2 import Summary

    opened: list[Any] = []

    def write(step: int, **content: Any) -> None:
        opened[0].write_event(Event(step=step, wall_time=time.time(), **content))

    def track(scalars: Scalars, step: int) -> None:
        if not opened:
            tracked.folder.mkdir(parents=True, exist_ok=True)
            opened.append(EventsWriter(str(tracked.folder / "events"), f".{step}"))
            # A killed training has told more than its last state knows; it is told again.
            write(step, session_log=SessionLog(status=SessionLog.START))
        values = [Summary.Value(tag=name, simple_value=each) for name, each in scalars.items()]
        write(step, summary=Summary(value=values))
        opened[0].flush()

    try:
        yield track
    finally:
        for writer in opened:
            writer.close()


@contextmanager
def wandb(tracked: TrackedRun) -> Iterator[Track]:
    """A run of W&B; its own environment variables say where it goes, and whether it is sent."""
    with start_run("wandb", "WANDB_PROJECT", tracked) as run:  # a failure is shown as one
        yield lambda scalars, step: run.log(dict(scalars), step=step)


@contextmanager
def trackio(tracked: TrackedRun) -> Iterator[Track]:
    """A run of trackio, kept on this machine unless its environment variables name a Space."""
    run = start_run("trackio", "TRACKIO_PROJECT", tracked)
    try:
        yield lambda scalars, step: run.log(dict(scalars), step=step)
    finally:
        run.finish()


def start_run(package: str, project: str, tracked: TrackedRun) -> Any:
    """A run of a package with W&B's interface, in the project that an environment variable names.

    Raises:
        RecipeError: it cannot start.
    """
    try:
        return import_module(package).init(
            project=os.environ.get(project, PROJECT),
            name=tracked.name,
            config=dict(tracked.settings),
        )
    except Exception as error:  # the many ways in which a service can disappoint
        raise RecipeError(
            f"report_to: {package} cannot start ({' '.join(str(error).split())[:200]}); "
            f"mend that or leave {package} out"
        ) from error


TRACKERS: dict[str, Callable[[TrackedRun], AbstractContextManager[Track]]] = {
    "tensorboard": tensorboard,
    "wandb": wandb,
    "trackio": trackio,
}
