"""Muon for small models on CPUs: the update of torch.optim.Muon, equal shapes as one batch.

torch.optim.Muon orthogonalises one matrix at a time in bfloat16, which CPUs without bfloat16
units emulate; here all matrices of a shape go through the iteration together in float32.
`benchmarks/muon.py` measures what that saves. Only step 0 and the demo use it: tuning a
pretrained model uses AdamW. Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
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
    """Each matrix with its singular values brought near 1 (about 0.7 to 1.2)."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(Optimizer):
    """Muon on the matrices, AdamW on everything else.

    Both share `param_groups` and `state`, so that one learning-rate schedule drives them and one
    checkpoint holds them.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], others: AdamW, *, lr: float) -> None:
        super().__init__(list(matrices), {"lr": lr})
        self.others = others
        self.param_groups += others.param_groups
        others.state = self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a saved state, of both."""
        super().load_state_dict(state_dict)
        self.others.param_groups, self.others.state = self.param_groups[1:], self.state

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        if closure is not None:
            raise ValueError("Muon takes no closure")
        self.others.step()
        group = self.param_groups[0]
        shapes: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for parameter in group["params"]:
            if parameter.grad is not None:
                shapes[parameter.shape].append(parameter)
        for shape, parameters in shapes.items():
            update = orthogonalize(torch.stack([self._nesterov(each) for each in parameters]))
            scale = -group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
            for parameter, change in zip(parameters, update, strict=True):
                parameter.add_(change, alpha=scale)

    def _nesterov(self, parameter: Tensor) -> Tensor:
        assert parameter.grad is not None
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].lerp_(parameter.grad, 1 - MOMENTUM)
        return torch.lerp(parameter.grad, momentum, MOMENTUM)


def make_muon(model: nn.Module, *, lr: float, adamw_lr: float) -> Muon:
    """Muon on the matrices inside the layers of `model`, AdamW on embeddings, head and norms."""
    embeddings = {id(each.weight) for each in model.modules() if isinstance(each, nn.Embedding)}
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        inner = parameter.ndim == 2 and id(parameter) not in embeddings and "lm_head" not in name
        (matrices if inner else others).append(parameter)
    return Muon(matrices, AdamW(others, lr=adamw_lr, betas=ADAMW_BETAS, weight_decay=0.0), lr=lr)
