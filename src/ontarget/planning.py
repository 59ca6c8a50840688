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

from ontarget.shapes import Model, Shape, Tensors, numbers

GIB = 2**30
EXACT = 4  # bytes of a float32
FOUR_BITS = 0.5 + 1 / 64 + 4 / (64 * 256)  # bytes of an NF4 number, with its doubly cut scales
CHUNK = 512  # rows of logits that exist at once; losses.fused_loss has the same
CONTEXT = 2 * GIB  # CUDA's context and kernels, cuBLAS's workspaces, NCCL's buffers
ROUNDING = 0.05  # of a GPU's memory, lost to the allocator's rounding and fragmentation
ALL_LINEAR = ("all-linear",)  # every matrix inside a layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A low-rank adapter; see `sections.Adapter`."""

    rank: int
    targets: tuple[str, ...] = ALL_LINEAR
    dropout: bool = False
    lengths: bool = False  # DoRA's, learned apart
    quantized: bool = False  # QLoRA's: the matrices below it are in 4 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of tokens that are in one forward pass."""

    rows: int
    width: int  # tokens a row, padding included

    @property
    def tokens(self) -> int:
        """Of all rows."""
        return self.rows * self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What of a training matters here."""

    batch: Batch
    precision: Literal["float32", "bfloat16"] = "float32"
    optimizer: Literal["adamw", "muon"] = "adamw"
    adapter: Adapter | None = None

    @property
    def width(self) -> int:
        """Bytes of a number in matrix products."""
        return EXACT if self.precision == "float32" else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
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


def rows_at_most(sequences: int, longest: int, row_tokens: int) -> Batch:
    """The largest batch that packing makes of so many sequences of at most `longest` tokens.

    Examples of like length come together, so that the longest do meet in one batch.
    """
    each = max(1, row_tokens // longest)  # sequences that fit a row whatever their lengths
    width = min(max(row_tokens, longest), sequences * longest)
    return Batch(rows=ceil(sequences / each), width=width)


def adapted(model: Model, adapter: Adapter) -> Tensors:
    """The matrices that an adapter is put on: those inside the layers, or those it names."""
    if adapter.targets == ALL_LINEAR:
        return model.inner
    matrices = {name: size for name, size in model.tensors.items() if len(size) == 2}
    if model.shape.tied:
        matrices["lm_head.weight"] = (model.shape.vocabulary, model.shape.hidden)
    ends = tuple(f".{target}.weight" for target in adapter.targets)
    return {name: size for name, size in matrices.items() if f".{name}".endswith(ends)}


def trained(model: Model, stage: Stage) -> tuple[int, int]:
    """How many numbers are trained: in matrices inside the layers, and elsewhere."""
    if stage.adapter is None:
        inner = numbers(model.inner)
        return inner, model.parameters - inner
    on = adapted(model, stage.adapter).values()
    lengths = sum(out for out, _ in on) if stage.adapter.lengths else 0
    return stage.adapter.rank * sum(map(sum, on)), lengths


def states(model: Model, stage: Stage) -> int:
    """AdamW keeps two moments of each number; Muon one of matrices, and AdamW's of the rest."""
    matrices, others = trained(model, stage)
    of_matrix = 1 if stage.optimizer == "muon" else 2
    return EXACT * (of_matrix * matrices + 2 * others)


def kept_by_layer(shape: Shape, stage: Stage) -> int:
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
    norms = 2 * (EXACT * hidden * (2 if stage.adapter is None else 1) + EXACT)
    into = 2 if stage.precision == "float32" else 3 + (2 if shape.gated else 1)
    wide = 4 if a == EXACT or stage.adapter is None else 5
    attention = wide * a * shape.heads * shape.head_dim
    attention += EXACT * shape.heads + a * stage.batch.width
    mlp = a * shape.feed_forward * (4 if shape.gated else 2)
    return norms + into * a * hidden + attention + mlp


