"""A sample's prompt as text: one filled template. Nothing is tokenized here.

A template is a text with fields, or JSON: a list of objects whose texts have fields, for chat
templates that put a request into words themselves (TranslateGemma).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from string import Formatter

from ontarget.languages.names import english_name
from ontarget.records import Sample

LINE = "{input}\n"  # the form of a general instruction


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A named template, as the card of the models that it is for writes it."""

    text: str
    models: str  # that it is for, in words
    chat: bool | None  # whether it is a user's turn of the model's chat template; None: either
    general: str = LINE  # in its place for a general instruction, outside a chat


NAMED = {
    "alpaca": Template(
        text="Below is an instruction that describes a task, paired with an input that provides "
        "further context. Write a response that appropriately completes the request.\n\n"
        "### Instruction:\nTranslate the following sentences from {source} to {target}.\n\n"
        "### Input:\n{input}\n\n### Response:",
        models="models tuned as in Alpaca and arXiv 2403.14399",
        chat=None,
        general="Below is an instruction that describes a task. Write a response that "
        "appropriately completes the request.\n\n### Instruction:\n{input}\n\n### Response:",
    ),
    "plain": Template(  # names only the target, so that a small model cannot confuse the two
        text="Translate into {target}: {input}\n", models="the demo; T5, mT5", chat=None
    ),
    "instruction": Template(
        text="Translate the following sentences from {source} to {target}.\n\n{input}",
        models="general chat models: Gemma, Qwen, Llama, Mistral, Phi",
        chat=True,
    ),
    "alma": Template(
        text="Translate this from {source} to {target}:\n{source}: {input}\n{target}:",
        models="ALMA, ALMA-R; with chat: true X-ALMA",
        chat=None,
    ),
    "tower": Template(
        text="Translate the following text from {source} into {target}.\n"
        "{source}: {input}\n{target}:",
        models="TowerInstruct, SalamandraTA-instruct",
        chat=True,
    ),
    "tower-plus": Template(
        text="Translate the following {source} source text to {target}:\n"
        "{source}: {input}\n{target}: ",
        models="Tower+, EuroLLM-Instruct",
        chat=True,
    ),
    "hunyuan-mt": Template(
        text="Translate the following segment into {target}, without additional explanation.\n\n"
        "{input}",
        models="Hunyuan-MT, HY-MT, in directions without Chinese",
        chat=True,
    ),
    "translategemma": Template(
        text='[{"type": "text", "source_lang_code": "{source_code}", '
        '"target_lang_code": "{target_code}", "text": "{input}"}]',
        models="TranslateGemma",
        chat=True,
    ),
    "madlad": Template(text="<2{target_code}> {input}", models="MADLAD-400", chat=False),
}
TEMPLATES = {name: template.text for name, template in NAMED.items()}
GENERAL = {template.text: template.general for template in NAMED.values()}
CUE = "{source}: {input}\n{target}:"  # the demo's base model was trained on such documents
LANGUAGE_FIELDS = ("target", "target_code", "source", "source_code")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFormat:
    """How a model is prompted; models with language codes of their own ignore the template."""

    template: str
    chat: bool = False  # the filled template is a user's turn in the model's own chat template
    system: str = ""  # the system message of the chat
    chat_template: str | None = None  # in place of the tokenizer's own, as text
    codes: tuple[tuple[str, str], ...] = ()  # (language, its code in prompts), where they differ
    names: tuple[tuple[str, str], ...] = ()  # (language, its name), in place of CLDR's
    stop: str = ""  # one token that ends a response, besides EOS

    def code(self, language: str) -> str:
        """What {source_code} and {target_code} become for a language."""
        return dict(self.codes).get(language, language)

    def name(self, language: str) -> str:
        """What {source} and {target} become for a language.

        Raises:
            KeyError: it has no name here, nor in CLDR.
        """
        return dict(self.names).get(language) or english_name(language)


def prompt_format_of(template: str, chat: bool | None = None) -> PromptFormat:
    """The format of a template's name or text; without `chat` as the named template says.

    Raises:
        ValueError: the template is faulty, or contradicts `chat`.
    """
    text = TEMPLATES.get(template, template)
    if fault := template_fault(text):
        raise ValueError(f"template: {fault}; or use one of {', '.join(TEMPLATES)}")
    expected = NAMED[template].chat if template in NAMED else json_parts(text) is not None or None
    if chat is not None and expected is not None and chat != expected:
        name = template if template in NAMED else "in JSON"
        kind = "is a turn of a chat" if expected else "is no turn of a chat"
        raise ValueError(
            f"chat: the template {name} {kind}; leave chat out, or change the template"
        )
    return PromptFormat(template=text, chat=bool(expected if chat is None else chat))


def fill_template(
    sample: Sample, template: str, name: Callable[[str], str], code: Callable[[str], str] = str
) -> str:
    """`template` filled for `sample`; {target} becomes the name of the requested language.

    A general instruction fills the form that belongs to the template, or has a line of its own.
    """
    if sample.is_general:
        return GENERAL.get(template, LINE).format(input=sample.source)
    return template.format(
        source=name(sample.source_lang),
        target=name(sample.asked_lang),
        source_code=code(sample.source_lang),
        target_code=code(sample.asked_lang),
        input=sample.source,
    )


def fill_request(
    sample: Sample, template: str, name: Callable[[str], str], code: Callable[[str], str] = str
) -> str | list[dict[str, str]]:
    """The filled template, or the filled parts of one in JSON; a general instruction as it is."""
    if sample.is_general:
        return sample.source
    parts = json_parts(template)
    if parts is None:
        return fill_template(sample, template, name, code)
    return [
        {key: fill_template(sample, text, name, code) for key, text in part.items()}
        for part in parts
    ]


def json_parts(template: str) -> list[dict[str, str]] | None:
    """The parts of a template in JSON; None if it is a text."""
    try:
        parts = json.loads(template)
    except (ValueError, RecursionError):
        return None
    ok = isinstance(parts, list) and all(
        isinstance(part, dict) and all(isinstance(text, str) for text in part.values())
        for part in parts
    )
    return parts if ok else None


def has_codes(template: str) -> bool:
    """Whether a template names a language by its code."""
    return "{source_code}" in template or "{target_code}" in template


def template_fault(template: str) -> str | None:
    """What is wrong with a template, or None.

    {input} must occur once, {target} or {target_code} at least once.
    """
    parts = json_parts(template)
    if "\\n" in template and parts is None:
        return "has a backslash and an n where a line break is meant; write a real one"
    texts = [template] if parts is None else [text for part in parts for text in part.values()]
    try:
        parsed = [field for text in texts for field in Formatter().parse(text)]
    except ValueError as error:
        return f"is not a template ({error})"
    if any(form or conversion for _, _, form, conversion in parsed):
        return "formats a field with : or !; write {input}, {target} and {source} plainly"
    fields = [field for _, field, _, _ in parsed if field is not None]
    close = get_close_matches(template, TEMPLATES, n=1)
    if not fields and " " not in template:
        remedy = f"did you mean {close[0]}?" if close else "write one with {input} and {target}"
        return f"is {template[:60]!r}, not the name of a template; {remedy}"
    requests = {"target", "target_code"} & set(fields)
    if fields.count("input") != 1 or not requests or set(fields) - {"input", *LANGUAGE_FIELDS}:
        names = ", ".join(sorted(fields)) or "none"
        return (
            f"has the fields {names}; expected input once, target or target_code at least once, "
            "source and source_code as often as you like"
        )
    return None
