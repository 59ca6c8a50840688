"""The losses of `losses.py` fused with the output head, so that all logits never exist at once.

Only tokens with a label reach the head, a chunk at a time, and the forward pass also computes the
gradients, while the logits of the chunk are there:

    d loss / d logits = slope * (onehot(y) - q),   q = softmax over the classes other than y
    slope = -weight * sigmoid(-log_odds) for likelihood, weight * sigmoid(log_odds) for unlikelihood

With alternatives, onehot(y) becomes the softmax over the label and its alternatives, and q that
over all other classes.

Weights by reach cost nothing here: the log-odds of a chunk are known before its slopes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor
from torch.autograd.function import once_differentiable

from ontarget.training.logits import rows_at_once
from ontarget.training.losses import (
    IGNORE,
    Alternatives,
    Labels,
    Logits,
    Nats,
    likelihood,
    log_reach,
    unlikelihood,
)

CACHE_NUMBERS = 1 << 19  # float32 numbers that fit the cache of a CPU core: 2 MB
TILE_CLASSES = 16_384  # rows of a half-precision head that are widened at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What turns hidden states into logits: scale * (hidden @ weight.T + low @ up.T + bias)."""

    weight: Float[Tensor, "vocab dim"]
    bias: Float[Tensor, " vocab"] | None = None
    adapter: tuple[Float[Tensor, "token rank"], Float[Tensor, "vocab rank"]] | None = None
    scale: float = 1.0  # Cohere's logit_scale, the inverse of Granite's logits_scaling
    softcap: float | None = None  # logits become softcap * tanh(logits / softcap), as in Gemma 2


class LossAndLogOdds(NamedTuple):
    """The summed loss, and the log-odds it was computed from."""

    loss: Float[Tensor, ""]
    log_odds: Nats  # of every token, detached; 0 where there is no label


class TokenTargets(NamedTuple):
    """Label, kind of loss and weight of each token."""

    labels: Labels
    unlikely: Bool[Tensor, " token"]
    weights: Float[Tensor, " token"]
    continues: Bool[Tensor, " token"]  # its weight is multiplied by its reach
    alternatives: Alternatives


def fused_loss(  # noqa: PLR0913 - a token's label, kind of loss and weight belong together
    hidden: Float[Tensor, "token dim"],
    head: Float[Tensor, "vocab dim"] | Head,
    labels: Labels,
    unlikely: Bool[Tensor, " token"],
    weights: Float[Tensor, " token"],
    *,
    continues: Bool[Tensor, " token"] | None = None,
    alternatives: Alternatives | None = None,
    chunk: int | None = None,
) -> LossAndLogOdds:
    """Sum over labelled tokens of weight * -log p, or of weight * -log(1 - p) where `unlikely`.

    Where `continues`, the weight is multiplied by the token's reach, see `losses.log_reach`; no
    gradient passes through it. p is that of the label and its `alternatives` together. At most
    `chunk` rows of logits exist at a time, by default `rows_at_once`. Arithmetic is in float32 or
    wider, whatever the inputs are. The backward pass can run only once.

    Raises:
        ValueError: a label or an alternative is not a class.
    """
    head = Head(weight=head) if isinstance(head, Tensor) else head
    low, up = head.adapter or (None, None)
    chunk = chunk or rows_at_once(len(head.weight))
    dtype = torch.promote_types(head.weight.dtype, torch.float32)
    continues = torch.zeros_like(unlikely) if continues is None else continues
    alternatives = labels.new_empty(len(labels), 0) if alternatives is None else alternatives
    targets = TokenTargets(labels, unlikely, weights.detach().to(dtype), continues, alternatives)
    inputs = [hidden, head.weight, low, up, head.bias]
    if not torch.is_grad_enabled():  # an autograd function is not told so
        inputs = [None if tensor is None else tensor.detach() for tensor in inputs]
    with torch.autocast(hidden.device.type, enabled=False):
        outputs = FusedLossFunction.apply(  # type: ignore[no-untyped-call]
            targets, head, chunk, *inputs
        )
    return LossAndLogOdds(*outputs)


