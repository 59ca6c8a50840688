"""Chat templates: a request as a user's turn, what ends the assistant's turn, and fixed dates."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel
from ontarget.models.special_tokens import special_tokens
from ontarget.models.templates import PromptFormat, fill_request, json_parts
from ontarget.records import Sample

Content = str | list[dict[str, str]]  # a text, or parts that the chat template puts into words
Turn = tuple[str, Content]  # role, and what it says
FIXED_DATE = date(2024, 7, 26)  # the default of Llama 3.1's own chat template
PROBE = Sample(
    key="",
    source_lang="en",
    asked_lang="it",
    target_lang="it",
    source="ontarget",
    target="tegratno",
)
DATE_CALL = re.compile(r"strftime_now\(\s*(['\"])(.*?)\1\s*\)")


def chat_template_of(loaded: LoadedModel, prompt_format: PromptFormat) -> str:
    """The chat template that prompts are made with: the recipe's or the tokenizer's own.

    Its dates are fixed, so that training and translation read the same prompt on any day.

    Raises:
        ModelError: there is none, or it computes a date in a way that cannot be fixed.
    """
    try:
        template = prompt_format.chat_template or loaded.tokenizer.get_chat_template()
    except ValueError as error:
        raise ModelError(
            f"{loaded.name}: its tokenizer has no chat template; leave chat out"
        ) from error
    fixed = fix_dates(str(template))
    if "strftime_now(" in fixed:
        raise ModelError(
            f"{loaded.name}: its chat template computes a date with strftime_now, so that prompts "
            "would change from day to day; give a chat_template without it"
        )
    return fixed


def keep_chat_template(loaded: LoadedModel, prompt_format: PromptFormat) -> None:
    """Give the tokenizer the chat template that prompts are made with, to be saved with it."""
    if prompt_format.chat:
        loaded.tokenizer.chat_template = chat_template_of(loaded, prompt_format)


def fix_dates(template: str) -> str:
    """A chat template with `FIXED_DATE` in place of today's date."""
    return DATE_CALL.sub(lambda call: repr(FIXED_DATE.strftime(call[2])), template)


def writes_date(loaded: LoadedModel, prompt_format: PromptFormat) -> bool:
    """Whether the chat template, as it was given, writes today's date."""
    return bool(
        DATE_CALL.search(prompt_format.chat_template or loaded.tokenizer.get_chat_template())
    )


def check_codes(loaded: LoadedModel, prompt_format: PromptFormat) -> None:
    """Raise ModelError for a template in JSON that the chat template ignores or only prints."""
    parts = json_parts(prompt_format.template)
    if parts is None:
        return
    samples = [PROBE, replace(PROBE, asked_lang="nl")]
    turns = {
        render_chat(loaded, prompt_format, [("user", request)], open_turn=True)
        for request in (request_of(sample, prompt_format) for sample in samples)
    }
    printed = any(repr(key) in turn for turn in turns for part in parts for key in part)
    if printed or len(turns) == 1:
        raise ModelError(
            f"{loaded.name}: its chat template ignores the language codes of the template; use a "
            "template that names languages in words, such as instruction"
        )


def request_of(sample: Sample, prompt_format: PromptFormat) -> Content:
    """A user's turn that requests the sample's translation."""
    return fill_request(sample, prompt_format)


def render_requests(
    loaded: LoadedModel, prompt_format: PromptFormat, requests: Sequence[tuple[Content, str]]
) -> list[str]:
    """Each request, given with a text that it must contain, up to the assistant's turn.

    Raises:
        ModelError: the chat template has no place for the request or for the system message.
    """
    check_codes(loaded, prompt_format)
    rendered = []
    for content, text in requests:
        turn = render_chat(loaded, prompt_format, [("user", content)], open_turn=True)
        for part, needed in (("user's", text), ("system", prompt_format.system)):
            if needed.strip() not in turn:
                raise ModelError(
                    f"{loaded.name}: its chat template leaves out or changes the {part} message; "
                    f"leave {'system' if part == 'system' else 'chat'} out, or mend the template"
                )
        rendered.append(turn)
    return rendered


def turn_end(loaded: LoadedModel, prompt_format: PromptFormat) -> tuple[int, ...]:
    """The tokens that end an assistant's turn: line breaks, if any, and one special token.

    Raises:
        ModelError: no special token follows the assistant's message.
    """
    turns: list[Turn] = [("user", request_of(PROBE, prompt_format)), ("assistant", PROBE.target)]
    rendered = render_chat(loaded, prompt_format, turns, open_turn=False)
    _, found, after = rendered.partition(PROBE.target)
    special = special_tokens(loaded.tokenizer)
    tokens: list[int] = loaded.token_ids(after, add_special_tokens=False) if found else []
    end = next((index for index, token in enumerate(tokens) if token in special), None)
    if end is None or after[: after.find(special[tokens[end]])].strip():
        shown = repr(after[:40]) if after else "nothing"
        raise ModelError(
            f"{loaded.name}: its chat template ends the assistant's turn with {shown}, no special "
            "token, so a response would have no end; mark the token as special in the tokenizer, "
            "or give a chat_template that ends the turn with one"
        )
    return tuple(tokens[: end + 1])


def render_chat(
    loaded: LoadedModel,
    prompt_format: PromptFormat,
    turns: Sequence[Turn],
    *,
    open_turn: bool,
) -> str:
    """The chat template, filled with the system message and turns; thinking is off.

    `open_turn` adds the beginning of the assistant's next turn.

    Raises:
        ModelError: the tokenizer has no chat template, or one that fails.
    """
    template = chat_template_of(loaded, prompt_format)
    system = [("system", prompt_format.system)] if prompt_format.system else []
    messages: Any = [{"role": role, "content": text} for role, text in (*system, *turns)]
    try:
        return str(
            loaded.tokenizer.apply_chat_template(
                messages,
                chat_template=template,
                add_generation_prompt=open_turn,
                tokenize=False,
                enable_thinking=False,
            )
        )
    except Exception as error:  # a template may raise anything
        raise ModelError(
            f"{loaded.name}: its chat template cannot be filled "
            f"({' '.join(str(error).split())[:200]}); leave chat out"
        ) from error
