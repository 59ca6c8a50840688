"""What a recipe's trainings take in memory, before any of them runs. No torch, nothing fetched."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ontarget import processes
from ontarget.errors import ModelError, RecipeError
from ontarget.memory_plan import arithmetic
from ontarget.memory_plan.arithmetic import GIB, AdapterPlan, MemoryUse, TrainingPlan
from ontarget.memory_plan.shapes import ModelDescription, ModelShape, describe_model, llama_tensors
from ontarget.models import folder
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections import Scratch, Training, Unlikelihood

FAULTS = (  # of code that reads what no model was ever saved with
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, RecursionError,
)  # fmt: skip
COUNTS = (1, 2, 4, 8, 16, 32, 64)  # of GPUs, looked at in turn
POSITIONS = 1024  # of the model of step 0; scratch.small_llama has the same
ENGINES = Path("recipes", "engines")  # in a clone and in the package alike


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """All stages on some number of GPUs."""

    model: ModelDescription
    stages: dict[str, TrainingPlan]  # by section
    gpus: int
    gpu: int  # bytes of memory of each
    whole: str | None = None  # the setting for which weights cannot be sharded

    @property
    def needs(self) -> dict[str, MemoryUse]:
        """The memory of each stage, on each GPU."""
        return {
            name: arithmetic.memory_on_each(self.model, stage, self.gpus)
            for name, stage in self.stages.items()
        }

    @property
    def fits(self) -> bool:
        """Whether each GPU can hold every stage."""
        return arithmetic.fits(list(self.needs.values()), self.gpu)


def make_plan(recipe: Recipe, gib: float, gpus: int | None) -> MemoryPlan:
    """The smallest plan that fits, on GPUs of so many GiB and at most `gpus` (64), or the largest.

    Raises:
        RecipeError: nothing is trained, or a batch cannot be shared by `gpus`.
        ModelError: the model is not here, or of an unknown shape.
    """
    sections = recipe.trainings
    if not sections:
        raise RecipeError("mle, unlikelihood: both are missing, so nothing is trained; add one")
    for name, section in sections.items():
        if gpus is not None and not can_share(section, gpus):
            raise RecipeError(
                f"{name}.batch: {section.batch} samples a step cannot be shared evenly by {gpus} "
                f"GPUs, {section.micro_batch} at once; make it a multiple, or take another number "
                "of GPUs"
            )
    model = describe_base(recipe)
    whole = next(filter(None, (unshardable_setting(*each) for each in sections.items())), None)
    most = 1 if whole else gpus
    every = [
        MemoryPlan(
            model=model,
            stages={
                name: training_plan(each, count, model.shape, sequences_per_sample(each, recipe))
                for name, each in sections.items()
            },
            gpus=count,
            gpu=round(gib * GIB),
            whole=whole,
        )
        for count in gpu_counts(list(sections.values()), most)
    ]
    return next((each for each in every if each.fits), every[-1])


def unshardable_setting(name: str, section: Training) -> str | None:
    """The setting of a section that needs whole weights on each GPU, if there is one."""
    adapter = getattr(section, "adapter", None)
    if adapter is not None and adapter.kind == "qlora":
        return f"{name}.adapter.kind: qlora"
    if section.optimizer == "muon":
        return f"{name}.optimizer: muon"
    return f"{name}.compile: true" if section.compile else None


def gpu_counts(sections: Sequence[Training], most: int | None) -> list[int]:
    """The numbers of GPUs up to `most` that share every batch evenly."""
    looked_at = COUNTS if most is None else (*(each for each in COUNTS if each < most), most)
    return [each for each in looked_at if all(can_share(section, each) for section in sections)]


def can_share(section: Training, gpus: int) -> bool:
    """Whether so many GPUs can share a step's samples evenly, as the training asks of them."""
    try:
        return bool(processes.micro_batch(section.batch, section.micro_batch, gpus))
    except RecipeError:
        return False


def sequences_per_sample(section: Training, recipe: Recipe) -> int:
    """How many sequences a sample has at most: its conflict's too, or a document's."""
    if isinstance(section, Unlikelihood):
        return 2
    if not isinstance(section, Scratch):
        return 1
    return max(1, len(recipe.languages) - 1) + (section.mix.pairs == "pivot")


