"""Settings of the command line, such as `unlikelihood.alpha=0.1`, in place of a recipe's own."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from ontarget.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Override:
    """One setting."""

    argument: str  # as it was given
    keys: tuple[str, ...]
    value: Any


def parse_override(argument: str, parse: Callable[[str], Any]) -> Override:
    """`key=value` or `section.key=value`; `parse` reads the value, which is YAML.

    Raises:
        RecipeError: it has another form, or the value is not YAML.
    """
    name, separator, text = argument.partition("=")
    keys = tuple(name.split("."))
    if not separator or not all(keys):
        raise RecipeError(
            f"{argument}: expected KEY=VALUE, such as seed=2 or unlikelihood.alpha=0.1"
        )
    try:
        return Override(argument, keys, parse(text))
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise RecipeError(f"{argument}: the value is not YAML; put it in quotes") from error


def apply_overrides(content: dict[Any, Any], overrides: Sequence[Override]) -> dict[Any, Any]:
    """`content` with these settings; a section that is absent or null is added.

    Raises:
        RecipeError: a key leads into a list or a value.
    """
    for override in overrides:
        content = replaced(content, override, 0)
    return content


def replaced(section: dict[Any, Any], override: Override, depth: int) -> dict[Any, Any]:
    """A section with the value in place of its key `override.keys[depth]`, or further inside."""
    key, *rest = override.keys[depth:]
    value = override.value
    if rest:
        inner = section.get(key)
        if inner is not None and not isinstance(inner, dict):
            place = ".".join(override.keys[: depth + 1])
            kind = "a list" if isinstance(inner, list) else "a value"
            raise RecipeError(
                f"{override.argument}: {place} is {kind}, which has no keys; "
                f"replace all of it, as in {place}=..."
            )
        value = replaced(inner or {}, override, depth + 1)
    return {**section, key: value}


def origin_of(
    place: Sequence[int | str], fault: str, overrides: Sequence[Override], *, unknown: bool
) -> str | None:
    """The last argument that sets the key at `place`, or a section that holds it.

    For a fault of a whole section, the last argument inside it whose key the fault names; if the
    section is `unknown`, any argument inside it.
    """
    for override in reversed(overrides):
        if override.keys == tuple(place[: len(override.keys)]):
            return override.argument
    for override in reversed(overrides):
        inside = place and tuple(place) == override.keys[: len(place)]
        if inside and (unknown or re.search(rf"\b{re.escape(override.keys[-1])}\b", fault)):
            return override.argument
    return None
