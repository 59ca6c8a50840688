"""Weights of which each process holds a part: one whole, and all of a model whole again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from ontarget import processes

ZERO3 = "ds_tensor"  # where DeepSpeed keeps a process's part of a parameter, which itself is empty


def whole(weight: Tensor) -> Tensor:
    """All of a weight; every process must ask for it."""
    if isinstance(weight, DTensor):
        return weight.full_tensor().detach()
    with gathered(weight):
        return weight.detach().clone()


def own(weight: Tensor) -> Tensor:
    """The part of a weight that this process holds."""
    return weight.to_local() if isinstance(weight, DTensor) else getattr(weight, ZERO3, weight)


@torch.no_grad()
def fill(weight: Tensor, content: Tensor) -> None:
    """Give a weight, or each process's part of it, a new content; every process must do so."""
    if isinstance(weight, DTensor):
        content = distribute_tensor(
            content.to(weight.device), weight.device_mesh, weight.placements
        )
    with gathered(weight):
        weight.copy_(content)


@contextmanager
def gathered(weight: Tensor) -> Iterator[None]:
    """Meanwhile each process has all of a weight that ZeRO-3 holds in parts.

    What the leading process writes into it is what the parts hold afterwards.
    """
    if not hasattr(weight, ZERO3):
        yield
        return
    import deepspeed  # type: ignore[import-not-found]

    with deepspeed.zero.GatheredParameters([weight], modifier_rank=0):
        yield


def make_whole(model: nn.Module, trainer: Any) -> None:
    """Undo an engine's sharding: the leader has all weights of `model`, on the CPU.

    Every process must call it; what the others have is of no use any more.
    """
    if not processes.shard():
        return
    # else the next model would be split while it is loaded
    unset_hf_deepspeed_config()  # type: ignore[no-untyped-call]
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if processes.leads():
        replace(model, weights)


def replace(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put `weights` in the place of the parameters themselves; what is tied stays tied."""
    made: dict[int, nn.Parameter] = {}
    for prefix, module in model.named_modules():
        for name, old in module._parameters.items():
            content = weights.get(f"{prefix}.{name}" if prefix else name)
            if old is not None and id(old) not in made and content is not None:
                made[id(old)] = nn.Parameter(content, requires_grad=old.requires_grad)
    for module in model.modules():
        for name, old in module._parameters.items():
            if old is not None and id(old) in made:
                module._parameters[name] = made[id(old)]
