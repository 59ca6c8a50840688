"""How a model is prompted: one template or several, and what stands in their fields."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from ontarget.languages.names import english_name, name_in
from ontarget.languages.tags import language_and_script, standard
from ontarget.models.templates.faults import json_parts, template_fault
from ontarget.models.templates.named import NAMED, TEMPLATES
from ontarget.records import Sample


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
    by_target: tuple[tuple[str, str], ...] = ()  # (requested language, a template written in it)
    wordings: tuple[str, ...] = ()  # templates that training has besides `template`

    @property
    def texts(self) -> tuple[str, ...]:
        """All templates."""
        return (self.template, *self.wordings, *dict(self.by_target).values())

    @property
    def has_codes(self) -> bool:
        """Whether a template names a language by its code."""
        return any(
            f"{{{side}_code}}" in text for text in self.texts for side in ("source", "target")
        )

    def code(self, language: str) -> str:
        """What {source_code} and {target_code} become for a language."""
        return dict(self.codes).get(language, language)

    def name(self, language: str, requested: str = "") -> str:
        """What {source} and {target} become for a language, where `requested` is requested.

        Raises:
            KeyError: it has no name here, nor in CLDR.
        """
        own = self.written_in(requested)
        if own is not None:
            try:
                return name_in(own, language)
            except KeyError:
                pass
        return dict(self.names).get(language) or english_name(language)

    def template_for(self, requested: str) -> str:
        """The template of a request for a translation into this language."""
        own = self.written_in(requested)
        return self.template if own is None else dict(self.by_target)[own]

    def written_in(self, requested: str) -> str | None:
        """The language that requests for translations into `requested` are written in.

        None: that of the template. Regions are ignored where no template has the same.
        """
        for same in (standard, language_and_script):
            for language, _ in self.by_target:
                if same(language) == same(requested):
                    return language
        return None

    def in_training(self, sample: Sample) -> "PromptFormat":
        """The format of a training sample: one of the wordings, by a hash of the sample's key."""
        if not self.wordings or sample.is_general:
            return self
        texts = (self.template, *self.wordings)
        digest = hashlib.sha256(sample.key.encode()).digest()
        number = int.from_bytes(digest[:8]) % len(texts)
        return replace(self, template=texts[number], wordings=())


def prompt_format_of(
    template: str | Mapping[str, str], chat: bool | None = None, wordings: Sequence[str] = ()
) -> PromptFormat:
    """The format of a template's name or text; without `chat` as the named template says.

    A mapping has templates by the requested language, each written in it, and a `default`.

    Raises:
        ValueError: a template is faulty, or contradicts `chat` or another one.
    """
    templates = {"default": template} if isinstance(template, str) else dict(template)
    if "default" not in templates:
        raise ValueError("template: has no default; add the one for all other languages")
    first = one_format(templates.pop("default"), chat, "template")
    if templates and first.by_target:
        raise ValueError("template: target-language has all languages; give it alone")
    if wordings and (templates or first.by_target):
        raise ValueError("wordings: the template depends on the language; leave one of them out")
    by_target = [
        (language, text_like(first, text, chat, f"template.{language}"))
        for language, text in templates.items()
    ]
    return replace(
        first,
        by_target=first.by_target or tuple(by_target),
        wordings=tuple(text_like(first, text, chat, "wordings") for text in wordings),
    )


def one_format(template: str, chat: bool | None, key: str) -> PromptFormat:
    """The format of one template; a fault begins with the recipe's `key`."""
    text = TEMPLATES.get(template, template)
    if fault := template_fault(text):
        raise ValueError(f"{key}: {fault}; or use one of {', '.join(TEMPLATES)}")
    expected = NAMED[template].chat if template in NAMED else json_parts(text) is not None or None
    if chat is not None and expected is not None and chat != expected:
        name = template if template in NAMED else "in JSON"
        kind = "is a turn of a chat" if expected else "is no turn of a chat"
        raise ValueError(
            f"chat: the template {name} {kind}; leave chat out, or change the template"
        )
    translated = template in NAMED and NAMED[template].translated
    return PromptFormat(
        template=text,
        chat=bool(expected if chat is None else chat),
        by_target=translations_of(text) if translated else (),
    )


def text_like(first: PromptFormat, template: str, chat: bool | None, key: str) -> str:
    """The text of a template that is used beside another one.

    Raises:
        ValueError: it is faulty, or the two cannot be used together.
    """
    other = one_format(template, chat, key)
    if other.by_target:
        raise ValueError(f"{key}: target-language has all languages; give it alone")
    if any(json_parts(form.template) is not None for form in (first, other)):
        raise ValueError(f"{key}: a template in JSON has no others beside it; give texts")
    if first.chat != other.chat:
        raise ValueError(f"{key}: some templates are turns of a chat and some are not; set chat")
    return other.template


@cache
def translations_of(text: str) -> tuple[tuple[str, str], ...]:
    """A template in the languages of `instructions.tsv`, whose English sentence it begins with."""
    sentences = instruction_sentences()
    english = sentences["en"]
    return tuple((language, text.replace(english, one)) for language, one in sentences.items())


@cache
def instruction_sentences() -> dict[str, str]:
    """An instruction with the fields {source} and {target}, by the language it is written in."""
    table = files("ontarget.models.templates").joinpath("instructions.tsv")
    lines = table.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)
