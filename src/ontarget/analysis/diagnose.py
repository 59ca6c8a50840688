"""Measurements on dev sentences: losses under right and wrong instructions, off-target, chrF."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ontarget.analysis.evaluate import EvaluatedTexts, evaluate_texts
from ontarget.analysis.preflight import DiagnosisResult, DiagnosticMeasures, diagnose_fault
from ontarget.data.conflicts import wrong_target
from ontarget.decoding.base import Translator, translate_all
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import build_prompts, build_responses
from ontarget.models.templates import PromptFormat
from ontarget.offtarget.detection import Detection
from ontarget.offtarget.ratio import Ratio
from ontarget.records import Direction, Sample
from ontarget.scoring import sacrebleu
from ontarget.training import forward
from ontarget.training.batches.packing import padded
from ontarget.training.batches.sequences import Example, token_sequence
from ontarget.training.losses import IGNORE, likelihood, unlikelihood
from ontarget.training.monitoring.model_selection import ValidationResult

BATCH = 16  # sequences in a forward pass when losses are measured


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisSettings:
    """What a diagnosis depends on besides the model and the sentences."""

    languages: tuple[str, ...]
    supervised: tuple[Direction, ...]  # losses are measured on these, as stage 2 trains on them
    prompt_format: PromptFormat
    detection: Detection
    seed: int


def diagnose(
    loaded: LoadedModel,
    translator: Translator,
    samples: Sequence[Sample],
    settings: DiagnosisSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> DiagnosisResult:
    """Measure a model on true samples and say which fault it has, if any.

    `translator` translates with the model, greedily.

    Raises:
        ModelError: the loss of a model of this family is not supported.
    """
    forward.check_supported(loaded.model, str(loaded.model.name_or_path or "the model"))
    loaded.model.eval()  # type: ignore[no-untyped-call]
    supervised = [s for s in samples if direction_of(s) in settings.supervised]
    conflicts = [wrong_target(s, settings.languages, settings.seed) for s in supervised]
    right = response_log_odds(loaded, supervised, settings.prompt_format)
    wrong = response_log_odds(loaded, conflicts, settings.prompt_format)
    texts = translate_all(translator, samples, progress)
    ratios = {
        str(direction): evaluated.tally.ratio
        for direction, evaluated in evaluate_directions(texts, samples, settings.detection).items()
    }
    measures = DiagnosticMeasures(
        likelihood_nats=likelihood(right).mean().item(),
        conflict_nats=unlikelihood(wrong).mean().item(),
        right_share=(right > 0).float().mean().item(),
        conflict_share=(wrong > 0).float().mean().item(),
        off_target_percent={name: percent_of(ratio) for name, ratio in ratios.items()},
        reference_off_target_percent={
            name: ratio.reference_percent or 0.0 for name, ratio in ratios.items()
        },
        unjudged=tuple(name for name, ratio in ratios.items() if ratio.percent is None),
    )
    return DiagnosisResult(measures, diagnose_fault(measures))


@torch.inference_mode()
def response_log_odds(
    loaded: LoadedModel, samples: Sequence[Sample], prompt_format: PromptFormat
) -> torch.Tensor:
    """The log-odds, in nats, of every response token under its sample's instruction."""
    prompts = build_prompts(loaded, samples, prompt_format)
    responses = build_responses(loaded, samples, prompt_format)
    sequences = [token_sequence("", *pair) for pair in zip(prompts, responses, strict=True)]
    sequences.sort(key=lambda sequence: len(sequence.tokens))
    device = loaded.model.device
    results = []
    for start in range(0, len(sequences), BATCH):
        examples = [Example(rows=(sequence,)) for sequence in sequences[start : start + BATCH]]
        batch = {name: t.to(device) for name, t in padded(examples, loaded.pad).items()}
        labelled = batch["labels"][:, 1:].reshape(-1) != IGNORE
        loss = forward.model_loss(loaded.model, **batch)
        results.append(loss.log_odds[labelled].cpu())
    return torch.cat(results)


def validate(
    translator: Translator, samples: Sequence[Sample], detection: Detection, step: int
) -> ValidationResult:
    """Off-target ratio and chrF of translations, as means over the directions."""
    texts = translate_all(translator, samples)
    rows = []
    for evaluated in evaluate_directions(texts, samples, detection).values():
        ratio, chrf = evaluated.tally.ratio, evaluated.statistics["chrf"]
        score = sacrebleu.score_of(chrf.metric, chrf.system.sum(0))
        rows.append((percent_of(ratio), ratio.reference_percent or 0.0, score))
    percent, floor, chrf_mean = (sum(column) / len(rows) for column in zip(*rows, strict=True))
    return ValidationResult(
        step=step,
        off_target_percent=percent,
        reference_off_target_percent=floor,
        chrf=chrf_mean,
    )


def percent_of(ratio: Ratio) -> float:
    """The off-target percentage; 100 if nothing could be judged, which is no sign of success."""
    return 100.0 if ratio.percent is None else ratio.percent


def evaluate_directions(
    texts: Sequence[str], samples: Sequence[Sample], detection: Detection
) -> dict[Direction, EvaluatedTexts]:
    """Translations of samples, evaluated direction by direction."""
    return {
        direction: evaluate_texts(
            detection.metric(direction),
            [texts[index] for index in indices],
            sources=[samples[index].source for index in indices],
            references=[[samples[index].target for index in indices]],
            names=("chrf",),
        )
        for direction, indices in group_by_direction(samples).items()
    }


def group_by_direction(samples: Sequence[Sample]) -> dict[Direction, list[int]]:
    """The indices of each direction's samples."""
    indices: dict[Direction, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        indices[direction_of(sample)].append(index)
    return indices


def direction_of(sample: Sample) -> Direction:
    """The direction of a sample."""
    return Direction(sample.source_lang, sample.target_lang)
