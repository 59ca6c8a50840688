"""The named templates, as the cards of the models that they are for write them.

A template is a text with fields, or JSON: a list of objects whose texts have fields, for chat
templates that put a request into words themselves (TranslateGemma).
"""

from dataclasses import dataclass

LINE = "{input}\n"  # the form of a general instruction


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A named template, as the card of the models that it is for writes it."""

    text: str
    models: str  # that it is for, in words
    chat: bool | None  # whether it is a user's turn of the model's chat template; None: either
    general: str = LINE  # in its place for a general instruction, outside a chat
    translated: bool = False  # `instructions.tsv` has it in the requested languages


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
    "post-instruction": Template(
        text="Below is an instruction that describes a task, paired with an input that provides "
        "further context. Write a response that appropriately completes the request.\n\n"
        "### Input:\n{input}\n\n### Instruction:\nTranslate the following sentences from "
        "{source} to {target}.\n\n### Response:",
        models="models tuned so: the instruction after the source (arXiv 2308.12097)",
        chat=None,
    ),
    "target-language": Template(
        text="Translate the following text. Source language: {source}. Target language: {target}."
        "\n\n{input}\n",
        models="models that follow instructions in the language they are to answer in",
        chat=None,
        translated=True,
    ),
    "madlad": Template(text="<2{target_code}> {input}", models="MADLAD-400", chat=False),
}
TEMPLATES = {name: template.text for name, template in NAMED.items()}
GENERAL = {template.text: template.general for template in NAMED.values()}
CUE = "{source}: {input}\n{target}:"  # the demo's base model was trained on such documents
