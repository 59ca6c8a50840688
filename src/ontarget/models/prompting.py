"""Prompts and responses as tokens: what the model is given, and what ends its response.

decoder-only          the filled template, or that as a user's turn of the model's chat template
encoder-decoder       the encoder reads the filled template
with language codes   the encoder reads the source alone; the requested language is a code at the
                      head of the response (NLLB, M2M-100, mBART) or of the source (Marian)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ontarget.errors import ModelError
from ontarget.languages.tags import code_among
from ontarget.models.chats import PROBE, Turn, render_chat, render_requests, request_of, turn_end
from ontarget.models.loading import LoadedModel
from ontarget.models.special_tokens import any_of, special_tokens
from ontarget.models.templates import (
    NAMED,
    PromptFormat,
    fill_template,
    prompt_format_of,
)
from ontarget.records import Sample

Tokens = list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The input of a model."""

    tokens: tuple[int, ...]  # of an encoder-decoder: the decoder's prefix
    encoder: tuple[int, ...] = ()  # of an encoder-decoder: the encoder's input


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The first tokens of a model's greedy answer."""

    tokens: tuple[int, ...]
    plausible: tuple[tuple[int, ...], ...]  # at the place of each token, besides it


def build_prompts(
    loaded: LoadedModel, samples: Sequence[Sample], prompt_format: PromptFormat
) -> list[Prompt]:
    """The prompt of each sample; it names the sample's `asked_lang`, if it is a translation.

    Raises:
        ModelError: the model has no usable chat template, or no code for a language.
    """
    check_special_tokens(loaded, [(sample.key, sample.source) for sample in samples])
    if prompt_format.chat and loaded.has_encoder:
        raise ModelError(
            f"{loaded.name}: an encoder-decoder cannot be prompted as a chat; leave chat out"
        )
    if any(sample.is_general for sample in samples) and language_codes(loaded):
        raise ModelError(
            f"{loaded.name}: reads language codes and no instructions; leave "
            "corpus.mix.instructions out"
        )
    if source_codes(loaded):
        return prompts_with_source_codes(loaded, samples)
    if response_codes(loaded):
        return prompts_with_response_codes(loaded, samples)
    if prompt_format.chat:
        return chat_prompts(loaded, samples, prompt_format)
    texts = [fill_template(sample, prompt_format) for sample in samples]
    if loaded.has_encoder:
        return [encoder_prompt(loaded, tokens) for tokens in tokenize_source(loaded, texts)]
    return [Prompt(tokens=tuple(row)) for row in loaded.prompts(texts)]


def few_shot_prompts(
    loaded: LoadedModel,
    samples: Sequence[Sample],
    demonstrations: Sequence[Sequence[Sample]],
    prompt_format: PromptFormat,
) -> list[Prompt]:
    """The prompt of each sample, after its demonstrations and their responses.

    In a chat these are earlier turns, else texts with a blank line between.

    Raises:
        ModelError: the model is not prompted in words, or its chat template refuses the turns.
    """
    if loaded.has_encoder or language_codes(loaded):
        raise ModelError(f"{loaded.name}: only a decoder-only model can be shown demonstrations")
    pairs = list(zip(samples, demonstrations, strict=True))
    if not prompt_format.chat:
        texts = [
            "".join(f"{fill_template(d, prompt_format)}{d.target}\n\n" for d in shown)
            + fill_template(sample, prompt_format)
            for sample, shown in pairs
        ]
        return [Prompt(tokens=tuple(row)) for row in loaded.prompts(texts)]
    texts = []
    for sample, shown in pairs:
        turns: list[Turn] = []
        for one in shown:
            turns += [("user", request_of(one, prompt_format)), ("assistant", one.target)]
        turns.append(("user", request_of(sample, prompt_format)))
        texts.append(render_chat(loaded, prompt_format, turns, open_turn=True))
    return [Prompt(tokens=tuple(row)) for row in tokenize(loaded, texts)]


