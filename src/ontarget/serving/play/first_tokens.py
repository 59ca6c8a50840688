"""How likely an answer begins in each language, from the first token alone."""

from collections import Counter
from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor

from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import build_responses
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample

FirstTokens = Mapping[str, Mapping[int, int]]  # language -> first token -> references


def count_first_tokens(
    loaded: LoadedModel, samples: Sequence[Sample], prompt_format: PromptFormat
) -> FirstTokens:
    """How many references of each language begin with each token, in the model's vocabulary."""
    counts: dict[str, Counter[int]] = {}
    rows = build_responses(loaded, samples, prompt_format)
    for sample, row in zip(samples, rows, strict=True):
        counts.setdefault(sample.target_lang, Counter())[row[0]] += 1
    return counts


def answering_languages(
    probabilities: Float[Tensor, " vocab"], counts: FirstTokens
) -> dict[str, float]:
    """The probability (0-1) that an answer begins in each language of `counts`.

    With p(t) the probability of first token t, and c(l, t) the references of language l that begin
    with it, the probability of l is the sum over t of p(t) c(l, t) / sum over k of c(k, t). Tokens
    that begin no reference belong to no language, so the sum over languages is at most 1.
    """
    total: Counter[int] = Counter()
    for tokens in counts.values():
        total.update(tokens)
    likely = {token: float(probabilities[token]) for token in total}
    return {
        language: sum(likely[token] * count / total[token] for token, count in tokens.items())
        for language, tokens in counts.items()
    }
