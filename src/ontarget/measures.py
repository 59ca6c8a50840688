"""What scores are computed from: sacreBLEU's statistics of a system, and programs' scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from sacrebleu.metrics.base import Metric

from ontarget import systems
from ontarget.qe import running
from ontarget.qe.program import Texts
from ontarget.qe.running import Scorer, Tell
from ontarget.systems import Mean, Statistics

Row = tuple[str, str | None, str | None]  # hypothesis, source, reference


class Measure(NamedTuple):
    """A metric of a system, and of empty lines in place of what is off-target."""

    metric: Metric | Mean
    its: Statistics
    empty: Statistics


@dataclass(frozen=True, slots=True)
class System:
    """A system's hypotheses, and which of them are off-target."""

    texts: list[str]
    off_target: list[bool]


def lexical(
    system: System, references: Sequence[Sequence[str]], target_lang: str
) -> dict[str, Measure]:
    """BLEU, chrF, chrF++ and TER; {} without references."""
    if not references:
        return {}
    empty = [""] * len(system.texts)
    return {
        name: Measure(
            metric,
            systems.statistics(metric, system.texts, references),
            systems.statistics(metric, empty, references),
        )
        for name, metric in systems.metrics(target_lang).items()
    }


def neural(
    scorer: Scorer,
    systems_read: Sequence[System],
    sources: Sequence[str] | None,
    references: Sequence[Sequence[str]],
    tell: Tell,
) -> list[Measure]:
    """An outside program's scores of each system.

    One call scores what is distinct in all of them, and in place of each off-target segment an
    empty one too. Programs know one reference: it is of the first file.
    """
    sources = sources if scorer.takes("sources") else None
    reference = next(iter(references), None) if scorer.takes("references") else None
    rows = [beside(each.texts, sources, reference) for each in systems_read]
    emptied = [
        [("", *row[1:]) if off else row for row, off in zip(its, each.off_target, strict=True)]
        for its, each in zip(rows, systems_read, strict=True)
    ]
    distinct = list(dict.fromkeys(chain(*rows, *emptied)))
    doing = f"{scorer.program.title} is scoring {len(distinct):,} segments"
    tell(doing)
    texts = Texts(
        [row[0] for row in distinct],
        None if sources is None else [row[1] or "" for row in distinct],
        None if reference is None else [row[2] or "" for row in distinct],
    )
    found = running.score(scorer, texts, lambda said: tell(f"{doing}: {said}"))
    scores = dict(zip(distinct, found, strict=True))
    used = 0 if reference is None else "first" if len(references) > 1 else 1
    metric = Mean(f"{scorer.signature}|refs:{used}")
    return [
        Measure(metric, *(systems.means([scores[row] for row in each]) for each in pair))
        for pair in zip(rows, emptied, strict=True)
    ]


def beside(
    hypotheses: Sequence[str], sources: Sequence[str] | None, reference: Sequence[str] | None
) -> list[Row]:
    """Hypotheses with their sources and references, None where there are none."""
    nothing = [None] * len(hypotheses)
    return list(zip(hypotheses, sources or nothing, reference or nothing, strict=True))
