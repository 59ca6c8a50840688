"""The settings of trainings, and of the model that they start from.

The defaults of stage 1 are those of arXiv 2403.14399 for LLMs. Stage 2's were chosen on a
pretrained model (docs/results/real-models.md); `tokens: all` is the paper's.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from ontarget.data.conflicts import FEWEST_LANGUAGES, Conflicts, Draw, draw_fault
from ontarget.data.synthetic import gives_pairs
from ontarget.recipe.sections.kinds import Fraction, Layers, Name, Place, Positive, Section
from ontarget.records import Direction

# With `tokens: all`, and with `synthetic` (own answers fail beside pairs), unless set otherwise
PAPER = {"conflicts": "references", "draw": "any_other_instruction", "alpha": 0.05}
BESIDE_PAIRS = PAPER | {"tokens": "all", "alpha": 0.3}
ADAPTER_LEARNING_RATE = 3e-4  # with `adapter`, unless set otherwise


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
    checkpoint_every: Positive = 500  # optimizer steps; one comes after ten minutes too

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
    """Dev sentences, translated greedily during training, by which a checkpoint is chosen.

    They are of the zero-shot directions, or of the supervised ones if there are no others.
    """

    every: Positive  # optimizer steps
    segments: Positive = 20  # dev sentences in each direction
    supervised: Annotated[int, Field(ge=0, le=10**9)] = 0  # in each supervised direction
    stop: bool = False  # stop early: on target, or no longer improving
    keep: Literal["best", "last"] = "best"  # last: the curve is shown, and chooses nothing

    @model_validator(mode="after")
    def consistent(self) -> "Validation":
        """Only a training that keeps the best checkpoint may stop early."""
        if self.stop and self.keep == "last":
            raise ValueError("stop: true keeps the best checkpoint; leave keep: last out")
        return self


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


class Stage(Training):
    """What both stages have besides a training's settings."""

    adapter: Adapter | None = None
    validation: Validation | None = None

    @model_validator(mode="before")
    @classmethod
    def adapter_rate(cls, content: Any) -> Any:
        """An adapter needs a higher learning rate than all weights."""
        if isinstance(content, dict) and content.get("adapter") is not None:
            return {"learning_rate": ADAPTER_LEARNING_RATE} | content
        return content


class Mle(Stage):
    """Stage 1: maximum likelihood on multilingual translation instructions."""


