"""Every setting of every step, with its unit and default: one frozen model a step.

A recipe is a YAML file of these sections. Paths in it are relative to where the command is run.
Defaults stand here and nowhere else; unknown keys are refused with the nearest name. The
defaults of both training stages are those of arXiv 2403.14399 for LLMs.
"""

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ontarget.errors import RecipeError
from ontarget.languages import is_known
from ontarget.prompts import TEMPLATES, template_fault
from ontarget.records import Direction

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]


def one_or_many(value: object) -> object:
    """A single path may stand without brackets."""
    return [value] if isinstance(value, str | Path) else value


Paths = Annotated[tuple[Path, ...], BeforeValidator(one_or_many)]


class Section(BaseModel):
    """Frozen, checked, closed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Phrasebook(Section):
    """The embedded corpus; the three splits share no sentence in any language."""

    train: Positive = 6000  # meanings
    dev: Positive = 100
    test: Positive = 100


class Corpus(Section):
    """Multi-parallel files (.tsv, .tsv.gz, .parquet, .jsonl), or the embedded phrasebook."""

    phrasebook: Phrasebook | None = None
    train: Paths = ()
    dev: Paths = ()
    test: Paths = ()
    dev_limit: Positive | None = None  # meanings; the first so many that have the languages
    test_limit: Positive | None = None
    drop_overlap: bool = False  # leave training rows out that share a sentence with dev or test
    max_characters: Positive | None = None  # longer training texts are left out, and counted

    @model_validator(mode="after")
    def either(self) -> Self:
        """Files or the phrasebook, not both."""
        files = (self.train, self.dev, self.test)
        if self.phrasebook is None and not all(files):
            raise ValueError("name files for train, dev and test, or the section phrasebook")
        if self.phrasebook is not None and any(files):
            raise ValueError("has both files and phrasebook; keep one of them")
        return self


class Training(Section):
    """What every kind of training needs to know."""

    steps: Positive | None = None  # optimiser steps; in place of epochs
    epochs: Annotated[float, Field(gt=0)] | None = None
    batch: Positive = 128  # samples a step
    micro_batch: Positive = 8  # samples at once on one device
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5  # peak
    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    warmup: Share = 0.03  # of the steps
    optimizer: Literal["adamw", "muon"] = "adamw"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"  # of the arithmetic; weights are float32
    max_tokens: Positive = 512  # prompt and response together

    @model_validator(mode="after")
    def consistent(self) -> Self:
        """Steps or epochs; a batch of whole micro-batches."""
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("needs either steps or epochs")
        if self.batch % min(self.micro_batch, self.batch):
            raise ValueError(
                f"batch {self.batch} is no multiple of micro_batch {self.micro_batch}; make it one"
            )
        return self


class Mix(Section):
    """Documents of step 0; each a share 0 to 1. See `documents.Mix`."""

    monolingual: Share = 0.1
    labelled: Share = 0.2
    codes: Share = 0.0
    english: Share = 0.0
    pairs: Literal["any", "english"] = "any"


class Scratch(Training):
    """A small Llama made from nothing and trained on the corpus without instructions."""

    batch: Positive = 32
    micro_batch: Positive = 32
    learning_rate: Annotated[float, Field(gt=0)] = 5e-3
    optimizer: Literal["adamw", "muon"] = "muon"
    hidden: Positive = 128
    layers: Positive = 4
    heads: Positive = 4
    feed_forward: Positive = 352
    vocabulary: Annotated[int, Field(ge=300)] = 1600  # byte-level BPE, 256 bytes included
    mix: Mix = Mix()


class Base(Section):
    """The model to tune: a folder or hub id, or one made from scratch (step 0)."""

    model: str | None = None
    revision: str | None = None  # of a hub id
    scratch: Scratch | None = None

    @model_validator(mode="after")
    def either(self) -> Self:
        """A model or a way to make one."""
        if (self.model is None) == (self.scratch is None):
            raise ValueError("needs either model (a folder or hub id) or scratch")
        return self


class Mle(Training):
    """Stage 1: maximum likelihood on multilingual translation instructions."""


class Unlikelihood(Training):
    """Stage 2: MLE plus alpha times unlikelihood on conflict samples."""

    batch: Positive = 8
    learning_rate: Annotated[float, Field(gt=0)] = 2e-6
    alpha: Annotated[float, Field(gt=0)] = 0.05  # weight of the unlikelihood loss
    draw: Literal["wrong_target", "any_other_instruction"] = "wrong_target"
    control: bool = False  # also continue stage 1 as long with twice the samples, no unlikelihood
    preflight: Annotated[int, Field(ge=0)] = 10  # dev sentences a direction; 0 leaves it out


class Translate(Section):
    """Decoding."""

    beams: Positive = 4
    batch: Positive = 16  # segments at once
    max_new_tokens: Positive = 512


class Evaluate(Section):
    """Which languages the identifier may answer."""

    identifier: Literal["restricted", "open"] = "restricted"  # to the recipe's languages


class Report(Section):
    """The page."""

    examples: Annotated[int, Field(ge=0)] = 20  # a direction


class Recipe(Section):
    """One experiment, from the base model to the report."""

    name: str
    out: Path
    seed: Annotated[int, Field(ge=0)] = 1
    languages: tuple[str, ...]  # the first is the pivot of the default directions
    supervised: tuple[str, ...] | None = None  # en-it, or en<->it for both ways
    zero_shot: tuple[str, ...] | None = None
    corpus: Corpus
    base: Base
    template: str = "alpaca"  # a name of prompts.TEMPLATES, or a text with {source} {target} {input}
    mle: Mle | None = None
    unlikelihood: Unlikelihood | None = None
    translate: Translate = Translate()
    evaluate: Evaluate = Evaluate()
    report: Report = Report()

    @model_validator(mode="after")
    def consistent(self) -> Self:
        """Languages known and distinct, directions spelled right and in one list only."""
        for code in self.languages:
            if not is_known(code):
                raise ValueError(f"languages: CLDR knows no language {code!r}; give a code such as it or zh-Hans")
        if len(set(self.languages)) < max(2, len(self.languages)):
            raise ValueError(f"languages: {', '.join(self.languages)}: give at least two, each once")
        both = set(self.supervised_directions) & set(self.zero_shot_directions)
        if both:
            raise ValueError(f"zero_shot: {min(both)} is listed as supervised too; keep it in one list")
        fault = template_fault(self.template_text)
        if fault:
            raise ValueError(f"template: {fault}; or use one of {', '.join(TEMPLATES)}")
        return self

    @property
    def template_text(self) -> str:
        """The template itself, named or given."""
        return TEMPLATES.get(self.template, self.template)

    @property
    def supervised_directions(self) -> tuple[Direction, ...]:
        """As listed, or the pivot with every other language, both ways."""
        if self.supervised is not None:
            return directions(self.supervised, self.languages, "supervised")
        pivot, *others = self.languages
        return tuple(each for x in others for each in (Direction(pivot, x), Direction(x, pivot)))

    @property
    def zero_shot_directions(self) -> tuple[Direction, ...]:
        """As listed, or every pair that is not supervised."""
        if self.zero_shot is not None:
            return directions(self.zero_shot, self.languages, "zero_shot")
        every = (Direction(x, y) for x in self.languages for y in self.languages if x != y)
        return tuple(each for each in every if each not in set(self.supervised_directions))

    @property
    def model(self) -> str:
        """One phrase for what is tuned."""
        return self.base.model or "a small model made from scratch"


def directions(texts: tuple[str, ...], languages: tuple[str, ...], key: str) -> tuple[Direction, ...]:
    """`en-it` and `en<->it` as directions between `languages`; ValueError for anything else."""
    ways = {f"{x}-{y}": (Direction(x, y),) for x in languages for y in languages if x != y}
    ways |= {f"{x}<->{y}": ways[f"{x}-{y}"] + ways[f"{y}-{x}"] for x in languages for y in languages if x != y}
    found: list[Direction] = []
    for text in texts:
        if text not in ways:
            raise ValueError(
                f"{key}: {text!r} is no direction between the languages {', '.join(languages)}; "
                f"write {languages[0]}-{languages[-1]}, or {languages[0]}<->{languages[-1]} for both ways"
            )
        found += ways[text]
    if len(set(found)) < len(found):
        twice = next(each for each in found if found.count(each) > 1)
        raise ValueError(f"{key}: {twice} is listed twice; list it once")
    return tuple(found)


class StrictLoader(yaml.SafeLoader):
    """YAML whose mappings have each key once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuse a second value for a key, which YAML would take silently."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, (where, _) in zip(keys, node.value, strict=True):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} occurs twice", where.start_mark
                )
        return super().construct_mapping(node, deep)


