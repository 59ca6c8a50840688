"""The processes of one run, as `accelerate launch` and `torchrun` start them; one of them leads.

All go through the same steps. The leader decides, writes and speaks; the others train with it and
wait for it otherwise, as long as it takes: what is agreed on goes through a group of its own, whose
patience does not end while a slow step runs. They share the run's folder.
"""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar, cast

from ontarget.errors import RecipeError

Decided = TypeVar("Decided")

FSDP = "ACCELERATE_USE_FSDP"
ENGINES = (FSDP, "ACCELERATE_USE_DEEPSPEED")  # that shard, as accelerate says
PATIENCE = timedelta(days=30)


def world_size() -> int:
    """How many there are."""
    return max(1, launcher_variable("WORLD_SIZE"))


def is_main_process() -> bool:
    """Whether this one leads, as it does when it is alone."""
    return world_size() == 1 or launcher_variable("RANK") == 0


def launcher_variable(name: str) -> int:
    """A number that a launcher sets for each of its processes; 0 where there is none."""
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else 0


def check_launch() -> None:
    """Raise RecipeError where the environment speaks of processes that no launcher can have made.

    Left alone, they would be waited for.
    """
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        text = os.environ.get(name, "0")
        if not (text.isascii() and text.removeprefix("-").isdecimal()):
            raise RecipeError(
                f"environment: {name} is {text!r}, expected a number; `unset {name}`, or launch "
                "with `accelerate launch` or `torchrun`, which set it"
            )
    sharding = [name for name in ENGINES if os.environ.get(name, "").lower() == "true"]
    if sharding and world_size() == 1:
        raise RecipeError(
            f"environment: {sharding[0]} is true, but there is one process, which has nothing to "
            f"share; launch two or more, or `unset {sharding[0]}`"
        )
    version = os.environ.get("FSDP_VERSION") or "1"
    if FSDP in sharding and version != "2":
        raise RecipeError(
            f"environment: FSDP_VERSION is {version}, expected 2; launch with --fsdp_version 2, or "
            "with recipes/engines/fsdp2.yaml"
        )
    needed = ("RANK", "MASTER_ADDR", "MASTER_PORT")
    missing = [name for name in needed if not os.environ.get(name)]
    said = next(
        (name for name in ("WORLD_SIZE", "LOCAL_RANK") if launcher_variable(name) > 0), None
    )
    if (
        said
        and (world_size() > 1 or said == "LOCAL_RANK")
        and (missing or launcher_variable("RANK") >= world_size())
    ):
        found = f"no {', '.join(missing)}" if missing else f"RANK {launcher_variable('RANK')}"
        raise RecipeError(
            f"environment: {said} is {launcher_variable(said)}, but there is {found}; launch with `accelerate "
            f"launch` or `torchrun`, which set them all, or `unset {said}` to run one process"
        )


def micro_batch(batch: int, at_most: int, among: int | None = None) -> int:
    """Samples that each of so many processes (all) takes at once, for a step of `batch` samples.

    Raises:
        RecipeError: they cannot share it.
    """
    among = among or world_size()
    each = min(at_most, max(1, batch // among))
    if batch % (each * among):
        raise RecipeError(
            f"batch: {batch} is no multiple of micro_batch {each} on {among} processes; make it one"
        )
    return each


def is_sharded() -> bool:
    """Whether each holds a part of the weights only (FSDP, ZeRO-3), so that all must take part."""
    return sharding_engine() is not None


def sharding_engine() -> str | None:
    """The variable of the engine that shards, if one does."""
    set_ = (name for name in ENGINES if os.environ.get(name, "").lower() == "true")
    return next(set_, None) if world_size() > 1 else None


def decide_on_main(decide: Callable[[], Decided]) -> Decided:
    """What the leader decides; the others wait for it. Where it fails their launcher ends them."""
    return broadcast(decide() if is_main_process() else cast(Decided, None))


def broadcast(value: Decided) -> Decided:
    """The leader's value, in all processes."""
    if world_size() == 1:
        return value
    import torch.distributed

    box = [value]
    torch.distributed.broadcast_object_list(box, src=0, group=coordination_group())
    return box[0]


def barrier() -> None:
    """Wait until all have come here."""
    sum_over_processes([0.0])


def sum_over_processes(values: Sequence[float]) -> list[float]:
    """Each value, summed over the processes."""
    if world_size() == 1:
        return list(values)
    import torch

    every = torch.tensor(values, dtype=torch.float64)
    torch.distributed.all_reduce(every, group=coordination_group())
    return every.tolist()


@cache
def coordination_group() -> Any:
    """The group in which they agree; made once, and with it, if need be, the one they train in."""
    import torch
    from accelerate import PartialState  # type: ignore[import-untyped]

    PartialState(cpu=torch.accelerator.current_accelerator(check_available=True) is None)
    return torch.distributed.new_group(backend="gloo", timeout=PATIENCE)


def is_initialized() -> bool:
    """Whether they have a group already."""
    return coordination_group.cache_info().currsize > 0


def shut_down() -> None:
    """Take the groups down once all is done; a thread of theirs can abort the interpreter's end."""
    if world_size() == 1:
        return
    import torch.distributed

    if torch.distributed.is_initialized():
        coordination_group.cache_clear()
        torch.distributed.destroy_process_group()
