"""Models and tokenizers: made from nothing, loaded, saved. Safetensors only, no remote code."""

import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from ontarget import processes, weights
from ontarget.errors import ModelError
from ontarget.weights import is_hub_id, refuse_unusable

PAD, EOS = "<pad>", "</s>"


def byte_bpe(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer, trained on `texts`; it adds no BOS.

    Digits stay apart from each other, and the first takes the space before it along, as words do,
    which spares a tenth of the tokens of the demo's sentences.
    """
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?\p{N}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[PAD, EOS],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=EOS
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of a small Llama."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int


def small_llama(tokenizer: PreTrainedTokenizerBase, shape: Shape, seed: int) -> PreTrainedModel:
    """A Llama of this size with random weights, embeddings tied, float32."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            intermediate_size=shape.feed_forward,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


@dataclass(frozen=True, slots=True)
class Loaded:
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


def load(model: str, revision: str | None = None, quantized: str | None = None) -> Loaded:
    """A decoder-only or encoder-decoder model in float32 and its tokenizer; a folder or hub id.

    `quantized`: its matrices are kept in 4 bits (NF4, arXiv 2305.14314), to compute with in this
    precision (float32, bfloat16); for adapters alone.

    Raises:
        ModelError: it cannot be loaded from safetensors without running its code, lacks weights,
            or does not end its responses with an EOS token.
    """
    refuse_unusable(model)
    place = f"{model}: no such folder, and as a hub id it" if is_hub_id(model) else f"{model}:"
    try:
        tokenizer = tokenizer_of(model, revision)
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
            **({} if quantized is None else four_bits(quantized)),
        )
    except Exception as error:  # the many ways in which a folder or a hub can disappoint
        raise ModelError(
            f"{place} cannot be loaded ({' '.join(str(error).split())[:200]}); "
            "give a language model with safetensors weights that needs no code of its own"
        ) from error
    lacking = sorted(found["missing_keys"]) + sorted(map(str, found["mismatched_keys"]))
    if lacking:  # the library would fill them at random
        raise ModelError(
            f"{model}: its weights lack {lacking[0]} (and {len(lacking) - 1} more); "
            "fetch or save the model again"
        )
    refuse_unfit(model, tokenizer, network)
    return Loaded(network if quantized else placed(network), tokenizer)


def tokenizer_of(model: str, revision: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder or hub id."""
    with warnings.catch_warnings():  # Marian's asks for a package that it then makes no use of
        warnings.filterwarnings("ignore", "Recommended: pip install sacremoses")
        found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            model, revision=revision, trust_remote_code=False
        )
    return found


def outlined(folder: str) -> Loaded:
    """A model folder of ours without the weights: tokenizer and settings."""
    tokenizer = tokenizer_of(folder, None)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    with torch.device("meta"):
        network: PreTrainedModel = kind.from_config(config, trust_remote_code=False)
    network.generation_config = GenerationConfig.from_pretrained(folder)
    return Loaded(network, tokenizer)


def four_bits(precision: str) -> dict[str, Any]:
    """How to load matrices in 4 bits, straight to where they are used.

    Raises:
        ModelError: bitsandbytes is not installed, weights are sharded, or there is no CUDA.
    """
    weights.refuse_unquantizable()
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    refuse_without_cuda(device)
    config = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, precision),
    )
    return {"quantization_config": config, "device_map": {"": device}}


def refuse_without_cuda(device: torch.device) -> None:
    """Raise ModelError where bitsandbytes repacks its weights for translating only, as on CPUs."""
    if device.type != "cuda":
        raise ModelError(
            f"adapter.kind: qlora needs a CUDA GPU, this machine trains on {device.type}; use lora"
        )


def refuse_unfit(model: str, tokenizer: PreTrainedTokenizerBase, network: PreTrainedModel) -> None:
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


def save(loaded: Loaded, folder: Path) -> None:
    """Write weights (safetensors), config and tokenizer into `folder`."""
    loaded.model.save_pretrained(folder, safe_serialization=True)
    loaded.tokenizer.save_pretrained(folder)


def close(folder: Path, ends: tuple[int, ...]) -> None:
    """Have a saved model's settings end a response with these tokens, for whoever loads it.

    All else in them stays as its makers left it, also what transformers would not write by itself.
    """
    path = folder / "generation_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings["eos_token_id"] = list(ends) if ends[1:] else ends[0]
    path.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def placed(network: PreTrainedModel) -> PreTrainedModel:
    """The model on the accelerator, if there is one; an engine that shards places it itself."""
    if processes.shard():
        return network
    found = torch.accelerator.current_accelerator(check_available=True)
    network.to(found or torch.device("cpu"))  # type: ignore[arg-type]
    return network
