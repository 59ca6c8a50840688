"""Models and tokenizers, loaded and saved: safetensors only, no remote code."""

import json
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ontarget.errors import ModelError
from ontarget.models import folder
from ontarget.models.folder import check_folder, is_hub_id

LAYER = re.compile(r"(.*?\.)(\d+)\.")
GENERATION_KEYS = (  # of generation_config.json: what a response begins with and is padded with
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
        """The padding id; EOS where the tokenizer has none, which the attention mask hides."""
        return int(
            self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.eos[0]
        )

    @property
    def eos(self) -> tuple[int, ...]:
        """All ids that end a response: the tokenizer's, then the generation config's."""
        configured = (
            self.model.generation_config.eos_token_id if self.model.generation_config else None
        )
        others = configured if isinstance(configured, list) else [configured]
        ids = [self.tokenizer.eos_token_id, *others]
        return tuple(dict.fromkeys(int(each) for each in ids if each is not None))

    @property
    def positions(self) -> int | None:
        """The longest row of tokens, prompt and response together, that the model was made for."""
        text = self.model.config.get_text_config()  # a model may read images too
        found: int | None = getattr(text, "max_position_embeddings", None)
        return found

    @property
    def has_encoder(self) -> bool:
        """Whether it is an encoder-decoder."""
        return bool(self.model.config.is_encoder_decoder)

    @property
    def start(self) -> int:
        """What an encoder-decoder's decoder begins with."""
        config = self.model.generation_config
        found = config.decoder_start_token_id if config else None
        return int(found if found is not None else self.eos[0])

    def prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids with the tokenizer's BOS once, if it has one, and never an EOS."""
        rows: list[list[int]] = self.tokenizer(list(texts))["input_ids"] if texts else []
        begin, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        rows = [row[:-1] if row and row[-1] == end else row for row in rows]
        return [row[1:] if begin is not None and row[:2] == [begin] * 2 else row for row in rows]

    def responses(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids without any BOS, closed by EOS."""
        rows = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []
        return [[*row, self.eos[0]] for row in rows]

    def text(self, tokens: Sequence[int]) -> str:
        """The text of response tokens, in one line."""
        return " ".join(str(self.tokenizer.decode(list(tokens), skip_special_tokens=True)).split())


def load_model(
    model: str, revision: str | None = None, quantized: str | None = None
) -> LoadedModel:
    """A decoder-only or encoder-decoder model in float32 and its tokenizer; a folder or hub id.

    It is on the CPU, see `placed`; a quantized one is where it is used.

    `quantized`: its matrices are kept in 4 bits (NF4, arXiv 2305.14314), to compute with in this
    precision (float32, bfloat16); for adapters alone.

    Raises:
        ModelError: it cannot be loaded from safetensors without running its code, lacks weights,
            or does not end its responses with an EOS token.
    """
    check_folder(model)
    place = f"{model}: no such folder, and as a hub id it" if is_hub_id(model) else f"{model}:"
    try:
        tokenizer = load_tokenizer(model, revision)
        config = AutoConfig.from_pretrained(model, revision=revision, trust_remote_code=False)
        kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        network: PreTrainedModel
        found: dict[str, Any]
        network, found = kind.from_pretrained(
            model,
            revision=revision,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # so that they are named here
            **({} if quantized is None else four_bit_settings(quantized)),
        )
    except Exception as error:  # the many ways in which a folder or a hub can disappoint
        raise ModelError(
            f"{place} cannot be loaded ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}); "
            "give a language model with safetensors weights that needs no code of its own"
        ) from error
    check_weights(model, network, found)
    check_special_ids(model, tokenizer, network)
    return LoadedModel(network, tokenizer)


def check_weights(model: str, network: PreTrainedModel, found: Mapping[str, Any]) -> None:
    """Raise ModelError where the weights are not those of the settings, or are no numbers.

    The library would fill what is lacking at random, and leave out layers beyond the last.
    """
    lacking = sorted(found["missing_keys"])
    if lacking:
        raise ModelError(
            f"{model}: its weights lack {lacking[0]} (and {len(lacking) - 1} more); "
            "fetch or save the model again"
        )
    for name, saved, wanted in sorted(found["mismatched_keys"]):
        raise ModelError(
            f"{model}: its weight {name} has the size {tuple(saved)}, its config.json asks for "
            f"{tuple(wanted)}; fetch or save the model again"
        )
    stacks = {before for before, _ in filter(None, map(layer_of, network.state_dict()))}
    beyond = [each for each in found["unexpected_keys"] if (layer_of(each) or ("",))[0] in stacks]
    if beyond:
        raise ModelError(
            f"{model}: its weights hold {min(beyond)}, for which its config.json has no layer; "
            "fetch or save the model again"
        )
    for name, weight in network.named_parameters():
        if weight.is_floating_point() and not weight.is_meta and not weight.sum().isfinite():
            raise ModelError(f"{model}: its weight {name} holds no number; fetch the model again")


def layer_of(name: str) -> tuple[str, str] | None:
    """The stack of layers that a weight is in, and its number there."""
    found = LAYER.match(name)
    return None if found is None else (found[1], found[2])


def load_tokenizer(model: str, revision: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder or hub id."""
    with warnings.catch_warnings():  # Marian's asks for a package that it then makes no use of
        warnings.filterwarnings("ignore", "Recommended: pip install sacremoses")
        found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            model, revision=revision, trust_remote_code=False
        )
    return found


def load_outline(folder: str) -> LoadedModel:
    """A model folder of ours without the weights: tokenizer and settings."""
    tokenizer = load_tokenizer(folder, None)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    with torch.device("meta"):
        network: PreTrainedModel = kind.from_config(config, trust_remote_code=False)
    network.generation_config = GenerationConfig.from_pretrained(folder)
    return LoadedModel(network, tokenizer)


def four_bit_settings(precision: str) -> dict[str, Any]:
    """How to load matrices in 4 bits, straight to where they are used.

    Raises:
        ModelError: bitsandbytes is not installed, weights are sharded, or there is no CUDA.
    """
    folder.check_quantization()
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
    """Raise ModelError where bitsandbytes repacks its weights for translating only, as on CPUs."""
    if device.type != "cuda":
        raise ModelError(
            f"adapter.kind: qlora needs a CUDA GPU, this machine trains on {device.type}; use lora"
        )


def check_special_ids(
    model: str, tokenizer: PreTrainedTokenizerBase, network: PreTrainedModel
) -> None:
    """Raise ModelError for a tokenizer whose special tokens the model cannot read or write."""
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"{model}: its tokenizer has no EOS token, so responses could never end; "
            "set eos_token and save the tokenizer again"
        )
    known = network.get_input_embeddings().num_embeddings
    for name in ("bos", "eos", "pad"):
        token = getattr(tokenizer, f"{name}_token_id")
        if token is not None and not 0 <= token < known:
            raise ModelError(
                f"{model}: the tokenizer's {name} token has the id {token}, the model has "
                f"{known} embeddings; give the tokenizer that belongs to the model"
            )
    config = network.generation_config
    configured = config.eos_token_id if config else None
    ends = configured if isinstance(configured, list) else [configured]
    strange = [end for end in ends if end is not None and not (type(end) is int and end >= 0)]
    if strange:
        raise ModelError(
            f"{model}: generation_config.json has the eos_token_id {strange[0]!r}, expected a "
            "token's number; mend it"
        )


