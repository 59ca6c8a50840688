"""How a model is asked for a translation, in tokens: what its response goes on from and ends with.

decoder-only          the filled template; or that as a user's turn of the model's chat template
encoder-decoder       the encoder reads the filled template
with language codes   the encoder reads the source alone; the language asked for is a code at
                      the head of the response (NLLB, M2M-100, mBART) or of the source (Marian)
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ontarget.errors import ModelError
from ontarget.languages.names import english_name
from ontarget.languages.tags import code_among
from ontarget.models.loading import LoadedModel
from ontarget.models.templates import PromptFormat, fill_template
from ontarget.records import Sample

Tokens = list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a model is given to go on from."""

    tokens: tuple[int, ...]  # of an encoder-decoder: those its decoder begins with
    encoder: tuple[int, ...] = ()  # of an encoder-decoder: what its encoder reads


def build_prompts(
    loaded: LoadedModel, samples: Sequence[Sample], asking: PromptFormat
) -> list[Prompt]:
    """The prompt of each sample, which names the language asked for.

    Raises:
        ModelError: the model has no chat template or cannot have one, or no code for a language.
    """
    check_special_tokens(loaded, [(sample.key, sample.source) for sample in samples])
    if asking.chat and loaded.has_encoder:
        raise ModelError(
            f"{loaded.name}: an encoder-decoder holds no chat; leave chat out of the recipe"
        )
    if source_codes(loaded):
        return prompts_with_source_codes(loaded, samples)
    if response_codes(loaded):
        return prompts_with_response_codes(loaded, samples)
    texts = [fill_template(sample, asking.template, english_name) for sample in samples]
    if loaded.has_encoder:
        return [encoder_prompt(loaded, text) for text in tokenize_source(loaded, texts)]
    rows = chat_prompts(loaded, texts) if asking.chat else loaded.prompts(texts)
    return [Prompt(tokens=tuple(row)) for row in rows]


def build_responses(
    loaded: LoadedModel, samples: Sequence[Sample], asking: PromptFormat
) -> list[Tokens]:
    """The response of each sample, closed by what ends it."""
    check_special_tokens(loaded, [(sample.key, sample.target) for sample in samples])
    texts = [sample.target for sample in samples]
    if not texts:
        return []
    side = {"text_target": texts} if loaded.has_encoder else {"text": texts}
    rows: list[Tokens] = loaded.tokenizer(**side, add_special_tokens=False)["input_ids"]
    (end, *_) = end_ids(loaded, asking)
    return [[*row, end] for row in rows]


def check_special_tokens(loaded: LoadedModel, texts: Sequence[tuple[str, str]]) -> None:
    """Raise ModelError where a text, behind its key, holds what the tokenizer reads as a command.

    It would begin or end a text in its middle, or speak for somebody else in a chat.
    """
    known = {*loaded.tokenizer.all_special_tokens, *source_codes(loaded)}
    marks = [re.escape(each) for each in known if len(each) > 2 and not each.isalnum()]
    if not marks:
        return
    mark = re.compile("|".join(marks))
    for key, text in texts:
        if found := mark.search(text):
            raise ModelError(
                f"{key}: its text holds {found[0]!r}, a special token of {loaded.name}; remove it "
                "from the text, or leave the row out"
            )


def end_ids(loaded: LoadedModel, asking: PromptFormat) -> tuple[int, ...]:
    """All ids that end a response; the first is the one that it is trained to end with."""
    found = (*chat_end_ids(loaded), *loaded.eos) if asking.chat else loaded.eos
    return tuple(dict.fromkeys(found))


def chat_prompts(loaded: LoadedModel, texts: Sequence[str]) -> list[Tokens]:
    """Each text as a user's turn up to the assistant's; BOS where the template has it."""
    rendered = [render_chat(loaded, [("user", text)], begun=True) for text in texts]
    lost = any(text.strip() not in turn for text, turn in zip(texts, rendered, strict=True))
    if lost:
        raise ModelError(
            f"{loaded.name}: its chat template leaves out or changes what the user says; leave "
            "chat out of the recipe, or mend the template"
        )
    return tokenize(loaded, rendered)


def chat_end_ids(loaded: LoadedModel) -> tuple[int, ...]:
    """The special token that closes an assistant's turn in the chat template, if there is one."""
    marker = "ontarget"
    turn = render_chat(loaded, [("user", marker), ("assistant", marker)], begun=False)
    (after,) = tokenize(loaded, [turn.rpartition(marker)[2]])
    return tuple(after[:1]) if after[:1] and after[0] in loaded.tokenizer.all_special_ids else ()


