"""Low-rank adapters through peft: added before a training, merged into the weights after it."""

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from torch import nn
from transformers import BitsAndBytesConfig, PreTrainedModel

from ontarget.errors import ModelError, RecipeError
from ontarget.models import loading
from ontarget.models.folder import (
    ADAPTER_CONFIG,
    check_quantization,
    check_regular_files,
    has_tokenizer,
    read_header,
)
from ontarget.models.loading import LoadedModel

ALL_LINEAR = "all-linear"  # peft's name for every linear layer but the head
PREFIX = "base_model.model."  # of the names of weights in a file of peft
NEW_ROWS, TRAINABLE = "token_adapter.trainable_tokens_delta", -1
WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class LowRankAdapter:
    """LoRA (arXiv 2106.09685): W + scale * B A. DoRA (arXiv 2402.09353) also learns magnitudes."""

    rank: int
    scale: float  # alpha / rank in the paper
    dropout: float  # 0 to 1
    targets: Sequence[str]  # names of layers, or only ALL_LINEAR
    kind: Literal["lora", "dora", "qlora"]


def add_adapter(model: PreTrainedModel, adapter: LowRankAdapter) -> PeftModel:
    """The model with an adapter inside, whose weights are the only ones to train.

    Raises:
        RecipeError: no layer has such a name, or it cannot be adapted.
    """
    targets = list(adapter.targets)
    check_targets(model, targets)
    untie_head(model, targets)
    try:
        config = LoraConfig(
            r=adapter.rank,
            lora_alpha=adapter.rank * adapter.scale,  # type: ignore[arg-type]
            lora_dropout=adapter.dropout,
            target_modules=targets[0] if targets == [ALL_LINEAR] else targets,
            use_dora=adapter.kind == "dora",
            task_type="SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM",
        )
        adapted = get_peft_model(model, config)
    except ValueError as error:
        raise RecipeError(
            f"adapter.targets: {', '.join(targets)}: {' '.join(str(error).split())[:200]}; name "
            f"layers of a {type(model).__name__}, or {ALL_LINEAR}"
        ) from error
    assert isinstance(adapted, PeftModel)
    return adapted


def check_targets(model: PreTrainedModel, targets: Sequence[str]) -> None:
    """Raise RecipeError for a target that no layer has; peft ignores it if others match."""
    names = [f".{name}" for name, _ in model.named_modules()]
    for target in targets:
        if target != ALL_LINEAR and not any(name.endswith(f".{target}") for name in names):
            raise RecipeError(
                f"adapter.targets: {target}: no layer has this name; name layers of a "
                f"{type(model).__name__}, or {ALL_LINEAR}"
            )


