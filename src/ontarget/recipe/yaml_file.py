"""Recipes as YAML files: strict reading, and each fault as one line with the nearest name."""

import difflib
import re
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from ontarget.errors import RecipeError
from ontarget.recipe.overrides import apply_overrides, origin_of, parse_override
from ontarget.recipe.recipe import Recipe

OWN_PART = re.compile(r"[^\[\](){}]+")  # of a place; Pydantic adds names of its validators
BY_LANGUAGE = {"languages", "codes", "monolingual"}  # settings that name languages
LARGEST = 10**60  # a longer number is shown by its number of bits
LARGEST_CONTENT = 100_000  # values of a recipe, aliases written out


class StrictLoader(yaml.SafeLoader):
    """YAML with unique keys and without merges, and with texts that can be written as UTF-8."""

    def construct_scalar(self, node: Any) -> Any:
        """Refuse half a surrogate pair, which an escape can make (UnicodeEncodeError)."""
        value = super().construct_scalar(node)
        if isinstance(value, str):
            value.encode()
        return value

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuse a repeated key, of which YAML would keep the last, and merged mappings."""
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                fault = "<< is not supported: write the settings out"
            elif not isinstance(key_node, yaml.ScalarNode):
                fault = "a key must be a word"
            elif (key := self.construct_object(key_node)) in seen:
                fault = f"the key {key!r} occurs twice"
            else:
                seen.add(key)
                continue
            raise yaml.constructor.ConstructorError(None, None, fault, key_node.start_mark)
        return super().construct_mapping(node, deep)


def parse(text: str) -> Any:
    """The content of a YAML text.

    Raises:
        YAMLError: it is not YAML, or its aliases expand to more than `LARGEST_CONTENT` values.
    """
    loader = StrictLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        if expanded_size(root, {}) > LARGEST_CONTENT:
            raise yaml.constructor.ConstructorError(
                None, None, "its aliases expand to too many values", root.start_mark
            )
        return loader.construct_document(root)
    finally:
        loader.dispose()


def expanded_size(node: Any, sizes: dict[int, int]) -> int:
    """How many values a node has when all aliases are written out; cycles count as too many."""
    if id(node) not in sizes:
        sizes[id(node)] = LARGEST_CONTENT  # until it is known; stays so inside a cycle
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = [part for pair in parts for part in pair] if is_mapping(node) else parts
        sizes[id(node)] = 1 + sum(expanded_size(part, sizes) for part in parts)
    return sizes[id(node)]


def is_mapping(node: Any) -> bool:
    """Whether a node has pairs of key and value."""
    return isinstance(node, yaml.MappingNode)


def load_recipe(
    path: Path, changes: dict[str, Any] | None = None, arguments: Sequence[str] = ()
) -> Recipe:
    """The recipe in a YAML file; `changes` replace its top-level keys.

    `arguments` are settings such as `unlikelihood.alpha=0.1`, see `overrides`.

    Raises:
        RecipeError: the file is missing, is not YAML, or does not describe an experiment.
    """
    overrides = [parse_override(argument, parse) for argument in arguments]
    written = read_content(path)
    check_clean(written, path)
    content = apply_overrides(written | (changes or {}), overrides)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        unknown = first["type"] == "extra_forbidden"
        origin = origin_of(first["loc"], first["msg"], overrides, unknown=unknown)
        raise RecipeError(f"{origin or path}: {explain_validation(error)}") from error


def check_clean(content: Mapping[Any, Any], path: Path) -> None:
    """Raise RecipeError for `clean:` with nothing behind it, which would drop nothing."""
    corpus = content.get("corpus")
    if isinstance(corpus, dict) and corpus.get("clean", {}) is None:
        raise RecipeError(
            f"{path}: corpus.clean: is empty; write {{}} for the default rules, or leave it out"
        )


def read_content(path: Path) -> dict[Any, Any]:
    """The mapping in a YAML file.

    Raises:
        RecipeError: the file is missing, or is not YAML with a mapping.
    """
    if path.exists() and not path.is_file():  # reading a pipe would block
        raise RecipeError(
            f"{path}: not a file; give the path of a recipe, such as recipes/bible-iwslt4.yaml"
        )
    try:
        content = parse(path.read_text(encoding="utf-8"))
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
            f"{path}: contains {ascii(error.object[error.start])}, half a surrogate pair; "
            "write the character itself"
        ) from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}{yaml_fault(error)}") from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise RecipeError(
            f"{path}: contains a value that YAML cannot read ({type(error).__name__}); mend it"
        ) from error
    if not isinstance(content, dict):
        raise RecipeError(f"{path}: not a mapping; expected keys such as languages: and corpus:")
    return content


def yaml_fault(error: yaml.YAMLError) -> str:
    """`:3: the key 'out' occurs twice; ...` from a YAML error."""
    if isinstance(error, yaml.reader.ReaderError):
        character = ascii(chr(error.character))
        return f": character {error.position + 1} is {character}, not allowed in YAML; remove it"
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or "unreadable"
    return f"{line}: not the YAML of a recipe ({problem}); mend that line"


def explain_validation(error: ValidationError) -> str:
    """The first fault in one line, and how many more there are."""
    first, *more = error.errors()
    place = ".".join(part for part in map(str, first["loc"]) if OWN_PART.fullmatch(part))
    if first["type"] == "extra_forbidden":
        keys = model_at(first["loc"][:-1]).model_fields
        close = difflib.get_close_matches(str(first["loc"][-1])[:100], keys, n=1)
        text = "unknown key; " + (
            f"did you mean {close[0]}?" if close else f"known keys: {', '.join(keys)}"
        )
    elif first["type"] == "missing":
        text = "is missing; add it"
    elif first["input"] is False and BY_LANGUAGE & set(first["loc"]):
        text = "YAML reads no as false; write 'no' in quotes for Norwegian"
    elif first["type"] == "value_error":
        text = str(first["ctx"]["error"])
    else:
        message = first["msg"].replace("a valid tuple", "a list")
        message = re.sub(r"or instance of \w+|an instance of \w+", "", message).strip()
        text = f"found {show_value(first['input'])}; {message[0].lower()}{message[1:]}"
    line = f"{place}: {text}" if place else text
    return line + (f" (and {len(more)} more)" if more else "")


def show_value(value: Any) -> str:
    """The beginning of a value; of a nested one only as much is written out."""
    if isinstance(value, int) and value.bit_length() > LARGEST.bit_length():
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, str | int | float | bool | None):
        return repr(str(value)[:60])
    brief = reprlib.Repr()
    brief.maxlevel = 2
    return brief.repr(value)


def model_at(place: tuple[int | str, ...]) -> type[BaseModel]:
    """The class of the section that a path of keys leads to, also through mappings by name."""
    model: type[BaseModel] = Recipe
    inside: Any = None  # the values of a mapping, if that is where the path is
    for key in place:
        annotation = inside or model.model_fields[str(key)].annotation
        options = getattr(annotation, "__args__", (annotation,))
        inside = options[-1] if get_origin(annotation) in (dict, Mapping) else None
        if inside is None:
            model = next(
                option for option in options
                if isinstance(option, type) and issubclass(option, BaseModel)
            )  # fmt: skip
    return model
