"""Which tokens were plausible at each place of greedy answers, besides the ones that were taken."""

import math

from torch import FloatTensor, LongTensor
from transformers import LogitsProcessor

MOST = 64  # tokens at a place; and at most half of the vocabulary


class PlausibleTokens(LogitsProcessor):
    """Notes the tokens of at least `ratio` times the highest probability; changes no score.

    This is the adaptive plausibility constraint of contrastive decoding (arXiv 2210.15097).
    """

    def __init__(self, ratio: float) -> None:
        self.threshold = math.log(ratio)
        self.places: list[list[tuple[int, ...]]] = []  # of each token: those of each row

    def __call__(self, input_ids: LongTensor, scores: FloatTensor) -> FloatTensor:
        """Note the tokens of the next place; the likeliest, which is taken, is not among them."""
        highest, tokens = scores.topk(min(MOST, scores.shape[1] // 2))
        kept = highest[:, 1:] >= highest[:, :1] + self.threshold
        rows = zip(tokens[:, 1:].tolist(), kept.tolist(), strict=True)
        self.places.append(
            [tuple(token for token, k in zip(*row, strict=True) if k) for row in rows]
        )
        return scores
