"""The memory of a recipe's trainings, before any of them runs. No torch, no downloads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ontarget import processes
from ontarget.errors import ModelError, RecipeError
from ontarget.memory_plan import arithmetic
from ontarget.memory_plan.arithmetic import GIB, AdapterPlan, MemoryUse, TrainingPlan
from ontarget.memory_plan.known import known_model
from ontarget.memory_plan.shapes import ModelDescription, ModelShape, describe_model, llama_tensors
from ontarget.models import folder
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections.training import Scratch, Training, Unlikelihood

FAULTS = (  # raised for config files and headers that no library writes
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, RecursionError,
)  # fmt: skip
COUNTS = (1, 2, 4, 8, 16, 32, 64)  # of GPUs, tried in turn
POSITIONS = 1024  # of the model of step 0, as in `base_model.llama`


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """All trainings of a recipe on some number of GPUs."""

    model: ModelDescription
    stages: dict[str, TrainingPlan]  # by section
    tokens: dict[str, int | None]  # at most, in the whole training; None: of epochs
    gpus: int
    gpu: int  # bytes of memory of each
    unshardable: str | None = None  # the setting for which weights cannot be sharded

    @property
    def needs(self) -> dict[str, MemoryUse]:
        """The memory of each training, on each GPU."""
        return {
            name: arithmetic.memory_per_gpu(self.model, stage, self.gpus)
            for name, stage in self.stages.items()
        }

    def gpu_hours(self, tflops: float) -> dict[str, float | None]:
        """The hours of each training on one GPU at most, at 10**12 * `tflops` operations a second.

        Without validation and diagnosis. None for a training of epochs: the corpus is not read.
        """
        return {
            name: None if tokens is None else
            arithmetic.training_operations(self.model, self.stages[name], tokens) / tflops / 3.6e15
            for name, tokens in self.tokens.items()
        }  # fmt: skip

    @property
    def fits(self) -> bool:
        """Whether each GPU can hold every training."""
        return arithmetic.fits(list(self.needs.values()), self.gpu)

    @property
    def fits_ddp(self) -> bool:
        """Whether DDP fits too, which reduces gradients in buckets of their own."""
        needed = max(need.total + need.gradients for need in self.needs.values())
        return needed + arithmetic.reserved_bytes(self.gpu) <= self.gpu

    @property
    def devices(self) -> str:
        """The GPUs, in words."""
        return "one GPU" if self.gpus == 1 else f"each of {self.gpus} GPUs"


def make_plan(
    recipe: Recipe, gib: float, gpus: int | None, model: ModelDescription | None = None
) -> MemoryPlan:
    """The smallest plan that fits on at most `gpus` (64) GPUs of `gib` GiB, or else the largest.

    `model` is the one that is tuned, if it is not there yet.

    Raises:
        RecipeError: nothing is trained, or `gpus` cannot share a batch evenly.
        ModelError: the model is not here, or its shape is unknown.
    """
    sections = recipe.trainings
    if not sections:
        raise RecipeError("mle, unlikelihood: both are missing, so nothing is trained; add one")
    check_shares(sections, gpus)
    model = model or describe_base(recipe)
    settings = (unshardable_setting(*pair) for pair in sections.items())
    unshardable = next(filter(None, settings), None)
    plans = [
        MemoryPlan(
            model=model,
            stages={
                name: training_plan(
                    section, count, model.shape, sequences_per_sample(section, recipe)
                )
                for name, section in sections.items()
            },
            tokens={
                name: tokens_at_most(section, model.shape, sequences_per_sample(section, recipe))
                for name, section in sections.items()
            },
            gpus=count,
            gpu=round(gib * GIB),
            unshardable=unshardable,
        )
        for count in gpu_counts(list(sections.values()), 1 if unshardable else gpus)
    ]
    return next((plan for plan in plans if plan.fits), plans[-1])


def check_shares(sections: Mapping[str, Training], gpus: int | None) -> None:
    """Raise RecipeError for a batch that this number of GPUs cannot share evenly."""
    for name, section in sections.items():
        if gpus is not None and not can_share(section, gpus):
            raise RecipeError(
                f"{name}.batch: {section.batch} samples a step cannot be shared evenly by {gpus} "
                f"GPUs, {section.micro_batch} at once; make it a multiple, or take another number "
                "of GPUs"
            )


def unshardable_setting(name: str, section: Training) -> str | None:
    """The setting of a section that needs whole weights on each GPU, if there is one."""
    adapter = getattr(section, "adapter", None)
    if adapter is not None and adapter.kind == "qlora":
        return f"{name}.adapter.kind: qlora"
    if section.optimizer == "muon":
        return f"{name}.optimizer: muon"
    return f"{name}.compile: true" if section.compile else None


def gpu_counts(sections: Sequence[Training], maximum: int | None) -> list[int]:
    """The numbers of GPUs up to `maximum` that share every batch evenly."""
    counts = COUNTS if maximum is None else (*(n for n in COUNTS if n < maximum), maximum)
    return [count for count in counts if all(can_share(section, count) for section in sections)]


def can_share(section: Training, gpus: int) -> bool:
    """Whether this number of GPUs can share a step's samples evenly."""
    try:
        return bool(processes.micro_batch(section.batch, section.micro_batch, gpus))
    except RecipeError:
        return False


