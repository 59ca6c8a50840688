"""A sample's request as text."""

from ontarget.models.templates.faults import json_parts
from ontarget.models.templates.formats import PromptFormat
from ontarget.models.templates.named import GENERAL, LINE
from ontarget.records import Sample


def fill_template(sample: Sample, form: PromptFormat) -> str:
    """The template filled for `sample`; {target} becomes the name of the requested language.

    A general instruction fills the form that belongs to the template, or has a line of its own.
    """
    if sample.is_general:
        return GENERAL.get(form.template, LINE).format(input=sample.source)
    return fill(form.template_for(sample.asked_lang), sample, form)


def fill_request(sample: Sample, form: PromptFormat) -> str | list[dict[str, str]]:
    """The filled template, or the filled parts of one in JSON; a general instruction as it is."""
    if sample.is_general:
        return sample.source
    parts = json_parts(form.template_for(sample.asked_lang))
    if parts is None:
        return fill_template(sample, form)
    return [{key: fill(text, sample, form) for key, text in part.items()} for part in parts]


def fill(text: str, sample: Sample, form: PromptFormat) -> str:
    """A text with its fields filled."""
    return text.format(
        source=form.name(sample.source_lang, sample.asked_lang),
        target=form.name(sample.asked_lang, sample.asked_lang),
        source_code=form.code(sample.source_lang),
        target_code=form.code(sample.asked_lang),
        input=sample.source,
    )