def training_prompts(
    loaded: LoadedModel, samples: Sequence[Sample], prompt_format: PromptFormat
) -> list[Prompt]:
    """The prompt of each sample in the wording that training has for it.

    Raises:
        ModelError: as for `build_prompts`.
    """
    places: dict[PromptFormat, list[int]] = {}
    for place, sample in enumerate(samples):
        places.setdefault(prompt_format.in_training(sample), []).append(place)
    prompts: dict[int, Prompt] = {}
    for form, alike in places.items():
        made = build_prompts(loaded, [samples[place] for place in alike], form)
        prompts |= zip(alike, made, strict=True)
    return [prompts[place] for place in range(len(samples))]


def build_responses(
    loaded: LoadedModel, samples: Sequence[Sample], prompt_format: PromptFormat
) -> list[Tokens]:
    """The response of each sample, with the tokens that end it."""
    check_special_tokens(loaded, [(sample.key, sample.target) for sample in samples])
    texts = [sample.target for sample in samples]
    if not texts:
        return []
    rows: list[Tokens] = loaded.token_ids(
        texts, as_target=loaded.has_encoder, add_special_tokens=False
    )
    end = response_end(loaded, prompt_format)
    return [[*row, *end] for row in rows]


def check_special_tokens(loaded: LoadedModel, texts: Sequence[tuple[str, str]]) -> None:
    """Raise ModelError for a text, given with its key, that contains a special token."""
    pattern = any_of({*special_tokens(loaded.tokenizer).values(), *source_codes(loaded)})
    if pattern is None:
        return
    found = [(key, match[0]) for key, text in texts if (match := pattern.search(text))]
    if found:
        (key, token), *others = found
        more = f" (and {len(others)} more texts one too)" if others else ""
        raise ModelError(
            f"{key}: its text contains {token!r}, a special token of {loaded.name}{more}; remove "
            "it from the text, or leave the row out"
        )


def response_end(loaded: LoadedModel, prompt_format: PromptFormat) -> tuple[int, ...]:
    """The tokens that a response is trained to end with; the last one ends it."""
    return turn_end(loaded, prompt_format) if prompt_format.chat else loaded.eos[:1]


def end_ids(loaded: LoadedModel, prompt_format: PromptFormat) -> tuple[int, ...]:
    """All token ids that end a response; the first is the one it is trained to end with."""
    end = response_end(loaded, prompt_format)[-1:]
    stop = loaded.prompts([prompt_format.stop])[0] if prompt_format.stop else []
    return tuple(dict.fromkeys((*end, *loaded.eos, *stop)))


def fitting_templates(loaded: LoadedModel) -> dict[str, PromptFormat]:
    """The named templates that a model can be prompted with, as formats by their name.

    Those that are turns of a chat come first, if its chat template takes them. A model with
    language codes of its own reads no template; only the default of recipes is listed for it.
    """
    if language_codes(loaded):
        return {"alpaca": prompt_format_of("alpaca")}
    turns = {name: prompt_format_of(name, chat=True) for name, t in NAMED.items() if t.chat}
    texts = {name: prompt_format_of(name, chat=False) for name, t in NAMED.items() if not t.chat}
    if "<2it>" not in loaded.tokenizer.get_vocab():  # MADLAD-400's codes are tokens
        del texts["madlad"]
    return {name: form for name, form in turns.items() if takes_chat(loaded, form)} | texts


def takes_chat(loaded: LoadedModel, prompt_format: PromptFormat) -> bool:
    """Whether the model's chat template takes requests of this format and ends their responses."""
    try:
        build_prompts(loaded, [PROBE], prompt_format)
        response_end(loaded, prompt_format)
    except ModelError:
        return False
    return True


