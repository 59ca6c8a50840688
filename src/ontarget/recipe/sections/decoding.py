"""Translation, its evaluation, and the report."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from ontarget.decoding.ways.settings import WAYS, Way, make_way
from ontarget.offtarget.detectors import DEFAULT
from ontarget.recipe.sections.kinds import Name, Positive, Section, check_distinct

Precision = Literal["float32", "bfloat16"]
MOST_TRIED = 100  # combinations of a way's settings
OWN_NAME = re.compile(r"[a-z0-9-]{1,40}")  # of a way with settings; part of a folder's name


Names = Annotated[tuple[str, ...], AfterValidator(check_distinct)]


class Translate(Section):
    """Decoding."""

    beams: Positive = 4
    batch: Positive = 16  # segments at once
    max_new_tokens: Positive = 512
    precision: Precision = "float32"  # of the weights while they decode
    systems: Names = ()  # without remedies; default: all that the run has
    remedies: tuple[str, ...] = ()  # systems with ways to stay on target: stage1 + anti-lm
    ways: dict[str, dict[str, Any]] = {}  # their settings; lists are tried on dev; or a named way
    tune: Positive = 20  # dev segments of each direction that it is tried on

    @field_validator("remedies")
    @classmethod
    def well_formed(cls, remedies: tuple[str, ...]) -> tuple[str, ...]:
        """`stage1+anti-lm` for `stage1 + anti-lm`."""
        names = []
        for remedy in remedies:
            model, *ways = (part.strip() for part in remedy.split("+"))
            if not ways:
                raise ValueError(
                    f"{remedy!r} has no way to stay on target; write {model} + anti-lm"
                )
            check_distinct(tuple(ways))
            names.append("+".join([model, *ways]))
        return check_distinct(tuple(names))

    @model_validator(mode="after")
    def known_ways(self) -> "Translate":
        """ValueError for a way that does not exist, or for settings that no remedy can have.

        `1-shot: {way: few-shot, shots: 1}` names a way with settings.
        """
        for name, settings in self.ways.items():
            if "way" in settings and (name in WAYS or not OWN_NAME.fullmatch(name)):
                raise ValueError(
                    f"ways.{name}: cannot be the name of a way of your own; write small letters, "
                    "digits and hyphens, such as 1-shot"
                )
        used = {way for remedy in self.remedies for way in remedy.split("+")[1:]}
        for way in self.ways:
            self.choices_of(way)
            if way not in used:
                raise ValueError(f"ways.{way}: no remedy has it; add one, as in stage1 + {way}")
        for way in sorted(used - set(self.ways)):
            try:
                make_way(way, {})
            except ValueError as error:
                raise ValueError(f"remedies: {error}") from error
        return self

    def check_systems(self, models: Sequence[str]) -> None:
        """Raise ValueError for a system whose model the run does not have."""
        for key in ("systems", "remedies"):
            for name in getattr(self, key):
                model = name.partition("+")[0]
                if model not in models:
                    raise ValueError(
                        f"translate.{key}: the recipe makes no {model!r}; it has "
                        f"{', '.join(models)}"
                    )

    def choices_of(self, name: str) -> list[Way]:
        """A remedy's way with each combination of its settings."""
        settings = self.ways.get(name, {})
        way = settings.get("way", name)
        if not isinstance(way, str):
            raise ValueError(f"ways.{name}.way: found {str(way)[:60]!r}; give the name of one way")
        return ways_of(way, {key: value for key, value in settings.items() if key != "way"})

    def ways_to_try(self, ways: Sequence[str]) -> tuple[tuple[Way, ...], ...]:
        """All combinations of the settings of a remedy's ways."""
        return tuple(product(*map(self.choices_of, ways)))


def ways_of(name: str, settings: Mapping[str, Any]) -> list[Way]:
    """A way with each combination of its settings' values.

    Raises:
        ValueError: there is no such way, or it cannot have such settings.
    """
    values = [value if isinstance(value, list) else [value] for value in settings.values()]
    if empty := [key for key, value in settings.items() if value == []]:
        raise ValueError(f"{name}.{empty[0]}: is an empty list; give a value")
    if prod(map(len, values)) > MOST_TRIED:
        raise ValueError(f"{name}: has more than {MOST_TRIED} combinations of values; give fewer")
    return [make_way(name, dict(zip(settings, chosen, strict=True))) for chosen in product(*values)]


class Evaluate(Section):
    """How the language of translations is identified; see `offtarget.metric.OffTarget`."""

    detector: Name = DEFAULT  # or eldc, fasttext, lingua, heliport, paper, a fastText model's path
    candidates: Literal["all", "recipe"] = "all"  # what it may return: all, or the recipe's
    votes: Literal[1, 2] = 1  # 2: a second detector must agree


class Report(Section):
    """The report's page."""

    segments: Annotated[int, Field(ge=0)] = 20_000  # to browse; if more, the most damaged
