"""Gradient errors against float64, by the log-odds of the label: ours and the usual formula.

    python benchmarks/gradients.py

The head is the identity, so that logits are given exactly and the error is the loss's own. Error:
the largest difference of any entry, as a share of the largest entry of the exact gradient of labels
with these log-odds. "usual" is softmax, clamp and log on full logits, autograd does the rest.
"""

import torch
from measure import machine
from reference import reference
from torch import Tensor

from ontarget.training.fused import fused_loss

VOCABULARY, TOKENS = 1000, 64
ODDS = (-30, -20, -10, -5, 0, 5, 10, 16, 20, 30)


def inputs(odds: float, unlikely: bool, dtype: torch.dtype) -> list[Tensor]:
    """Random logits of tokens whose labels have these log-odds, as nearly as `dtype` can say."""
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(TOKENS, VOCABULARY, generator=rng, dtype=torch.float64)
    labels = torch.randint(VOCABULARY, (TOKENS, 1), generator=rng)
    others = logits.scatter(1, labels, -torch.inf).logsumexp(1, keepdim=True)
    return [
        logits.scatter(1, labels, others + odds).to(dtype),
        torch.eye(VOCABULARY, dtype=dtype),
        labels.squeeze(1),
        torch.full((TOKENS,), unlikely),
        torch.ones(TOKENS),
    ]


def exact(given: list[Tensor]) -> Tensor:
    """The gradient by the logits in float64, by log-odds and autograd."""
    logits, labels = given[0].double().requires_grad_(), given[2][:, None]
    others = logits.scatter(1, labels, -torch.inf).logsumexp(1, keepdim=True)
    sign = torch.where(given[3], 1.0, -1.0)[:, None]
    loss = torch.nn.functional.softplus(sign * (logits.gather(1, labels) - others)).sum()
    return torch.autograd.grad(loss, logits)[0]


def errors(odds: float, unlikely: bool, dtype: torch.dtype) -> tuple[float, float]:
    """Ours and the usual one's."""
    given = inputs(odds, unlikely, dtype)
    wanted = exact(given)
    given[0].requires_grad_()
    losses = fused_loss(*given).loss, reference(*given)
    found = (torch.autograd.grad(loss, given[0])[0].double() for loss in losses)
    ours, usual = (((each - wanted).abs().max() / wanted.abs().max()).item() for each in found)
    return ours, usual


def main() -> None:
    """One table a precision."""
    print(f"gradient errors, {machine()}; vocabulary {VOCABULARY}")
    for dtype in (torch.float32, torch.bfloat16):
        print(f"{dtype!s:16}  likelihood ours    usual   unlikelihood ours    usual")
        for odds in ODDS:
            (ours, usual), (ours_un, usual_un) = (errors(odds, u, dtype) for u in (False, True))
            print(f"odds {odds:4d} {ours:23.1e} {usual:8.1e} {ours_un:19.1e} {usual_un:8.1e}")


if __name__ == "__main__":
    main()
