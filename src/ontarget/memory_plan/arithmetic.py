"""The peak memory of a training on each GPU, from shapes alone.

The peak is where the forward pass turns into the backward pass, from the second micro-batch of an
optimizer step on, when gradients and optimizer states exist together with all that the forward
pass has saved:

    weights + gradients + optimizer states + activations + what the loss takes

Weights, gradients, optimizer states and the residual stream are float32; matrix products inside
the layers have the precision of the training. Gradient checkpointing is not used. Activations are
counted tensor by tensor, as in Korthikanti et al. 2022, arXiv 2205.05198, section 4.1, for a layer
of transformers' Llama under autocast with fused attention. FSDP2 and ZeRO-3 shard weights,
gradients and states over GPUs and gather two layers and the head at a time; activations and loss
are not sharded.

All sizes are bytes, unless named otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Literal

from ontarget.memory_plan.shapes import (
    ModelDescription,
    ModelShape,
    TensorShapes,
    count_parameters,
)
from ontarget.training.logits import rows_at_once

GIB = 2**30
FLOAT32_BYTES = 4
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)  # of an NF4 number with its doubly quantized scales
CONTEXT = 2 * GIB  # CUDA's context and kernels, cuBLAS's workspaces, NCCL's buffers
FRAGMENTATION = 0.05  # share of a GPU's memory that the allocator loses
ALL_LINEAR = ("all-linear",)  # every matrix inside a layer


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterPlan:
    """A low-rank adapter; see `recipe.sections.Adapter`."""

    rank: int
    targets: tuple[str, ...] = ALL_LINEAR
    dropout: bool = False
    lengths: bool = False  # DoRA: the magnitude of each output is trained separately
    quantized: bool = False  # QLoRA: the adapted matrices are stored in 4 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBatch:
    """The rows of one forward pass."""

    rows: int
    width: int  # tokens per row, padding included

    @property
    def tokens(self) -> int:
        """Tokens of all rows."""
        return self.rows * self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """The settings of a training that affect its memory."""

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
        """The sum of all parts."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.loss


