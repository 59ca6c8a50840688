"""Measurements on dev sentences: losses under right and wrong instructions, off-target, chrF."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from ontarget import heads
from ontarget.asking import answered, asked, ends
from ontarget.batches import Example, padded, row
from ontarget.conflicts import wrong_target
from ontarget.decoding.hf import Search, generate
from ontarget.losses import IGNORE
from ontarget.metric import Detection, Segment
from ontarget.models import Loaded
from ontarget.preflight import Examination, Measures, verdict
from ontarget.prompts import Asking
from ontarget.records import Direction, Sample
from ontarget.scores import quality
from ontarget.validation import Validated
from ontarget.verdicts import Verdict

BATCH = 16  # sequences at once whose losses are measured


class Ratios(NamedTuple):
    """Of one direction, in percent."""

    off_target: float
    references: float
    judged: bool  # whether any translation could be; if not, its ratio is 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What an examination depends on besides the model and the sentences."""

    languages: tuple[str, ...]
    supervised: tuple[Direction, ...]  # the losses are measured on these, as stage 2 trains on them
    asking: Asking
    detection: Detection
    seed: int
    search: Search  # greedy


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
    found = off_target_by_direction(loaded, samples, setting, progress)
    measures = Measures(
        likelihood_nats=torch.nn.functional.softplus(-right).mean().item(),
        conflict_nats=torch.nn.functional.softplus(wrong).mean().item(),
        right_share=(right > 0).float().mean().item(),
        conflict_share=(wrong > 0).float().mean().item(),
        off_target_percent={name: each.off_target for name, each in found.items()},
        reference_off_target_percent={name: each.references for name, each in found.items()},
        unjudged=tuple(name for name, each in found.items() if not each.judged),
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
) -> dict[str, Ratios]:
    """Ratios of the model's greedy translations and of the references."""
    texts = greedy(loaded, samples, setting, progress)
    return {
        str(direction): ratios([texts[i] for i in at], [samples[i] for i in at], setting.detection)
        for direction, at in by_direction(samples).items()
    }


def ratios(texts: Sequence[str], samples: Sequence[Sample], detection: Detection) -> Ratios:
    """Those of one direction's translations and of their references.

    A model whose every translation is too short to be judged has not shown that it is on target,
    and references that cannot be judged say nothing against the language they are in.
    """
    sample = samples[0]
    metric = detection.metric(Direction(sample.source_lang, sample.target_lang))
    references = [each.target for each in samples]
    sources = [each.source for each in samples]
    found = percent(metric.judge(texts, sources, ((each,) for each in references)))
    floor = percent(metric.judge(references))
    return Ratios(
        off_target=100.0 if found is None else found,
        references=0.0 if floor is None else floor,
        judged=found is not None,
    )


def percent(found: Iterable[Segment]) -> float | None:
    """The off-target share of what could be judged; None where nothing could."""
    judged = [each.judged for each in found if each.judged.verdict is not Verdict.UNDECIDED]
    if not judged:
        return None
    return 100 * sum(each.is_off_target for each in judged) / len(judged)


def validated(loaded: Loaded, samples: Sequence[Sample], setting: Setting, step: int) -> Validated:
    """Off-target ratio and chrF of greedy translations, as means over the directions."""
    texts = greedy(loaded, samples, setting)
    measured = []
    for direction, at in by_direction(samples).items():
        hypotheses, chosen = [texts[i] for i in at], [samples[i] for i in at]
        references = [each.target for each in chosen]
        chrf = quality(hypotheses, references, direction.target_lang).chrf
        found = ratios(hypotheses, chosen, setting.detection)
        measured.append((found.off_target, found.references, chrf))
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
    texts: dict[int, str] = {}
    for part in generate(loaded, prompts, setting.search, stop=ends(loaded, setting.asking)):
        texts |= part
        progress(len(texts), len(samples))
    return [texts[index] for index in range(len(samples))]


def by_direction(samples: Sequence[Sample]) -> dict[Direction, list[int]]:
    """The places of each direction's samples."""
    found: dict[Direction, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        found[Direction(sample.source_lang, sample.target_lang)].append(index)
    return found
