"""Very small models with random weights, and their tokenizers."""

from functools import cache, partial

import torch
import transformers as hf
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import PreTrainedTokenizerFast
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from ontarget.base_model.llama import LlamaShape, make_llama, train_byte_bpe
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import Prompt

TEXTS = ["hello world", "ciao mondo", "Translate from English to Italian.", "1234"]


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    return train_byte_bpe(TEXTS, 300)


def tiny(seed: int = 0) -> LoadedModel:
    """A fresh Llama of a few thousand parameters."""
    shape = LlamaShape(hidden=16, layers=1, heads=2, feed_forward=32)
    return LoadedModel(make_llama(tokenizer(), shape, seed), tokenizer())


def double(loaded: LoadedModel) -> LoadedModel:
    """The model in float64, including its norms, which Llama always computes in float32."""
    loaded.model.to(torch.float64)  # type: ignore[arg-type]
    for module in loaded.model.modules():
        if isinstance(module, LlamaRMSNorm):
            module.forward = partial(normalised, module)
    return loaded


def normalised(norm: LlamaRMSNorm, hidden: Tensor) -> Tensor:
    """RMSNorm by definition, in the precision of its input."""
    scale = torch.sqrt(hidden.square().mean(-1, keepdim=True) + norm.variance_epsilon)
    return norm.weight * (hidden / scale)


def prompt_of(*tokens: int) -> Prompt:
    """The prompt of a decoder-only model."""
    return Prompt(tokens=tokens)


CODES = {
    "M2M-100": ["eng_Latn", "ita_Latn", "nld_Latn", "zho_Hans", "zho_Hant"],
    "Marian": [">>ita<<", ">>nld<<"],
}
CODER_SIZES = {
    "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
    "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
    "decoder_start_token_id": 2, "encoder_layerdrop": 0.0, "decoder_layerdrop": 0.0,
    "dropout": 0.0, "attention_dropout": 0.0,
}  # fmt: skip


@cache
def coded(codes: tuple[str, ...]) -> hf.NllbTokenizer:
    """NLLB's tokenizer with these language codes; its vocabulary is the alphabet."""
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *map(chr, range(97, 123)), "\u2581"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return hf.NllbTokenizer(
        vocab=vocabulary, merges=[], extra_special_tokens=list(codes), src_lang=codes[0]
    )


def coder(family: str, positions: int = 64) -> LoadedModel:
    """A small encoder-decoder with language codes: `family` is a key of `CODES`."""
    torch.manual_seed(0)
    codes, sizes = CODES[family], {**CODER_SIZES, "max_position_embeddings": positions}
    if family == "Marian":
        texts = coded(("eng_Latn",))
        words = PreTrainedTokenizerFast(
            tokenizer_object=type(texts._tokenizer).from_str(texts._tokenizer.to_str()),
            pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        )  # fmt: skip
        words.add_tokens(codes)
        words._tokenizer.post_processor = TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", 2)]
        )
        config = hf.MarianConfig(vocab_size=len(words), **sizes)
        return ready(hf.MarianMTModel(config), words)
    words = coded(tuple(codes))
    config = hf.M2M100Config(vocab_size=len(words), **sizes)
    return ready(hf.M2M100ForConditionalGeneration(config), words)


def ready(model: hf.PreTrainedModel, words: PreTrainedTokenizerFast) -> LoadedModel:
    """The model with weights so large that different prompts give different texts."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.5 * torch.randn_like(weight))
    return LoadedModel(model.eval(), words)


CHATML = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is false %}<think></think>{% endif %}{% endif %}"
)


def chatty(template: str | None = CHATML) -> LoadedModel:
    """A decoder-only model whose tokenizer and chat template both add BOS, as in Llama 3."""
    loaded = tiny()
    words = PreTrainedTokenizerFast(
        tokenizer_object=type(loaded.tokenizer._tokenizer).from_str(
            loaded.tokenizer._tokenizer.to_str()
        ),
        pad_token="<pad>", eos_token="</s>", bos_token="<s>",
        extra_special_tokens=["<|im_start|>", "<|im_end|>"],
    )  # fmt: skip
    words._tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", words.bos_token_id)]
    )
    words.chat_template = template
    loaded.model.resize_token_embeddings(len(words))
    return LoadedModel(loaded.model, words)
