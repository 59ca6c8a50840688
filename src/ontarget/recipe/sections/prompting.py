"""How the model is prompted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

from ontarget.errors import RecipeError, error_text


def template_or_templates(value: object) -> object:
    """A text, or texts by language; ValueError for anything else."""
    texts = [*value, *value.values()] if isinstance(value, Mapping) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("is no template; give a name or a text, or these by language")
    return value


Templates = Annotated[str | dict[str, str], BeforeValidator(template_or_templates)]


def read_chat_template(path: Path) -> str:
    """The text of a chat template.

    Raises:
        RecipeError: it is not a file of UTF-8 text.
    """
    try:
        if not path.is_file():
            raise FileNotFoundError(2, "no such file")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"chat_template: {path}: {error_text(error)}; give a Jinja file in UTF-8"
        ) from error
    if not text.strip():
        raise RecipeError(f"chat_template: {path}: is empty; give a Jinja file")
    return text
