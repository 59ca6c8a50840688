"""What a model folder must hold before a framework is loaded to open it."""

import json
import re
from pathlib import Path

from ontarget.artifacts import fingerprint
from ontarget.errors import ModelError

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
UNSAFE = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")


def refuse_unusable(model: str) -> None:
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
    config = folder / "config.json"
    if not config.is_file():
        raise ModelError(f"{model}: holds no config.json; give a folder written by save_pretrained")
    try:
        json.loads(config.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{config}: is not JSON ({error}); fetch the model again") from error
    if not any(folder.glob("tokenizer*")) and not any(folder.glob("*.model")):
        raise ModelError(f"{model}: holds no tokenizer; save the model's tokenizer beside it")
    refuse_incomplete(folder)


def is_hub_id(model: str) -> bool:
    """Whether `model` names no folder here but may name a model of the hub."""
    fits = HUB_ID.fullmatch(model) and not model.startswith(".")
    return bool(fits) and not Path(model).exists()


def refuse_incomplete(folder: Path) -> None:
    """Raise ModelError unless `folder` holds all its weights as safetensors."""
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(path.name for path in folder.iterdir() if path.suffix in UNSAFE)
        found = f"only {pickled[0]}, which may run code when opened" if pickled else "none"
        raise ModelError(
            f"{folder}: expected weights as .safetensors, found {found}; "
            "save them with save_pretrained(..., safe_serialization=True)"
        )
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ModelError(
                f"{index}: is no index of weights ({type(error).__name__}); fetch the model again"
            ) from error
        missing = sorted(shard for shard in shards if not (folder / shard).is_file())
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
