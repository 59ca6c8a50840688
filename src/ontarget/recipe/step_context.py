"""What a running step is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

Settings = TypeVar("Settings")
Tell = Callable[[str, int, int], None]  # what the step is doing, how much is done, out of how much


@dataclass(frozen=True, kw_only=True)
class StepContext(Generic[Settings]):
    """One step's settings and folders. An undeclared setting or input folder is an error."""

    settings: Settings
    inputs: Mapping[str, Path]  # folders of the steps that this one declares to need, by name
    out: Path  # the folder to fill
    start: str  # the model that a training or translation begins with: a folder or hub id
    unfinished: Path  # where a training keeps its checkpoints
    logs: Path  # where event files of trackers go
    run_name: str
    report_to: tuple[str, ...]
    tell: Tell
    dev_batch: int = 64  # dev sentences that are translated at once; does not change the result
    system: str = ""  # the system that is trained or translated with
    engine: str = "local"  # who cleans: `local`, `ray`, or the address of a Ray cluster