def chat_prompts(
    loaded: LoadedModel, samples: Sequence[Sample], prompt_format: PromptFormat
) -> list[Prompt]:
    """Each request as a user's turn, up to the assistant's; BOS if the chat template has it."""
    requests = [request_of(sample, prompt_format) for sample in samples]
    needed = [
        request if isinstance(request, str) else sample.source
        for request, sample in zip(requests, samples, strict=True)
    ]
    texts = render_requests(loaded, prompt_format, list(zip(requests, needed, strict=True)))
    rows = tokenize(loaded, texts) if texts else []
    return [Prompt(tokens=tuple(row)) for row in rows]


def tokenize(loaded: LoadedModel, texts: Sequence[str]) -> list[Tokens]:
    """Token ids without any special tokens but those in the text."""
    rows: list[Tokens] = loaded.token_ids(list(texts), add_special_tokens=False)
    return rows


def tokenize_source(loaded: LoadedModel, texts: Sequence[str]) -> list[Tokens]:
    """Token ids with the special tokens that the tokenizer adds to an encoder's input."""
    rows: list[Tokens] = loaded.token_ids(list(texts)) if texts else []
    return rows


def encoder_prompt(loaded: LoadedModel, source: Tokens) -> Prompt:
    """An encoder's input with the decoder's prefix, forced first token included."""
    config = loaded.model.generation_config
    forced = config.forced_bos_token_id if config else None
    prefix = (loaded.start,) if forced is None else (loaded.start, int(forced))
    return Prompt(tokens=prefix, encoder=tuple(source))


def prompts_with_response_codes(loaded: LoadedModel, samples: Sequence[Sample]) -> list[Prompt]:
    """The source with its language code; the decoder's prefix is the requested language's code."""
    tokenizer: Any = loaded.tokenizer
    code = code_lookup(loaded, response_codes(loaded))
    prompts = []
    for sample in samples:
        tokenizer.src_lang = code(sample.source_lang)
        source = tuple(loaded.token_ids(sample.source))
        tokenizer.tgt_lang = code(sample.asked_lang)
        (first, *_, last) = loaded.token_ids(sample.target, as_target=True)
        # The first mBART puts the code at the end of a text and at the decoder's beginning.
        prefix = (last,) if last not in loaded.eos else (loaded.start, first)
        prompts.append(Prompt(tokens=prefix, encoder=source))
    return prompts


def prompts_with_source_codes(loaded: LoadedModel, samples: Sequence[Sample]) -> list[Prompt]:
    """The requested language's code in front of the source."""
    code = code_lookup(loaded, source_codes(loaded))
    texts = [f"{code(sample.asked_lang)} {sample.source}" for sample in samples]
    return [encoder_prompt(loaded, tokens) for tokens in tokenize_source(loaded, texts)]


def language_codes(loaded: LoadedModel) -> list[str]:
    """The model's own language codes; [] for models that are prompted in words."""
    return source_codes(loaded) or response_codes(loaded)


def response_codes(loaded: LoadedModel) -> list[str]:
    """Tokens that a response can begin with; language codes are among them."""
    if not hasattr(loaded.tokenizer, "src_lang"):
        return []
    codes = getattr(loaded.tokenizer, "lang_code_to_token", None)  # M2M-100's codes are no tokens
    return list(codes or loaded.tokenizer.all_special_tokens)


def source_codes(loaded: LoadedModel) -> list[str]:
    """The tokens `>>ita<<` of a multilingual Marian."""
    if not loaded.has_encoder:
        return []
    tokens = loaded.tokenizer.get_vocab()
    return sorted(token for token in tokens if token.startswith(">>") and token.endswith("<<"))


def code_lookup(loaded: LoadedModel, codes: Sequence[str]) -> Callable[[str], str]:
    """A function from a language to the model's code; it raises ModelError if there is none."""

    @cache
    def code_of(language: str) -> str:
        code = code_among(language, codes)
        if code is None:
            raise ModelError(
                f"{loaded.name}: its tokenizer has no code for {language}; leave the language "
                "out, or take a model that knows it"
            )
        return code

    return code_of