def kept_by_adapter(model: Model, stage: Stage) -> int:
    """What all of an adapter keeps besides, for each token.

    At each matrix its low-rank product; with dropout a mask of a byte, and in float32 a masked
    copy; with DoRA what its lengths are multiplied with, twice.
    """
    adapter, a = stage.adapter, stage.width
    if adapter is None:
        return 0
    on = adapted(model, adapter).values()
    low = a * adapter.rank * len(on)
    dropped = sum(into for _, into in on) * (1 + (EXACT if a == EXACT else 0))
    lengths = 2 * a * sum(out for out, _ in on)
    return low + (dropped if adapter.dropout else 0) + (lengths if adapter.lengths else 0)


def activations(model: Model, stage: Stage) -> int:
    """What the forward pass keeps: all layers, the last norm, angles of positions, token ids."""
    shape = model.shape
    norm = EXACT * shape.hidden * (2 if stage.adapter is None else 1) + EXACT
    once = norm + 2 * EXACT * shape.head_dim + 8
    layers = shape.layers * kept_by_layer(shape, stage) + kept_by_adapter(model, stage)
    return stage.batch.tokens * (layers + once)


def loss(model: Model, stage: Stage) -> int:
    """What exists at the turn: gradients that the fused loss made, and what is worked on.

    The loss holds the last hidden states, their gradient, and that of a trained head. Beside them
    are `CHUNK` rows of logits, and after these the backward pass of the last layer, whichever is
    more: two gradients of feed-forward size, those of the stream, and of the largest matrix.
    """
    shape, a, tokens = model.shape, stage.width, stage.batch.tokens
    head = EXACT * model.head if stage.adapter is None else 0
    logits = EXACT * min(CHUNK, tokens) * shape.vocabulary * (2 if shape.softcap else 1)
    largest = max(map(prod, model.inner.values())) if stage.adapter is None else 0
    of_matrix = largest * (EXACT if a == EXACT else a + EXACT)
    backward = tokens * (2 * a * shape.feed_forward + (EXACT + a) * shape.hidden) + of_matrix
    return 2 * EXACT * tokens * shape.hidden + head + max(logits, backward)


def on_one(model: Model, stage: Stage) -> Memory:
    """One GPU that holds everything; under autocast also copies of the layers' matrices."""
    inner = numbers(model.inner)
    held = EXACT * model.parameters
    if stage.adapter is not None and stage.adapter.quantized:
        held, inner = held - round((EXACT - FOUR_BITS) * inner), 0
    copied = inner + (trained(model, stage)[0] if stage.adapter else 0)
    copies = stage.width * copied if stage.width < EXACT else 0
    return Memory(
        weights=held + copies,
        gradients=EXACT * sum(trained(model, stage)),
        optimizer=states(model, stage),
        activations=activations(model, stage),
        loss=loss(model, stage),
    )


def on_each(model: Model, stage: Stage, gpus: int) -> Memory:
    """Each of a group that shards weights, gradients and states evenly.

    Gathered are two layers (one at work, one on its way) and the head, in the stage's precision;
    likewise whole gradients of two layers, before they are reduced.
    """
    if gpus == 1:
        return on_one(model, stage)
    whole, layers = on_one(model, stage), model.shape.layers
    gathered = stage.width * (2 * numbers(model.inner) // layers + model.head)
    reduced = stage.width * 2 * trained(model, stage)[0] // layers
    return Memory(
        weights=ceil(EXACT * model.parameters / gpus) + gathered,
        gradients=ceil(whole.gradients / gpus) + reduced,
        optimizer=ceil(whole.optimizer / gpus),
        activations=whole.activations,
        loss=whole.loss,
    )


def reserve(gpu: int) -> int:
    """What of a GPU's memory the plan leaves alone: an assumption, see `CONTEXT` and `ROUNDING`."""
    return CONTEXT + round(ROUNDING * gpu)


def fits(needs: Sequence[Memory], gpu: int) -> bool:
    """Whether a GPU with so many bytes can hold each of these, one after another."""
    return all(each.total + reserve(gpu) <= gpu for each in needs)
