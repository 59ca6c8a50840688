"""What scores are computed from: sacreBLEU's statistics of a system, and programs' scores."""

from collections.abc import Sequence
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
    """A metric of a system, and of empty lines in place of what is off-target."""

    metric: Metric | SegmentMean
    its: Statistics
    empty: Statistics


@dataclass(frozen=True, slots=True)
class SystemOutput:
    """A system's hypotheses, and which of them are off-target."""

    texts: list[str]
    off_target: list[bool]


def lexical(
    system: SystemOutput, references: Sequence[Sequence[str]], target_lang: str
) -> dict[str, MetricStatistics]:
    """BLEU, chrF, chrF++ and TER; {} without references."""
    if not references:
        return {}
    empty = [""] * len(system.texts)
    return {
        name: MetricStatistics(
            metric,
            sacrebleu.segment_statistics(metric, system.texts, references),
            sacrebleu.segment_statistics(metric, empty, references),
        )
        for name, metric in sacrebleu.metrics(target_lang).items()
    }


def neural(
    scorer: NeuralScorer,
    systems_read: Sequence[SystemOutput],
    sources: Sequence[str] | None,
    references: Sequence[Sequence[str]],
    tell: OnMessage,
) -> list[MetricStatistics]:
    """An outside program's scores of each system.

    One call scores what is distinct in all of them, and in place of each off-target segment an
    empty one too. Programs know one reference: it is of the first file.
    """
    sources = sources if scorer.takes("sources") else None
    reference = next(iter(references), None) if scorer.takes("references") else None
    rows = [align_texts(each.texts, sources, reference) for each in systems_read]
    emptied = [
        [("", *row[1:]) if off else row for row, off in zip(its, each.off_target, strict=True)]
        for its, each in zip(rows, systems_read, strict=True)
    ]
    distinct = list(dict.fromkeys(chain(*rows, *emptied)))
    doing = f"{scorer.program.title} is scoring {len(distinct):,} segments"
    tell(doing)
    texts = SegmentTexts(
        [row[0] for row in distinct],
        None if sources is None else [row[1] or "" for row in distinct],
        None if reference is None else [row[2] or "" for row in distinct],
    )
    found = running.score_segments(scorer, texts, lambda said: tell(f"{doing}: {said}"))
    scores = dict(zip(distinct, found, strict=True))
    used = 0 if reference is None else "first" if len(references) > 1 else 1
    metric = SegmentMean(f"{scorer.signature}|refs:{used}")
    return [
        MetricStatistics(
            metric, *(sacrebleu.mean_statistics([scores[row] for row in each]) for each in pair)
        )
        for pair in zip(rows, emptied, strict=True)
    ]


def align_texts(
    hypotheses: Sequence[str], sources: Sequence[str] | None, reference: Sequence[str] | None
) -> list[AlignedTexts]:
    """Hypotheses with their sources and references, None where there are none."""
    nothing = [None] * len(hypotheses)
    return list(zip(hypotheses, sources or nothing, reference or nothing, strict=True))