def load(path: Path, changes: dict[str, Any] | None = None) -> Recipe:
    """The recipe in a YAML file; `changes` replace its top-level keys.

    Raises:
        RecipeError: the file is missing, is not YAML, or does not describe an experiment.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=StrictLoader)  # noqa: S506
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}; give the path of a recipe, such as recipes/demo.yaml") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: byte {error.start} is not UTF-8; save the recipe as UTF-8") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}{yaml_fault(error)}") from error
    if not isinstance(content, dict):
        raise RecipeError(f"{path}: holds no mapping; expected keys such as languages: and corpus:")
    try:
        return Recipe.model_validate(content | (changes or {}))
    except ValidationError as error:
        raise RecipeError(f"{path}: {explained(error)}") from error


def yaml_fault(error: yaml.YAMLError) -> str:
    """`:3: the key 'out' occurs twice; ...` from a YAML error."""
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    return f"{line}: is not the YAML of a recipe ({getattr(error, 'problem', None) or 'unreadable'}); mend that line"


def explained(error: ValidationError) -> str:
    """The first fault in one line, and how many more there are."""
    first, *more = error.errors()
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = section_at(first["loc"][:-1]).model_fields
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        text = "unknown key; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}")
    elif first["type"] == "missing":
        text = "is missing; add it"
    elif first["input"] is False and "languages" in first["loc"]:
        text = "YAML reads no as false; write 'no' in quotes for Norwegian"
    elif first["type"] == "value_error":
        text = str(first["ctx"]["error"])
    else:
        text = f"found {str(first['input'])[:60]!r}; {first['msg'][0].lower()}{first['msg'][1:]}"
    line = f"{place}: {text}" if place else text
    return line + (f" (and {len(more)} more)" if more else "")


def section_at(place: tuple[int | str, ...]) -> type[Section]:
    """The section class that a path of keys leads to."""
    section: type[Section] = Recipe
    for key in place:
        found = section.model_fields[str(key)].annotation
        options = getattr(found, "__args__", (found,))
        section = next(each for each in options if isinstance(each, type) and issubclass(each, Section))
    return section