class FusedLossFunction(torch.autograd.Function):
    """Computes loss and gradients in the forward pass; the backward pass only scales them."""

    @staticmethod
    def forward(
        ctx: Any, targets: TokenTargets, head: Head, chunk: int, *inputs: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """`inputs` are hidden, weight, low, up, bias: everything that may need a gradient."""
        dtype, vocab = targets.weights.dtype, len(head.weight)
        grads = [
            torch.zeros_like(tensor, dtype=dtype) if tensor is not None and needed else None
            for tensor, needed in zip(inputs, ctx.needs_input_grad[3:], strict=True)
        ]
        labelled = labelled_tokens(targets.labels, targets.alternatives, vocab)
        loss = head.weight.new_zeros((), dtype=dtype)
        log_odds = head.weight.new_zeros(len(targets.labels), dtype=dtype)
        buffer = head.weight.new_empty(min(chunk, len(labelled)), vocab, dtype=dtype)
        reached = log_odds.new_zeros((), dtype=torch.float64) if targets.continues.any() else None
        for tokens in labelled.tensor_split(max(1, math.ceil(len(labelled) / chunk))):
            states = [tensor[tokens] for tensor in inputs[:3:2] if tensor is not None]
            classes = [tensor for tensor in inputs[1:4:2] if tensor is not None]
            logits, cap_slope = compute_logits(states, classes, head, buffer[: len(tokens)])
            chosen = TokenTargets(*(tensor[tokens] for tensor in targets))
            m, weights, reached = replace_by_slopes_(logits, chosen, reached)
            log_odds[tokens] = m
            nats = torch.where(chosen.unlikely, unlikelihood(m), likelihood(m))
            loss += (weights * nats).sum()
            if any(grad is not None for grad in grads):
                slopes = logits if cap_slope is None else logits.mul_(cap_slope)
                slopes = slopes.mul_(head.scale) if head.scale != 1 else slopes
                add_gradients(slopes, tokens, states, classes, grads)
            del cap_slope  # as large as the chunk's logits; the next chunk makes another
        ctx.grads = grads
        ctx.dtypes = [None if tensor is None else tensor.dtype for tensor in inputs]
        ctx.mark_non_differentiable(log_odds)
        return loss, log_odds

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients times `upstream`, each in the type of its input."""
        grads, ctx.grads = ctx.grads, None
        if grads is None:
            raise RuntimeError("the fused loss keeps its gradients for one backward pass only")
        # Multiplying by 1 would be one more pass over the head; on a GPU, item() would wait for it.
        is_one = upstream.device.type == "cpu" and upstream.item() == 1.0
        scaled = (
            None if grad is None else (grad if is_one else grad.mul_(upstream)).to(dtype)
            for grad, dtype in zip(grads, ctx.dtypes, strict=True)
        )
        return (None, None, None, *scaled)


def labelled_tokens(
    labels: Labels, alternatives: Alternatives, vocab: int
) -> Int[Tensor, " labelled"]:
    """Indices of the tokens that have a label.

    Raises:
        ValueError: a label or an alternative is not a class.
    """
    tokens = (labels != IGNORE).nonzero().squeeze(1)
    given = torch.cat([labels[tokens], alternatives[alternatives != IGNORE]])
    if len(given):
        lowest, highest = given.min().item(), given.max().item()
        if lowest < 0 or highest >= vocab:
            raise ValueError(f"labels span {lowest}..{highest}, classes 0..{vocab - 1}")
    return tokens


def compute_logits(
    states: Sequence[Float[Tensor, "token _"]],
    classes: Sequence[Float[Tensor, "vocab _"]],
    head: Head,
    logits: Logits,
) -> tuple[Logits, Logits | None]:
    """The model's logits, written into `logits`, and the derivative of the soft cap, if any."""
    logits.zero_()
    for state, vectors in zip(states, classes, strict=True):
        for tile in tiles(vectors, logits.dtype):
            add_product_(logits[:, tile], state, vectors[tile].T)
    if head.bias is not None:
        logits.add_(head.bias)
    if head.scale != 1:
        logits.mul_(head.scale)
    if head.softcap is None:
        return logits, None
    logits.div_(head.softcap).tanh_()
    cap_slope = logits.square().neg_().add_(1)  # in place: no third copy of the chunk
    return logits.mul_(head.softcap), cap_slope


def replace_by_slopes_(
    logits: Logits, targets: TokenTargets, reached: Float[Tensor, ""] | None
) -> tuple[Nats, Float[Tensor, " token"], Float[Tensor, ""] | None]:
    """Replace logits by the gradient of the weighted loss in them.

    `reached` is log(reach * p) of the token before the first, None without weights by reach.
    Returns the log-odds, the weights with their reach, and `reached` of the last token. On a CPU a
    few rows at a time, so that they stay in the cache from one operation to the next.
    """
    on_cpu = logits.device.type == "cpu"
    block = max(1, CACHE_NUMBERS // logits.shape[1]) if on_cpu else len(logits)
    log_odds, weights = [], []
    for rows, *rest in zip(*(torch.split(t, block) for t in (logits, *targets)), strict=True):
        chosen = TokenTargets(*rest)
        members = torch.cat([chosen.labels.unsqueeze(1), chosen.alternatives], 1)
        m, shares, others = replace_by_odds_(rows, members)
        if reached is not None:
            reach = log_reach(m, chosen.continues, reached)
            reached = (reach - likelihood(m))[-1]
            chosen = chosen._replace(weights=chosen.weights * reach.exp().to(m.dtype))
        sign = torch.where(chosen.unlikely, 1.0, -1.0)
        slope = (chosen.weights * sign * torch.sigmoid(sign * m)).unsqueeze(1)
        rows.mul_(-slope / others).scatter_(1, filled(members, members), slope * shares)
        log_odds.append(m)
        weights.append(chosen.weights)
    return torch.cat(log_odds), torch.cat(weights), reached


def replace_by_odds_(
    logits: Logits, members: Int[Tensor, "token set"]
) -> tuple[Nats, Float[Tensor, "token set"], Float[Tensor, "token 1"]]:
    """Replace logits by odds to the likeliest other class, 0 for the members of each token's set.

    Returns the log-odds of the sets, the share of each member in its set, and the sums of the rows.
    """
    index = filled(members, members)
    of_members = logits.gather(1, index).masked_fill_(members == IGNORE, -torch.inf)
    highest = logits.scatter_(1, index, -torch.inf).amax(1, keepdim=True)
    others = logits.sub_(highest).exp_().sum(1, keepdim=True)
    m = of_members.logsumexp(1, keepdim=True) - highest - others.log()
    return m.squeeze(1), filled(of_members.softmax(1), members), others


def filled(
    values: Shaped[Tensor, "token set"], members: Int[Tensor, "token set"]
) -> Shaped[Tensor, "token set"]:
    """`values` with that of the label, the first member, where a token has fewer members."""
    return torch.where(members == IGNORE, values[:, :1], values)


def add_gradients(
    slopes: Logits,
    tokens: Int[Tensor, " token"],
    states: Sequence[Tensor],
    classes: Sequence[Tensor],
    grads: Sequence[Tensor | None],
) -> None:
    """Add what these tokens contribute to the gradients of hidden, weight, low, up and bias."""
    for index, (state, vectors) in enumerate(zip(states, classes, strict=True)):
        state_grad, vectors_grad = grads[2 * index : 2 * index + 2]
        for tile in tiles(vectors, slopes.dtype):
            if state_grad is not None:
                state_grad[tokens] += product(slopes[:, tile], vectors[tile], slopes.dtype)
            if vectors_grad is not None:
                add_product_(vectors_grad[tile], slopes[:, tile].T, state)
    if grads[-1] is not None:
        grads[-1].add_(slopes.sum(0))


def tiles(vectors: Tensor, dtype: torch.dtype) -> list[slice]:
    """Slices of the classes: a head of another type is converted to `dtype` part by part."""
    size = len(vectors) if vectors.dtype == dtype else TILE_CLASSES
    return [slice(start, start + size) for start in range(0, len(vectors), size)]


def product(
    left: Float[Tensor, "row inner"], right: Float[Tensor, "inner column"], dtype: torch.dtype
) -> Float[Tensor, "row column"]:
    """The matrix product in `dtype`, whatever the types of the factors."""
    return left.to(dtype) @ right.to(dtype)


def add_product_(total: Tensor, left: Tensor, right: Tensor) -> None:
    """total += left @ right, in place where the types agree."""
    if left.dtype == right.dtype == total.dtype:
        total.addmm_(left, right)
    else:
        total += product(left, right, total.dtype)
