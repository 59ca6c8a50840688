"""`templates`: the named templates, and what they are for."""

from ontarget.cli.console import write
from ontarget.models.templates import NAMED, Template

CHAT = {
    True: "a turn of the chat template",
    False: "no chat",
    None: "as it is; a turn if chat: true",
}
NO_TEMPLATE = (
    "NLLB, M2M-100, mBART, Marian: languages are requested by the model's own codes; a recipe "
    "needs no template"
)


def templates() -> None:
    """List the named templates: the models they are for, and their text.

    Example: ontarget templates
    """
    for name, template in NAMED.items():
        write(*template_lines(name, template), "")
    write(NO_TEMPLATE)


def template_lines(name: str, template: Template) -> list[str]:
    """One template: its name, its models, whether it is a chat, and its text, indented."""
    text = template.text.removesuffix("\n")
    ends = " (ends with a line break)" if text != template.text else ""
    return [
        f"{name}: for {template.models}; {CHAT[template.chat]}{ends}",
        *(f"    {line}" for line in text.split("\n")),
    ]
