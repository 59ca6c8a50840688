"""Faster matrix products of a few rows on a CPU.

Decoding multiplies a few rows, one for each sentence, with large weights. The library computes
x @ weight.T, for which CPU kernels read the weight badly when x has few rows: with a vocabulary of
262,144 and 8 rows it takes 2.5 times as long as the same product in the other order, weight @ x.T
(Gemma 3 270M, two cores). Only the order of the sums differs.

In any precision the library also multiplies rows that are not contiguous, such as the last tokens
of all prompts, by one copy of the weight for each sentence if the weight takes no gradient: with a
vocabulary of 262,144 and 32 sentences that is 10 GB. Contiguous rows are multiplied at once.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

MOST_ROWS = 64  # from 128 rows on the usual order is as fast


class FewRowsProducts(TorchFunctionMode):
    """Within this context, linear layers compute products of few rows in the faster order."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """`func`, or the same product in the other order or of contiguous rows."""
        if func is functional.linear and not kwargs:
            inputs, *others = args
            return product(*args) if is_faster(*args[:2]) else func(inputs.contiguous(), *others)
        return func(*args, **(kwargs or {}))


def is_faster(inputs: Tensor, weight: Tensor) -> bool:
    """Whether the other order is faster: on a CPU, in float32, with more than one row but few."""
    return (
        type(weight) in (Tensor, nn.Parameter)  # no part of a sharded weight
        and weight.device.type == "cpu"
        and inputs.dtype == weight.dtype == torch.float32
        and 1 < inputs.numel() // inputs.shape[-1] <= MOST_ROWS
    )


def product(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """inputs @ weight.T + bias, in the order weight @ inputs.T."""
    rows = (weight @ inputs.flatten(0, -2).T).T.contiguous()
    result = rows.view(*inputs.shape[:-1], len(weight))
    return result if bias is None else result + bias
