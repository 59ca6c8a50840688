"""Prompts as a model reads them, for people: special tokens marked, and what is worth knowing."""

from collections.abc import Sequence
from itertools import groupby

from ontarget.errors import visible
from ontarget.models.chats import FIXED_DATE, PROBE, writes_date
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import (
    build_prompts,
    build_responses,
    language_codes,
    response_end,
)
from ontarget.models.special_tokens import special_tokens
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample


def preview_lines(loaded: LoadedModel, sample: Sample, prompt_format: PromptFormat) -> list[str]:
    """The tokens of a sample as text: what the model reads, then the response after `>`.

    Special tokens are in double brackets; the last one of the response ends it.

    Raises:
        ModelError: the model cannot be prompted so.
    """
    (prompt,) = build_prompts(loaded, [sample], prompt_format)
    (response,) = build_responses(loaded, [sample], prompt_format)
    encoder = marked_lines(loaded, prompt.encoder, "encoder  | ") if prompt.encoder else []
    return [
        *encoder,
        *marked_lines(loaded, prompt.tokens, "prompt   | "),
        *marked_lines(loaded, response, "response > "),
    ]


def marked_lines(loaded: LoadedModel, tokens: Sequence[int], label: str) -> list[str]:
    """Tokens as lines of text under a label; special tokens in double brackets."""
    special = special_tokens(loaded.tokenizer)
    parts = []
    for is_special, run in groupby(tokens, key=lambda token: token in special):
        if is_special:
            parts += [f"[[{special[token]}]]" for token in run]
        else:
            parts.append(str(loaded.tokenizer.decode(list(run), skip_special_tokens=False)))
    return [label + visible(line) for line in "".join(parts).split("\n")]


def prompt_notes(loaded: LoadedModel, prompt_format: PromptFormat) -> list[str]:
    """What prompts and responses have that a reader of the recipe does not see, one line each."""
    end = response_end(loaded, prompt_format)[-1]
    name = special_tokens(loaded.tokenizer).get(end, str(end))
    config = loaded.model.generation_config
    configured = config.eos_token_id if config else None
    known = end in (configured if isinstance(configured, list) else [configured])
    notes = [
        f"responses end with {name} (token {end})"
        + ("" if known else "; generation_config.json does not list it, tuned models will")
    ]
    if language_codes(loaded):
        notes.append("languages are requested by the model's own codes; the template is not used")
    if prompt_format.chat:
        notes += chat_notes(loaded, prompt_format)
    return notes


def chat_notes(loaded: LoadedModel, prompt_format: PromptFormat) -> list[str]:
    """A missing BOS and a fixed date of the chat template."""
    (prompt,) = build_prompts(loaded, [PROBE], prompt_format)
    bos, notes = loaded.tokenizer.bos_token_id, []
    if bos is not None and prompt.tokens[:1] != (bos,):
        notes.append(
            f"the chat template leaves out the tokenizer's BOS {loaded.tokenizer.bos_token}, so "
            "prompts begin without it"
        )
    if writes_date(loaded, prompt_format):
        notes.append(
            "the chat template writes today's date; it is fixed to "
            f"{FIXED_DATE:%d %b %Y}, in training, in translation and in tuned models"
        )
    return notes
