"""Measurements on dev sentences that show whether a model reads the instruction, and can translate.

They are taken by kind of direction, because the habit of ignoring the instruction sits in one of
them: sources from which training shows a single target language, where reading the instruction
never made a difference. A mean over all directions hides it (docs/results/preflight.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from ontarget.analysis.diagnosis.losses import (
    Progress,
    ResponseLosses,
    few_shot_log_odds,
    mean_first,
    mean_nats,
    other_sources,
)
from ontarget.analysis.diagnosis.measures import (
    Answer,
    DiagnosisResult,
    DiagnosticMeasures,
    DirectionMeasures,
    Kind,
    KindMeasures,
    diagnose_fault,
)
from ontarget.analysis.validation import direction_of, evaluate_directions, percent_of
from ontarget.data.conflicts import wrong_target
from ontarget.data.sampling import first_of_each_direction
from ontarget.decoding.base import Translator, translate_all
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import fitting_templates
from ontarget.models.templates import PromptFormat
from ontarget.offtarget.detection import Detection
from ontarget.records import Direction, Sample
from ontarget.training import forward

FORCED = 3  # first response tokens that are given when the skill is measured
TRIAL = 8  # sentences on which templates are compared, at most
ANSWERS = 3  # shown of the direction that is most off-target
COMPARED_WORDS = 2  # by which two answers are said to begin alike

LogOdds = Mapping[str, torch.Tensor]  # nats, of the response tokens of each sample by its key


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisSettings:
    """What a diagnosis depends on besides the model and the sentences."""

    languages: tuple[str, ...]
    supervised: tuple[Direction, ...]  # that training has shown or will show
    prompt_format: PromptFormat
    detection: Detection
    seed: int


def diagnose(
    loaded: LoadedModel,
    translator: Translator,
    samples: Sequence[Sample],
    settings: DiagnosisSettings,
    progress: Progress = lambda text, done, total: None,
) -> DiagnosisResult:
    """Measure a model on true samples and say which fault it has, if any.

    `translator` translates with the model, greedily.

    Raises:
        ModelError: the loss of a model of this family is not supported.
    """
    forward.check_supported(loaded.model, str(loaded.model.name_or_path or "the model"))
    loaded.model.eval()  # type: ignore[no-untyped-call]
    losses = ResponseLosses(loaded, settings.prompt_format, progress)
    rows = losses(samples, "under right instructions")
    right = {sample.key: row for sample, row in zip(samples, rows, strict=True)}
    kinds = [
        measure_kind(kind, group, right, settings, losses)
        for kind, group in groups(samples, settings)
    ]
    gain, gained = source_gain(samples, right, settings, losses)
    texts = translate_all(
        translator, samples, lambda done, total: progress("translating", done, total)
    )
    directions = measure_directions(texts, samples, settings)
    worst = max(directions, key=lambda one: one.excess)
    measures = DiagnosticMeasures(
        kinds=tuple(kinds),
        directions=tuple(directions),
        alike_percent=percent_alike(texts, samples),
        source_gain_nats=gain,
        source_gain_segments=gained,
        answers=tuple(answers_of(worst.name, texts, samples)),
    )
    return DiagnosisResult(measures, diagnose_fault(measures))


def best_template(
    loaded: LoadedModel,
    samples: Sequence[Sample],
    supervised: Sequence[Direction],
    progress: Progress = lambda text, done, total: None,
) -> tuple[str, PromptFormat]:
    """The named template, of those that fit, under which references cost the fewest nats a token.

    On at most `TRIAL` samples, as many of each supervised direction: the model was probably tuned
    with this one, or is at ease with it.
    """
    loaded.model.eval()  # type: ignore[no-untyped-call]
    formats = fitting_templates(loaded)
    tried = [sample for sample in samples if direction_of(sample) in supervised]
    tried = first_of_each_direction(tried, max(1, TRIAL // len(supervised)))[:TRIAL]
    nats = {}
    for name, prompt_format in formats.items():
        losses = ResponseLosses(loaded, prompt_format, lambda *_: None)
        nats[name] = mean_nats(losses(tried, ""))
        progress("templates tried", len(nats), len(formats))
    name = min(nats, key=lambda name: nats[name])
    return name, formats[name]


def groups(
    samples: Sequence[Sample], settings: DiagnosisSettings
) -> Iterator[tuple[Kind, list[Sample]]]:
    """Samples by kind of direction, without kinds that have none."""
    by_kind: dict[Kind, list[Sample]] = {"one target": [], "several targets": [], "zero-shot": []}
    for sample in samples:
        by_kind[kind_of(direction_of(sample), settings.supervised)].append(sample)
    yield from ((kind, group) for kind, group in by_kind.items() if group)


def kind_of(direction: Direction, supervised: Sequence[Direction]) -> Kind:
    """Zero-shot, or by the number of target languages that training shows for the source."""
    if direction not in supervised:
        return "zero-shot"
    targets = {
        other.target_lang for other in supervised if other.source_lang == direction.source_lang
    }
    return "one target" if len(targets) == 1 else "several targets"


def measure_kind(
    kind: Kind,
    samples: Sequence[Sample],
    right: LogOdds,
    settings: DiagnosisSettings,
    losses: ResponseLosses,
) -> KindMeasures:
    """Losses of one kind of direction under right and, if supervised, wrong instructions."""
    rows = [right[sample.key] for sample in samples]
    measures = KindMeasures(
        kind=kind,
        segments=len(samples),
        right_nats=mean_nats(rows),
        right_first=mean_first(rows),
        wrong_nats=None,
        wrong_first=None,
        few_shot_nats=None,
        few_shot_first=None,
    )
    if kind == "zero-shot":
        shots = few_shot_log_odds(samples, losses)
        if shots is None:
            return measures
        return replace(measures, few_shot_nats=mean_nats(shots), few_shot_first=mean_first(shots))
    conflicts = [wrong_target(sample, settings.languages, settings.seed) for sample in samples]
    wrong = losses(conflicts, f"under wrong instructions, {kind}")
    return replace(measures, wrong_nats=mean_nats(wrong), wrong_first=mean_first(wrong))


def source_gain(
    samples: Sequence[Sample], right: LogOdds, settings: DiagnosisSettings, losses: ResponseLosses
) -> tuple[float, int]:
    """How much the source helps to continue a right answer: what there is to uncover.

    Nats per token that references cost less with their own source than with that of another
    sentence, after their first `FORCED` tokens are given, and the number of sentences. In zero-shot
    directions if there are any: a model that can translate but begins in the wrong language can
    continue a right beginning; one that cannot has no use for the source.
    """
    zero_shot = [s for s in samples if direction_of(s) not in settings.supervised]
    measured = zero_shot or list(samples)
    own = [right[sample.key] for sample in measured]
    other = losses(other_sources(measured), "with the source of another sentence")
    return mean_nats(other, FORCED) - mean_nats(own, FORCED), len(measured)


def measure_directions(
    texts: Sequence[str], samples: Sequence[Sample], settings: DiagnosisSettings
) -> list[DirectionMeasures]:
    """Off-target ratio with interval and floor, direction by direction."""
    measured = []
    for direction, evaluated in evaluate_directions(texts, samples, settings.detection).items():
        ratio = evaluated.tally.ratio
        measured.append(
            DirectionMeasures(
                name=str(direction),
                kind=kind_of(direction, settings.supervised),
                off_target=ratio.translations.count,
                judged=ratio.translations.total,
                percent=percent_of(ratio),
                interval=ratio.interval,
                reference_percent=ratio.reference_percent or 0.0,
            )
        )
    return measured


def percent_alike(texts: Sequence[str], samples: Sequence[Sample]) -> float | None:
    """Of pairs of answers to one source for two languages, how many begin with the same words.

    None without such pairs.
    """
    by_source: dict[tuple[str, str], list[str]] = {}
    for sample, text in zip(samples, texts, strict=True):
        by_source.setdefault((sample.source_lang, sample.source), []).append(beginning(text))
    pairs = [
        (one, other)
        for begun in by_source.values()
        for index, one in enumerate(begun)
        for other in begun[:index]
    ]
    return 100 * sum(a == b for a, b in pairs) / len(pairs) if pairs else None


def beginning(text: str) -> str:
    """The first words of an answer; the first characters where no spaces separate words."""
    return " ".join(text.split()[:COMPARED_WORDS])[:20]


def answers_of(name: str, texts: Sequence[str], samples: Sequence[Sample]) -> Iterator[Answer]:
    """The first answers in a direction."""
    pairs = [(s, t) for s, t in zip(samples, texts, strict=True) if str(direction_of(s)) == name]
    for sample, text in pairs[:ANSWERS]:
        yield Answer(direction=name, source=sample.source, answer=text)