def render_chat(loaded: LoadedModel, said: Sequence[tuple[str, str]], *, begun: bool) -> str:
    """The chat template filled; models that can think aloud are told not to.

    Raises:
        ModelError: the tokenizer has no chat template, or one that fails.
    """
    if loaded.tokenizer.chat_template is None:
        raise ModelError(
            f"{loaded.name}: its tokenizer has no chat template; leave chat out of the recipe"
        )
    try:
        return str(
            loaded.tokenizer.apply_chat_template(
                [{"role": role, "content": text} for role, text in said],
                add_generation_prompt=begun,
                tokenize=False,
                enable_thinking=False,
            )
        )
    except Exception as error:  # a template may raise anything
        raise ModelError(
            f"{loaded.name}: its chat template cannot be filled "
            f"({' '.join(str(error).split())[:200]}); leave chat out of the recipe"
        ) from error


def tokenize(loaded: LoadedModel, texts: Sequence[str]) -> list[Tokens]:
    """Token ids, of special tokens only those in the text."""
    rows: list[Tokens] = loaded.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return rows


def tokenize_source(loaded: LoadedModel, texts: Sequence[str]) -> list[Tokens]:
    """Token ids with the special tokens that the tokenizer gives a source."""
    rows: list[Tokens] = loaded.tokenizer(list(texts))["input_ids"] if texts else []
    return rows


def encoder_prompt(loaded: LoadedModel, source: Tokens) -> Prompt:
    """The decoder's beginning beside a source; a forced first token belongs to it."""
    config = loaded.model.generation_config
    forced = config.forced_bos_token_id if config else None
    begun = (loaded.start,) if forced is None else (loaded.start, int(forced))
    return Prompt(tokens=begun, encoder=tuple(source))


def prompts_with_response_codes(loaded: LoadedModel, samples: Sequence[Sample]) -> list[Prompt]:
    """The source under its code; the decoder begins with the code of the language asked for."""
    tokenizer: Any = loaded.tokenizer
    code = code_lookup(loaded, response_codes(loaded))
    prompts = []
    for sample in samples:
        tokenizer.src_lang = code(sample.source_lang)
        source = tuple(tokenizer(sample.source)["input_ids"])
        tokenizer.tgt_lang = code(sample.asked_lang)
        (first, *_, last) = tokenizer(text_target=sample.target)["input_ids"]
        # In mBART's first version a text is closed by its code, and the decoder begins with it.
        begun = (last,) if last not in loaded.eos else (loaded.start, first)
        prompts.append(Prompt(tokens=begun, encoder=source))
    return prompts


def prompts_with_source_codes(loaded: LoadedModel, samples: Sequence[Sample]) -> list[Prompt]:
    """The code of the language asked for stands before the source."""
    code = code_lookup(loaded, source_codes(loaded))
    texts = [f"{code(sample.asked_lang)} {sample.source}" for sample in samples]
    return [encoder_prompt(loaded, source) for source in tokenize_source(loaded, texts)]


def language_codes(loaded: LoadedModel) -> list[str]:
    """The language codes that a model is asked by; none where it is asked in words."""
    return source_codes(loaded) or response_codes(loaded)


def response_codes(loaded: LoadedModel) -> list[str]:
    """The codes that a response can begin with, among others that are none."""
    if not hasattr(loaded.tokenizer, "src_lang"):
        return []
    named = getattr(loaded.tokenizer, "lang_code_to_token", None)  # M2M-100's codes are no tokens
    return list(named or loaded.tokenizer.all_special_tokens)


def source_codes(loaded: LoadedModel) -> list[str]:
    """The tokens `>>ita<<` of a multilingual Marian."""
    if not loaded.has_encoder:
        return []
    known = loaded.tokenizer.get_vocab()
    return sorted(each for each in known if each.startswith(">>") and each.endswith("<<"))


def code_lookup(loaded: LoadedModel, codes: Sequence[str]) -> Callable[[str], str]:
    """Which of the model's codes a language has; raises ModelError where it has none."""

    @cache
    def code(language: str) -> str:
        found = code_among(language, codes)
        if found is None:
            raise ModelError(
                f"{loaded.name}: its tokenizer has no code for {language}; leave the language "
                "out, or take a model that knows it"
            )
        return found

    return code
