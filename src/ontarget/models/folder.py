"""What a model folder must hold before a framework is loaded to open it."""

import json
import re
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ontarget import processes
from ontarget.artifacts import fingerprint
from ontarget.errors import ModelError

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
FLOATS = ("F64", "F32", "F16", "BF16")  # in safetensors' words
LONGEST = 100_000_000  # bytes of a header; safetensors itself refuses longer ones
UNSAFE = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")


def check_folder(model: str) -> None:
    """Check a model folder without opening its weights; a hub id is only checked for its form.

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
    if not (folder / "config.json").is_file():
        raise ModelError(f"{model}: holds no config.json; give a folder written by save_pretrained")
    for name in ("config.json", "generation_config.json"):
        if (folder / name).exists():
            read_settings(folder / name)
    if not any(folder.glob("tokenizer*")) and not any(folder.glob("*.model")):
        raise ModelError(f"{model}: holds no tokenizer; save the model's tokenizer beside it")
    check_weight_files(folder)
    tensor_shapes(folder)


def is_hub_id(model: str) -> bool:
    """Whether `model` names no folder here but may name a model of the hub."""
    fits = HUB_ID.fullmatch(model) and not model.startswith(".")
    return bool(fits) and not Path(model).exists()


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
        raise ModelError(
            f"{model}: its tokenizer has no chat template; leave chat out of the recipe"
        )


def check_quantization() -> None:
    """Raise ModelError where weights cannot be kept in 4 bits."""
    if find_spec("bitsandbytes") is None:
        raise ModelError(
            "adapter.kind: qlora needs the package bitsandbytes, which is not installed; "
            "pip install bitsandbytes, or use lora"
        )
    if processes.is_sharded():
        raise ModelError(
            "adapter.kind: qlora needs whole weights, this engine shards them; use ddp, or lora"
        )


def check_weight_files(folder: Path) -> None:
    """Raise ModelError unless `folder` holds all its weights as safetensors."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file() and not (folder / "model.safetensors").is_file():
        pickled = sorted(path.name for path in folder.iterdir() if path.suffix in UNSAFE)
        found = f"only {pickled[0]}, which may run code when opened" if pickled else "none"
        named = sorted(path.name for path in folder.glob("*.safetensors"))
        if named:
            raise ModelError(
                f"{folder}: expected model.safetensors, found {named[0]}; save the model again "
                "with save_pretrained, or rename the file if it is the whole model"
            )
        raise ModelError(
            f"{folder}: expected weights as .safetensors, found {found}; "
            "save them with save_pretrained(..., safe_serialization=True)"
        )
    if index.is_file() and not (folder / "model.safetensors").is_file():  # as transformers prefers
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
            outside = [
                shard
                for shard in shards
                if Path(shard).name != shard or Path(shard).suffix != ".safetensors"
            ]
            missing = sorted(shard for shard in shards if not (folder / shard).is_file())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
            raise ModelError(
                f"{index}: is no index of weights ({type(error).__name__}); fetch the model again"
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
    """The settings in a model folder's config.json.

    Raises:
        ModelError: they are no mapping.
    """
    return read_settings(folder / "config.json")


def read_settings(path: Path) -> dict[str, Any]:
    """The settings in a JSON file of a model folder.

    Raises:
        ModelError: it is not JSON, or no mapping.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: is not JSON ({error}); fetch the model again") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path}: holds no settings; fetch the model again")
    return found


def tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The size of each tensor in a model folder, from the headers of its files alone.

    Tensors of other than plain numbers are buffers and left out, unless they are weights.

    Raises:
        ModelError: a file is damaged, or a weight holds other than plain numbers.
    """
    index = folder / "model.safetensors.index.json"
    named = ["model.safetensors"]
    if not (folder / named[0]).is_file():  # where there are both, this one is loaded
        named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    found: dict[str, tuple[int, ...]] = {}
    for name in sorted(set(named)):
        for tensor, (kind, size) in read_header(folder / name).items():
            if kind in FLOATS:
                found[tensor] = size
            elif tensor.endswith("weight"):
                raise ModelError(
                    f"{folder / name}: {tensor} holds {kind}, expected {', '.join(FLOATS)}; take "
                    "the model as it was before it was quantised"
                )
    return found


def read_header(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and size of each tensor: eight bytes of length, little-endian, then JSON.

    Raises:
        ModelError: it is no safetensors file.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > LONGEST:
                raise ValueError(f"a header of {length} bytes")
            entries = json.loads(file.read(length))
        entries.pop("__metadata__", None)
        ends = [int(entry["data_offsets"][1]) for entry in entries.values()]
        expected, found = 8 + length + max(ends, default=0), path.stat().st_size
        if found != expected:
            raise ValueError(f"{found} bytes, where its header says {expected}")
        return {
            name: (str(entry["dtype"]), tuple(map(int, entry["shape"])))
            for name, entry in entries.items()
        }
    except (ValueError, struct.error, LookupError, AttributeError, TypeError) as error:
        raise ModelError(
            f"{path}: is no safetensors file ({error}); fetch the model again"
        ) from error
