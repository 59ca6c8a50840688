"""Every setting with its unit and default, one frozen class a section of the recipe.

Defaults are set here and nowhere else. Those of both training stages are the settings of arXiv
2403.14399 for LLMs. Unknown keys are rejected with the nearest name.
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

from ontarget.data.conflicts import Conflicts, Draw

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy takes


def as_list(value: object) -> object:
    """A single value as a list: a single path needs no brackets."""
    return [value] if isinstance(value, str | Path) else value


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


class Phrasebook(Section):
    """The embedded corpus; no sentence of dev or test is in training, in any language."""

    train: Positive = 3000  # rows
    glossary: Annotated[int, Field(ge=0)] = 3000  # single phrases, for step 0 only
    dev: Positive = 100
    test: Positive = 100


class Corpus(Section):
    """Multi-parallel files (.tsv, .tsv.gz, .parquet, .jsonl), or the embedded phrasebook."""

    phrasebook: Phrasebook | None = None
    train: Paths = ()
    dev: Paths = ()
    test: Paths = ()
    dev_limit: Positive | None = None  # rows; the first ones with enough languages
    test_limit: Positive | None = None
    drop_overlap: bool = False  # leave out training rows that share a sentence with dev or test
    max_characters: Positive | None = None  # longer training texts are left out and counted
    special_tokens: Literal["error", "drop"] = "error"  # training rows with one of the model's

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
                        "training and test data must not overlap"
                    )
        for split, paths in (("train", self.train), ("dev", self.dev), ("test", self.test)):
            names = [path.name for path in paths]
            if repeated := next((name for name in names if names.count(name) > 1), None):
                raise ValueError(
                    f"two files of {split} are named {repeated}; rename one, rows are keyed by it"
                )
        return self


class Training(Section):
    """What every kind of training needs."""

    steps: Positive | None = None  # optimizer steps; in place of epochs
    epochs: Annotated[float, Field(gt=0, le=10_000)] | None = None
    batch: Positive = 128  # samples in an optimizer step
    micro_batch: Positive = 8  # samples in a forward pass on one device
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5  # peak
    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.03  # share of the steps
    optimizer: Literal["adamw", "muon"] = "adamw"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"  # of matrix products; weights are float32
    max_tokens: Annotated[int, Field(ge=8, le=10**6)] = 512  # prompt and response together
    row_tokens: Positive | None = None  # of a packed row; default max_tokens
    compile: bool = False  # torch.compile the model's layers: half a minute, then faster steps
    checkpoint_every: Positive = 500  # optimizer steps; an interrupted training resumes there

    @model_validator(mode="after")
    def consistent(self) -> "Training":
        """Steps or epochs; a batch that is a multiple of the micro-batch."""
        if (self.steps is None) == (self.epochs is None):
            fault = "has neither" if self.steps is None else "has both"
            raise ValueError(f"needs either steps or epochs, {fault}; keep one")
        if self.batch % min(self.micro_batch, self.batch):
            raise ValueError(
                f"batch {self.batch} is no multiple of micro_batch {self.micro_batch}; make it one"
            )
        if self.weight_decay and self.optimizer == "muon":
            raise ValueError("weight_decay is not for optimizer muon; leave it out, or use adamw")
        return self


class Mix(Section):
    """Documents of step 0, each a share 0 to 1; see `base_model.documents.DocumentMix`."""

    monolingual: Fraction = 0.0
    headed: Fraction = 0.2
    labelled: Fraction = 0.2
    codes: Fraction = 0.0
    untranslated: Fraction = 0.0
    pivot: Fraction = 0.0
    pairs: Literal["any", "pivot"] = "any"

    @model_validator(mode="after")
    def consistent(self) -> "Mix":
        """A bilingual document is headed, labelled or neither."""
        if self.headed + self.labelled > 1:
            raise ValueError("headed and labelled are shares of the same documents; lower one")
        return self


class Scratch(Training):
    """A small Llama, made from nothing and trained on the corpus without instructions."""

    batch: Positive = 32
    micro_batch: Positive = 32
    learning_rate: Annotated[float, Field(gt=0)] = 5e-3
    optimizer: Literal["adamw", "muon"] = "muon"
    hidden: Annotated[int, Field(gt=0, le=65536)] = 128
    layers: Annotated[int, Field(gt=0, le=1000)] = 4
    heads: Positive = 4
    feed_forward: Positive = 352
    vocabulary: Annotated[int, Field(ge=300, le=10**6)] = 1600  # byte-level BPE with 256 bytes
    mix: Mix = Mix()

    @model_validator(mode="after")
    def divisible(self) -> "Scratch":
        """Rotary attention needs heads of an even size."""
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
    """Dev sentences, translated greedily during training; the best checkpoint is kept.

    They are of the zero-shot directions, or of the supervised ones if there are no others.
    """

    every: Positive  # optimizer steps
    segments: Positive = 20  # dev sentences in each direction
    stop: bool = False  # stop early: on target, or no longer improving


class Adapter(Section):
    """A low-rank adapter, trained in place of all weights and merged into them at the end.

    LoRA arXiv 2106.09685, DoRA arXiv 2402.09353, QLoRA arXiv 2305.14314.
    """

    kind: Literal["lora", "dora", "qlora"] = "lora"  # qlora: lora on weights in 4 bits
    rank: Annotated[int, Field(gt=0, le=65536)] = 16
    alpha: Annotated[float, Field(gt=0)] = 32.0  # the adapter is scaled by alpha / rank
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    targets: Layers = ("all-linear",)  # names of layers; default: all linear layers but the head

    @field_validator("targets")
    @classmethod
    def consistent(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        """`all-linear` must be the only target: peft ignores it beside others."""
        if "all-linear" in targets and len(targets) > 1:
            raise ValueError("all-linear means all layers; name it alone, or name each layer")
        return targets


class Mle(Training):
    """Stage 1: maximum likelihood on multilingual translation instructions."""

    adapter: Adapter | None = None
    validation: Validation | None = None


class Unlikelihood(Training):
    """Stage 2: MLE plus alpha times unlikelihood on conflict samples."""

    batch: Positive = 8
    learning_rate: Annotated[float, Field(gt=0)] = 2e-6
    alpha: Annotated[float, Field(gt=0)] = 1.0  # weight of the unlikelihood loss
    conflicts: Conflicts = "own"  # unlikely responses: the model's own answers, or references
    own_tokens: Annotated[int, Field(gt=0, le=64)] = 4  # of an own answer
    tokens: Literal["reach", "all"] = "reach"  # weights of a conflict response's tokens
    draw: Draw = "wrong_target"  # of conflicts from references
    preflight: Annotated[int, Field(ge=0)] = 10  # dev sentences in each direction; 0 leaves it out
    adapter: Adapter | None = None
    validation: Validation | None = None

    @property
    def length_is_known(self) -> bool:
        """Whether its number of steps is known before it has run: no early stop, no epochs."""
        return self.steps is not None and not (self.validation and self.validation.stop)


class Translate(Section):
    """Decoding."""

    beams: Positive = 4
    batch: Positive = 16  # segments at once
    max_new_tokens: Positive = 512


class Evaluate(Section):
    """How the language of translations is identified; see `offtarget.metric.OffTarget`."""

    detector: Name = "fasttext"  # or lingua, paper, the path of a fastText model
    candidates: Literal["all", "recipe"] = "all"  # what it may return: all, or the recipe's
    votes: Literal[1, 2] = 1  # 2: a second detector must agree


class Report(Section):
    """The report's page."""

    segments: Annotated[int, Field(ge=0)] = 20_000  # to browse; if more, the most damaged