def largest_batch(sequences: int, longest: int, row_tokens: int) -> TokenBatch:
    """The largest batch that packing can make of `sequences` of at most `longest` tokens.

    Examples are grouped by length, so the longest ones do meet in one batch.
    """
    per_row = max(1, row_tokens // longest)  # sequences that fit in a row whatever their lengths
    width = min(max(row_tokens, longest), sequences * longest)
    return TokenBatch(rows=ceil(sequences / per_row), width=width)


def adapted_matrices(model: ModelDescription, adapter: AdapterPlan) -> TensorShapes:
    """The matrices that get an adapter: all inside the layers, or those that it names."""
    if adapter.targets == ALL_LINEAR:
        return model.inner
    matrices = {name: size for name, size in model.tensors.items() if len(size) == 2}
    if model.shape.tied:
        matrices["lm_head.weight"] = (model.shape.vocabulary, model.shape.hidden)
    suffixes = tuple(f".{target}.weight" for target in adapter.targets)
    return {name: size for name, size in matrices.items() if f".{name}".endswith(suffixes)}


def trained_parameters(model: ModelDescription, stage: TrainingPlan) -> tuple[int, int]:
    """The numbers of trained parameters: in matrices inside the layers, and elsewhere."""
    if stage.adapter is None:
        inner = count_parameters(model.inner)
        return inner, model.parameters - inner
    matrices = adapted_matrices(model, stage.adapter).values()
    magnitudes = sum(outputs for outputs, _ in matrices) if stage.adapter.lengths else 0
    return stage.adapter.rank * sum(map(sum, matrices)), magnitudes


def training_operations(model: ModelDescription, stage: TrainingPlan, tokens: int) -> int:
    """Floating-point operations of the matrix products that train on `tokens` tokens.

    A parameter takes 2 a token in the forward pass, 2 for the gradient of its input, and 2 for its
    own if it is trained (arXiv 2001.08361, section 2.1). Attention is left out, and every token
    counts as labelled.
    """
    multiplied = count_parameters(model.inner) + model.head
    if stage.adapter is None:
        return 6 * multiplied * tokens
    matrices, _ = trained_parameters(model, stage)
    return (4 * multiplied + 6 * matrices) * tokens


def optimizer_bytes(model: ModelDescription, stage: TrainingPlan) -> int:
    """AdamW keeps two moments per parameter; Muon keeps one for matrices and two for the rest."""
    matrices, others = trained_parameters(model, stage)
    moments = 1 if stage.optimizer == "muon" else 2
    return FLOAT32_BYTES * (moments * matrices + 2 * others)


def layer_bytes_per_token(shape: ModelShape, stage: TrainingPlan) -> int:
    """What one layer saves for the backward pass, per token.

    With h hidden, f feed-forward, a bytes per number in matrix products, d = heads * head_dim:

        norms       2 * (8 h + 4)   the residual stream, the normalized one if the norm is trained,
                                    and its scale
        inputs      2 * 4 h         float32: once for q, k, v and once for gate and up
                    5 * 2 h         bfloat16: autocast makes a copy for each of the five
        attention   4 a d + 4 heads + a * row     q, k, v of all heads, output, sums, the mask
                    a d more in bfloat16 with an adapter, which copies the output
        mlp         4 a f           gate, its activation, up, their product

    Keys and values are repeated for all heads where a mask keeps packed sequences apart.
    """
    a, hidden = stage.width, shape.hidden
    norms = 2 * (FLOAT32_BYTES * hidden * (2 if stage.adapter is None else 1) + FLOAT32_BYTES)
    inputs = 2 if stage.precision == "float32" else 3 + (2 if shape.gated else 1)
    copies = 4 if a == FLOAT32_BYTES or stage.adapter is None else 5
    attention = copies * a * shape.heads * shape.head_dim
    attention += FLOAT32_BYTES * shape.heads + a * stage.batch.width
    mlp = a * shape.feed_forward * (4 if shape.gated else 2)
    return norms + inputs * a * hidden + attention + mlp


def adapter_bytes_per_token(model: ModelDescription, stage: TrainingPlan) -> int:
    """What the adapters of all layers save in addition, per token.

    For each matrix its low-rank product; with dropout a mask of a byte, and in float32 a masked
    copy of the input; with DoRA two copies of the output, for the gradient of the magnitudes. With
    dropout in float32 this is an upper bound: inputs that masked copies replace are still counted.
    """
    adapter, a = stage.adapter, stage.width
    if adapter is None:
        return 0
    matrices = adapted_matrices(model, adapter).values()
    low_rank = a * adapter.rank * len(matrices)
    masked_copy = FLOAT32_BYTES if a == FLOAT32_BYTES else 0
    dropout = sum(inputs for _, inputs in matrices) * (1 + masked_copy)
    magnitudes = 2 * a * sum(outputs for outputs, _ in matrices)
    return low_rank + (dropout if adapter.dropout else 0) + (magnitudes if adapter.lengths else 0)


def activation_bytes(model: ModelDescription, stage: TrainingPlan) -> int:
    """What the forward pass saves: all layers, the last norm, rotary angles, token ids."""
    shape = model.shape
    norm = FLOAT32_BYTES * shape.hidden * (2 if stage.adapter is None else 1) + FLOAT32_BYTES
    once = norm + 2 * FLOAT32_BYTES * shape.head_dim + 8
    layers = shape.layers * layer_bytes_per_token(shape, stage)
    return stage.batch.tokens * (layers + adapter_bytes_per_token(model, stage) + once)


def loss_bytes(model: ModelDescription, stage: TrainingPlan) -> int:
    """What the fused loss holds at the peak, with the working memory of the backward pass.

    The loss holds the last hidden states, their gradient, and that of a trained head. To this adds
    the larger of two that follow each other: a chunk of logits; and the backward pass of the
    last layer, which has two gradients of feed-forward size, those of the residual stream, and
    that of the largest matrix.
    """
    shape, a, tokens = model.shape, stage.width, stage.batch.tokens
    head = FLOAT32_BYTES * model.head if stage.adapter is None else 0
    rows = min(rows_at_once(shape.vocabulary), tokens)
    logits = FLOAT32_BYTES * rows * shape.vocabulary * (2 if shape.softcap else 1)
    largest = max(map(prod, model.inner.values())) if stage.adapter is None else 0
    matrix = largest * (FLOAT32_BYTES if a == FLOAT32_BYTES else a + FLOAT32_BYTES)
    stream = tokens * (2 * a * shape.feed_forward + (FLOAT32_BYTES + a) * shape.hidden)
    return 2 * FLOAT32_BYTES * tokens * shape.hidden + head + max(logits, stream + matrix)


def unsharded_memory(model: ModelDescription, stage: TrainingPlan) -> MemoryUse:
    """A GPU that holds everything; under autocast also half-precision copies of the matrices."""
    inner = count_parameters(model.inner)
    weights = FLOAT32_BYTES * model.parameters
    if stage.adapter is not None and stage.adapter.quantized:
        weights, inner = weights - round((FLOAT32_BYTES - NF4_BYTES) * inner), 0
    cast = inner + (trained_parameters(model, stage)[0] if stage.adapter else 0)
    copies = stage.width * cast if stage.width < FLOAT32_BYTES else 0
    return MemoryUse(
        weights=weights + copies,
        gradients=FLOAT32_BYTES * sum(trained_parameters(model, stage)),
        optimizer=optimizer_bytes(model, stage),
        activations=activation_bytes(model, stage),
        loss=loss_bytes(model, stage),
    )


def memory_per_gpu(model: ModelDescription, stage: TrainingPlan, gpus: int) -> MemoryUse:
    """Each of `gpus` GPUs that shard weights, gradients and optimizer states evenly.

    Two layers (one in use, one being fetched) and the head are gathered, in the training's
    precision, and the gradients of two layers are complete until they are reduced.
    """
    unsharded, layers = unsharded_memory(model, stage), model.shape.layers
    if gpus == 1:
        return unsharded
    gathered = stage.width * (2 * count_parameters(model.inner) // layers + model.head)
    unreduced = stage.width * 2 * trained_parameters(model, stage)[0] // layers
    return MemoryUse(
        weights=ceil(FLOAT32_BYTES * model.parameters / gpus) + gathered,
        gradients=ceil(unsharded.gradients / gpus) + unreduced,
        optimizer=ceil(unsharded.optimizer / gpus),
        activations=unsharded.activations,
        loss=unsharded.loss,
    )


def reserved_bytes(gpu: int) -> int:
    """What the plan leaves free of `gpu` bytes, by assumption: `CONTEXT` and `FRAGMENTATION`."""
    return CONTEXT + round(FRAGMENTATION * gpu)


def fits(needs: Sequence[MemoryUse], gpu: int) -> bool:
    """Whether a GPU of `gpu` bytes can run these trainings, one after another."""
    return all(need.total + reserved_bytes(gpu) <= gpu for need in needs)
