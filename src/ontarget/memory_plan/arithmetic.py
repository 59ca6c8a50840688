"""Arithmetic of memory: what a training takes at its peak on each GPU, from shapes alone.

The peak is the turn from forward to backward, from a step's second micro-batch on, when gradients
and optimizer states exist beside all that the forward pass has kept:

    weights + gradients + optimizer states + activations + what the loss takes

Weights, gradients, states and the residual stream are float32; matrix products inside the layers
are in the stage's precision. Nothing is recomputed (no gradient checkpointing). Activations are
counted tensor by tensor, as in Korthikanti et al. 2022, arXiv 2205.05198, section 4.1, for a layer
of transformers' Llama under autocast with fused attention; see `kept_by_layer`. A group of GPUs
shards weights, gradients and states, and gathers two layers and the head at a time, as PyTorch's
FSDP2 and DeepSpeed's ZeRO-3 do; each GPU has activations and a loss of its own.

All sizes are bytes, unless named otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Literal

from ontarget.memory_plan.shapes import ModelDescription, ModelShape, TensorShapes, count_numbers

GIB = 2**30
FLOAT32_BYTES = 4  # bytes of a float32
FOUR_BITS = 0.5 + 1 / 64 + 4 / (64 * 256)  # bytes of an NF4 number, with its doubly cut scales
CHUNK = 512  # rows of logits that exist at once; losses.fused_loss has the same
CONTEXT = 2 * GIB  # CUDA's context and kernels, cuBLAS's workspaces, NCCL's buffers
ROUNDING = 0.05  # of a GPU's memory, lost to the allocator's rounding and fragmentation
ALL_LINEAR = ("all-linear",)  # every matrix inside a layer


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterPlan:
    """A low-rank adapter; see `sections.Adapter`."""

    rank: int
    targets: tuple[str, ...] = ALL_LINEAR
    dropout: bool = False
    lengths: bool = False  # DoRA's, learned apart
    quantized: bool = False  # QLoRA's: the matrices below it are in 4 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBatch:
    """Rows of tokens that are in one forward pass."""

    rows: int
    width: int  # tokens a row, padding included

    @property
    def tokens(self) -> int:
        """Of all rows."""
        return self.rows * self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What of a training matters here."""

    batch: TokenBatch
    precision: Literal["float32", "bfloat16"] = "float32"
    optimizer: Literal["adamw", "muon"] = "adamw"
    adapter: AdapterPlan | None = None

    @property
    def width(self) -> int:
        """Bytes of a number in matrix products."""
        return FLOAT32_BYTES if self.precision == "float32" else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """Bytes on one GPU at the peak."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    loss: int

    @property
    def total(self) -> int:
        """Of all parts."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.loss