def untie_head(model: PreTrainedModel, targets: str | Sequence[str]) -> None:
    """Give the head its own weights if it or the embeddings are adapted.

    Otherwise peft would merge the adapter of one into both. `targets` are endings of names or, as a
    single text, a regular expression for whole names.
    """
    embeddings, head = both = embedding_layers(model)
    names = [name for name, module in model.named_modules() if any(module is m for m in both)]
    if isinstance(targets, str):
        is_target = any(re.fullmatch(targets, name) for name in names)
    else:
        is_target = any(f".{name}".endswith(f".{end}") for name in names for end in targets)
    if is_target and head.weight is embeddings.weight:
        head.weight = nn.Parameter(head.weight.detach().clone())
        model.config.tie_word_embeddings = False


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write the adapter only, as peft reads it."""
    model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)


def merge_adapter(model: PeftModel) -> PreTrainedModel:
    """Add the adapter to the weights; the resulting model has no adapter left.

    Raises:
        ModelError: the merged weights are not finite.
    """
    try:
        merged: Any = model.merge_and_unload(safe_merge=True)
    except ValueError as error:
        raise ModelError(
            f"the adapter cannot be merged ({' '.join(str(error).split())[:200]}); train it again"
        ) from error
    return merged  # type: ignore[no-any-return]


def load_adapter(model: PreTrainedModel, folder: Path) -> PeftModel:
    """The model with the adapter in `folder`.

    Raises:
        ModelError: it is not an adapter in safetensors, or of another model.
    """
    if not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"{folder}: has no {WEIGHTS}; give the folder of an adapter that was saved as "
            "safetensors"
        )
    check_regular_files(folder)
    settings = read_adapter_config(folder)
    if not settings.get("ensure_weight_tying"):  # peft's own way to train both as one
        untie_head(model, settings.get("target_modules") or [])
        untie_head(model, settings.get("modules_to_save") or [])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing weights are an error below
            adapted = PeftModel.from_pretrained(model, str(folder), is_trainable=False)
    except Exception as error:  # adapters of other models fail in many ways
        raise ModelError(
            f"{folder}: not an adapter of a {type(model).__name__} of this size "
            f"({' '.join(str(error).split())[:200]}); give the model that it was trained on"
        ) from error
    needed = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    missing = needed - set(read_header(folder / WEIGHTS))
    if missing:
        raise ModelError(
            f"{folder}: lacks {len(missing)} of the adapter's weights for this model, such as "
            f"{min(missing)}; give the model that it was trained on, or save the adapter again"
        )
    return adapted


def fit_vocabulary(model: PreTrainedModel, folder: Path, tokens: int) -> None:
    """Give the model as many embeddings as the adapter in `folder` was trained with.

    `tokens` is the size of the adapter's tokenizer. A training that adds tokens resizes the
    embeddings; they, or the new ones alone (trainable tokens), must be saved with the adapter.

    Raises:
        ModelError: the adapter has no embeddings or output weights for tokens that it adds.
    """
    weights = read_header(folder / WEIGHTS) if (folder / WEIGHTS).is_file() else {}
    size = int(embedding_layers(model)[0].num_embeddings)
    inputs, outputs = (saved_rows(model, layer, weights) for layer in embedding_layers(model))
    if outputs is None and model.config.tie_word_embeddings and inputs == TRAINABLE:
        outputs = TRAINABLE  # peft gives both the same new rows
    new_size = size if inputs is None else max(size, tokens) if inputs == TRAINABLE else inputs
    if new_size < tokens or (tokens > size and outputs is None):
        raise ModelError(
            f"{folder}: its tokenizer has {tokens} tokens, the model {size} embeddings, and the "
            "adapter lacks input or output weights of the others; save it again with its "
            "embeddings (peft: save_embedding_layers=True)"
        )
    if new_size != size:
        model.resize_token_embeddings(new_size, mean_resizing=False)


def embedding_layers(model: PreTrainedModel) -> list[Any]:
    """The model's embeddings and its output head."""
    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return [model.get_input_embeddings(), head]


def saved_rows(
    model: PreTrainedModel, layer: nn.Module, weights: Mapping[str, tuple[str, tuple[int, ...]]]
) -> int | None:
    """How many rows of a layer an adapter's file holds; `TRAINABLE` if new ones only."""
    name = next(name for name, module in model.named_modules() if module is layer)
    if f"{PREFIX}{name}.weight" in weights:
        return weights[f"{PREFIX}{name}.weight"][1][0]
    return TRAINABLE if f"{PREFIX}{name}.{NEW_ROWS}" in weights else None


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """The settings of a LoRA or DoRA.

    Raises:
        ModelError: they are missing, or of another kind of adapter.
    """
    try:
        settings = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{folder}: {ADAPTER_CONFIG} cannot be read; save the adapter again"
        ) from error
    kind = settings.get("peft_type") if isinstance(settings, dict) else None
    if kind != "LORA":
        raise ModelError(f"{folder}: is an adapter of the kind {kind}; give a LoRA or a DoRA")
    config: dict[str, Any] = settings
    return config


def four_bit_settings(precision: str) -> dict[str, Any]:
    """Arguments of `from_pretrained` that load matrices in 4 bits, straight to their device.

    Raises:
        ModelError: bitsandbytes is not installed, weights are sharded, or there is no CUDA.
    """
    check_quantization()
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    check_cuda(device)
    config = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, precision),
    )
    return {"quantization_config": config, "device_map": {"": device}}


def check_cuda(device: torch.device) -> None:
    """Raise ModelError without CUDA: on CPUs bitsandbytes packs weights for inference only."""
    if device.type != "cuda":
        raise ModelError(
            f"adapter.kind: qlora needs a CUDA GPU, this machine trains on {device.type}; use lora"
        )


def load_merged(model: str, adapter: Path | None) -> LoadedModel:
    """A model with an adapter merged into its weights; its tokenizer, where it has one.

    Raises:
        ModelError: it cannot be loaded, or the adapter is of another model.
    """
    loaded = loading.load_model(model)
    if adapter is None:
        return loaded
    if has_tokenizer(adapter):
        tokenizer = loading.load_tokenizer(str(adapter), None)
        fit_vocabulary(loaded.model, adapter, len(tokenizer))
        loaded = LoadedModel(loaded.model, tokenizer)
    merged = merge_adapter(load_adapter(loaded.model, adapter))
    return LoadedModel(merged, loaded.tokenizer)
