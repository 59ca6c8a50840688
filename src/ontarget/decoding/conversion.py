"""A model converted once for CTranslate2, into a cache folder; safetensors only, no remote code."""

import json
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download

from ontarget.artifacts import Lock, error_text, fingerprint, publish_folder
from ontarget.decoding.base import require
from ontarget.errors import ModelError, visible
from ontarget.models.folder import check_folder, identity, is_hub_id
from ontarget.models.loading import LoadedModel, load_model, loading_errors

EXTRA = "ontarget[ctranslate2]"
WEIGHTS = "model.bin"  # of a converted model
FILES = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"]  # of a model on the hub
PAUSE = 0.2  # seconds between two looks whether another process has finished a conversion


def local_folder(model: str, revision: str | None) -> Path:
    """The checked folder of a model; that of a hub id is fetched.

    Raises:
        ModelError: it is not there, or not in safetensors.
    """
    folder = model
    if is_hub_id(model):
        with loading_errors(model):
            folder = snapshot_download(model, revision=revision, allow_patterns=FILES)
    check_folder(folder)
    return Path(folder)


def convert_once(folder: Path, quantization: str, outline: LoadedModel) -> Path:
    """The folder of the converted model; two processes convert it once.

    Raises:
        ModelError: CTranslate2 cannot convert it.
        ArtifactError: the cache cannot be written.
    """
    version = require("ctranslate2", "ctranslate2", EXTRA).__version__
    key = fingerprint([identity(str(folder), None), version])
    place = cache_folder() / f"{key}-{quantization}"
    if (place / WEIGHTS).is_file():
        return place
    with publishing_lock(place):
        if not (place / WEIGHTS).is_file():
            with publish_folder(place, WEIGHTS) as partial:
                convert(folder, partial / "converted", quantization, outline)
                for path in sorted((partial / "converted").iterdir()):
                    path.rename(partial / path.name)
                (partial / "converted").rmdir()
    return place


def cache_folder() -> Path:
    """Where converted models are kept, by the XDG base directory specification."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "ontarget" / "ctranslate2"


@contextmanager
def publishing_lock(place: Path) -> Iterator[None]:
    """Hold `place`; wait while another process converts the same model."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = Lock(place.with_name(f".{place.name}.lock"))
    except OSError as error:
        raise ModelError(
            f"{place.parent}: cannot be written ({error_text(error)}); set XDG_CACHE_HOME to a "
            "folder that can"
        ) from error
    try:
        while not lock.acquire():
            time.sleep(PAUSE)
        yield
    finally:
        lock.close()


def convert(folder: Path, out: Path, quantization: str, outline: LoadedModel) -> None:
    """Write the converted model into the new folder `out`.

    The network is loaded by ontarget, with its checks, and only converted by the library.
    """
    converters = require("ctranslate2.converters", "ctranslate2", EXTRA)

    class CheckedConverter(converters.TransformersConverter):  # type: ignore[misc, name-defined]
        """The library's converter, given a model that is already loaded."""

        def load_model(self, *_: object, **__: object) -> torch.nn.Module:
            """The network, in float32."""
            return load_model(str(folder)).model

        def load_tokenizer(self, *_: object, **__: object) -> Any:
            """The tokenizer."""
            return outline.tokenizer

    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            CheckedConverter(str(folder), trust_remote_code=False).convert(
                str(out), quantization=quantization
            )
        name_all_tokens(out / "config.json", str(outline.tokenizer.eos_token))
    except (ModelError, OSError):
        raise
    except Exception as error:  # an architecture can be unsupported in many ways
        architecture = type(outline.model).__name__
        raise ModelError(
            f"{folder}: CTranslate2 cannot convert a {architecture} ({short(error)}); use backend "
            "hf"
        ) from error


def name_all_tokens(file: Path, eos: str) -> None:
    """Replace special tokens that a tokenizer lacks, which the engine cannot read, by EOS.

    The engine uses them for unknown words and to begin without a prompt. Neither occurs here.
    """
    settings = json.loads(file.read_text(encoding="utf-8"))
    needed = {name: eos for name in ("bos_token", "unk_token") if settings.get(name) is None}
    file.write_text(json.dumps(settings | needed), encoding="utf-8")


def short(error: Exception) -> str:
    """The first sentence of a library's message."""
    return visible(error_text(error))[:120]


def read_vocabulary(converted: Path, outline: LoadedModel) -> tuple[str, ...]:
    """The converted model's tokens by id.

    Raises:
        ModelError: they are not those of the tokenizer.
    """
    names = ("vocabulary.json", "shared_vocabulary.json", "target_vocabulary.json")
    file = next((converted / name for name in names if (converted / name).is_file()), None)
    tokens = tuple(json.loads(file.read_text(encoding="utf-8"))) if file else ()
    expected = outline.tokenizer.get_vocab()
    differ = [token for token, at in expected.items() if tokens[at : at + 1] != (token,)]
    if differ:
        raise ModelError(
            f"{outline.name}: its conversion to CTranslate2 loses or moves {len(differ)} tokens, "
            f"such as {min(differ)!r}; use backend hf"
        )
    return tokens
