"""The evaluator: translations to verdicts, an off-target ratio and quality scores.

Step 6 of a run and `ontarget evaluate` on files both go through `evaluate_texts`.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from ontarget.offtarget.judge import JudgedSegment
from ontarget.offtarget.metric import OffTarget
from ontarget.offtarget.ratio import Tally
from ontarget.offtarget.verdicts import Judgement, Verdict, is_off_target
from ontarget.records import JudgedTranslation, Score, Translation
from ontarget.scoring import sacrebleu
from ontarget.scoring.measures import MetricStatistics, SystemOutput, lexical


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedTexts:
    """One system's hypotheses, judged beside their references, with each metric's statistics."""

    hypotheses: Sequence[str]
    segments: Sequence[JudgedSegment]
    references: Sequence[JudgedSegment] | None  # of the first reference file
    statistics: dict[str, MetricStatistics]  # {} without references

    @property
    def off_target(self) -> list[bool | None]:
        """Whether each segment is off-target; None where it could not be judged."""
        return [is_off_target(segment.judged.verdict) for segment in self.segments]

    @property
    def output(self) -> SystemOutput:
        """The system as neural metrics take it."""
        return SystemOutput(self.hypotheses, self.off_target)

    @property
    def tally(self) -> Tally:
        """The verdicts, counted."""
        missing: list[JudgedSegment | None] = [None] * len(self.segments)
        references = self.references or missing
        pairs = zip(self.segments, references, strict=True)
        return Tally(Counter(segment.beside(reference) for segment, reference in pairs))

    @property
    def floor(self) -> list[Judgement]:
        """The judgement that each segment's reference has in the floor."""
        pairs = zip(self.segments, self.references or (), strict=True)
        return [judged for pair in pairs if (judged := pair[0].beside(pair[1])[1]) is not None]

    @property
    def chrf(self) -> list[float] | None:
        """chrF of each segment, 0-100; None without references."""
        measured = self.statistics.get("chrf")
        if measured is None or isinstance(measured.metric, sacrebleu.SegmentMean):
            return None
        return sacrebleu.segment_scores(measured.metric, measured.system)


def evaluate_texts(
    metric: OffTarget,
    hypotheses: Sequence[str],
    *,
    sources: Sequence[str] | None,
    references: Sequence[Sequence[str]],
    names: Collection[str],
) -> EvaluatedTexts:
    """Judge and score a system's hypotheses against one or more lists of references.

    `names` are the sacreBLEU metrics to compute, as in `sacrebleu.metrics`.

    Raises:
        ValueError: the lists differ in length.
    """
    of_segment = list(zip(*references, strict=True)) if references else None
    return EvaluatedTexts(
        hypotheses=hypotheses,
        segments=list(metric.judge(hypotheses, sources, of_segment)),
        references=list(metric.judge_references(references[0])) if references else None,
        statistics=lexical(hypotheses, references, metric.request.target_lang, names),
    )


def evaluate_translations(
    metric: OffTarget, translations: Sequence[Translation], *, supervised: bool
) -> tuple[list[JudgedTranslation], Score]:
    """One system's translations in one direction: each with its verdict, and their score."""
    evaluated = evaluate_texts(
        metric,
        [translation.hypothesis for translation in translations],
        sources=[translation.source for translation in translations],
        references=[[translation.reference for translation in translations]],
        names=("bleu", "chrf"),
    )
    assert evaluated.references is not None and evaluated.chrf is not None
    judged = [
        JudgedTranslation(
            **asdict(translation),
            verdict=segment.judged.verdict,
            detected_lang=segment.judged.language,
            reference_verdict=beside.verdict,
            reference_detected_lang=beside.language,
            chrf=round(chrf, 2),
        )
        for translation, segment, beside, chrf in zip(
            translations, evaluated.segments, evaluated.floor, evaluated.chrf, strict=True
        )
    ]
    return judged, score_direction(metric, translations[0], evaluated, supervised)


def score_direction(
    metric: OffTarget, first: Translation, evaluated: EvaluatedTexts, supervised: bool
) -> Score:
    """The score of one system in the direction of its `first` translation."""
    tally = evaluated.tally
    ratio = tally.ratio
    bounds = ratio.interval
    scores = {
        name: sacrebleu.score_of(measured.metric, measured.system.sum(0))
        for name, measured in evaluated.statistics.items()
    }
    return Score(
        system=first.system,
        source=first.source_lang,
        target=first.target_lang,
        supervised=supervised,
        segments=tally.segments,
        bleu=round(scores["bleu"], 3),
        chrf=round(scores["chrf"], 3),
        off_target_percent=rounded(ratio.percent),
        off_target_interval=bounds and (round(bounds[0], 3), round(bounds[1], 3)),
        reference_off_target_percent=rounded(ratio.reference_percent),
        verdicts={verdict.value: tally.verdicts[verdict] for verdict in Verdict},
        languages=dict(tally.languages.most_common()),
        detector=metric.signature,
        signatures={
            name: sacrebleu.signature_of(measured.metric)
            for name, measured in evaluated.statistics.items()
        },
    )


def rounded(percent: float | None) -> float | None:
    """To a thousandth, as files keep it."""
    return None if percent is None else round(percent, 3)