def check_token_ids(loaded: LoadedModel, tokens: Iterable[int]) -> None:
    """Raise ModelError for tokens that the model has no embedding for."""
    known: Any = loaded.model.get_input_embeddings().num_embeddings
    highest = max(tokens, default=0)
    if highest >= known:
        raise ModelError(
            f"{loaded.name}: its tokenizer makes the token {highest} of a text, the model has "
            f"{known} embeddings; give the tokenizer that belongs to the model"
        )


def save_model(loaded: LoadedModel, folder: Path) -> None:
    """Write weights (safetensors), config and tokenizer into `folder`."""
    loaded.model.save_pretrained(folder, safe_serialization=True)
    loaded.tokenizer.save_pretrained(folder)


def write_generation_config(folder: Path, ends: tuple[int, ...]) -> None:
    """Have a saved model answer for whoever loads it as it was measured, with these ends.

    Penalties and temperatures that its makers set for other work are left out.
    """
    path = folder / "generation_config.json"
    given = json.loads(path.read_text(encoding="utf-8"))
    settings = {name: given[name] for name in GENERATION_KEYS if name in given}
    settings["eos_token_id"] = list(ends) if ends[1:] else ends[0]
    path.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def move_to_accelerator(network: PreTrainedModel) -> PreTrainedModel:
    """The model on the accelerator, if there is one."""
    found = torch.accelerator.current_accelerator(check_available=True)
    network.to(found or torch.device("cpu"))  # type: ignore[arg-type]
    return network
