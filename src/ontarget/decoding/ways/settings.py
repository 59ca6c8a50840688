"""The settings of each way, and the ways by the names that recipes and commands have for them.

Nothing heavy is imported here: `apply` in a way's module does the work.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

from ontarget.models.templates import prompt_format_of

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Few = Annotated[int, Field(ge=1, le=1000)]


@dataclass(frozen=True, slots=True)
class AnotherTemplate:
    """Another template than the recipe's."""

    name: str = "post-instruction"  # or a text


@dataclass(frozen=True, slots=True)
class FewShot:
    """Demonstrations: dev sentences of the same direction."""

    shots: Few = 5


@dataclass(frozen=True, slots=True)
class PrefixPair:
    """A dev sentence of the same direction, and its translation, as prefixes."""


@dataclass(frozen=True, slots=True)
class Contrastive:
    """Contrast with another requested language, and with the source of another sample."""

    language: Weight = 0.1  # weight of the other language; 0: no such contrast
    source: Weight = 0.0  # weight of the other source; 0.7 in the paper, with 0.1 above


@dataclass(frozen=True, slots=True)
class AntiLm:
    """Each answer against the continuation of its source, less at each token."""

    gamma: Share = 0.3  # the paper's


@dataclass(frozen=True, slots=True)
class LanguageBeams:
    """Beams in the requested language are preferred."""

    weight: Weight = 0.5
    candidates: Few = 8  # tokens of each beam that are looked at


@dataclass(frozen=True, slots=True)
class VocabularyMask:
    """Tokens that do not occur in text of the requested language are unlikely."""

    penalty: Weight = 10.0  # nats


@dataclass(frozen=True, slots=True)
class FirstWords:
    """The first words are among those that begin sentences in the requested language."""

    words: Few = 1


@dataclass(frozen=True, slots=True)
class HeadRows:
    """Tokens of other languages have smaller logits."""

    least: Share = 0.5  # scale of a token that occurs in other languages only
    smoothness: Annotated[Weight, Field(gt=0)] = (
        10.0  # the larger, the less other text a token needs for this scale
    )


@dataclass(frozen=True, slots=True)
class Steering:
    """The difference of mean hidden states is added to those of the answer."""

    strength: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    depth: Share = 0.5  # of the layer whose output is changed


Way = (
    AnotherTemplate
    | FewShot
    | PrefixPair
    | Contrastive
    | AntiLm
    | LanguageBeams
    | VocabularyMask
    | FirstWords
    | HeadRows
    | Steering
)
WAYS: dict[str, tuple[type[Way], str]] = {  # settings, and the module below `ways`
    "template": (AnotherTemplate, "prompts.template"),
    "few-shot": (FewShot, "prompts.few_shot"),
    "prefix-pair": (PrefixPair, "prompts.prefix_pair"),
    "contrastive": (Contrastive, "scores.contrastive"),
    "anti-lm": (AntiLm, "scores.anti_lm"),
    "language-beams": (LanguageBeams, "scores.language_beams"),
    "vocabulary-mask": (VocabularyMask, "scores.vocabulary"),
    "first-words": (FirstWords, "scores.first_words"),
    "head-rows": (HeadRows, "weights.head_rows"),
    "steering": (Steering, "weights.steering"),
}


def make_way(name: str, settings: Mapping[str, Any]) -> Way:
    """The way of a name with its settings.

    Raises:
        ValueError: there is no such way, it has no such setting, or a value is wrong.
    """
    if name not in WAYS:
        close = get_close_matches(name, WAYS, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"there are {', '.join(WAYS)}"
        raise ValueError(f"{name!r} is no way to stay on target; {remedy}")
    kind = WAYS[name][0]
    known = [field.name for field in fields(kind)]
    for key in settings:
        if key not in known:
            listed = ", ".join(known) or "none"
            raise ValueError(f"{name}: has no setting {key!r}; its settings: {listed}")
    hints = get_type_hints(kind, include_extras=True)
    for key, value in settings.items():
        try:
            TypeAdapter(hints[key]).validate_python(value, strict=True)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].lower()
            raise ValueError(f"{name}.{key}: found {str(value)[:60]!r}; {reason}") from error
    if kind is AnotherTemplate:
        prompt_format_of(settings.get("name", AnotherTemplate().name))
    way: Way = kind(**settings)
    return way


def apply_ways(ways: tuple[Way, ...], plan: Any, material: Any) -> Any:
    """A `Plan` with ways, one after the other, and the `Material` that they learn from.

    Raises:
        OnTargetError: what a way needs is missing, or the model cannot be changed so.
    """
    modules = {kind: module for kind, module in WAYS.values()}
    for way in ways:
        module = import_module(f"ontarget.decoding.ways.{modules[type(way)]}")
        plan = module.apply(way, plan, material)
    return plan
