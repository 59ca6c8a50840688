"""From pairs to instruction records that list the instructions which their output does not obey."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from string import Formatter
from typing import Any

from ontarget.data.cleaning.texts import unwanted
from ontarget.data.constraints.base import Constraint, Pair, check_signs
from ontarget.data.readers.shapes.texts import is_whole
from ontarget.errors import CorpusError
from ontarget.languages.names import display_name

# With the source after an empty line, the request of the named template `instruction`
TEMPLATE = "Translate the following sentences from {source} to {target}.\n{constraint}"
FIELDS = ("source", "target", "constraint")
ALIKE = "the constraint words two values alike; give each its own wording"
# Why a pair is left out
CONTROL = "control"  # a character that `clean` drops, such as a control character
NO_VALUES = "no values"  # fewer than two can be asked for
NO_RESPONSE = "no response"  # the translation has none of them alone


def constrain(
    pairs: Iterable[Pair],
    constraint: Constraint,
    template: str = TEMPLATE,
    seed: int = 1,
    left_out: Counter[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """A record of each pair that the constraint applies to.

    Its instruction words the value that the output has, drawn by the seed and the pair's content
    where the pair can have several. Its `conflicts` word all other values. `left_out` counts the
    other pairs by reason: `CONTROL`, `NO_VALUES` or `NO_RESPONSE`.

    Raises:
        CorpusError: the template is faulty, or the constraint words two values alike.
    """
    check_template(template)
    counts = Counter[str]() if left_out is None else left_out
    for pair in pairs:
        if unwanted(pair.source + pair.target):
            counts[CONTROL] += 1
            continue
        values = constraint.values(pair)
        responses = {value: constraint.response(pair, value) for value in values}
        possible = sorted(value for value, text in responses.items() if text is not None)
        if len(values) < 2 or not possible:
            counts[NO_RESPONSE if len(values) > 1 else NO_VALUES] += 1
            continue
        value = pair_rng(pair, seed).choice(possible)
        words = {each: constraint.wording(pair, each) for each in values}
        worded = {each: instruction_of(pair, words[each], template) for each in values}
        if len(set(worded.values())) < len(worded):
            raise CorpusError(f"{pair.key}: {ALIKE}")
        yield {
            "instruction": worded.pop(value),
            "input": pair.source,
            "output": responses[value],
            "conflicts": list(worded.values()),
        }


def instruction_of(pair: Pair, wording: str, template: str) -> str:
    """The template filled for a pair."""
    return template.format(
        source=display_name(pair.source_lang),
        target=display_name(pair.target_lang),
        constraint=wording,
    )


def pair_rng(pair: Pair, seed: int) -> random.Random:
    """A generator that depends on the pair's content, not on its file and line."""
    content = (pair.source_lang, pair.target_lang, pair.source, pair.target)
    return random.Random(f"{seed}/{content}")


def check_template(template: str) -> None:
    """Raise CorpusError for a template whose fields cannot be filled, or that lacks one."""
    if not is_whole(template):  # an argument's bytes that are not UTF-8 are half surrogate pairs
        raise CorpusError("the template of instructions: is not UTF-8; write it in UTF-8")
    check_signs(template, "the template of instructions")
    expected = "write {constraint}, {target} and, if wanted, {source}; {{ is a brace"
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise CorpusError(f"the template of instructions: {error}; {expected}") from error
    fields = [name for _, name, _, _ in parts if name is not None]
    formatted = any(spec or conversion for _, _, spec, conversion in parts)
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise CorpusError(f"the template of instructions: {{{unknown[0]}}} is no field; {expected}")
    if formatted or not {"constraint", "target"} <= set(fields):
        fault = "a field has a format" if formatted else "lacks {constraint} or {target}"
        raise CorpusError(f"the template of instructions: {fault}; {expected}")
