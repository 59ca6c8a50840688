"""Weights of which each process holds a part: one whole, and all of a model whole again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from ontarget import processes
from ontarget.errors import ModelError

DROPS = ("layerdrop", "encoder_layerdrop", "decoder_layerdrop")  # shares of layers, as configured
ZERO3 = "ds_tensor"  # where DeepSpeed keeps a process's part of a parameter, which itself is empty


def check_model(model: PreTrainedModel, name: str) -> None:
    """Raise ModelError for a model that several processes, or those that shard, cannot train.

    Where one leaves out a layer, the others would wait for it. accelerate makes one group of FSDP2
    of the embeddings and the head; torch refuses weights that are in another group as well, as
    where encoder and decoder share them (accelerate 1.15, torch 2.13).
    """
    if processes.world_size() == 1:
        return
    dropped = [each for each in DROPS if getattr(model.config, each, 0)]
    if dropped:
        raise ModelError(
            f"{name}: drops whole layers while it is trained, which several processes cannot; set "
            f"{' and '.join(dropped)} to 0 in its config.json"
        )
    ends: Any = (model.get_input_embeddings(), model.get_output_embeddings())  # type: ignore[no-untyped-call]
    others = [each for each in model.modules() if not any(each is end for end in ends)]
    if processes.sharding_engine() == processes.FSDP and any(
        getattr(each, "weight", None) is ends[0].weight for each in others
    ):
        raise ModelError(
            f"{name}: its encoder and decoder share their embeddings, which FSDP2 cannot split; "
            "use recipes/engines/ddp.yaml or zero3.yaml"
        )


def full_tensor(weight: Tensor) -> Tensor:
    """All of a weight; every process must ask for it."""
    if isinstance(weight, DTensor):
        return weight.full_tensor().detach()
    with gather_zero3(weight):
        return weight.detach().clone()


def local_tensor(weight: Tensor) -> Tensor:
    """The part of a weight that this process holds."""
    return weight.to_local() if isinstance(weight, DTensor) else getattr(weight, ZERO3, weight)


@torch.no_grad()
def assign(weight: Tensor, content: Tensor) -> None:
    """Give a weight, or each process's part of it, a new content; every process must do so."""
    if isinstance(weight, DTensor):
        content = distribute_tensor(
            content.to(weight.device), weight.device_mesh, weight.placements
        )
    with gather_zero3(weight):
        weight.copy_(content)


@contextmanager
def gather_zero3(weight: Tensor) -> Iterator[None]:
    """Meanwhile each process has all of a weight that ZeRO-3 holds in parts.

    What the leading process writes into it is what the parts hold afterwards.
    """
    if not hasattr(weight, ZERO3):
        yield
        return
    import deepspeed  # type: ignore[import-not-found]

    with deepspeed.zero.GatheredParameters([weight], modifier_rank=0):
        yield


def unshard(model: nn.Module, trainer: Any) -> None:
    """Undo an engine's sharding: the leader has all weights of `model`, on the CPU.

    Every process must call it; what the others have is of no use any more.
    """
    if not processes.is_sharded():
        return
    # else the next model would be split while it is loaded
    unset_hf_deepspeed_config()  # type: ignore[no-untyped-call]
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if processes.is_main_process():
        replace_parameters(model, weights)


def replace_parameters(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
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
