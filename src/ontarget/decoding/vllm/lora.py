"""Adapters that vLLM adds to the model while it decodes, so that they need not be merged."""

from pathlib import Path
from typing import Any

from ontarget.decoding.base import require
from ontarget.errors import ModelError
from ontarget.models.adapters import WEIGHTS, read_adapter_config
from ontarget.models.folder import ADAPTER_CONFIG, check_regular_files, has_tokenizer
from ontarget.models.loading import LoadedModel, load_tokenizer

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM can make room for
ONLY_MERGED = {  # settings of peft -> what vLLM cannot add
    "use_dora": "a DoRA",
    "modules_to_save": "whole layers",
    "trainable_token_indices": "embeddings of tokens",
    "lora_bias": "biases",
}


def lora_settings(model: str, adapter: Path) -> dict[str, Any]:
    """Arguments of `vllm.LLM` that make room for an adapter.

    Raises:
        ModelError: it is not a LoRA in safetensors, or one that vLLM cannot add.
    """
    settings = read_adapter_config(adapter)
    check_regular_files(adapter)
    if not (adapter / WEIGHTS).is_file():
        raise ModelError(
            f"{adapter}: has no {WEIGHTS}; give the folder of an adapter that was saved as "
            "safetensors"
        )
    rank = max((settings.get("rank_pattern") or {}).values(), default=0)
    if not isinstance(settings.get("r"), int):
        raise ModelError(f"{adapter / ADAPTER_CONFIG}: has no rank r; save the adapter again")
    rank = max(rank, settings["r"])
    faults = [fault for name, fault in ONLY_MERGED.items() if settings.get(name)]
    if rank > RANKS[-1]:
        faults.append(f"the rank {rank}")
    if faults:
        raise ModelError(
            f"{adapter}: vLLM cannot add {faults[0]} while it decodes; run `ontarget merge {model} "
            f"{adapter} MERGED` and give the folder MERGED"
        )
    return {"enable_lora": True, "max_lora_rank": min(r for r in RANKS if r >= rank)}


def lora_request(adapter: Path) -> Any:
    """What each request names an adapter by, for vLLM."""
    return require("vllm.lora.request", "vllm", "ontarget[vllm]").LoRARequest(
        "adapter", 1, str(adapter)
    )


def with_tokenizer(outline: LoadedModel, adapter: Path) -> LoadedModel:
    """The model with the adapter's tokenizer, where it has one."""
    if not has_tokenizer(adapter):
        return outline
    return LoadedModel(outline.model, load_tokenizer(str(adapter), None))
