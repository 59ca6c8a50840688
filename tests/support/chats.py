"""Small models with chat templates in the shapes of real ones, in short form."""

from dataclasses import dataclass

from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast

from ontarget.models.loading import LoadedModel
from support.models import ready, tiny

THINK_OFF = "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
CHATML_TURNS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
)


@dataclass(frozen=True)
class Chat:
    """A chat template, its tokens that are only marked as special, and the end of a turn."""

    template: str
    tokens: tuple[str, ...]
    end: str
    bos: bool = True  # whether the tokenizer has a BOS


FAMILIES = {
    "gemma-3": Chat(
        "{{ bos_token }}{% if messages[0].role == 'system' %}{% set first = messages[0].content + "
        "'\n\n' %}{% set messages = messages[1:] %}{% else %}{% set first = '' %}{% endif %}"
        "{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
        "{{ first if loop.first }}{% if m.content is string %}{{ m.content | trim }}{% else %}"
        "{% for part in m.content %}{{ part.text | trim }}{% endfor %}{% endif %}<end_of_turn>\n"
        "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
        ("<start_of_turn>", "<end_of_turn>"),
        "<end_of_turn>",
    ),
    "qwen-3": Chat(
        CHATML_TURNS + THINK_OFF + "{% endif %}",
        ("<|im_start|>", "<|im_end|>"),
        "<|im_end|>",
        bos=False,
    ),
    "llama-3": Chat(
        "{{ bos_token }}{% if not date_string is defined %}{% if strftime_now is defined %}"
        "{% set date_string = strftime_now('%d %b %Y') %}{% else %}"
        "{% set date_string = '26 Jul 2024' %}{% endif %}{% endif %}"
        "<|start_header_id|>system<|end_header_id|>\n\nToday Date: {{ date_string }}\n\n"
        "{% if messages[0].role == 'system' %}{{ messages[0].content }}"
        "{% set messages = messages[1:] %}{% endif %}<|eot_id|>"
        "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
        "{{ m.content | trim }}<|eot_id|>{% endfor %}"
        "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n"
        "{% endif %}",
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<|eot_id|>",
    ),
    "mistral": Chat(
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }}"
        "[/INST]{% elif m.role == 'assistant' %} {{ m.content }}{{ eos_token }}{% else %}"
        "{{ raise_exception('Only user and assistant roles are supported') }}{% endif %}"
        "{% endfor %}",
        ("[INST]", "[/INST]"),
        "</s>",
    ),
    "phi": Chat(  # begins without BOS, though the tokenizer has one
        "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
        ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
        "<|end|>",
    ),
    "eurollm": Chat(
        "{{ bos_token }}{% if messages[0].role != 'system' %}<|im_start|>system\n<|im_end|>\n"
        "{% endif %}" + CHATML_TURNS + "{% endif %}",
        ("<|im_start|>", "<|im_end|>"),
        "<|im_end|>",
    ),
    "translategemma": Chat(  # a user's turn is one part with language codes
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}"
        "{% if m.content is string %}{{ raise_exception('content must be one part') }}{% endif %}"
        "{% set part = m.content[0] %}<start_of_turn>user\nTranslate from "
        "{{ part.source_lang_code }} to {{ part.target_lang_code }}:\n\n\n{{ part.text | trim }}"
        "{% else %}<start_of_turn>model\n{{ m.content }}{% endif %}<end_of_turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
        ("<start_of_turn>", "<end_of_turn>"),
        "<end_of_turn>",
    ),
}


def chat_model(family: str, template: str | None = None) -> LoadedModel:
    """A small decoder-only model that is prompted as the models of `family` are."""
    chat, loaded = FAMILIES[family], tiny()
    words = PreTrainedTokenizerFast(
        tokenizer_object=type(loaded.tokenizer._tokenizer).from_str(
            loaded.tokenizer._tokenizer.to_str()
        ),
        pad_token="<pad>", eos_token="</s>", **({"bos_token": "<s>"} if chat.bos else {}),
    )  # fmt: skip
    words.add_tokens([AddedToken(token, special=True) for token in chat.tokens])
    words.chat_template = template or chat.template
    loaded.model.resize_token_embeddings(len(words))
    return ready(loaded.model, words)
