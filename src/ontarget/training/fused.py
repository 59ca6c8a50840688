"""The losses of both tuning stages, per response token and fused with the model's head.

Both come from the log-odds of a label y against the other classes, finite for finite logits z:

    odds = z_y - log sum_{j != y} exp z_j                      so that p(y) = sigmoid(odds)

    likelihood    -log p(y)       = softplus(-odds)            true samples, both stages
    unlikelihood  -log(1 - p(y))  = softplus(odds)             conflict samples, stage 2

Never form 1 - p(y): from odds of 16 nats on it is 0 in float32 (6 in bfloat16); clamped, as is
usual, it has no gradient just where the model is surest of a wrong answer.

Sources: unlikelihood, Welleck et al. 2019, arXiv 1908.04319; conflict samples, Zan et al. 2024,
arXiv 2403.14399.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

from ontarget.training.losses import IGNORE, Labels, Nats

CACHED = 1 << 19  # numbers that stay in a core's cache: 2 MB of float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What turns hidden states into logits: scale * (hidden @ weight.T + low @ up.T + bias)."""

    weight: Float[Tensor, "vocab dim"]
    bias: Float[Tensor, " vocab"] | None = None
    adapter: tuple[Float[Tensor, "token rank"], Float[Tensor, "vocab rank"]] | None = None
    scale: float = 1.0  # Cohere's logit_scale, the inverse of Granite's logits_scaling
    softcap: float | None = None  # then logits become softcap * tanh(logits / softcap), as Gemma's


class LossAndLogOdds(NamedTuple):
    """The fused loss, and what logs are made of."""

    loss: Float[Tensor, ""]
    odds: Nats  # of every token, detached; 0 where there is no label


class TokenTargets(NamedTuple):
    """What each token is judged by."""

    labels: Labels
    unlikely: Bool[Tensor, " token"]
    weights: Float[Tensor, " token"]


def fused_loss(  # noqa: PLR0913 - a token's label, sign and weight belong side by side
    hidden: Float[Tensor, "token dim"],
    head: Float[Tensor, "vocab dim"] | Head,
    labels: Labels,
    unlikely: Bool[Tensor, " token"],
    weights: Float[Tensor, " token"],
    *,
    chunk: int = 512,
) -> LossAndLogOdds:
    """Sum over labelled tokens of weight * -log p, or weight * -log(1 - p) where `unlikely`.

    Only rows with a label reach the head, `chunk` of them at a time, and the gradients are
    computed beside the loss, so that of all logits no more than `chunk` rows ever exist:

        d loss / dz = slope * (onehot(y) - q),   q = softmax over the other classes
        slope = -weight * sigmoid(-odds) for likelihood, weight * sigmoid(odds) for unlikelihood

    Arithmetic is float32 or wider whatever the inputs are. Backward can be run once.

    Raises:
        ValueError: a label is not a class.
    """
    whole = Head(weight=head) if isinstance(head, Tensor) else head
    low, up = whole.adapter or (None, None)
    exact = torch.promote_types(whole.weight.dtype, torch.float32)
    targets = TokenTargets(labels, unlikely, weights.detach().to(exact))
    with torch.autocast(hidden.device.type, enabled=False):
        found = FusedLossFunction.apply(  # type: ignore[no-untyped-call]
            targets, whole, chunk, hidden, whole.weight, low, up, whole.bias
        )
    return LossAndLogOdds(*found)


