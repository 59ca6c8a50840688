"""Measurements on dev sentences: losses under right and wrong instructions, off-target, chrF."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from ontarget.analysis.preflight import DiagnosisResult, DiagnosticMeasures, diagnose_fault
from ontarget.data.conflicts import wrong_target
from ontarget.decoding.base import Search
from ontarget.decoding.hf import generate
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import build_prompts, build_responses, end_ids
from ontarget.models.templates import PromptFormat
from ontarget.offtarget.metric import Detection, JudgedSegment
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import Direction, Sample
from ontarget.scoring.sacrebleu import quality
from ontarget.training import forward
from ontarget.training.losses import IGNORE
from ontarget.training.monitoring.model_selection import ValidationResult
from ontarget.training.packing import Example, padded, token_sequence

BATCH = 16  # sequences at once whose losses are measured


class Ratios(NamedTuple):
    """Of one direction, in percent."""

    off_target: float
    references: float
    judged: bool  # whether any translation could be; if not, its ratio is 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisSettings:
    """What an examination depends on besides the model and the sentences."""

    languages: tuple[str, ...]
    supervised: tuple[Direction, ...]  # the losses are measured on these, as stage 2 trains on them
    asking: PromptFormat
    detection: Detection
    seed: int
    search: Search  # greedy


def diagnose(
    loaded: LoadedModel,
    samples: Sequence[Sample],
    setting: DiagnosisSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> DiagnosisResult:
    """Measure `loaded` on true samples and say which fault it has, if any.

    Raises:
        ModelError: the loss of a model of this family is not known.
    """
    forward.check_supported(loaded.model, str(loaded.model.name_or_path or "the model"))
    loaded.model.eval()  # type: ignore[no-untyped-call]
    known = [s for s in samples if Direction(s.source_lang, s.target_lang) in setting.supervised]
    conflicts = [wrong_target(sample, setting.languages, setting.seed) for sample in known]
    right = response_log_odds(loaded, known, setting.asking)
    wrong = response_log_odds(loaded, conflicts, setting.asking)
    found = off_target_by_direction(loaded, samples, setting, progress)
    measures = DiagnosticMeasures(
        likelihood_nats=torch.nn.functional.softplus(-right).mean().item(),
        conflict_nats=torch.nn.functional.softplus(wrong).mean().item(),
        right_share=(right > 0).float().mean().item(),
        conflict_share=(wrong > 0).float().mean().item(),
        off_target_percent={name: each.off_target for name, each in found.items()},
        reference_off_target_percent={name: each.references for name, each in found.items()},
        unjudged=tuple(name for name, each in found.items() if not each.judged),
    )
    return DiagnosisResult(measures, diagnose_fault(measures))


@torch.inference_mode()
def response_log_odds(
    loaded: LoadedModel, samples: Sequence[Sample], how: PromptFormat
) -> torch.Tensor:
    """The log-odds, in nats, of every response token under its sample's instruction."""
    sides = build_prompts(loaded, samples, how), build_responses(loaded, samples, how)
    rows = [token_sequence("", *pair) for pair in zip(*sides, strict=True)]
    rows.sort(key=lambda each: len(each.tokens))
    found = []
    for start in range(0, len(rows), BATCH):
        batch = padded([Example(rows=(each,)) for each in rows[start : start + BATCH]], loaded.pad)
        batch = {name: tensor.to(loaded.model.device) for name, tensor in batch.items()}
        labelled = batch["labels"][:, 1:].reshape(-1) != IGNORE
        weights = torch.zeros(batch["labels"].shape, device=loaded.model.device)
        found.append(
            forward.model_loss(loaded.model, weights=weights, **batch).odds[labelled].cpu()
        )
    return torch.cat(found)


def off_target_by_direction(
    loaded: LoadedModel,
    samples: Sequence[Sample],
    setting: DiagnosisSettings,
    progress: Callable[[int, int], None],
) -> dict[str, Ratios]:
    """Ratios of the model's greedy translations and of the references."""
    texts = translate_greedily(loaded, samples, setting, progress)
    return {
        str(direction): ratios([texts[i] for i in at], [samples[i] for i in at], setting.detection)
        for direction, at in group_by_direction(samples).items()
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


def percent(found: Iterable[JudgedSegment]) -> float | None:
    """The off-target share of what could be judged; None where nothing could."""
    judged = [each.judged for each in found if each.judged.verdict is not Verdict.UNDECIDED]
    if not judged:
        return None
    return 100 * sum(each.is_off_target for each in judged) / len(judged)


def validate(
    loaded: LoadedModel, samples: Sequence[Sample], setting: DiagnosisSettings, step: int
) -> ValidationResult:
    """Off-target ratio and chrF of greedy translations, as means over the directions."""
    texts = translate_greedily(loaded, samples, setting)
    measured = []
    for direction, at in group_by_direction(samples).items():
        hypotheses, chosen = [texts[i] for i in at], [samples[i] for i in at]
        references = [each.target for each in chosen]
        chrf = quality(hypotheses, references, direction.target_lang).chrf
        found = ratios(hypotheses, chosen, setting.detection)
        measured.append((found.off_target, found.references, chrf))
    ratio, floor, chrf = (sum(column) / len(measured) for column in zip(*measured, strict=True))
    return ValidationResult(
        step=step, off_target_percent=ratio, reference_off_target_percent=floor, chrf=chrf
    )


def translate_greedily(
    loaded: LoadedModel,
    samples: Sequence[Sample],
    setting: DiagnosisSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[str]:
    """One translation a sample, in the order of the samples."""
    prompts = build_prompts(loaded, samples, setting.asking)
    texts: dict[int, str] = {}
    for part in generate(loaded, prompts, setting.search, stop=end_ids(loaded, setting.asking)):
        texts |= part
        progress(len(texts), len(samples))
    return [texts[index] for index in range(len(samples))]


def group_by_direction(samples: Sequence[Sample]) -> dict[Direction, list[int]]:
    """The places of each direction's samples."""
    found: dict[Direction, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        found[Direction(sample.source_lang, sample.target_lang)].append(index)
    return found
