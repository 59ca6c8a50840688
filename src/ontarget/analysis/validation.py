"""Dev sentences translated and judged, direction by direction; a training is validated so."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean as mean

from ontarget.analysis.evaluate import EvaluatedTexts, evaluate_texts
from ontarget.decoding.backends import translator_of
from ontarget.decoding.base import Search, Translator, translate_all
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import build_prompts, build_responses
from ontarget.models.templates import PromptFormat
from ontarget.offtarget.detection import Detection
from ontarget.offtarget.ratio import Ratio
from ontarget.records import Direction, Sample
from ontarget.scoring import sacrebleu
from ontarget.training.monitoring.model_selection import ValidationResult


def validate(
    translator: Translator,
    samples: Sequence[Sample],
    detection: Detection,
    step: int,
    supervised: Sequence[Sample] = (),
) -> ValidationResult:
    """Off-target ratio and chrF of translations, as means over the directions.

    Of the samples `supervised`, in other directions, chrF alone is measured.
    """
    texts = translate_all(translator, [*samples, *supervised])
    rows = []
    for evaluated in evaluate_directions(texts[: len(samples)], samples, detection).values():
        ratio = evaluated.tally.ratio
        rows.append((percent_of(ratio), ratio.reference_percent or 0.0, chrf_of(evaluated)))
    percent, floor, chrf = map(mean, zip(*rows, strict=True))
    watched = evaluate_directions(texts[len(samples) :], supervised, detection).values()
    return ValidationResult(
        step=step,
        off_target_percent=percent,
        reference_off_target_percent=floor,
        chrf=chrf,
        supervised_chrf=mean(map(chrf_of, watched)) if watched else None,
    )


def chrf_of(evaluated: EvaluatedTexts) -> float:
    """The chrF of a direction's texts together, 0-100."""
    chrf = evaluated.statistics["chrf"]
    return sacrebleu.score_of(chrf.metric, chrf.system.sum(0))


def greedy_translator(
    loaded: LoadedModel, prompt_format: PromptFormat, samples: Sequence[Sample], *, batch: int
) -> Translator:
    """The translator of measurements on these samples, `batch` at once.

    A translation has at most a quarter more tokens than the longest reference, and fewer where the
    model has no positions for so many. Models that do not stop would cost most of the time.
    """
    longest = max(map(len, build_responses(loaded, samples, prompt_format)))
    limit = longest + longest // 4
    if loaded.positions is not None:
        prompts = build_prompts(loaded, samples, prompt_format)
        limit = min(limit, loaded.positions - max(len(prompt.tokens) for prompt in prompts))
    search = Search(beams=1, max_new_tokens=max(1, limit), batch=batch)
    return translator_of(loaded, prompt_format, search)


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
