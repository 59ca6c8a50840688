"""The two losses, as functions of a label's log-odds against all other classes.

    log_odds(y)   = z_y - log sum_{j != y} exp z_j        so that p(y) = sigmoid(log_odds)

    likelihood    -log p(y)       = softplus(-log_odds)   true samples, both stages
    unlikelihood  -log(1 - p(y))  = softplus(log_odds)    conflict samples, stage 2

Neither 1 - p(y) nor its logarithm is ever formed: from log-odds of 16 nats on, 1 - p(y) rounds to
0 in float32 (from 6 in bfloat16), and the usual clamp then removes the gradient exactly where the
model is surest of a wrong answer.

In place of one label a conflict token can have a set: the label and its alternatives. p is then
their sum, y ranges over the set and j over all other classes. A model that spreads its probability
over many wrong words has no slope at any single one of them.

A conflict token can be weighted by its reach: the probability with which the model, under the same
instruction, gets as far as this token by itself. Only the tokens that decide the language then
count, and their number need not be chosen: when the first tokens give way, the later ones fade.

Sources: unlikelihood, Welleck et al. 2019, arXiv 1908.04319; conflict samples, Zan et al. 2024,
arXiv 2403.14399; the reach is our own (docs/results/real-models.md).
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import softplus

IGNORE = -100  # label of prompt and padding tokens, as in torch.nn.functional.cross_entropy

Logits = Float[Tensor, "token vocab"]
Labels = Int[Tensor, " token"]
Alternatives = Int[Tensor, "token set"]  # of a label; IGNORE where a token has fewer
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


def log_reach(
    log_odds: Nats, continues: Bool[Tensor, " token"], before: float | Tensor = 0.0
) -> Float[Tensor, " token"]:
    """The log of each token's reach: the sum of log p over the earlier tokens of its response.

    `continues` is False for the first token of each response, and for tokens that are to count
    fully; their reach is 1. `before` is log(reach * p) of the token before the first one. In
    float64, since one sum runs over all tokens.
    """
    log_p = -likelihood(log_odds.double())
    start = torch.as_tensor(before, dtype=log_p.dtype, device=log_p.device).reshape(1)
    previous = torch.cat([start, log_p])[:-1]
    total = torch.where(continues, previous, 0.0).cumsum(0)
    index = torch.arange(len(log_odds), device=log_odds.device)
    first = torch.where(continues, -1, index).cummax(0).values  # of the same response; -1: earlier
    return total - torch.where(first < 0, 0.0, total[first])