class FusedLossFunction(torch.autograd.Function):
    """Forward computes the gradients too; backward hands them on."""

    @staticmethod
    def forward(
        ctx: Any, targets: TokenTargets, head: Head, chunk: int, *inputs: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """`inputs` are hidden, weight, low, up, bias: all that may want a gradient."""
        exact = targets.weights.dtype
        grads = [
            torch.zeros_like(each, dtype=exact) if each is not None and asked else None
            for each, asked in zip(inputs, ctx.needs_input_grad[3:], strict=True)
        ]
        rows = labelled_rows(targets.labels, len(head.weight))
        loss = head.weight.new_zeros((), dtype=exact)
        odds = head.weight.new_zeros(len(targets.labels), dtype=exact)
        room = head.weight.new_empty(min(chunk, len(rows)), len(head.weight), dtype=exact)
        for at in rows.tensor_split(max(1, math.ceil(len(rows) / chunk))):
            states = [each[at] for each in inputs[:3:2] if each is not None]
            classes = [each for each in inputs[1:4:2] if each is not None]
            z, bend = compute_logits(states, classes, head, room[: len(at)])
            chosen = TokenTargets(*(each[at] for each in targets))
            odds[at] = found = replace_by_slopes_(z, chosen)
            loss += (chosen.weights * softplus(torch.where(chosen.unlikely, found, -found))).sum()
            if any(each is not None for each in grads):
                z = z if bend is None else z.mul_(bend)
                add_gradients(
                    z.mul_(head.scale) if head.scale != 1 else z, at, states, classes, grads
                )
        ctx.grads, ctx.dtypes = grads, [None if each is None else each.dtype for each in inputs]
        ctx.mark_non_differentiable(odds)
        return loss, odds

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients times `upstream`, each in the type of its input."""
        grads, ctx.grads = ctx.grads, None
        if grads is None:
            raise RuntimeError("the fused loss keeps its gradients for one backward pass only")
        one = upstream.device.type == "cpu" and upstream.item() == 1.0  # a pass over the head saved
        scaled = (
            None if grad is None else (grad if one else grad.mul_(upstream)).to(dtype)
            for grad, dtype in zip(grads, ctx.dtypes, strict=True)
        )
        return (None, None, None, *scaled)


def labelled_rows(labels: Labels, vocab: int) -> Int[Tensor, " row"]:
    """The places of the tokens that have a label.

    Raises:
        ValueError: a label is not a class.
    """
    rows = (labels != IGNORE).nonzero().squeeze(1)
    if len(rows):
        first, last = labels[rows].min().item(), labels[rows].max().item()
        if first < 0 or last >= vocab:
            raise ValueError(f"labels span {first}..{last}, classes 0..{vocab - 1}")
    return rows


def compute_logits(
    states: Sequence[Float[Tensor, "row _"]],
    classes: Sequence[Float[Tensor, "vocab _"]],
    head: Head,
    z: Float[Tensor, "row vocab"],
) -> tuple[Float[Tensor, "row vocab"], Float[Tensor, "row vocab"] | None]:
    """Logits as the model means them, written over `z`; and the slope of the soft cap, if any."""
    z.zero_()
    for state, vectors in zip(states, classes, strict=True):
        for tile in tiles(vectors, z.dtype):
            add_product_(z[:, tile], state, vectors[tile].T)
    if head.bias is not None:
        z.add_(head.bias)
    if head.scale != 1:
        z.mul_(head.scale)
    if head.softcap is None:
        return z, None
    z.div_(head.softcap).tanh_()
    bend = 1 - z.square()
    return z.mul_(head.softcap), bend


def replace_by_slopes_(
    z: Float[Tensor, "row vocab"], targets: TokenTargets
) -> Float[Tensor, " row"]:
    """Turn logits into the gradient of the loss by them, in place; returns the log-odds.

    A CPU takes a few rows at a time, so that they stay in its cache from one pass to the next.
    """
    few = max(1, CACHED // z.shape[1]) if z.device.type == "cpu" else len(z)
    parts = zip(torch.split(z, few), *(torch.split(each, few) for each in targets), strict=True)
    return torch.cat(
        [replace_block_by_slopes_(part, TokenTargets(*of_part)) for part, *of_part in parts]
    )


def replace_block_by_slopes_(
    z: Float[Tensor, "row vocab"], targets: TokenTargets
) -> Float[Tensor, " row"]:
    """The same for rows that fit the cache."""
    y = targets.labels.unsqueeze(1)
    own = z.gather(1, y)
    top = z.scatter_(1, y, -torch.inf).amax(1, keepdim=True)
    others = z.sub_(top).exp_().sum(1, keepdim=True)
    odds = own - top - others.log()
    sign = torch.where(targets.unlikely, 1.0, -1.0).unsqueeze(1)
    slope = targets.weights.unsqueeze(1) * sign * torch.sigmoid(sign * odds)
    z.mul_(-slope / others).scatter_(1, y, slope)
    return odds.squeeze(1)


def add_gradients(
    z: Float[Tensor, "row vocab"],
    at: Int[Tensor, " row"],
    states: Sequence[Tensor],
    classes: Sequence[Tensor],
    grads: Sequence[Tensor | None],
) -> None:
    """Add the part of these rows to the gradients of hidden, weight, low, up and bias."""
    for index, (state, vectors) in enumerate(zip(states, classes, strict=True)):
        of_state, of_vectors = grads[2 * index : 2 * index + 2]
        for tile in tiles(vectors, z.dtype):
            if of_state is not None:
                of_state[at] += product(z[:, tile], vectors[tile], z.dtype)
            if of_vectors is not None:
                add_product_(of_vectors[tile], z[:, tile].T, state)
    if grads[-1] is not None:
        grads[-1].add_(z.sum(0))


def tiles(vectors: Tensor, exact: torch.dtype) -> list[slice]:
    """The classes in parts, so that no whole head is widened; in one where none has to be."""
    size = len(vectors) if vectors.dtype == exact else 16_384
    return [slice(start, start + size) for start in range(0, len(vectors), size)]


def product(
    one: Float[Tensor, "row inner"], other: Float[Tensor, "inner column"], exact: torch.dtype
) -> Float[Tensor, "row column"]:
    """The matrix product in `exact`, of factors of any type."""
    return one.to(exact) @ other.to(exact)


def add_product_(total: Tensor, one: Tensor, other: Tensor) -> None:
    """total += one @ other, without a copy of `total` where the types allow it."""
    if one.dtype == other.dtype == total.dtype:
        total.addmm_(one, other)
    else:
        total += product(one, other, total.dtype)
