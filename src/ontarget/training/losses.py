"""The two losses, as functions of a label's log-odds against all other classes.

    log_odds(y)   = z_y - log sum_{j != y} exp z_j        so that p(y) = sigmoid(log_odds)

    likelihood    -log p(y)       = softplus(-log_odds)   true samples, both stages
    unlikelihood  -log(1 - p(y))  = softplus(log_odds)    conflict samples, stage 2

Neither 1 - p(y) nor its logarithm is ever formed: from log-odds of 16 nats on, 1 - p(y) rounds to
0 in float32 (from 6 in bfloat16), and the usual clamp then removes the gradient exactly where the
model is surest of a wrong answer.

Sources: unlikelihood, Welleck et al. 2019, arXiv 1908.04319; conflict samples, Zan et al. 2024,
arXiv 2403.14399.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import softplus

IGNORE = -100  # label of prompt and padding tokens, as in torch.nn.functional.cross_entropy

Logits = Float[Tensor, "token vocab"]
Labels = Int[Tensor, " token"]
Nats = Float[Tensor, " token"]


def log_odds(logits: Logits, labels: Labels) -> Nats:
    """log(p / (1 - p)) of each label; finite for finite logits, in the precision of `logits`."""
    index = labels.unsqueeze(-1)
    others = logits.scatter(-1, index, -torch.inf).logsumexp(-1)
    return logits.gather(-1, index).squeeze(-1) - others


def likelihood(log_odds: Nats) -> Nats:
    """-log p of each label; the slope in the log-odds is p - 1."""
    return softplus(-log_odds)


def unlikelihood(log_odds: Nats) -> Nats:
    """-log(1 - p) of each label; the slope in the log-odds is p."""
    return softplus(log_odds)
