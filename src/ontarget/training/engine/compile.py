"""`torch.compile` for the layers of a model, to save passes over memory between matrix products.

Layers are compiled rather than the model: all of them share one compilation for rows of any
number and length, and the attention mask and the fused loss stay outside.
"""

from contextlib import AbstractContextManager

import torch
from torch import nn
from transformers import PreTrainedModel

from ontarget import processes
from ontarget.errors import ModelError, RecipeError


def compile_layers(model: PreTrainedModel, tuned: nn.Module) -> None:
    """Compile the layers of `tuned` in place; it is `model`, or `model` inside an adapter.

    Raises:
        RecipeError: nothing can be compiled here, or an engine shards the layers.
        ModelError: the model class does not name its layers.
    """
    if processes.is_sharded():
        raise RecipeError(
            "compile: layers that this engine shards cannot be compiled; leave compile out"
        )
    names = set(model._no_split_modules or ())  # noqa: SLF001 - FSDP and accelerate read it too
    layers = [module for module in tuned.modules() if type(module).__name__ in names]
    if not layers:
        raise ModelError(
            f"compile: {type(model).__name__} does not name its layers; leave compile out"
        )
    check_compiler(model.device)
    for layer in layers:
        layer.compile(dynamic=True)


def check_compiler(device: torch.device) -> None:
    """Raise RecipeError where torch.compile does not work, usually for lack of a C++ compiler."""
    try:
        torch.compile(torch.neg)(torch.zeros(2, device=device))
    except Exception as error:  # each backend fails in its own way
        lines = str(error).strip().splitlines()
        raise RecipeError(
            f"compile: PyTorch cannot compile here ({lines[0] if lines else type(error).__name__});"
            " install a C++ compiler (CXX names it), or leave compile out"
        ) from error


def run_eagerly() -> AbstractContextManager[object]:
    """Run compiled layers uncompiled within the block; decoding would recompile them each time."""
    stance: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return stance
