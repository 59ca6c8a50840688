"""Low-rank adapters through peft: put on before a training, merged into the weights after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from ontarget.errors import ModelError, RecipeError

ALL_LINEAR = "all-linear"  # peft's word for every linear layer but the head


@dataclass(frozen=True, slots=True, kw_only=True)
class LowRank:
    """LoRA (arXiv 2106.09685): W + scale * B A; DoRA (arXiv 2402.09353) learns lengths apart."""

    rank: int
    scale: float  # alpha / rank of the paper
    dropout: float  # 0 to 1
    targets: Sequence[str]  # names of layers; of one, ALL_LINEAR
    kind: Literal["lora", "dora", "qlora"]


def adapted(model: PreTrainedModel, adapter: LowRank) -> PeftModel:
    """The model with an adapter inside, which alone is trained.

    Raises:
        RecipeError: no layer has such a name, or it cannot be adapted.
    """
    targets = list(adapter.targets)
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


def save(model: PeftModel, folder: Path) -> None:
    """The adapter alone, as peft reads it."""
    model.save_pretrained(str(folder), safe_serialization=True)


def merge(model: PeftModel) -> PreTrainedModel:
    """Add the adapter to the weights; the model that is left has no trace of it."""
    merged: Any = model.merge_and_unload(safe_merge=True)
    return merged  # type: ignore[no-any-return]


def loaded(model: PreTrainedModel, folder: Path) -> PeftModel:
    """The model with the adapter in `folder`.

    Raises:
        ModelError: it is no adapter in safetensors, or of another model.
    """
    if not (folder / "adapter_model.safetensors").is_file():
        raise ModelError(
            f"{folder}: has no adapter_model.safetensors; give the folder of an adapter that was "
            "saved as safetensors"
        )
    try:
        return PeftModel.from_pretrained(model, str(folder), is_trainable=False)
    except Exception as error:  # the many ways in which an adapter can be of another model
        raise ModelError(
            f"{folder}: is no adapter of a {type(model).__name__} of this size "
            f"({' '.join(str(error).split())[:200]}); give the model that it was trained on"
        ) from error
