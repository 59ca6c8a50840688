"""Statistics of a system in every requested metric: sacreBLEU's and those of neural programs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from sacrebleu.metrics.base import Metric

from ontarget.scoring import sacrebleu
from ontarget.scoring.neural import running
from ontarget.scoring.neural.program import SegmentTexts
from ontarget.scoring.neural.running import NeuralScorer, OnMessage
from ontarget.scoring.sacrebleu import SegmentMean, Statistics

AlignedTexts = tuple[str, str | None, str | None]  # hypothesis, source, reference


class MetricStatistics(NamedTuple):
    """A metric's statistics of a system, and of empty hypotheses in the same places."""

    metric: Metric | SegmentMean
    system: Statistics
    empty: Statistics


@dataclass(frozen=True, slots=True)
class SystemOutput:
    """A system's hypotheses, and which of them are off-target (None: could not be judged)."""

    texts: Sequence[str]
    off_target: Sequence[bool | None]


def lexical(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    target_lang: str,
    names: Collection[str] = ("bleu", "chrf", "chrf++", "ter"),
) -> dict[str, MetricStatistics]:
    """sacreBLEU's metrics of these names; {} without references."""
    if not references:
        return {}
    empty = [""] * len(hypotheses)
    return {
        name: MetricStatistics(
            metric,
            sacrebleu.segment_statistics(metric, hypotheses, references),
            sacrebleu.segment_statistics(metric, empty, references),
        )
        for name, metric in sacrebleu.metrics(target_lang).items()
        if name in names
    }


def neural(
    scorer: NeuralScorer,
    systems: Sequence[SystemOutput],
    sources: Sequence[str] | None,
    references: Sequence[Sequence[str]],
    tell: OnMessage,
) -> list[MetricStatistics]:
    """An outside program's scores of each system.

    One call scores the distinct segments of all systems, and an empty hypothesis in place of each
    off-target one. Programs take one reference: that of the first file.
    """
    sources = sources if scorer.takes("sources") else None
    reference = next(iter(references), None) if scorer.takes("references") else None
    rows = [align_texts(system.texts, sources, reference) for system in systems]
    emptied = [
        [("", *row[1:]) if off else row for row, off in zip(own, system.off_target, strict=True)]
        for own, system in zip(rows, systems, strict=True)
    ]
    distinct = list(dict.fromkeys(chain(*rows, *emptied)))
    message = f"{scorer.program.title} is scoring {len(distinct):,} segments"
    tell(message)
    texts = SegmentTexts(
        [row[0] for row in distinct],
        None if sources is None else [row[1] or "" for row in distinct],
        None if reference is None else [row[2] or "" for row in distinct],
    )
    results = running.score_segments(scorer, texts, lambda line: tell(f"{message}: {line}"))
    scores = dict(zip(distinct, results, strict=True))
    used = 0 if reference is None else "first" if len(references) > 1 else 1
    metric = SegmentMean(f"{scorer.signature}|refs:{used}")
    return [
        MetricStatistics(
            metric, *(sacrebleu.mean_statistics([scores[row] for row in side]) for side in pair)
        )
        for pair in zip(rows, emptied, strict=True)
    ]


def align_texts(
    hypotheses: Sequence[str], sources: Sequence[str] | None, reference: Sequence[str] | None
) -> list[AlignedTexts]:
    """Hypotheses with their sources and references, None where these are missing."""
    missing = [None] * len(hypotheses)
    return list(zip(hypotheses, sources or missing, reference or missing, strict=True))
