"""What is wrong with a template."""

import json
from difflib import get_close_matches
from string import Formatter

from ontarget.models.templates.named import TEMPLATES

LANGUAGE_FIELDS = ("target", "target_code", "source", "source_code")


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