def largest_batch(sequences: int, longest: int, row_tokens: int) -> TokenBatch:
    """The largest batch that packing makes of so many sequences of at most `longest` tokens.

    Examples of like length come together, so that the longest do meet in one batch.
    """
    each = max(1, row_tokens // longest)  # sequences that fit a row whatever their lengths
    width = min(max(row_tokens, longest), sequences * longest)
    return TokenBatch(rows=ceil(sequences / each), width=width)


def adapted_matrices(model: ModelDescription, adapter: AdapterPlan) -> TensorShapes:
    """The matrices that an adapter is put on: those inside the layers, or those it names."""
    if adapter.targets == ALL_LINEAR:
        return model.inner
    matrices = {name: size for name, size in model.tensors.items() if len(size) == 2}
    if model.shape.tied:
        matrices["lm_head.weight"] = (model.shape.vocabulary, model.shape.hidden)
    ends = tuple(f".{target}.weight" for target in adapter.targets)
    return {name: size for name, size in matrices.items() if f".{name}".endswith(ends)}


def trained_numbers(model: ModelDescription, stage: TrainingPlan) -> tuple[int, int]:
    """How many numbers are trained: in matrices inside the layers, and elsewhere."""
    if stage.adapter is None:
        inner = count_numbers(model.inner)
        return inner, model.parameters - inner
    on = adapted_matrices(model, stage.adapter).values()
    lengths = sum(out for out, _ in on) if stage.adapter.lengths else 0
    return stage.adapter.rank * sum(map(sum, on)), lengths


def optimizer_bytes(model: ModelDescription, stage: TrainingPlan) -> int:
    """AdamW keeps two moments of each number; Muon one of matrices, and AdamW's of the rest."""
    matrices, others = trained_numbers(model, stage)
    of_matrix = 1 if stage.optimizer == "muon" else 2
    return FLOAT32_BYTES * (of_matrix * matrices + 2 * others)


def bytes_kept_by_layer(shape: ModelShape, stage: TrainingPlan) -> int:
    """What one layer keeps for the backward pass, for each token of the batch.

    With h hidden, f feed-forward, a bytes of the arithmetic, and d = heads * head_dim:

        norms       2 * (8 h + 4)   the residual stream, normalised (if the norm is trained), scale
        inputs      2 * 4 h         in float32, once for q, k, v and once for gate and up
                    5 * 2 h         in bfloat16: autocast makes a copy for each of the five
        attention   4 a d + 4 heads + a * row     q, k, v of all heads, output, sums, the mask
                    a d more in bfloat16 with an adapter, which makes a copy of the output
        mlp         4 a f           gate, its activation, up, their product

    Keys and values are repeated to all heads where a mask keeps packed sequences apart.
    """
    a, hidden = stage.width, shape.hidden
    norms = 2 * (FLOAT32_BYTES * hidden * (2 if stage.adapter is None else 1) + FLOAT32_BYTES)
    into = 2 if stage.precision == "float32" else 3 + (2 if shape.gated else 1)
    wide = 4 if a == FLOAT32_BYTES or stage.adapter is None else 5
    attention = wide * a * shape.heads * shape.head_dim
    attention += FLOAT32_BYTES * shape.heads + a * stage.batch.width
    mlp = a * shape.feed_forward * (4 if shape.gated else 2)
    return norms + into * a * hidden + attention + mlp


def bytes_kept_by_adapter(model: ModelDescription, stage: TrainingPlan) -> int:
    """What all of an adapter keeps besides, for each token.

    At each matrix its low-rank product; with dropout a mask of a byte, and in float32 a masked
    copy; with DoRA what its lengths are multiplied with, twice.
    """
    adapter, a = stage.adapter, stage.width
    if adapter is None:
        return 0
    on = adapted_matrices(model, adapter).values()
    low = a * adapter.rank * len(on)
    dropped = sum(into for _, into in on) * (1 + (FLOAT32_BYTES if a == FLOAT32_BYTES else 0))
    lengths = 2 * a * sum(out for out, _ in on)
    return low + (dropped if adapter.dropout else 0) + (lengths if adapter.lengths else 0)


def activation_bytes(model: ModelDescription, stage: TrainingPlan) -> int:
    """What the forward pass keeps: all layers, the last norm, angles of positions, token ids."""
    shape = model.shape
    norm = FLOAT32_BYTES * shape.hidden * (2 if stage.adapter is None else 1) + FLOAT32_BYTES
    once = norm + 2 * FLOAT32_BYTES * shape.head_dim + 8
    layers = shape.layers * bytes_kept_by_layer(shape, stage) + bytes_kept_by_adapter(model, stage)
    return stage.batch.tokens * (layers + once)


def loss_bytes(model: ModelDescription, stage: TrainingPlan) -> int:
    """What exists at the turn: gradients that the fused loss made, and what is worked on.

    The loss holds the last hidden states, their gradient, and that of a trained head. Beside them
    are `CHUNK` rows of logits, and after these the backward pass of the last layer, whichever is
    more: two gradients of feed-forward size, those of the stream, and of the largest matrix.
    """
    shape, a, tokens = model.shape, stage.width, stage.batch.tokens
    head = FLOAT32_BYTES * model.head if stage.adapter is None else 0
    logits = FLOAT32_BYTES * min(CHUNK, tokens) * shape.vocabulary * (2 if shape.softcap else 1)
    largest = max(map(prod, model.inner.values())) if stage.adapter is None else 0
    of_matrix = largest * (FLOAT32_BYTES if a == FLOAT32_BYTES else a + FLOAT32_BYTES)
    backward = (
        tokens * (2 * a * shape.feed_forward + (FLOAT32_BYTES + a) * shape.hidden) + of_matrix
    )
    return 2 * FLOAT32_BYTES * tokens * shape.hidden + head + max(logits, backward)


def memory_on_one(model: ModelDescription, stage: TrainingPlan) -> MemoryUse:
    """One GPU that holds everything; under autocast also copies of the layers' matrices."""
    inner = count_numbers(model.inner)
    held = FLOAT32_BYTES * model.parameters
    if stage.adapter is not None and stage.adapter.quantized:
        held, inner = held - round((FLOAT32_BYTES - FOUR_BITS) * inner), 0
    copied = inner + (trained_numbers(model, stage)[0] if stage.adapter else 0)
    copies = stage.width * copied if stage.width < FLOAT32_BYTES else 0
    return MemoryUse(
        weights=held + copies,
        gradients=FLOAT32_BYTES * sum(trained_numbers(model, stage)),
        optimizer=optimizer_bytes(model, stage),
        activations=activation_bytes(model, stage),
        loss=loss_bytes(model, stage),
    )


def memory_on_each(model: ModelDescription, stage: TrainingPlan, gpus: int) -> MemoryUse:
    """Each of a group that shards weights, gradients and states evenly.

    Gathered are two layers (one at work, one on its way) and the head, in the stage's precision;
    likewise whole gradients of two layers, before they are reduced.
    """
    if gpus == 1:
        return memory_on_one(model, stage)
    whole, layers = memory_on_one(model, stage), model.shape.layers
    gathered = stage.width * (2 * count_numbers(model.inner) // layers + model.head)
    reduced = stage.width * 2 * trained_numbers(model, stage)[0] // layers
    return MemoryUse(
        weights=ceil(FLOAT32_BYTES * model.parameters / gpus) + gathered,
        gradients=ceil(whole.gradients / gpus) + reduced,
        optimizer=ceil(whole.optimizer / gpus),
        activations=whole.activations,
        loss=whole.loss,
    )


def reserved_bytes(gpu: int) -> int:
    """What of a GPU's memory the plan leaves alone: an assumption, see `CONTEXT` and `ROUNDING`."""
    return CONTEXT + round(ROUNDING * gpu)


def fits(needs: Sequence[MemoryUse], gpu: int) -> bool:
    """Whether a GPU with so many bytes can hold each of these, one after another."""
    return all(each.total + reserved_bytes(gpu) <= gpu for each in needs)
