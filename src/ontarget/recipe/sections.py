"""Every setting of every step, with its unit and default: one frozen model a step.

Defaults stand here and nowhere else; unknown keys are refused with the nearest name. The
defaults of both training stages are those of arXiv 2403.14399 for LLMs.
"""

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

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy takes


def as_list(value: object) -> object:
    """A single path may stand without brackets."""
    return [value] if isinstance(value, str | Path) else value


def check_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names without repetition."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"{twice} is listed twice; keep it once")
    return names


def check_path(value: object) -> object:
    """A path, or a name that may be one, such as no file system refuses."""
    text = str(value)
    if isinstance(value, str | Path) and (not text or "\0" in text):
        raise ValueError(f"is {text!r}, no name of a file or folder; give one")
    parts = text.split("/")
    if len(text.encode()) > 4095 or any(len(part.encode()) > 255 for part in parts):
        raise ValueError(f"has {len(text)} characters, more than a path can have; give another")
    return value


Place = Annotated[Path, BeforeValidator(check_path)]
Name = Annotated[str, BeforeValidator(check_path)]  # of a model or detector, perhaps a path
Paths = Annotated[tuple[Place, ...], BeforeValidator(as_list)]
Layers = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
Trackers = Annotated[
    tuple[Literal["tensorboard", "wandb", "trackio"], ...],
    BeforeValidator(as_list),
    AfterValidator(check_distinct),
]


