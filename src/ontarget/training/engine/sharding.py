"""Weights that an engine (FSDP2, DeepSpeed ZeRO-3) shards: gathering and replacing them."""

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

LAYER_DROPS = ("layerdrop", "encoder_layerdrop", "decoder_layerdrop")  # settings in config.json
ZERO3_SHARD = "ds_tensor"  # attribute of a parameter that holds DeepSpeed's local shard of it


def check_model(model: PreTrainedModel, name: str) -> None:
    """Raise ModelError for a model that these processes cannot train together.

    With layer drop, a process that skips a layer would leave the others waiting for its gradients.
    FSDP2 cannot shard embeddings that encoder and decoder share: accelerate puts embeddings and
    head into one group, and torch accepts no weight in two groups (accelerate 1.15, torch 2.13).
    """
    if processes.world_size() == 1:
        return
    drops = [setting for setting in LAYER_DROPS if getattr(model.config, setting, 0)]
    if drops:
        raise ModelError(
            f"{name}: drops layers at random while training, which several processes cannot do; "
            f"set {' and '.join(drops)} to 0 in its config.json"
        )
    if processes.sharding_engine() == processes.FSDP and shares_embeddings(model):
        raise ModelError(
            f"{name}: its encoder and decoder share their embeddings, which FSDP2 cannot shard; "
            "use recipes/engines/ddp.yaml or zero3.yaml"
        )


def shares_embeddings(model: PreTrainedModel) -> bool:
    """Whether a module besides the input embeddings and the head uses the embedding matrix."""
    embeddings: Any = model.get_input_embeddings()
    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return any(
        module is not embeddings
        and module is not head
        and getattr(module, "weight", None) is embeddings.weight
        for module in model.modules()
    )


def full_tensor(weight: Tensor) -> Tensor:
    """The complete weight; every process must call it."""
    if isinstance(weight, DTensor):
        return weight.full_tensor().detach()
    with gather_zero3(weight):
        return weight.detach().clone()


def local_tensor(weight: Tensor) -> Tensor:
    """This process's shard of a weight, or the weight itself where it is not sharded."""
    if isinstance(weight, DTensor):
        return weight.to_local()
    return getattr(weight, ZERO3_SHARD, weight)


@torch.no_grad()
def assign(weight: Tensor, content: Tensor) -> None:
    """Overwrite a weight, sharded or not, with `content`; every process must call it."""
    if isinstance(weight, DTensor):
        content = distribute_tensor(
            content.to(weight.device), weight.device_mesh, weight.placements
        )
    with gather_zero3(weight):
        weight.copy_(content)


@contextmanager
def gather_zero3(weight: Tensor) -> Iterator[None]:
    """Gather a weight that ZeRO-3 shards on every process, within the block.

    Afterwards the shards hold what the main process has written into it.
    """
    if not hasattr(weight, ZERO3_SHARD):
        yield
        return
    import deepspeed  # type: ignore[import-not-found]

    with deepspeed.zero.GatheredParameters([weight], modifier_rank=0):
        yield


def unshard(model: nn.Module, trainer: Any) -> None:
    """Give the main process all weights of `model`, on the CPU; every process must call it.

    On other processes the model is unusable afterwards.
    """
    if not processes.is_sharded():
        return
    # Otherwise transformers would shard the next model while loading it.
    unset_hf_deepspeed_config()  # type: ignore[no-untyped-call]
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if processes.is_main_process():
        replace_parameters(model, weights)


def replace_parameters(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Replace the parameters of `model` by new ones with these weights; tied ones stay tied."""
    replacements: dict[int, nn.Parameter] = {}  # by the id of the parameter that is replaced
    for prefix, module in model.named_modules():
        for name, old in module._parameters.items():
            content = weights.get(f"{prefix}.{name}" if prefix else name)
            if old is not None and id(old) not in replacements and content is not None:
                replacements[id(old)] = nn.Parameter(content, requires_grad=old.requires_grad)
    for module in model.modules():
        for name, old in module._parameters.items():
            if old is not None and id(old) in replacements:
                module._parameters[name] = replacements[id(old)]
