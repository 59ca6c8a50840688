"""The Python example of a model card: it prompts and decodes as in the evaluation."""

from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ontarget.decoding.base import Search
from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import build_prompts, code_lookup, language_codes
from ontarget.models.templates import PromptFormat, json_parts
from ontarget.records import Direction, Sample

TEMPLATE = "snippet.py.jinja"
SENTENCE = '"..."'  # the literal in the snippet that readers replace by a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class SnippetInputs:
    """What the snippet depends on; `example` is the direction that it translates."""

    loaded: LoadedModel  # weights are not used
    languages: tuple[str, ...]
    example: Direction
    prompt_format: PromptFormat
    search: Search

    @property
    def kind(self) -> str:
        """`encoder-decoder` or `decoder-only`."""
        return "encoder-decoder" if self.loaded.has_encoder else "decoder-only"

    @property
    def has_codes(self) -> bool:
        """Whether the model takes language codes instead of an instruction."""
        return bool(language_codes(self.loaded))

    @property
    def template(self) -> str:
        """The template of the example."""
        return self.prompt_format.template_for(self.example.target_lang)

    def name(self, language: str) -> str:
        """The name of a language in the example's prompt."""
        return self.prompt_format.name(language, self.example.target_lang)

    def code(self, language: str) -> str:
        """The model's code of a language."""
        return code_lookup(self.loaded, language_codes(self.loaded))(language)

    def decoder_prefix(self, target: str) -> list[int]:
        """The token ids that an encoder-decoder's response in language `target` starts with."""
        source = self.example.source_lang
        sample = Sample(
            key="", source_lang=source, asked_lang=target, target_lang=target, source="", target=""
        )
        (prompt,) = build_prompts(self.loaded, [sample], self.prompt_format)
        return list(prompt.tokens)


def render_snippet(inputs: SnippetInputs, repo_id: str) -> str:
    """The snippet. Text of recipes and models appears only as one-line literals.

    A one-line literal cannot end the card's code block.

    Raises:
        ModelError: calling the tokenizer would not reproduce the prompts of training.
    """
    check_tokenizer(inputs)
    loaded, source, target = inputs.loaded, *map(inputs.name, inputs.example)
    template, fields = inputs.template, used_fields(inputs)
    environment = Environment(
        loader=PackageLoader("ontarget.report"),
        undefined=StrictUndefined,
        finalize=python_literal,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    auto_class = "AutoModelForSeq2SeqLM" if loaded.has_encoder else "AutoModelForCausalLM"
    text = environment.get_template(TEMPLATE).render(
        auto_class=Markup(auto_class),
        sentence=Markup(SENTENCE),
        source_in_comment=Markup(source),
        repo_id=repo_id,
        source=source,
        target=target,
        template=json_parts(template) or template,
        fields=fields,
        arguments=Markup("".join(f"{name}={value!r}, " for name, value in fields.items())),
        system=inputs.prompt_format.system,
        chat=inputs.prompt_format.chat,
        has_encoder=loaded.has_encoder,
        search=inputs.search,
        **decoder_values(inputs),
    )
    return str(text)


def used_fields(inputs: SnippetInputs) -> dict[str, str]:
    """The names or codes of languages that the template has fields for."""
    source, target = inputs.example
    values = {"source": inputs.name(source), "target": inputs.name(target)}
    code, template = inputs.prompt_format.code, inputs.template
    values |= {"source_code": code(source), "target_code": code(target)}
    return {name: text for name, text in values.items() if f"{{{name}}}" in template}


def python_literal(value: object) -> str:
    """The text of a template expression: Markup unchanged, everything else as a literal."""
    return value if isinstance(value, Markup) else repr(value)


def decoder_values(inputs: SnippetInputs) -> dict[str, Any]:
    """Language codes and decoder prefixes, in the form that the model's tokenizer needs.

    `codes` is None for models with instructions. `prefixes` is a dict by language if the tokenizer
    sets the code of the source (NLLB, M2M-100, mBART); otherwise `prefix` is the same for all.
    """
    name = inputs.prompt_format.name
    values: dict[str, Any] = {"codes": None, "prefixes": None, "prefix": None}
    if inputs.has_codes:
        values["codes"] = {name(code): inputs.code(code) for code in inputs.languages}
    if inputs.has_codes and hasattr(inputs.loaded.tokenizer, "src_lang"):
        values["prefixes"] = {name(code): inputs.decoder_prefix(code) for code in inputs.languages}
    elif inputs.loaded.has_encoder:
        values["prefix"] = inputs.decoder_prefix(inputs.example.target_lang)
    return values


def prompt_note(inputs: SnippetInputs) -> str:
    """What readers need to know before they change the snippet's prompt."""
    if inputs.has_codes:
        return "The model takes language codes; replace them by others from the list."
    form = inputs.prompt_format
    chat = " It is a user's turn of the model's chat template." if form.chat else ""
    other = " Into other languages the instruction is another." if form.by_target else ""
    more = f" Training had {len(form.wordings)} more." if form.wordings else ""
    return (
        "The template is exactly the one used in training; "
        f"the model was not evaluated with any other wording.{more}{other}{chat}"
    )


def check_tokenizer(inputs: SnippetInputs) -> None:
    """Raise ModelError if the tokenizer adds an EOS or a second BOS to prompts."""
    loaded = inputs.loaded
    if loaded.has_encoder or inputs.prompt_format.chat:
        return
    if loaded.prompts(["a"]) != loaded.tokenizer(["a"])["input_ids"]:
        raise ModelError(
            f"{loaded.name}: the tokenizer adds an EOS or a second BOS to prompts, which users of "
            "the model card would not notice; correct add_eos_token or add_bos_token in the base "
            "model's tokenizer_config.json and run again"
        )