class Section(BaseModel):
    """Frozen, checked, closed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def no_truth_for_a_number(cls, value: object, info: Any) -> object:
        """Refuse `yes`, which would pass for 1, where the field is not one of true and false."""
        field = cls.model_fields[str(info.field_name)]
        if isinstance(value, bool) and field.annotation is not bool:
            word, others = ("true", "yes and on") if value else ("false", "no and off")
            raise ValueError(
                f"is {word} (YAML reads {others} so too); write the value it is to have"
            )
        if (
            isinstance(value, int | str)
            and not isinstance(value, bool)
            and field.annotation is bool
        ):
            raise ValueError(f"is {str(value)[:60]!r}; write true or false")
        return value


class Phrasebook(Section):
    """The embedded corpus; no sentence of dev or test is in training, in any language."""

    train: Positive = 3000  # meanings
    glossary: Annotated[int, Field(ge=0)] = 3000  # single phrases, read by step 0 only
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
    def either(self) -> "Corpus":
        """Files or the phrasebook, not both."""
        files = (self.train, self.dev, self.test)
        if self.phrasebook is None and not all(files):
            raise ValueError("name files for train, dev and test, or the section phrasebook")
        if self.phrasebook is not None and any(files):
            raise ValueError("has both files and phrasebook; keep one of them")
        splits: dict[Path, str] = {}
        for split, paths in (("train", self.train), ("dev", self.dev), ("test", self.test)):
            for path in paths:
                if (other := splits.setdefault(path.resolve(), split)) != split:
                    raise ValueError(
                        f"{path} is a file of {other} and of {split}; "
                        "what is tuned on one part must be tested on another"
                    )
        for split, paths in (("train", self.train), ("dev", self.dev), ("test", self.test)):
            names = [path.name for path in paths]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice:
                raise ValueError(
                    f"two files of {split} are named {twice}; rename one, rows are keyed by it"
                )
        return self


class Training(Section):
    """What every kind of training needs to know."""

    steps: Positive | None = None  # optimiser steps; in place of epochs
    epochs: Annotated[float, Field(gt=0, le=10_000)] | None = None
    batch: Positive = 128  # samples a step
    micro_batch: Positive = 8  # samples at once on one device
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5  # peak
    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.03  # share of the steps
    optimizer: Literal["adamw", "muon"] = "adamw"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"  # of the arithmetic; weights are float32
    max_tokens: Annotated[int, Field(ge=8, le=10**6)] = 512  # prompt and response together
    row_tokens: Positive | None = None  # of a row that sequences are packed in; max_tokens if not
    compile: bool = False  # the model's layers, by torch.compile: half a minute, then faster steps
    checkpoint_every: Positive = 500  # optimiser steps; an interrupted training goes on from there

    @model_validator(mode="after")
    def consistent(self) -> "Training":
        """Steps or epochs; a batch of whole micro-batches."""
        if (self.steps is None) == (self.epochs is None):
            found = "has neither" if self.steps is None else "has both"
            raise ValueError(f"needs either steps or epochs, {found}; keep one")
        if self.batch % min(self.micro_batch, self.batch):
            raise ValueError(
                f"batch {self.batch} is no multiple of micro_batch {self.micro_batch}; make it one"
            )
        if self.weight_decay and self.optimizer == "muon":
            raise ValueError("weight_decay is not for optimizer muon; leave it out, or use adamw")
        return self


class Mix(Section):
    """Documents of step 0; each a share 0 to 1. See `documents.Mix`."""

    monolingual: Fraction = 0.0
    headed: Fraction = 0.2
    labelled: Fraction = 0.2
    codes: Fraction = 0.0
    untranslated: Fraction = 0.0
    pivot: Fraction = 0.0
    pairs: Literal["any", "pivot"] = "any"

    @model_validator(mode="after")
    def consistent(self) -> "Mix":
        """A bilingual document is headed, labelled or bare."""
        if self.headed + self.labelled > 1:
            raise ValueError("headed and labelled are shares of the same documents; lower one")
        return self


class Scratch(Training):
    """A small Llama made from nothing and trained on the corpus without instructions."""

    batch: Positive = 32
    micro_batch: Positive = 32
    learning_rate: Annotated[float, Field(gt=0)] = 5e-3
    optimizer: Literal["adamw", "muon"] = "muon"
    hidden: Annotated[int, Field(gt=0, le=65536)] = 128
    layers: Annotated[int, Field(gt=0, le=1000)] = 4
    heads: Positive = 4
    feed_forward: Positive = 352
    vocabulary: Annotated[int, Field(ge=300, le=10**6)] = 1600  # byte-level BPE, 256 bytes included
    mix: Mix = Mix()

    @model_validator(mode="after")
    def divisible(self) -> "Scratch":
        """Rotary attention needs heads of one even size."""
        if self.hidden % (2 * self.heads):
            raise ValueError(
                f"hidden {self.hidden} is no multiple of twice heads ({self.heads}); "
                f"make it one, such as {2 * self.heads * max(1, self.hidden // (2 * self.heads))}"
            )
        return self


class Base(Section):
    """The model to tune: a folder or hub id, or one made from scratch (step 0)."""

    model: Name | None = None
    revision: str | None = None  # of a hub id
    scratch: Scratch | None = None

    @model_validator(mode="after")
    def either(self) -> "Base":
        """A model or a way to make one."""
        if (self.model is None) == (self.scratch is None):
            raise ValueError("needs either model (a folder or hub id) or scratch")
        return self


class Validation(Section):
    """Dev sentences translated greedily while training; the best state is kept.

    They are of the zero-shot directions, or of the supervised ones where there are no others.
    """

    every: Positive  # optimiser steps
    segments: Positive = 20  # dev sentences a direction
    stop: bool = False  # end once off-target was that of the references, or is no longer better


class Adapter(Section):
    """A low-rank adapter, trained in place of all weights and merged into them at the end.

    LoRA arXiv 2106.09685, DoRA arXiv 2402.09353, QLoRA arXiv 2305.14314.
    """

    kind: Literal["lora", "dora", "qlora"] = "lora"  # qlora: on weights of 4 bits meanwhile
    rank: Annotated[int, Field(gt=0, le=65536)] = 16
    alpha: Annotated[float, Field(gt=0)] = 32.0  # the adapter's part is scaled by alpha / rank
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    targets: Layers = ("all-linear",)  # names of layers; all linear ones but the head

    @field_validator("targets")
    @classmethod
    def consistent(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        """The word for all stands alone: beside names peft passes over it."""
        if "all-linear" in targets and len(targets) > 1:
            raise ValueError("all-linear stands for all; name it alone, or name each layer")
        return targets


class Mle(Training):
    """Stage 1: maximum likelihood on multilingual translation instructions."""

    adapter: Adapter | None = None
    validation: Validation | None = None


class Unlikelihood(Training):
    """Stage 2: MLE plus alpha times unlikelihood on conflict samples."""

    batch: Positive = 8
    learning_rate: Annotated[float, Field(gt=0)] = 2e-6
    alpha: Annotated[float, Field(gt=0)] = 0.05  # weight of the unlikelihood loss
    draw: Literal["wrong_target", "any_other_instruction"] = "wrong_target"
    preflight: Annotated[int, Field(ge=0)] = 10  # dev sentences a direction; 0 leaves it out
    adapter: Adapter | None = None
    validation: Validation | None = None

    @property
    def length_is_known(self) -> bool:
        """Whether its steps are known before it has run: not an upper bound, nor epochs."""
        return self.steps is not None and not (self.validation and self.validation.stop)


class Translate(Section):
    """Decoding."""

    beams: Positive = 4
    batch: Positive = 16  # segments at once
    max_new_tokens: Positive = 512


class Evaluate(Section):
    """How it is found out which language a translation is in; see `metric.OffTarget`."""

    detector: Name = "fasttext"  # lingua, paper, or the path of a fastText model
    candidates: Literal["all", "recipe"] = "all"  # languages it may answer: all it knows, or ours
    votes: Literal[1, 2] = 1  # 2: a second detector must agree


class Report(Section):
    """The page."""

    segments: Annotated[int, Field(ge=0)] = 20_000  # to browse; of more, the most damaged are kept
