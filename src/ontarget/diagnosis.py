"""Measurements on dev sentences: losses under right and wrong instructions, off-target, chrF."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ontarget import heads
from ontarget.asking import answered, asked, ends
from ontarget.batches import Example, padded, row
from ontarget.conflicts import wrong_target
from ontarget.decoding.hf import Search, generate
from ontarget.identify import FastText
from ontarget.losses import IGNORE
from ontarget.models import Loaded
from ontarget.offtarget import off_target
from ontarget.preflight import Examination, Measures, verdict
from ontarget.prompts import Asking
from ontarget.records import Direction, Sample
from ontarget.scores import quality
from ontarget.validation import Validated

BATCH = 16  # sequences at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What an examination depends on besides the model and the sentences."""

    languages: tuple[str, ...]
    supervised: tuple[Direction, ...]  # the losses are measured on these, as stage 2 trains on them
    asking: Asking
    seed: int
    max_new_tokens: int


def examine(
    loaded: Loaded,
    samples: Sequence[Sample],
    setting: Setting,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Examination:
    """Measure `loaded` on true samples and say which fault it has, if any.

    Raises:
        ModelError: the loss of a model of this family is not known.
    """
    heads.refuse_unknown(loaded.model, str(loaded.model.name_or_path or "the model"))
    loaded.model.eval()  # type: ignore[no-untyped-call]
    known = [s for s in samples if Direction(s.source_lang, s.target_lang) in setting.supervised]
    conflicts = [wrong_target(sample, setting.languages, setting.seed) for sample in known]
    right = odds(loaded, known, setting.asking)
    wrong = odds(loaded, conflicts, setting.asking)
    ratios, floors = off_target_by_direction(loaded, samples, setting, progress)
    measures = Measures(
        likelihood_nats=torch.nn.functional.softplus(-right).mean().item(),
        conflict_nats=torch.nn.functional.softplus(wrong).mean().item(),
        right_share=(right > 0).float().mean().item(),
        conflict_share=(wrong > 0).float().mean().item(),
        off_target_percent=ratios,
        reference_off_target_percent=floors,
    )
    return Examination(measures, verdict(measures))


@torch.inference_mode()
def odds(loaded: Loaded, samples: Sequence[Sample], how: Asking) -> torch.Tensor:
    """The log-odds, in nats, of every response token under its sample's instruction."""
    sides = asked(loaded, samples, how), answered(loaded, samples, how)
    rows = [row("", *pair) for pair in zip(*sides, strict=True)]
    rows.sort(key=lambda each: len(each.tokens))
    found = []
    for start in range(0, len(rows), BATCH):
        batch = padded([Example(rows=(each,)) for each in rows[start : start + BATCH]], loaded.pad)
        batch = {name: tensor.to(loaded.model.device) for name, tensor in batch.items()}
        labelled = batch["labels"][:, 1:].reshape(-1) != IGNORE
        weights = torch.zeros(batch["labels"].shape, device=loaded.model.device)
        found.append(heads.loss_of(loaded.model, weights=weights, **batch).odds[labelled].cpu())
    return torch.cat(found)


def off_target_by_direction(
    loaded: Loaded,
    samples: Sequence[Sample],
    setting: Setting,
    progress: Callable[[int, int], None],
) -> tuple[dict[str, float], dict[str, float]]:
    """Off-target percent of the model's greedy translations, and of the references."""
    texts = greedy(loaded, samples, setting, progress)
    identify = FastText(setting.languages)
    found = identify.languages_of(texts)
    floor = identify.languages_of([sample.target for sample in samples])
    return tuple(  # type: ignore[return-value]
        {
            str(direction): off_target([labels[i] for i in chosen], direction.target_lang).percent
            for direction, chosen in by_direction(samples).items()
        }
        for labels in (found, floor)
    )


def validated(loaded: Loaded, samples: Sequence[Sample], setting: Setting, step: int) -> Validated:
    """Off-target ratio and chrF of greedy translations, as means over the directions."""
    texts = greedy(loaded, samples, setting)
    identify = FastText(setting.languages)
    measured = []
    for direction, chosen in by_direction(samples).items():
        hypotheses = [texts[index] for index in chosen]
        references = [samples[index].target for index in chosen]
        found = (identify.languages_of(side) for side in (hypotheses, references))
        ratios = [off_target(labels, direction.target_lang).percent for labels in found]
        measured.append((*ratios, quality(hypotheses, references, direction.target_lang).chrf))
    ratio, floor, chrf = (sum(column) / len(measured) for column in zip(*measured, strict=True))
    return Validated(
        step=step, off_target_percent=ratio, reference_off_target_percent=floor, chrf=chrf
    )


def greedy(
    loaded: Loaded,
    samples: Sequence[Sample],
    setting: Setting,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[str]:
    """One translation a sample, in the order of the samples."""
    prompts = asked(loaded, samples, setting.asking)
    search = Search(beams=1, max_new_tokens=setting.max_new_tokens, batch=BATCH * 4)
    texts: dict[int, str] = {}
    for part in generate(loaded, prompts, search, stop=ends(loaded, setting.asking)):
        texts |= part
        progress(len(texts), len(samples))
    return [texts[index] for index in range(len(samples))]


def by_direction(samples: Sequence[Sample]) -> dict[Direction, list[int]]:
    """The places of each direction's samples."""
    found: dict[Direction, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        found[Direction(sample.source_lang, sample.target_lang)].append(index)
    return found
