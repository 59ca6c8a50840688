"""Models and tokenizers, loaded and saved: safetensors only, no remote code."""

import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ontarget.errors import ModelError
from ontarget.models.folder import check_folder, loading_error
from ontarget.models.panics import panics_as_errors

LAYER = re.compile(r"(.*?\.)(\d+)\.")
GENERATION_KEYS = (  # of generation_config.json: the tokens that begin and pad a response
    "bos_token_id", "pad_token_id", "decoder_start_token_id", "forced_bos_token_id",
    "transformers_version",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model with its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @property
    def name(self) -> str:
        """Where it was loaded from, for messages."""
        return str(self.model.name_or_path or "the model")

    @property
    def pad(self) -> int:
        """The padding id; EOS if the tokenizer has none, since the attention mask hides padding."""
        return int(
            self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.eos[0]
        )

    @property
    def eos(self) -> tuple[int, ...]:
        """All ids that end a response: the tokenizer's, then the generation config's."""
        config = self.model.generation_config
        configured = config.eos_token_id if config else None
        others = configured if isinstance(configured, list) else [configured]
        ids = [self.tokenizer.eos_token_id, *others]
        return tuple(dict.fromkeys(int(token) for token in ids if token is not None))

    @property
    def positions(self) -> int | None:
        """The model's maximum number of tokens, prompt and response together."""
        text = self.model.config.get_text_config()  # models for images too have several configs
        positions: int | None = getattr(text, "max_position_embeddings", None)
        return positions

    @property
    def has_encoder(self) -> bool:
        """Whether it is an encoder-decoder."""
        return bool(self.model.config.is_encoder_decoder)

    @property
    def start(self) -> int:
        """The first token of an encoder-decoder's decoder."""
        config = self.model.generation_config
        token = config.decoder_start_token_id if config else None
        return int(token if token is not None else self.eos[0])

    def token_ids(self, texts: Sequence[str] | str, **options: Any) -> Any:
        """The tokenizer's `input_ids` of one or several texts.

        Raises:
            ModelError: the tokenizer fails on a text.
        """
        with panics_as_errors(self.name):
            if options.pop("as_target", False):
                return self.tokenizer(text_target=texts, **options)["input_ids"]
            return self.tokenizer(texts, **options)["input_ids"]

    def prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids with the tokenizer's BOS exactly once, if it has one, and without EOS."""
        rows: list[list[int]] = self.token_ids(list(texts)) if texts else []
        begin, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        rows = [row[:-1] if row and row[-1] == end else row for row in rows]
        return [row[1:] if begin is not None and row[:2] == [begin] * 2 else row for row in rows]

    def responses(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids without BOS, followed by EOS."""
        rows = self.token_ids(list(texts), add_special_tokens=False) if texts else []
        return [[*row, self.eos[0]] for row in rows]

    def text(self, tokens: Sequence[int]) -> str:
        """The text of response tokens, as one line."""
        return " ".join(str(self.tokenizer.decode(list(tokens), skip_special_tokens=True)).split())


def load_model(
    model: str, revision: str | None = None, quantized: str | None = None
) -> LoadedModel:
    """A decoder-only or encoder-decoder model in float32 with its tokenizer; a folder or hub id.

    It is on the CPU (see `move_to_accelerator`), or where it will be used if `quantized`: the
    precision (float32, bfloat16) to compute in with matrices in 4 bits (NF4, arXiv 2305.14314),
    for adapters only.

    Raises:
        ModelError: it cannot be loaded from safetensors without running its code, lacks weights,
            or does not end its responses with an EOS token.
    """
    check_folder(model)
    with loading_errors(model):
        tokenizer = load_tokenizer(model, revision)
        config = AutoConfig.from_pretrained(model, revision=revision, trust_remote_code=False)
        kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        network, report = kind.from_pretrained(
            model,
            revision=revision,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported by `check_weights`
            **quantization_settings(quantized),
        )
    check_weights(model, network, report)
    check_special_ids(model, tokenizer, network)
    return LoadedModel(network, tokenizer)


def check_weights(model: str, network: PreTrainedModel, report: Mapping[str, Any]) -> None:
    """Raise ModelError where weights do not match config.json or are not finite.

    The library would initialise missing weights at random and ignore layers beyond the last.
    """
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"{model}: its weights lack {missing[0]} (and {len(missing) - 1} more); "
            "fetch or save the model again"
        )
    for name, saved, expected in sorted(report["mismatched_keys"]):
        raise ModelError(
            f"{model}: its weight {name} has the size {tuple(saved)}, its config.json asks for "
            f"{tuple(expected)}; fetch or save the model again"
        )
    stacks = {stack for stack, _ in filter(None, map(layer_of, network.state_dict()))}
    unexpected = [n for n in report["unexpected_keys"] if (layer_of(n) or ("",))[0] in stacks]
    if unexpected:
        raise ModelError(
            f"{model}: its weights hold {min(unexpected)}, for which its config.json has no layer; "
            "fetch or save the model again"
        )
    for name, weight in network.named_parameters():
        if weight.is_floating_point() and not weight.is_meta and not weight.sum().isfinite():
            raise ModelError(f"{model}: its weight {name} is not finite; fetch the model again")


def layer_of(name: str) -> tuple[str, str] | None:
    """The stack of layers that a weight belongs to, and its number there; None outside layers."""
    match = LAYER.match(name)
    return None if match is None else (match[1], match[2])


def load_tokenizer(model: str, revision: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder or hub id.

    Raises:
        ModelError: it cannot be loaded.
    """
    with (
        loading_errors(model),
        panics_as_errors(model),
        warnings.catch_warnings(),
    ):  # Marian's recommends a package that it does not need
        warnings.filterwarnings("ignore", "Recommended: pip install sacremoses")
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            model, revision=revision, trust_remote_code=False
        )
    return tokenizer


def quantization_settings(quantized: str | None) -> dict[str, Any]:
    """Arguments of `from_pretrained` for weights in 4 bits, computed in the precision given."""
    if quantized is None:
        return {}
    from ontarget.models.adapters import four_bit_settings  # imports peft

    return four_bit_settings(quantized)


def load_outline(model: str, revision: str | None = None) -> LoadedModel:
    """A folder or hub id without its weights: tokenizer, config and generation config.

    Raises:
        ModelError: it cannot be loaded.
    """
    with loading_errors(model):
        tokenizer = load_tokenizer(model, revision)
        config = AutoConfig.from_pretrained(model, revision=revision, trust_remote_code=False)
        kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        with torch.device("meta"):
            network: PreTrainedModel = kind.from_config(config, trust_remote_code=False)
        with suppress(OSError):  # without the file, what the config says stays
            network.generation_config = GenerationConfig.from_pretrained(
                model, revision=revision or "main"
            )
    check_special_ids(model, tokenizer, network)
    return LoadedModel(network, tokenizer)


@contextmanager
def loading_errors(model: str) -> Iterator[None]:
    """Any failure to load a folder or hub id as a ModelError."""
    try:
        yield
    except (ModelError, MemoryError):
        raise
    except Exception as error:  # a folder or a hub can fail in many ways
        raise loading_error(model, error) from error


def check_special_ids(
    model: str, tokenizer: PreTrainedTokenizerBase, network: PreTrainedModel
) -> None:
    """Raise ModelError for a tokenizer without EOS, or with ids that the model does not have."""
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"{model}: its tokenizer has no EOS token, so responses could never end; "
            "set eos_token and save the tokenizer again"
        )
    size = network.get_input_embeddings().num_embeddings
    for name in ("bos", "eos", "pad"):
        token = getattr(tokenizer, f"{name}_token_id")
        if token is not None and not 0 <= token < size:
            raise ModelError(
                f"{model}: the tokenizer's {name} token has the id {token}, the model has "
                f"{size} embeddings; give the tokenizer that belongs to the model"
            )
    config = network.generation_config
    configured = config.eos_token_id if config else None
    ends = configured if isinstance(configured, list) else [configured]
    invalid = [end for end in ends if end is not None and not (type(end) is int and end >= 0)]
    if invalid:
        raise ModelError(
            f"{model}: generation_config.json has the eos_token_id {invalid[0]!r}, expected a "
            "token's number; mend it"
        )


