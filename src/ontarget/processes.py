"""The processes of one run, as `accelerate launch` and `torchrun` start them.

Rank 0 is the main process.
All ranks go through the same steps. The main process decides, writes and prints; the others train
with it and otherwise wait. Rank 0 broadcasts decisions over a separate Gloo group with a long
timeout, so that slow steps do not abort the other ranks. All ranks share the run's folder.
"""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar, cast

from ontarget.errors import RecipeError

Decided = TypeVar("Decided")

FSDP = "ACCELERATE_USE_FSDP"
ENGINES = (FSDP, "ACCELERATE_USE_DEEPSPEED")  # accelerate's variables of engines that shard
PATIENCE = timedelta(days=30)


def world_size() -> int:
    """The number of processes."""
    return max(1, launcher_variable("WORLD_SIZE"))


def is_main_process() -> bool:
    """Whether this is rank 0, or the only process."""
    return world_size() == 1 or launcher_variable("RANK") == 0


def launcher_variable(name: str) -> int:
    """A number that a launcher sets in the environment; 0 if it is not set."""
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else 0


def check_launch() -> None:
    """Raise RecipeError for an environment that no launcher sets.

    An incomplete launch (`WORLD_SIZE` without `RANK`) fails at once instead of hanging.
    """
    for variable in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        text = os.environ.get(variable, "0")
        if not (text.isascii() and text.removeprefix("-").isdecimal()):
            raise RecipeError(
                f"environment: {variable} is {text!r}, expected a number; `unset {variable}`, or "
                "launch with `accelerate launch` or `torchrun`, which set it"
            )
    check_engine()
    started = [n for n in ("WORLD_SIZE", "LOCAL_RANK") if launcher_variable(n) > 0]
    if not started or (world_size() == 1 and started[0] != "LOCAL_RANK"):
        return
    name = started[0]
    required = ("RANK", "MASTER_ADDR", "MASTER_PORT")
    missing = [variable for variable in required if not os.environ.get(variable)]
    rank = launcher_variable("RANK")
    if missing or rank >= world_size():
        fault = f"no {', '.join(missing)}" if missing else f"RANK {rank}"
        raise RecipeError(
            f"environment: {name} is {launcher_variable(name)}, but there is {fault}; launch with "
            f"`accelerate launch` or `torchrun`, which set them all, or `unset {name}` to run one "
            "process"
        )


def check_engine() -> None:
    """Raise RecipeError for a sharding engine with one process, or for FSDP 1."""
    engines = [name for name in ENGINES if os.environ.get(name, "").lower() == "true"]
    if engines and world_size() == 1:
        raise RecipeError(
            f"environment: {engines[0]} is true, but there is only one process, so nothing can be "
            f"sharded; launch two or more, or `unset {engines[0]}`"
        )
    version = os.environ.get("FSDP_VERSION") or "1"
    if FSDP in engines and version != "2":
        raise RecipeError(
            f"environment: FSDP_VERSION is {version}, expected 2; launch with --fsdp_version 2, or "
            "with recipes/engines/fsdp2.yaml"
        )


def micro_batch(batch: int, maximum: int, processes: int | None = None) -> int:
    """Samples that each process takes at once, for an optimizer step of `batch` samples.

    `processes` is their number; None: those of this run.

    Raises:
        RecipeError: they cannot share the batch evenly.
    """
    processes = processes or world_size()
    size = min(maximum, max(1, batch // processes))
    if batch % (size * processes):
        raise RecipeError(
            f"batch: {batch} is no multiple of micro_batch {size} on {processes} processes; "
            "make it one"
        )
    return size


def is_sharded() -> bool:
    """Whether each process holds only a part of the weights (FSDP, ZeRO-3)."""
    return sharding_engine() is not None


def sharding_engine() -> str | None:
    """The environment variable of the engine that shards, if one does."""
    engines = (name for name in ENGINES if os.environ.get(name, "").lower() == "true")
    return next(engines, None) if world_size() > 1 else None


def decide_on_main(decide: Callable[[], Decided]) -> Decided:
    """The result of `decide` on the main process; the other ranks wait for it.

    If it raises there, the launcher ends the other ranks.
    """
    return broadcast(decide() if is_main_process() else cast(Decided, None))


def broadcast(value: Decided) -> Decided:
    """The main process's value, on all ranks."""
    if world_size() == 1:
        return value
    import torch.distributed

    box = [value]
    torch.distributed.broadcast_object_list(box, src=0, group=coordination_group())
    return box[0]


def barrier() -> None:
    """Wait until all ranks have arrived here."""
    sum_over_processes([0.0])


def sum_over_processes(values: Sequence[float]) -> list[float]:
    """Each value, summed over all ranks."""
    if world_size() == 1:
        return list(values)
    import torch

    sums = torch.tensor(values, dtype=torch.float64)
    torch.distributed.all_reduce(sums, group=coordination_group())
    return sums.tolist()


@cache
def coordination_group() -> Any:
    """The Gloo group for decisions; initialises torch.distributed if nothing else has."""
    import torch
    from accelerate import PartialState  # type: ignore[import-untyped]

    PartialState(cpu=torch.accelerator.current_accelerator(check_available=True) is None)
    return torch.distributed.new_group(backend="gloo", timeout=PATIENCE)


def is_initialized() -> bool:
    """Whether the ranks have met in the coordination group."""
    return coordination_group.cache_info().currsize > 0


def shut_down() -> None:
    """Destroy the process groups; left alive, one of their threads can abort interpreter exit."""
    if world_size() == 1:
        return
    import torch.distributed

    if torch.distributed.is_initialized():
        coordination_group.cache_clear()
        torch.distributed.destroy_process_group()
