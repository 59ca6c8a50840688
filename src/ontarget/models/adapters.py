"""Low-rank adapters through peft: put on before a training, merged into the weights after it."""

import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors import safe_open
from torch import nn
from transformers import PreTrainedModel

from ontarget.errors import ModelError, RecipeError

ALL_LINEAR = "all-linear"  # peft's word for every linear layer but the head


@dataclass(frozen=True, slots=True, kw_only=True)
class LowRankAdapter:
    """LoRA (arXiv 2106.09685): W + scale * B A; DoRA (arXiv 2402.09353) learns lengths apart."""

    rank: int
    scale: float  # alpha / rank of the paper
    dropout: float  # 0 to 1
    targets: Sequence[str]  # names of layers; of one, ALL_LINEAR
    kind: Literal["lora", "dora", "qlora"]


def add_adapter(model: PreTrainedModel, adapter: LowRankAdapter) -> PeftModel:
    """The model with an adapter inside, which alone is trained.

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
        found = get_peft_model(model, config)
    except ValueError as error:
        raise RecipeError(
            f"adapter.targets: {', '.join(targets)}: {' '.join(str(error).split())[:200]}; name "
            f"layers of a {type(model).__name__}, or {ALL_LINEAR}"
        ) from error
    assert isinstance(found, PeftModel)
    return found


def check_targets(model: PreTrainedModel, targets: Sequence[str]) -> None:
    """Raise RecipeError for a target that no layer has, which peft passes over beside others."""
    names = [f".{name}" for name, _ in model.named_modules()]
    for target in targets:
        if target != ALL_LINEAR and not any(name.endswith(f".{target}") for name in names):
            raise RecipeError(
                f"adapter.targets: {target}: no layer has this name; name layers of a "
                f"{type(model).__name__}, or {ALL_LINEAR}"
            )


def untie_head(model: PreTrainedModel, targets: str | Sequence[str]) -> None:
    """Give the head weights of its own where it or the embeddings are adapted.

    peft would merge an adapter of one into both. `targets` are ends of names or, as one text, a
    regular expression for whole names.
    """
    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    both = [head, model.get_input_embeddings()]
    names = [name for name, module in model.named_modules() if any(module is e for e in both)]
    if isinstance(targets, str):
        adapted_too = any(re.fullmatch(targets, name) for name in names)
    else:
        adapted_too = any(f".{name}".endswith(f".{end}") for name in names for end in targets)
    if adapted_too and both[0].weight is both[1].weight:
        head.weight = nn.Parameter(head.weight.detach().clone())
        model.config.tie_word_embeddings = False


def save_adapter(model: PeftModel, folder: Path) -> None:
    """The adapter alone, as peft reads it."""
    model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)


def merge_adapter(model: PeftModel) -> PreTrainedModel:
    """Add the adapter to the weights; the model that is left has no trace of it."""
    try:
        merged: Any = model.merge_and_unload(safe_merge=True)
    except ValueError as error:  # of numbers that are none
        raise ModelError(
            f"the adapter cannot be merged ({' '.join(str(error).split())[:200]}); train it again"
        ) from error
    return merged  # type: ignore[no-any-return]


def load_adapter(model: PreTrainedModel, folder: Path) -> PeftModel:
    """The model with the adapter in `folder`.

    Raises:
        ModelError: it is no adapter in safetensors, or of another model.
    """
    if not (folder / "adapter_model.safetensors").is_file():
        raise ModelError(
            f"{folder}: has no adapter_model.safetensors; give the folder of an adapter that was "
            "saved as safetensors"
        )
    settings = read_adapter_config(folder)
    untie_head(model, settings.get("target_modules") or [])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it warns of is refused below
            found = PeftModel.from_pretrained(model, str(folder), is_trainable=False)
    except Exception as error:  # the many ways in which an adapter can be of another model
        raise ModelError(
            f"{folder}: is no adapter of a {type(model).__name__} of this size "
            f"({' '.join(str(error).split())[:200]}); give the model that it was trained on"
        ) from error
    with safe_open(folder / "adapter_model.safetensors", "pt") as file:
        lacking = set(get_peft_model_state_dict(found, save_embedding_layers=False)) - set(
            file.keys()
        )
    if lacking:
        raise ModelError(
            f"{folder}: lacks {len(lacking)} of the adapter's weights for this model, such as "
            f"{min(lacking)}; give the model that it was trained on, or save the adapter again"
        )
    return found


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """The settings of a LoRA or DoRA.

    Raises:
        ModelError: they are missing, or of another kind of adapter.
    """
    try:
        settings = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{folder}: adapter_config.json cannot be read; save the adapter again"
        ) from error
    kind = settings.get("peft_type") if isinstance(settings, dict) else None
    if kind != "LORA":
        raise ModelError(f"{folder}: is an adapter of the kind {kind}; give a LoRA or a DoRA")
    found: dict[str, Any] = settings
    return found
