"""Source- and language-contrastive decoding (arXiv 2309.07098).

A token scores log(p(y | x, l) - sum of w p(y | x', l) - sum of v p(y | x, l')): it should be likely
for the source under the instruction, and unlikely for another source x' or under an instruction
that names another language l'. Probabilities are those of one model.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ontarget.decoding.ways.plan import Contrast, Material, Plan
from ontarget.decoding.ways.settings import Contrastive
from ontarget.records import Sample

FLOOR = 1e-20  # a token that the contrasts find likelier has this, times its probability


def apply(settings: Contrastive, plan: Plan, material: Material) -> Plan:
    """The plan with a contrast or two for each sample."""
    contrasts = list(plan.contrasts)
    if settings.language:
        others = tuple(other_language(one, material.languages) for one in plan.samples)
        contrasts.append(Contrast(samples=others, weight=settings.language))
    if settings.source:
        sources = tuple(other_source(one, material) for one in plan.samples)
        contrasts.append(Contrast(samples=sources, weight=settings.source))
    return replace(plan, contrasts=tuple(contrasts))


def other_language(sample: Sample, languages: Sequence[str]) -> Sample:
    """The sample asked for in the pivot; if that is what it asks for, in its source language."""
    pivot = languages[0]
    other = sample.source_lang if sample.asked_lang == pivot else pivot
    return replace(sample, asked_lang=other)


def other_source(sample: Sample, material: Material) -> Sample:
    """The sample with another source in the same language, by chance.

    Raises:
        ModelError: there is no text in this language.
    """
    sources = set(material.text_of(sample.source_lang, "contrastive")) - {sample.source}
    return replace(sample, source=random.Random(sample.key).choice(sorted(sources) or [""]))


def contrast(log_probabilities: Tensor, weights: Sequence[float]) -> Tensor:
    """Scores of groups ("group row token"): the first row of each against the others."""
    rows = log_probabilities.double().exp()
    first = rows[:, 0]
    against = torch.tensor(weights, dtype=rows.dtype, device=rows.device)
    left = first - torch.einsum("grt,r->gt", rows[:, 1:], against)
    return torch.maximum(left, FLOOR * first).log().to(log_probabilities.dtype)