def sequences_per_sample(section: Training, recipe: Recipe) -> int:
    """The largest number of sequences of a sample: its conflicts too, or parts of a document."""
    if isinstance(section, Unlikelihood):
        return section.sequences_per_sample
    if not isinstance(section, Scratch):
        return 1
    return max(1, len(recipe.languages) - 1) + (section.mix.pairs == "pivot")


def tokens_at_most(section: Training, shape: ModelShape, sequences: int) -> int | None:
    """The tokens of a training whose samples all have full length; None for one of epochs."""
    if section.steps is None:
        return None
    return section.steps * section.batch * sequences * longest_sample(section, shape)


def longest_sample(section: Training, shape: ModelShape) -> int:
    """The tokens of a sample of full length."""
    return min(section.max_tokens, shape.positions or section.max_tokens)


def training_plan(section: Training, gpus: int, shape: ModelShape, sequences: int) -> TrainingPlan:
    """The section on one of `gpus` GPUs, if all its samples have full length.

    Each sample has `sequences` sequences.
    """
    samples = processes.micro_batch(section.batch, section.micro_batch, gpus)
    longest = longest_sample(section, shape)
    adapter = getattr(section, "adapter", None)
    return TrainingPlan(
        batch=arithmetic.largest_batch(
            sequences * samples, longest, section.row_tokens or section.max_tokens
        ),
        precision=section.precision,
        optimizer=section.optimizer,
        adapter=adapter
        and AdapterPlan(
            rank=adapter.rank,
            targets=adapter.targets,
            dropout=adapter.dropout > 0,
            lengths=adapter.kind == "dora",
            quantized=adapter.kind == "qlora",
        ),
    )


def describe_base(recipe: Recipe) -> ModelDescription:
    """The model that is tuned, from its section or its folder.

    Raises:
        ModelError: there is no such folder, or its files are damaged.
    """
    if recipe.base.scratch is not None:
        return describe_scratch(recipe.base.scratch)
    name = recipe.base.model or ""
    if folder.is_hub_id(name) and (known := known_model(name)):
        return known
    if folder.is_hub_id(name):
        raise ModelError(
            f"{name}: no folder here, and a plan downloads nothing; download the model and "
            "give its folder as base.model"
        )
    folder.check_folder(name)
    path = Path(name)
    try:
        model = describe_model(folder.read_config(path), folder.tensor_shapes(path), name)
        smallest = TrainingPlan(batch=arithmetic.largest_batch(1, 1, 1))
        arithmetic.unsharded_memory(model, smallest)  # fails if the sizes do not fit together
        return model
    except FAULTS as error:
        raise ModelError(
            f"{name}: config.json or the headers of the weights are damaged "
            f"({type(error).__name__}); fetch the model again"
        ) from error


def describe_scratch(scratch: Scratch) -> ModelDescription:
    """The Llama that step 0 makes; its vocabulary may turn out smaller than `vocabulary`."""
    shape = ModelShape(
        hidden=scratch.hidden,
        layers=scratch.layers,
        heads=scratch.heads,
        key_value_heads=scratch.heads,
        head_dim=scratch.hidden // scratch.heads,
        feed_forward=scratch.feed_forward,
        vocabulary=scratch.vocabulary,
        tied=True,
        positions=POSITIONS,
    )
    return ModelDescription(shape=shape, tensors=llama_tensors(shape))


def no_fit_line(plan: MemoryPlan) -> str:
    """Which training does not fit, how much it lacks, and what would make it smaller."""
    name, need = max(plan.needs.items(), key=lambda item: item[1].total)
    stage, reserved = plan.stages[name], arithmetic.reserved_bytes(plan.gpu)
    more_gpus = need.activations + need.loss + reserved < plan.gpu and not plan.unshardable
    remedies = [
        *(["train an adapter"] if stage.adapter is None and name != "base.scratch" else []),
        *(["lower micro_batch"] if stage.batch.rows > (1 if name != "unlikelihood" else 2) else []),
        "shorten max_tokens",
        *([f"leave out {plan.unshardable}, which needs whole weights"] if plan.unshardable else []),
        *([f"take more GPUs than {plan.gpus}"] if more_gpus else []),
    ]
    lacking = need.total + reserved - plan.gpu
    return (
        f"none fits: {name} lacks {format_gib(lacking)} GiB on {plan.devices} "
        f"(activations of {stage.batch.tokens:,} tokens are {format_gib(need.activations)}); "
        f"{' or '.join(remedies)}"
    )


def format_gib(size: int) -> str:
    """GiB with one decimal, or with three below 1 GiB."""
    return f"{size / GIB:.1f}" if size >= GIB else f"{size / GIB:.3f}"
