"""Checks of a model folder before any framework is loaded to open it."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ontarget import processes
from ontarget.artifacts import fingerprint
from ontarget.errors import ModelError

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
FLOATS = ("F64", "F32", "F16", "BF16")  # safetensors' names
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")
SETTINGS = ("config.json", "generation_config.json", "tokenizer_config.json")
NUMBERS = ("model_max_length", "num_hidden_layers")  # settings that are compared with numbers
SIZES = ("hidden_size", "vocab_size")  # settings of which 0 makes a model without weights
ADAPTER_CONFIG = "adapter_config.json"  # as peft names it
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def check_folder(model: str) -> None:
    """Check a model folder without loading its weights; of a hub id only the form is checked.

    Raises:
        ModelError: no such folder, no config.json, no safetensors weights, or a missing shard.
    """
    folder = Path(model)
    if is_hub_id(model):
        return
    if not folder.exists():
        raise ModelError(
            f"{model}: no such folder; give a model folder or a hub id such as org/name"
        )
    if not folder.is_dir():
        raise ModelError(
            f"{model}: is a file; give the folder that holds config.json and the weights"
        )
    check_regular_files(folder)
    if not (folder / "config.json").is_file():
        check_no_adapter(folder)
        raise ModelError(f"{model}: holds no config.json; give a folder written by save_pretrained")
    for name in SETTINGS:
        if (folder / name).exists():
            check_numbers(folder / name, read_settings(folder / name))
    if not has_tokenizer(folder):
        raise ModelError(f"{model}: holds no tokenizer; save the model's tokenizer beside it")
    check_weight_files(folder)
    check_layers(folder, len(tensor_shapes(folder)))


def check_fetchable(model: str, revision: str | None) -> None:
    """Fetch the config.json of a model on the Hub, or find it in the cache; folders pass.

    Raises:
        ModelError: neither is possible.
    """
    if not is_hub_id(model):
        return
    from huggingface_hub import hf_hub_download  # loads its network libraries

    try:
        hf_hub_download(model, "config.json", revision=revision)
    except Exception as error:  # a hub can fail in many ways
        raise loading_error(model, error) from error


def loading_error(model: str, error: Exception) -> ModelError:
    """Why a folder or hub id cannot be loaded."""
    fault = f"cannot be loaded ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
    remedy = "give a language model with safetensors weights that needs no code of its own"
    if is_hub_id(model):
        return ModelError(
            f"{model}: no such folder, and as a hub id it {fault}; check the name and the "
            f"connection, for a gated model `hf auth login`, or {remedy}"
        )
    return ModelError(f"{model}: {fault}; fetch or save the model again, or {remedy}")


def check_no_adapter(folder: Path) -> None:
    """Raise ModelError for the folder of an adapter, which is no model without its base model."""
    if not (folder / ADAPTER_CONFIG).is_file():
        return
    base = read_settings(folder / ADAPTER_CONFIG).get("base_model_name_or_path") or "BASE_MODEL"
    raise ModelError(
        f"{folder}: is an adapter, not a model; run `ontarget merge {base} {folder} MERGED` and "
        "give the folder MERGED"
    )


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds the files of a tokenizer."""
    return any(folder.glob("tokenizer*")) or any(folder.glob("*.model"))


def check_numbers(path: Path, settings: dict[str, Any]) -> None:
    """Raise ModelError where a setting that must be a number is not, or a size is below 1."""
    for name in NUMBERS:
        value = settings.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ModelError(
                f"{path}: {name} is {str(value)[:60]!r}, expected a number; fetch the model again"
            )
    for name in SIZES:
        value = settings.get(name)
        if isinstance(value, int) and value < 1:
            raise ModelError(f"{path}: {name} is {value}, expected at least 1; fetch it again")


def check_layers(folder: Path, tensors: int) -> None:
    """Raise ModelError where config.json names no layers, or more than the weights can hold."""
    layers = read_config(folder).get("num_hidden_layers")
    if isinstance(layers, int) and not 0 < layers <= tensors:
        raise ModelError(
            f"{folder / 'config.json'}: num_hidden_layers is {layers}, but the weights are "
            f"{tensors} tensors; fetch the model again"
        )


def is_hub_id(model: str) -> bool:
    """Whether `model` is not a path here but may be the id of a model on the hub.

    `runs/mine` is a mistyped path where there is a folder `runs`.
    """
    has_form = HUB_ID.fullmatch(model) and not model.startswith(".")
    in_folder = "/" in model and Path(model).parent.is_dir()
    return bool(has_form) and not Path(model).exists() and not in_folder


