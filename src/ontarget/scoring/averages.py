"""TODO."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ontarget.records import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """Unweighted means over the directions of one setting; each 0-100.

    Ratios are means over the directions in which something could be judged; None without any.
    """

    system: str
    supervised: bool
    directions: int
    judged: int  # directions with an off-target ratio
    off_target_percent: float | None
    reference_off_target_percent: float | None
    bleu: float
    chrf: float


def averages(scores: Sequence[Score]) -> list[Average]:
    """The means of each system over its supervised and its zero-shot directions, in given order."""
    groups: dict[tuple[str, bool], list[Score]] = {}
    for score in scores:
        groups.setdefault((score.system, score.supervised), []).append(score)
    return [
        Average(
            system=system,
            supervised=supervised,
            directions=len(group),
            judged=sum(each.off_target_percent is not None for each in group),
            off_target_percent=mean_of_known(each.off_target_percent for each in group),
            reference_off_target_percent=mean_of_known(
                each.reference_off_target_percent for each in group
            ),
            bleu=mean([each.bleu for each in group]),
            chrf=mean([each.chrf for each in group]),
        )
        for (system, supervised), group in groups.items()
    ]


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


def mean_of_known(values: Iterable[float | None]) -> float | None:
    """The mean of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def settings(scores: Sequence[Score]) -> list[bool]:
    """Which of supervised and zero-shot there are, in this order."""
    return [each for each in (True, False) if any(score.supervised == each for score in scores)]