def training_plan(section: Training, gpus: int, shape: ModelShape, sequences: int) -> TrainingPlan:
    """The section as one GPU of so many sees it: samples of full length, as many as fall to it.

    Each has so many `sequences`.
    """
    samples = processes.micro_batch(section.batch, section.micro_batch, gpus)
    longest = min(section.max_tokens, shape.positions or section.max_tokens)
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
        ModelError: there is no such folder, or its files do not say.
    """
    if recipe.base.scratch is not None:
        return describe_scratch(recipe.base.scratch)
    name = recipe.base.model or ""
    if folder.is_hub_id(name):
        raise ModelError(
            f"{name}: is no folder here, and a plan fetches nothing; download the model and "
            "give its folder as base.model"
        )
    folder.check_folder(name)
    try:
        found = describe_model(
            folder.read_config(Path(name)), folder.tensor_shapes(Path(name)), name
        )
        arithmetic.memory_on_one(
            found, TrainingPlan(batch=arithmetic.largest_batch(1, 1, 1))
        )  # sizes add up
        return found
    except FAULTS as error:
        raise damaged_model(name, error) from error


def damaged_model(name: str, error: Exception) -> ModelError:
    """What to say of files whose content no model was ever saved with."""
    return ModelError(
        f"{name}: config.json or the headers of the weights are damaged ({type(error).__name__}); "
        "fetch the model again"
    )


def describe_scratch(scratch: Scratch) -> ModelDescription:
    """The Llama that step 0 makes; its tokenizer may turn out smaller than `vocabulary`."""
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


def plan_lines(planned: MemoryPlan, path: Path) -> list[str]:
    """The plan in words: a table, then the smallest engine, or what to change."""
    trained = (
        f"{name} {sum(arithmetic.trained_numbers(planned.model, stage)):,}"
        for name, stage in planned.stages.items()
    )
    where = "one GPU" if planned.gpus == 1 else f"each of {planned.gpus} GPUs"
    aside = arithmetic.reserved_bytes(planned.gpu)
    return [
        f"parameters {planned.model.parameters:,}; trained: {', '.join(trained)}",
        *memory_table(planned.needs),
        *translation_warning(planned),
        f"GiB at most on {where} of {planned.gpu / GIB:g} GiB, {format_gib(aside)} of them in reserve",
        *(engine_lines(planned, path) if planned.fits else [no_fit_line(planned)]),
    ]


def memory_table(needs: dict[str, MemoryUse]) -> list[str]:
    """A line a stage, in GiB, under a line of titles."""
    titles = ("weights", "gradients", "optimizer", "activations", "loss", "sum")
    width = max(len(name) for name in needs)
    rows = [" " * width + "".join(f"{title:>{len(title) + 3}}" for title in titles)]
    for name, need in needs.items():
        parts = (need.weights, need.gradients, need.optimizer, need.activations, need.loss)
        cells = zip(titles, (*parts, need.total), strict=True)
        rows.append(
            f"{name:<{width}}" + "".join(f"{format_gib(x):>{len(t) + 3}}" for t, x in cells)
        )
    return rows


def format_gib(size: int) -> str:
    """GiB with one decimal; with three, where there is less than one."""
    return f"{size / GIB:.1f}" if size >= GIB else f"{size / GIB:.3f}"


def engine_file(name: str) -> str:
    """A shipped engine's path, as a shell takes it: in this clone, or where we are installed."""
    file = ENGINES / f"{name}.yaml"
    return shlex.quote(str(file if file.is_file() else Path(__file__).parent / file))


def engine_lines(planned: MemoryPlan, path: Path) -> list[str]:
    """The smallest engine that fits, its command, and what else would do."""
    command = f"run {shlex.quote(str(path))}"
    if planned.gpus > 1:
        return [
            f"smallest: fsdp2 on {planned.gpus} GPUs: accelerate launch --config_file "
            f"{engine_file('fsdp2')} --num_processes {planned.gpus} -m ontarget {command}",
            f"zero3 ({engine_file('zero3')}) shards alike",
        ]
    # DDP reduces gradients in buckets of their own
    needed = max(need.total + need.gradients for need in planned.needs.values())
    faster = f"ddp ({engine_file('ddp')}) on several GPUs saves no memory; it buys speed"
    return [
        f"smallest: one: ontarget {command}",
        *([faster] if needed + arithmetic.reserved_bytes(planned.gpu) <= planned.gpu else []),
    ]


def translation_warning(planned: MemoryPlan) -> list[str]:
    """What to say where a model can be trained in parts, but not be translated with."""
    weights = arithmetic.FLOAT32_BYTES * planned.model.parameters
    if weights + arithmetic.reserved_bytes(planned.gpu) <= planned.gpu:
        return []
    return [
        f"preflight, validation and translate hold all weights on one GPU: {format_gib(weights)} GiB in "
        "float32, which do not fit; set preflight to 0, leave validation out, and train with "
        "`ontarget mle` and `ontarget unlikelihood` alone"
    ]


def no_fit_line(planned: MemoryPlan) -> str:
    """Which stage does not fit, by how much, and what would make it smaller."""
    name, need = max(planned.needs.items(), key=lambda each: each[1].total)
    stage, aside = planned.stages[name], arithmetic.reserved_bytes(planned.gpu)
    more_would_do = need.activations + need.loss + aside < planned.gpu and not planned.whole
    remedies = [
        *(["train an adapter"] if stage.adapter is None and name != "base.scratch" else []),
        *(["lower micro_batch"] if stage.batch.rows > (1 if name != "unlikelihood" else 2) else []),
        "shorten max_tokens",
        *([f"leave out {planned.whole}, which needs whole weights"] if planned.whole else []),
        *([f"take more GPUs than {planned.gpus}"] if more_would_do else []),
    ]
    where = "one GPU" if planned.gpus == 1 else f"each of {planned.gpus} GPUs"
    return (
        f"none fits: {name} lacks {format_gib(need.total + aside - planned.gpu)} GiB on {where} "
        f"(activations of {stage.batch.tokens:,} tokens are {format_gib(need.activations)}); "
        f"{' or '.join(remedies)}"
    )
