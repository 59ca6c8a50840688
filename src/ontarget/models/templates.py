"""A sample's prompt as text: one filled template. Nothing is tokenized here.

Templates: `alpaca`, as used by arXiv 2403.14399; `instruction`, for chat models, whose chat
template already separates request and response; `plain`, the demo's single line, which names only
the target, so that a small model cannot confuse it with the source.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from string import Formatter

from ontarget.records import Sample

TEMPLATES = {
    "alpaca": (
        "Below is an instruction that describes a task, paired with an input that provides "
        "further context. Write a response that appropriately completes the request.\n\n"
        "### Instruction:\nTranslate the following sentences from {source} to {target}.\n\n"
        "### Input:\n{input}\n\n### Response:"
    ),
    "instruction": "Translate the following sentences from {source} to {target}.\n\n{input}",
    "plain": "Translate into {target}: {input}\n",
}
CUE = "{source}: {input}\n{target}:"  # the demo's base model was trained on such documents
REQUIRED_FIELDS = ("input", "target")  # {source} is optional


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFormat:
    """How a model is prompted; models with language codes of their own ignore the template."""

    template: str
    chat: bool = False  # the filled template is a user's turn in the model's own chat template
    stop: str = ""  # one token that ends a response, besides EOS


def fill_template(sample: Sample, template: str, name: Callable[[str], str]) -> str:
    """`template` filled for `sample`; {target} becomes the name of the requested language."""
    return template.format(
        source=name(sample.source_lang), target=name(sample.asked_lang), input=sample.source
    )


def template_fault(template: str) -> str | None:
    """What is wrong with a template, or None; {target} and {input} must occur exactly once."""
    if "\\n" in template:
        return "has a backslash and an n where a line break is meant; write a real one"
    try:
        parts = [part for part in Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        return f"is not a template ({error})"
    fields = sorted(field or "" for _, field, _, _ in parts)
    close = get_close_matches(template, TEMPLATES, n=1)
    if not fields and close:
        return f"is {template!r}, not the name of a template; did you mean {close[0]}?"
    if any(form or conversion for _, _, form, conversion in parts):
        return "formats a field with : or !; write {input}, {target} and {source} plainly"
    if tuple(fields) not in (REQUIRED_FIELDS, tuple(sorted((*REQUIRED_FIELDS, "source")))):
        names = ", ".join(fields) or "none"
        return f"has the fields {names}; expected input and target once, source at most once"
    return None