def check_regular_files(folder: Path) -> None:
    """Raise ModelError for a pipe, device or socket: opening one could block for ever."""
    for path in sorted(folder.iterdir()):
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ModelError(f"{path}: not a regular file; remove it, or fetch the model again")


def check_chat_template(model: str) -> None:
    """Raise ModelError where a folder's tokenizer has no chat template; hub ids pass."""
    folder = Path(model)
    if is_hub_id(model) or any(folder.glob("chat_template*")):
        return
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        settings = {}
    if not isinstance(settings, dict) or not settings.get("chat_template"):
        raise ModelError(f"{model}: its tokenizer has no chat template; leave chat out")


def check_quantization() -> None:
    """Raise ModelError where weights cannot be loaded in 4 bits."""
    if find_spec("bitsandbytes") is None:
        raise ModelError(
            "adapter.kind: qlora needs the package bitsandbytes, which is not installed; "
            "pip install bitsandbytes, or use lora"
        )
    if processes.is_sharded():
        raise ModelError(
            "adapter.kind: qlora needs unsharded weights, but this engine shards them; "
            "use ddp, or lora"
        )


def check_weight_files(folder: Path) -> None:
    """Raise ModelError unless `folder` has all its weights as safetensors."""
    if (folder / WEIGHTS).is_file():  # preferred by transformers where there is an index too
        return
    if (folder / INDEX).is_file():
        check_shards(folder)
        return
    pickled = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLED)
    named = sorted(path.name for path in folder.glob("*.safetensors"))
    if named:
        raise ModelError(
            f"{folder}: expected model.safetensors, found {named[0]}; save the model again "
            "with save_pretrained, or rename the file if it is the whole model"
        )
    fault = f"only {pickled[0]}, which may run code when opened" if pickled else "none"
    raise ModelError(
        f"{folder}: expected weights as .safetensors, found {fault}; "
        "save them with save_pretrained(..., safe_serialization=True)"
    )


def check_shards(folder: Path) -> None:
    """Raise ModelError unless the index names safetensors files of this folder, all present."""
    index = folder / INDEX
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        outside = [s for s in shards if Path(s).name != s or Path(s).suffix != ".safetensors"]
        missing = sorted(shard for shard in shards if not (folder / shard).is_file())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise ModelError(
            f"{index}: not an index of weights ({type(error).__name__}); fetch the model again"
        ) from error
    if outside or not shards:
        raise ModelError(
            f"{index}: names {outside[0] if outside else 'no'} weights, expected .safetensors "
            "files of its own folder; fetch the model again"
        )
    if missing:
        raise ModelError(f"{folder}: the shard {missing[0]} is missing; fetch the model again")


def identity(model: str, revision: str | None) -> str:
    """A text that changes when the model does: names, sizes and times of its files, or the id."""
    folder = Path(model)
    if not folder.is_dir():
        return f"{model}@{revision or 'main'}"
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return fingerprint(
        [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    )


def read_config(folder: Path) -> dict[str, Any]:
    """A model folder's config.json.

    Raises:
        ModelError: it is not a JSON object.
    """
    return read_settings(folder / "config.json")


def read_settings(path: Path) -> dict[str, Any]:
    """A JSON file of settings.

    Raises:
        ModelError: it is not a JSON object.
    """
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: is not JSON ({error}); fetch the model again") from error
    if not isinstance(settings, dict):
        raise ModelError(f"{path}: holds no settings; fetch the model again")
    return settings


def tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each weight of a model folder, from the headers of its files.

    Tensors that are not floating-point are buffers and left out, unless they are named as weights.

    Raises:
        ModelError: a file is damaged, or a weight is not floating-point.
    """
    names = [WEIGHTS]
    if not (folder / WEIGHTS).is_file():
        names = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()
    shapes: dict[str, tuple[int, ...]] = {}
    for name in sorted(set(names)):
        for tensor, (dtype, shape) in read_header(folder / name).items():
            if dtype in FLOATS:
                shapes[tensor] = shape
            elif tensor.endswith("weight"):
                raise ModelError(
                    f"{folder / name}: {tensor} holds {dtype}, expected {', '.join(FLOATS)}; take "
                    "the model as it was before it was quantised"
                )
    return shapes


def read_header(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of each tensor of a safetensors file; no tensor is read.

    Raises:
        ModelError: it is not a safetensors file.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {name: (s.get_dtype(), tuple(s.get_shape())) for name, s in slices.items()}
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{path}: not a safetensors file ({reason}); fetch the model again"
        ) from error
