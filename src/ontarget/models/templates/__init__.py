"""A sample's request as text: templates and their fields. Nothing is tokenized here.

named             the named templates
instructions.tsv  the instruction of the template target-language in other languages
formats           how a model is prompted: one template or several, and what stands in their fields
fill              the filled template of a sample
faults            what is wrong with a template
"""

from ontarget.models.templates.faults import json_parts, template_fault
from ontarget.models.templates.fill import fill_request, fill_template
from ontarget.models.templates.formats import (
    PromptFormat,
    instruction_sentences,
    prompt_format_of,
)
from ontarget.models.templates.named import CUE, NAMED, TEMPLATES, Template

__all__ = [
    "CUE", "NAMED", "TEMPLATES", "PromptFormat", "Template", "fill_request", "fill_template",
    "instruction_sentences", "json_parts", "prompt_format_of", "template_fault",
]  # fmt: skip
