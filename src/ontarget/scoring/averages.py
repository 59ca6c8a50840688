"""Means of scores over the directions of one setting, as the paper's tables give them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ontarget.records import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """Unweighted means over the directions of one setting; each 0-100.

    Ratios are means over the directions in which a segment could be judged, None if there are none.
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
            judged=sum(score.off_target_percent is not None for score in group),
            off_target_percent=mean_of_known(score.off_target_percent for score in group),
            reference_off_target_percent=mean_of_known(
                score.reference_off_target_percent for score in group
            ),
            bleu=mean([score.bleu for score in group]),
            chrf=mean([score.chrf for score in group]),
        )
        for (system, supervised), group in groups.items()
    ]


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


def mean_of_known(values: Iterable[float | None]) -> float | None:
    """The mean of the values that are not None; None if there is no such
    direction."""
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def settings(scores: Sequence[Score]) -> list[bool]:
    """Which settings there are: True for supervised, then False for zero-shot."""
    return [
        supervised
        for supervised in (True, False)
        if any(score.supervised == supervised for score in scores)
    ]
