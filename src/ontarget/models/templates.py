"""A sample's instruction as exact prompt text: one template, filled; nothing is tokenised here.

Template texts: Alpaca, as used by arXiv 2403.14399; `plain`, the one-line form of the demo. It
names the target alone, because a small model tuned on English pairs need not learn which of two
names is the target's: the one that is not English always is (docs/log.md). `instruction` is for
chat models, whose own template says what is a request and what a response.
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
REQUIRED_FIELDS = ("input", "target")  # {source} may be left out


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFormat:
    """How a model is asked; one with language codes of its own is asked by these alone."""

    template: str  # the text of an instruction
    chat: bool = False  # whether that is a user's turn in the model's own chat template


def fill_template(sample: Sample, template: str, name: Callable[[str], str]) -> str:
    """`template` filled for `sample`; {target} becomes the name of the language asked for."""
    return template.format(
        source=name(sample.source_lang), target=name(sample.asked_lang), input=sample.source
    )


def template_fault(template: str) -> str | None:
    """What is wrong with a template, or None; {target} and {input} stand once each."""
    if "\\n" in template:
        return "has a backslash and an n where a line break is meant; write a real one"
    try:
        parts = [part for part in Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        return f"is not a template ({error})"
    fields = sorted(field or "" for _, field, _, _ in parts)
    near = get_close_matches(template, TEMPLATES, n=1)
    if not fields and near:
        return f"is {template!r}, no template's name; did you mean {near[0]}?"
    if any(form or conversion for _, _, form, conversion in parts):
        return "formats a field with : or !; write {input}, {target} and {source} plainly"
    if tuple(fields) not in (REQUIRED_FIELDS, tuple(sorted((*REQUIRED_FIELDS, "source")))):
        found = ", ".join(fields) or "none"
        return f"has the fields {found}; expected input and target once, source at most once"
    return None