def check_token_ids(loaded: LoadedModel, tokens: Iterable[int]) -> None:
    """Raise ModelError for tokens that the model has no embedding for."""
    size: Any = loaded.model.get_input_embeddings().num_embeddings
    highest = max(tokens, default=0)
    if highest >= size:
        raise ModelError(
            f"{loaded.name}: its tokenizer produces token {highest}, but the model has {size} "
            f"embeddings; give the tokenizer that belongs to the model"
        )


def save_model(loaded: LoadedModel, path: Path) -> None:
    """Write weights (safetensors), config and tokenizer into the folder `path`."""
    loaded.model.save_pretrained(path, safe_serialization=True)
    loaded.tokenizer.save_pretrained(path)


def write_generation_config(path: Path, ends: tuple[int, ...]) -> None:
    """Make a saved model generate for others as it did when it was measured, with these end ids.

    Penalties and temperatures that its makers set for other tasks are left out.
    """
    file = path / "generation_config.json"
    original = json.loads(file.read_text(encoding="utf-8"))
    settings = {name: original[name] for name in GENERATION_KEYS if name in original}
    settings["eos_token_id"] = list(ends) if ends[1:] else ends[0]
    file.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def move_to_accelerator(network: PreTrainedModel) -> PreTrainedModel:
    """The model on the accelerator, if there is one."""
    device = torch.accelerator.current_accelerator(check_available=True)
    moved: PreTrainedModel = network.to(device or torch.device("cpu"))  # type: ignore[arg-type]
    return moved


def place_for_decoding(network: PreTrainedModel, precision: str) -> PreTrainedModel:
    """The model with weights of this precision (float32, bfloat16), on the accelerator if any."""
    return move_to_accelerator(network.to(getattr(torch, precision)))
