"""The class that vLLM loads to follow the steps of requests (`ontarget.decoding.vllm.ways`).

It is an `AdapterLogitsProcessor` of vLLM, so this module makes it when it is first looked up, and
imports without vLLM. An engine is given its name, `PROCESSOR`; it is no entry point, which every
engine of the environment would load, those of other programs too. The interface is that of vLLM's
first model runner: the second one refuses such a class, so `first_runner` selects the first.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from ontarget.decoding.base import require
from ontarget.decoding.vllm.ways import StepRules

CLASS = "StepProcessor"
PROCESSOR = f"{__name__}:{CLASS}"
RUNNER = "VLLM_USE_V2_MODEL_RUNNER"  # environment variable that vLLM reads


@cache
def make_class() -> Any:
    """The class; vLLM must be installed.

    Raises:
        ModelError: vLLM is missing or too old to load such a class.
    """
    # With several GPUs each worker has an instance, and all of them see the same requests.
    library = require("vllm.v1.sample.logits_processor", "vllm", "vllm>=0.10.2")
    base: Any = library.AdapterLogitsProcessor

    class StepProcessor(base):  # type: ignore[misc]
        def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
            super().__init__(vllm_config, device, is_pin_memory)
            self.rules = StepRules(device)

        def is_argmax_invariant(self) -> bool:
            return False

        def new_req_logits_processor(self, params: Any) -> Any:
            return self.rules.processor(params.extra_args)

    return StepProcessor


def __getattr__(name: str) -> Any:
    """`StepProcessor`, for vLLM."""
    if name == CLASS:
        return make_class()
    raise AttributeError(f"module {__name__} has no attribute {name}")


@contextmanager
def first_runner() -> Iterator[None]:
    """Within it, engines of vLLM use its first model runner."""
    before = os.environ.get(RUNNER)
    os.environ[RUNNER] = "0"
    try:
        yield
    finally:
        del os.environ[RUNNER]
        if before is not None:
            os.environ[RUNNER] = before
