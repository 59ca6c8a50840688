"""Requests and answers of the OpenAI API, as servers and llama.cpp understand it. No effects."""

import json
from typing import Any

from ontarget.decoding.base import Hypothesis, Search, failed
from ontarget.models.templates import PromptFormat, fill_request, fill_template
from ontarget.records import Sample

ENDS = ("stop", "length")  # finish reasons of a whole text and of one that was cut
SHOWN = 80  # characters of an unusable answer, in errors


def path_of(prompt_format: PromptFormat) -> str:
    """Where requests go, below the base URL."""
    return "/chat/completions" if prompt_format.chat else "/completions"


def request_body(sample: Sample, prompt_format: PromptFormat, search: Search) -> dict[str, Any]:
    """A greedy request: a chat, or the filled template to continue. The server adds any BOS."""
    stop = {"stop": [prompt_format.stop]} if prompt_format.stop else {}
    settings = {"temperature": 0, "max_tokens": search.max_new_tokens} | stop
    if not prompt_format.chat:
        return {"prompt": fill_template(sample, prompt_format)} | settings
    system = [{"role": "system", "content": prompt_format.system}] if prompt_format.system else []
    user = {"role": "user", "content": fill_request(sample, prompt_format)}
    return {"messages": [*system, user]} | settings


def answer_of(content: bytes, prompt_format: PromptFormat) -> Hypothesis:
    """The translation in a server's answer; an answer of another form is a failed segment."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        start = content[:SHOWN].decode("utf-8", "replace")
        return failed(f"the server's answer is not JSON: {start!r}")
    return hypothesis_of(answer, prompt_format)


def hypothesis_of(answer: Any, prompt_format: PromptFormat) -> Hypothesis:
    """The translation in a parsed answer, as one line."""
    try:
        choice = answer["choices"][0]
        text = choice["message"]["content"] if prompt_format.chat else choice["text"]
        reason = choice["finish_reason"]
    except (LookupError, TypeError):
        return failed(f"the server's answer has no text or no end: {str(answer)[:SHOWN]!r}")
    if not isinstance(text, str) or not is_unicode(text):
        return failed(f"the server's answer is not a text: {str(text)[:SHOWN]!r}")
    if reason not in ENDS:
        return failed(f"the server ended its answer for the reason {str(reason)[:SHOWN]!r}")
    return Hypothesis(" ".join(text.split()), truncated=reason == "length")


def is_unicode(text: str) -> bool:
    """Whether a text can be written; JSON may hold halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
