"""What the sections have in common: their base class, and the kinds of values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from ontarget.data.readers.base import Entry

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy takes


def as_list(value: object) -> object:
    """A single value as a list: a single path needs no brackets."""
    return [value] if isinstance(value, str | Path | Mapping | Entry) else value


def check_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names, checked to have no repetition."""
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise ValueError(f"{repeated} is listed twice; keep it once")
    return names


def check_path(value: object) -> object:
    """A path, or a name that may be one, checked to be acceptable to file systems."""
    if not isinstance(value, str | Path):
        return value  # its type is checked elsewhere; a nested value could be huge as text
    text = str(value)
    if not text or "\0" in text:
        raise ValueError(f"is {text[:60]!r}, not the name of a file or folder; give one")
    parts = text.split("/")
    if len(text.encode()) > 4095 or any(len(part.encode()) > 255 for part in parts):
        raise ValueError(f"has {len(text)} characters, more than a path can have; give another")
    return value


Place = Annotated[Path, BeforeValidator(check_path)]
Name = Annotated[str, BeforeValidator(check_path)]  # of a model or detector; may be a path
Paths = Annotated[tuple[Place, ...], BeforeValidator(as_list)]
Layers = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
Trackers = Annotated[
    tuple[Literal["tensorboard", "wandb", "trackio"], ...],
    BeforeValidator(as_list),
    AfterValidator(check_distinct),
]


class Section(BaseModel):
    """A section of the recipe: immutable, checked, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def check_booleans(cls, value: object, info: Any) -> object:
        """Reject booleans where another type is expected (`yes` would be 1), and the reverse."""
        field = cls.model_fields[str(info.field_name)]
        takes_booleans = field.annotation in (bool, bool | None)
        if isinstance(value, bool) and not takes_booleans:
            word, others = ("true", "yes and on") if value else ("false", "no and off")
            raise ValueError(f"is {word} (YAML also reads {others} so); write the intended value")
        wrong = isinstance(value, int | str) and not isinstance(value, bool)
        if wrong and takes_booleans:
            raise ValueError(f"is {str(value)[:60]!r}; write true or false")
        return value
