"""Every setting with its unit and default, one frozen class a section of the recipe.

Defaults are set here and in `training_sections`, and nowhere else. Unknown keys are rejected with
the nearest name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from ontarget.data import readers
from ontarget.data.cleaning.rules import Cascade
from ontarget.data.mixing import Mixture
from ontarget.data.readers.base import Entry
from ontarget.errors import CorpusError, RecipeError, error_text
from ontarget.offtarget.detectors import DEFAULT

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy takes


def as_list(value: object) -> object:
    """A single value as a list: a single path needs no brackets."""
    return [value] if isinstance(value, str | Path | Mapping | Entry) else value


def template_or_templates(value: object) -> object:
    """A text, or texts by language; ValueError for anything else."""
    texts = [*value, *value.values()] if isinstance(value, Mapping) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("is no template; give a name or a text, or these by language")
    return value


def as_entry(value: object) -> object:
    """A mapping as an entry of a corpus; a path stays as it is."""
    if not isinstance(value, Mapping):
        return value
    known = [field.name for field in fields(Entry)]
    for key, content in value.items():
        if key not in known:
            raise ValueError(f"{key!r} is no key of a corpus; expected {', '.join(known)}")
        form, right = "text", isinstance(content, str) or (content is None and key != "path")
        if key == "languages":
            form = "a list of tags in quotes"
            right = isinstance(content, list | tuple) and all(isinstance(t, str) for t in content)
        elif key == "fields":
            form = "a mapping of names to columns"
            right = isinstance(content, Mapping) and all(
                isinstance(text, str) for pair in content.items() for text in pair
            )
        if not right:
            raise ValueError(f"{key} is {str(content)[:60]!r}; write {form}")
    if "path" not in value:
        raise ValueError("has no path; write a file, a folder, a pattern or a corpus's name")
    check_path(value["path"])
    return Entry(**{**value, "languages": tuple(value.get("languages", ()))})


def paths_of(corpus: Path | Entry) -> tuple[Path, ...]:
    """The files of a corpus; its own path if there are none, of which its reader says why."""
    try:
        return readers.files(corpus)
    except CorpusError:
        return (Path(readers.as_entry(corpus).path),)


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
Templates = Annotated[str | dict[str, str], BeforeValidator(template_or_templates)]
Paths = Annotated[tuple[Place, ...], BeforeValidator(as_list)]
Corpora = Annotated[
    tuple[Annotated[Place | Entry, BeforeValidator(as_entry)], ...], BeforeValidator(as_list)
]
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


def local_paths(corpora: Sequence[Path | Entry]) -> list[tuple[Path, ...]]:
    """The files of each corpus, without those that have a name instead of a path."""
    return [paths_of(corpus) for corpus in corpora if not readers.is_name(corpus)]


def check_files(named: Mapping[str, Sequence[tuple[Path, ...]]]) -> None:
    """Raise ValueError for a file in two splits, or where rows of two corpora would share keys."""
    splits: dict[Path, str] = {}
    for split, corpora in named.items():
        for path in chain.from_iterable(corpora):
            if (other := splits.setdefault(path.resolve(), split)) != split:
                raise ValueError(
                    f"{path} is a file of {other} and of {split}; each file has one purpose"
                )
    for split, corpora in named.items():
        # files of one corpus have keys of their own: a folder's are named by their path in it
        names = [name for paths in corpora for name in {path.name for path in paths}]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(
                f"two files of {split} are named {repeated}; rename one, rows are keyed by it"
            )


class Phrasebook(Section):
    """The embedded corpus; no sentence of dev or test is in training, in any language."""

    train: Positive = 3000  # rows
    glossary: Annotated[int, Field(ge=0)] = 3000  # single phrases, for step 0 only
    dev: Positive = 100
    test: Positive = 100


class Instructions(Section):
    """General instructions, as in Alpaca, that are mixed into the translation samples."""

    files: Annotated[Corpora, Field(min_length=1)]  # Alpaca or chat records
    ratio: Annotated[float, Field(gt=0, le=1000)]  # instructions for one translation sample
    stages: Literal["both", 1] = "both"  # that are trained on them; conflicts are drawn if both


class CorpusMixture(Mixture):
    """Which samples are trained on, and how many."""

    instructions: Annotated[Instructions | None, Field(strict=False)] = None


class Corpus(Section):
    """Corpora by path or by name (docs/formats.md), or the embedded phrasebook."""

    phrasebook: Phrasebook | None = None
    train: Corpora = ()
    dev: Corpora = ()
    test: Corpora = ()
    dev_limit: Positive | None = None  # rows; the first ones with enough languages
    test_limit: Positive | None = None
    drop_overlap: bool = False  # leave out training rows that share a sentence with dev or test
    max_characters: Positive | None = None  # longer training texts are left out and counted
    special_tokens: Literal["error", "drop"] = "error"  # training rows with one of the model's
    clean: Cascade | None = None  # rules by which training pairs are dropped; {}: the defaults
    mix: CorpusMixture = CorpusMixture()  # how many samples are trained on; default: all
    monolingual: dict[str, Paths] = {}  # a sentence a line: sources of own conflicts

    @model_validator(mode="after")
    def either(self) -> "Corpus":
        """Files or the phrasebook, not both."""
        files = (self.train, self.dev, self.test)
        if self.phrasebook is None and not all(files):
            raise ValueError("name files for train, dev and test, or the section phrasebook")
        if self.phrasebook is not None and any(files):
            raise ValueError("has both files and phrasebook; keep one of them")
        for code, paths in self.monolingual.items():
            if not paths:
                raise ValueError(f"monolingual.{code} names no file; name one, or leave it out")
        named = {split: local_paths(getattr(self, split)) for split in ("train", "dev", "test")}
        for code, paths in self.monolingual.items():
            named[f"monolingual.{code}"] = [(path,) for path in paths]
        if self.mix.instructions is not None:
            named["mix.instructions"] = local_paths(self.mix.instructions.files)
        check_files(named)
        return self

    @property
    def training_names(self) -> set[str]:
        """Names of the files that training pairs are from; none if some are not files here."""
        if any(readers.is_name(corpus) for corpus in self.train):
            return set()
        return {source.name for corpus in self.train for _, source in readers.sources(corpus)}

    @property
    def general_in_stage2(self) -> bool:
        """Whether stage 2 is trained on general instructions."""
        return self.mix.instructions is not None and self.mix.instructions.stages == "both"

    def check_instructions(self, *, stage1: bool, stage2: bool) -> None:
        """Raise ValueError for general instructions that no training would read."""
        if self.mix.instructions is None:
            return
        if not (stage1 or stage2):
            raise ValueError(
                "corpus.mix.instructions: nothing is trained on them; add the section mle, or "
                "leave them out"
            )
        if self.mix.instructions.stages == 1 and not stage1:
            raise ValueError(
                "corpus.mix.instructions: stages: 1 needs stage 1; add the section mle, or write "
                "both"
            )

    def files(self, split: str) -> tuple[Path, ...]:
        """The files of train, dev, test, monolingual or instructions."""
        if split == "instructions":
            mixed = self.mix.instructions
            return tuple(chain.from_iterable(map(paths_of, mixed.files))) if mixed else ()
        if split == "monolingual":
            return tuple(chain(*self.monolingual.values()))
        return tuple(chain.from_iterable(map(paths_of, getattr(self, split))))


class Translate(Section):
    """Decoding."""

    beams: Positive = 4
    batch: Positive = 16  # segments at once
    max_new_tokens: Positive = 512


class Evaluate(Section):
    """How the language of translations is identified; see `offtarget.metric.OffTarget`."""

    detector: Name = DEFAULT  # or eldc, fasttext, lingua, heliport, paper, a fastText model's path
    candidates: Literal["all", "recipe"] = "all"  # what it may return: all, or the recipe's
    votes: Literal[1, 2] = 1  # 2: a second detector must agree


class Report(Section):
    """The report's page."""

    segments: Annotated[int, Field(ge=0)] = 20_000  # to browse; if more, the most damaged


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
