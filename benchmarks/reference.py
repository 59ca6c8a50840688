"""The loss as it is usually written: full logits, softmax, a clamp. Only to compare with."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ontarget.training.losses import IGNORE


def reference(
    hidden: Tensor, head: Tensor, labels: Tensor, unlikely: Tensor, weights: Tensor
) -> Tensor:
    """Same arguments and value as `fused_loss`; half-precision logits are softmaxed in float32."""
    logits = hidden @ head.T
    true, wrong = labels.clone(), labels.clone()
    true[unlikely], wrong[~unlikely] = IGNORE, IGNORE
    total = logits.new_zeros((), dtype=torch.float32)
    if (true != IGNORE).any():
        nats = cross_entropy(logits.float(), true, ignore_index=IGNORE, reduction="none")
        total = total + (weights * nats).sum()
    if (wrong != IGNORE).any():
        p = torch.softmax(logits, -1, dtype=torch.float32)
        own = p.gather(-1, wrong.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        nats = -torch.log((1 - own).clamp(min=1e-9))
        total = total + (weights * nats * (wrong != IGNORE)).sum()
    return total
