"""Which backend translates with a model. Nothing else names a backend.

A server is asked without torch, so what loads models is imported where it is needed.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ontarget.decoding.base import Search, Translator
from ontarget.errors import ModelError, visible
from ontarget.models.templates import PromptFormat

if TYPE_CHECKING:
    from ontarget.models.loading import LoadedModel

BACKENDS = {  # name -> the models that it takes
    "hf": "a model folder or hub id",
    "ctranslate2": "a model folder or hub id",
    "vllm": "a model folder or hub id",
    "llama.cpp": "a .gguf file",
    "server": "the URL of a server, such as http://127.0.0.1:8000/v1#NAME",
}


HF_PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """Settings that some backends have; the others ignore them, but refuse an adapter."""

    revision: str | None = None  # of a hub id
    adapter: Path | None = None  # folder of a LoRA, which vLLM adds while it decodes
    quantization: str = "float32"  # of the weights: bfloat16 in this process, more in CTranslate2
    concurrency: int = 8  # requests to a server at once
    timeout: float = 120.0  # seconds for an answer of a server
    key_variable: str = "OPENAI_API_KEY"  # environment variable with the key of a server


def translator_of(loaded: "LoadedModel", prompt_format: PromptFormat, search: Search) -> Translator:
    """The translator of a model that is loaded in this process."""
    from ontarget.decoding.hf.translator import HuggingFaceTranslator

    return HuggingFaceTranslator(loaded, prompt_format, search)


def open_translator(
    model: str,
    prompt_format: PromptFormat,
    search: Search,
    *,
    backend: str | None = None,
    options: BackendOptions | None = None,
) -> AbstractContextManager[Translator]:
    """The translator of a model, which is opened when the block begins and closed when it ends.

    `model` is a folder, a hub id, a .gguf file or `http(s)://HOST/v1#NAME`. Without `backend` its
    form decides; folders and hub ids are loaded in this process.

    Raises:
        OnTargetError: the model and the backend do not fit, or it cannot be opened.
    """
    name, options = backend_of(model, backend), options or BackendOptions()
    check_adapter(model, name, options.adapter)
    if name == "hf":
        return open_hf(model, prompt_format, search, options)
    if name == "ctranslate2":
        from ontarget.decoding.ctranslate2_models import open_ctranslate2

        quantization = options.quantization
        return open_ctranslate2(model, prompt_format, search, options.revision, quantization)
    if name == "vllm":
        from ontarget.decoding.vllm.engine import VllmOptions, open_vllm

        chosen = VllmOptions(revision=options.revision, adapter=options.adapter)
        return open_vllm(model, prompt_format, search, chosen)
    limits = options.concurrency, options.timeout
    if name == "llama.cpp":
        from ontarget.decoding.servers.gguf import open_gguf

        return open_gguf(Path(model), prompt_format, search, *limits)
    return open_server(model, prompt_format, search, options)


def check_adapter(model: str, backend: str, adapter: Path | None) -> None:
    """Raise ModelError for an adapter that the backend cannot add to the model."""
    if adapter is None or backend == "vllm":
        return
    remedy = f"run `ontarget merge {visible(model)} {adapter} MERGED` and give the folder MERGED"
    if backend in ("server", "llama.cpp"):
        remedy = "merge it with `ontarget merge` before the model is converted or served"
    raise ModelError(f"{adapter}: backend {backend} takes no adapter; {remedy}")


def open_server(
    address: str, prompt_format: PromptFormat, search: Search, options: BackendOptions
) -> AbstractContextManager[Translator]:
    """The translator of a server's model."""
    from ontarget.decoding.servers.requests import server_of
    from ontarget.decoding.servers.translator import ServerTranslator

    server = server_of(address, options.key_variable, options.timeout)
    return nullcontext(ServerTranslator(server, prompt_format, search, options.concurrency))


@contextmanager
def open_hf(
    model: str, prompt_format: PromptFormat, search: Search, options: BackendOptions
) -> Iterator[Translator]:
    """The translator of a folder or hub id, loaded in this process.

    Raises:
        ModelError: it cannot be loaded, or these weights are for another backend.
    """
    from ontarget.models.loading import load_model, place_for_decoding

    if options.quantization not in HF_PRECISIONS:
        raise ModelError(
            f"backend hf: has no weights in {options.quantization!r}; use one of "
            f"{', '.join(HF_PRECISIONS)}, or backend ctranslate2"
        )
    loaded = load_model(model, options.revision)
    place_for_decoding(loaded.model, options.quantization)
    yield translator_of(loaded, prompt_format, search)


def backend_of(model: str, backend: str | None) -> str:
    """The backend of a model, by the form of its name where none is given.

    Raises:
        ModelError: there is no such backend, or it does not take such a model.
    """
    if model.startswith(("http://", "https://")):
        fitting = ["server"]
    elif model.endswith(".gguf"):
        fitting = ["llama.cpp"]
    else:
        fitting = ["hf", "ctranslate2", "vllm"]
    if backend is None:
        return fitting[0]
    if backend not in BACKENDS:
        raise ModelError(f"backend: there is no {backend!r}; use one of {', '.join(BACKENDS)}")
    if backend not in fitting:
        raise ModelError(
            f"{visible(model)}: backend {backend} takes {BACKENDS[backend]}; use "
            f"{' or '.join(fitting)}, or leave backend out"
        )
    return backend
