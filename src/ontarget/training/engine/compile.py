"""A model's layers compiled, so that fewer passes over memory lie between its matrix products.

The layers and not the whole model: all share one compilation, for rows of any number and length,
and what stands around them (the mask, the fused loss) remains as it is.
"""

from contextlib import AbstractContextManager

import torch
from torch import nn
from transformers import PreTrainedModel

from ontarget import processes
from ontarget.errors import ModelError, RecipeError


def compile_layers(model: PreTrainedModel, tuned: nn.Module) -> None:
    """Compile the layers of `tuned`, which is `model` or what an adapter made of it, in place.

    Raises:
        RecipeError: nothing can be compiled here, or the layers lie in parts on several devices.
        ModelError: the model does not say what its layers are.
    """
    if processes.is_sharded():
        raise RecipeError(
            "compile: this engine shards the layers, which then are not compiled; leave compile out"
        )
    names = set(model._no_split_modules or ())  # noqa: SLF001 - so do FSDP and accelerate
    layers = [module for module in tuned.modules() if type(module).__name__ in names]
    if not layers:
        raise ModelError(
            f"compile: a {type(model).__name__} does not say what its layers are; leave compile out"
        )
    check_compiler(model.device)
    for layer in layers:
        layer.compile(dynamic=True)


def check_compiler(device: torch.device) -> None:
    """Raise RecipeError where nothing can be compiled; a C++ compiler is missing, as a rule."""
    try:
        torch.compile(torch.neg)(torch.zeros(2, device=device))
    except Exception as error:  # each backend fails in its own way
        found = str(error).strip().splitlines()
        raise RecipeError(
            f"compile: PyTorch cannot do so here ({found[0] if found else type(error).__name__}); "
            "install a C++ compiler (CXX names it), or leave compile out"
        ) from error


def run_eagerly() -> AbstractContextManager[object]:
    """Meanwhile layers run as they were; translation would compile them anew for each."""
    stance: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return stance
