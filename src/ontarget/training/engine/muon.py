"""Muon for small models on CPUs: the update of torch.optim.Muon, batched over equal shapes.

torch.optim.Muon orthogonalizes one matrix at a time in bfloat16, which most CPUs emulate; here all
matrices of a shape are orthogonalized together in float32 (`benchmarks/muon.py` measures it). Only
pretraining from scratch uses Muon. Source: Jordan et al. 2024,
https://kellerjordan.github.io/posts/muon/
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic Newton-Schulz iteration
ITERATIONS = 5
MOMENTUM = 0.95
ADAMW_BETAS = (0.9, 0.95)

Matrices = Float[Tensor, "matrix row column"]


def orthogonalize(matrices: Matrices) -> Matrices:
    """Bring the singular values of each matrix near 1 (about 0.7 to 1.2), by Newton-Schulz."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(Optimizer):
    """Muon on matrices, AdamW on all other parameters.

    Both share `param_groups` and `state`, so one learning-rate schedule drives both and one
    checkpoint holds both.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], others: AdamW, *, lr: float) -> None:
        super().__init__(list(matrices), {"lr": lr})
        self.others = others
        self.param_groups += others.param_groups
        others.state = self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state of both optimizers."""
        super().load_state_dict(state_dict)
        self.others.param_groups, self.others.state = self.param_groups[1:], self.state

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        if closure is not None:
            raise ValueError("Muon takes no closure")
        self.others.step()
        group = self.param_groups[0]
        by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for parameter in group["params"]:
            if parameter.grad is not None:
                by_shape[parameter.shape].append(parameter)
        for shape, parameters in by_shape.items():
            updates = orthogonalize(torch.stack([self._nesterov(p) for p in parameters]))
            scale = -group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
            for parameter, update in zip(parameters, updates, strict=True):
                parameter.add_(update, alpha=scale)

    def _nesterov(self, parameter: Tensor) -> Tensor:
        assert parameter.grad is not None
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].lerp_(parameter.grad, 1 - MOMENTUM)
        return torch.lerp(parameter.grad, momentum, MOMENTUM)


def make_muon(model: nn.Module, *, lr: float, adamw_lr: float) -> Muon:
    """Muon on the matrices of the layers, AdamW on embeddings, head, norms and biases."""
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        is_outer = id(parameter) in embeddings or "lm_head" in name
        (matrices if parameter.ndim == 2 and not is_outer else others).append(parameter)
    return Muon(matrices, AdamW(others, lr=adamw_lr, betas=ADAMW_BETAS, weight_decay=0.0), lr=lr)