class Unlikelihood(Stage):
    """Stage 2: MLE plus alpha times unlikelihood on conflict samples."""

    batch: Positive = 8
    learning_rate: Annotated[float, Field(gt=0)] = 2e-6
    alpha: Annotated[float, Field(ge=0)] = 1.0  # weight of the unlikelihood loss; 0: plain MLE
    alpha_schedule: Literal["constant", "rising", "falling", "feedback"] = "constant"
    conflicts: Conflicts = "own"  # unlikely responses: the model's own answers, or references
    own_tokens: Annotated[int, Field(gt=0, le=64)] = 4  # of an own answer
    plausibility: Annotated[float, Field(gt=0, le=1)] = 0.02  # share of the highest p: plausible
    tokens: Literal["reach", "all"] = "reach"  # conflict tokens weighted by reach, or all alike
    draw: Draw = "wrong_target"  # of conflicts from references
    per_sample: Annotated[int, Field(gt=0, le=100)] = 1  # conflicts from references of each sample
    confusions: Place | None = None  # of draw confused: an evaluated run's folder, or scores.jsonl
    candidates: Annotated[int, Field(gt=1, le=100)] = 4  # of draw hardest: scored, at most
    synthetic: Annotated[float, Field(ge=0, lt=1)] = 0.0  # share of samples that the model makes
    preflight: Annotated[int, Field(ge=0)] = 8  # dev sentences in each direction; 0 leaves it out

    @field_validator("preflight")
    @classmethod
    def comparable(cls, sentences: int) -> int:
        """A diagnosis gives each sentence the source of another one of its direction."""
        if sentences == 1:
            raise ValueError("is 1; a diagnosis compares sentences, so give 2 or more, or 0")
        return sentences

    @model_validator(mode="before")
    @classmethod
    def as_in_the_paper(cls, content: Any) -> Any:
        """The other defaults that belong to `tokens: all`, or to `synthetic`."""
        if not isinstance(content, dict):
            return content
        if content.get("synthetic") and content.get("conflicts") is None:
            return BESIDE_PAIRS | content
        return PAPER | content if content.get("tokens") == "all" else content

    @model_validator(mode="after")
    def weighted(self) -> "Unlikelihood":
        """Own answers are always weighted by reach; without unlikelihood there must be pairs."""
        if not self.alpha and not self.synthetic:
            raise ValueError(
                "alpha: 0 leaves unlikelihood out, so this stage would repeat stage 1; add "
                "synthetic: 0.5, or raise alpha"
            )
        if self.alpha_schedule == "feedback" and self.validation is None:
            raise ValueError("alpha_schedule: feedback needs a validation: {every: 10}; add it")
        if self.conflicts == "own" and self.tokens == "all":
            raise ValueError("tokens: all is for conflicts: references; leave tokens out")
        return self

    @model_validator(mode="after")
    def drawable(self) -> "Unlikelihood":
        """Settings of draws fit together, and are for references."""
        if self.conflicts == "own" and self.draw != "wrong_target":
            raise ValueError(
                f"draw: {self.draw} is for conflicts: references; add that, or leave draw out"
            )
        if self.conflicts == "own" and self.per_sample > 1:
            raise ValueError(
                f"per_sample: {self.per_sample} is for conflicts: references; add that, or leave "
                "per_sample out"
            )
        if self.draw == "confused" and self.confusions is None:
            raise ValueError(
                "draw: confused needs confusions, the folder of an evaluated run or its "
                "scores.jsonl; add it"
            )
        if self.draw != "confused" and self.confusions is not None:
            raise ValueError("confusions: only draw: confused reads it; set that or leave it out")
        if self.draw == "hardest" and self.per_sample >= self.candidates:
            raise ValueError(
                f"per_sample: {self.per_sample} of {self.candidates} candidates leave nothing to "
                "choose; raise candidates or lower per_sample"
            )
        return self

    @property
    def has_conflicts(self) -> bool:
        """Whether it is trained on conflict samples at all."""
        return self.alpha > 0

    @property
    def sequences_per_sample(self) -> int:
        """A true sample and its conflicts."""
        return 1 + self.per_sample * self.has_conflicts

    @property
    def scores(self) -> Path | None:
        """The scores of the evaluated run that `confusions` names."""
        path = self.confusions
        return path / "6_evaluate" / "scores.jsonl" if path and path.is_dir() else path

    def check_conflicts(
        self, languages: Sequence[str], directions: Sequence[Direction], out: Path
    ) -> None:
        """Raise ValueError for what these languages, directions or files do not allow."""
        if self.synthetic and not gives_pairs(directions):
            raise ValueError(
                "unlikelihood.synthetic: no supervised pair gives one of a zero-shot direction: "
                "one side must also be translated into a third language; leave it out"
            )
        if not self.has_conflicts:
            return
        if self.conflicts == "own":
            if len(languages) < FEWEST_LANGUAGES:
                raise ValueError(
                    f"unlikelihood.conflicts: own needs {FEWEST_LANGUAGES} languages, one to "
                    "translate from and two to request; use references"
                )
            return
        if fault := draw_fault(self.draw, languages, len(directions), self.per_sample):
            raise ValueError(f"unlikelihood.{fault}")
        if self.scores and self.scores.resolve().is_relative_to(out.resolve()):
            raise ValueError(
                "unlikelihood.confusions: lies in out, which this run changes; give it another out"
            )

    def drawn_per_sample(self, languages: int) -> int:
        """Conflicts that step 2 draws of each sample: candidates of the hardest, or all to keep."""
        return min(self.candidates, languages - 1) if self.draw == "hardest" else self.per_sample

    @property
    def length_is_known(self) -> bool:
        """Whether its number of steps is known before it has run: no early stop, no epochs."""
        return self.steps is not None and not (self.validation and self.validation.stop)
