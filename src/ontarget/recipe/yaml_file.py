"""Recipes as YAML files: strict reading, and each fault as one line with the nearest name."""

import difflib
import reprlib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ontarget.errors import RecipeError
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections import Section

LARGEST = 10**60  # a number that is shown with its digits


class StrictLoader(yaml.SafeLoader):
    """YAML whose mappings have each key once, and whose texts can be written again."""

    def construct_scalar(self, node: Any) -> Any:
        """Refuse half of a character, which an escape can make (UnicodeEncodeError)."""
        value = super().construct_scalar(node)
        if isinstance(value, str):
            value.encode()
        return value

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuse a second value for a key, which YAML would take silently, and merged mappings."""
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, "<< is not taken: write the settings out", key.start_mark
                )
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for place, (key, (where, _)) in enumerate(zip(keys, node.value, strict=True)):
            if keys.index(key) < place:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} occurs twice", where.start_mark
                )
        return super().construct_mapping(node, deep)


def load_recipe(path: Path, changes: dict[str, Any] | None = None) -> Recipe:
    """The recipe in a YAML file; `changes` replace its top-level keys.

    Raises:
        RecipeError: the file is missing, is not YAML, or does not describe an experiment.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise RecipeError(
            f"{path}: is no file; give the path of a recipe, as recipes/bible-iwslt4.yaml"
        )
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=StrictLoader)  # noqa: S506
    except OSError as error:
        raise RecipeError(
            f"{path}: {error.strerror}; give the path of one, such as recipes/bible-iwslt4.yaml"
        ) from error
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"{path}: byte {error.start} is not UTF-8; save the recipe as UTF-8"
        ) from error
    except UnicodeEncodeError as error:
        raise RecipeError(
            f"{path}: holds {ascii(error.object[error.start])}, half of a character; write it whole"
        ) from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}{yaml_fault(error)}") from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise RecipeError(
            f"{path}: holds a value that YAML cannot read ({type(error).__name__}); mend it"
        ) from error
    if not isinstance(content, dict):
        raise RecipeError(f"{path}: holds no mapping; expected keys such as languages: and corpus:")
    try:
        return Recipe.model_validate(content | (changes or {}))
    except ValidationError as error:
        raise RecipeError(f"{path}: {explain_validation(error)}") from error


def yaml_fault(error: yaml.YAMLError) -> str:
    """`:3: the key 'out' occurs twice; ...` from a YAML error."""
    if isinstance(error, yaml.reader.ReaderError):
        found = ascii(chr(error.character))
        return f": character {error.position + 1} is {found}, which YAML cannot hold; remove it"
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or "unreadable"
    return f"{line}: is not the YAML of a recipe ({problem}); mend that line"


def explain_validation(error: ValidationError) -> str:
    """The first fault in one line, and how many more there are."""
    first, *more = error.errors()
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = section_at(first["loc"][:-1]).model_fields
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        text = "unknown key; " + (
            f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        )
    elif first["type"] == "missing":
        text = "is missing; add it"
    elif first["input"] is False and "languages" in first["loc"]:
        text = "YAML reads no as false; write 'no' in quotes for Norwegian"
    elif first["type"] == "value_error":
        text = str(first["ctx"]["error"])
    else:
        message = first["msg"].replace("a valid tuple", "a list")
        text = f"found {show_value(first['input'])}; {message[0].lower()}{message[1:]}"
    line = f"{place}: {text}" if place else text
    return line + (f" (and {len(more)} more)" if more else "")


def show_value(value: Any) -> str:
    """The beginning of a value; of a nested one no more than that is written out."""
    if isinstance(value, int) and value.bit_length() > LARGEST.bit_length():
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, str | int | float | bool | None):
        return repr(str(value)[:60])
    brief = reprlib.Repr()
    brief.maxlevel = 2
    return brief.repr(value)


def section_at(place: tuple[int | str, ...]) -> type[Section]:
    """The section class that a path of keys leads to."""
    section: type[Section] = Recipe
    for key in place:
        found = section.model_fields[str(key)].annotation
        options = getattr(found, "__args__", (found,))
        section = next(
            each for each in options if isinstance(each, type) and issubclass(each, Section)
        )
    return section
