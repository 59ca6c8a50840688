"""Verdicts of a test set, counted: the off-target ratio, its floor, and the excess over it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ontarget.offtarget.verdicts import Judgement, Verdict, is_off_target
from ontarget.stats import wilson

SEED = 12345  # of the bootstrap; sacreBLEU's too
SAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class OffTargetScore:
    """The off-target ratio of a test set; percent 0-100, intervals 95 %.

    Without references nothing is known of floor and excess: they are None. `judged` leaves out
    the undecided segments.
    """

    percent: float
    low: float  # Wilson
    high: float
    count: int  # off-target segments
    judged: int
    floor_percent: float | None  # the same ratio on the references
    excess_percent: float | None  # percent - floor_percent
    excess_low: float | None  # paired bootstrap over segments
    excess_high: float | None
    verdicts: dict[str, int]
    languages: dict[str, int]  # found in the judged segments, most frequent first
    signature: str
    lpr: float | None  # line-level pass rate
    wpr: float | None  # word-level pass rate

    def __str__(self) -> str:
        """The line to cite."""
        floor = "" if self.floor_percent is None else f" floor {self.floor_percent:.1f} %"
        return (
            f"off-target {self.percent:.1f} % [{self.low:.1f}, {self.high:.1f}]{floor}"
            f" | {self.signature}"
        )


class Tally:
    """Judged segments, counted with what their references were found to be."""

    def __init__(self, found: Mapping[tuple[Judgement, Judgement | None], int]) -> None:
        self.verdicts: Counter[Verdict] = Counter()
        self.languages: Counter[str] = Counter()
        self.pairs: Counter[tuple[bool | None, bool | None]] = Counter()
        for (segment, reference), times in found.items():
            self.verdicts[segment.verdict] += times
            if segment.verdict is not Verdict.UNDECIDED and segment.language:
                self.languages[segment.language] += times
            if reference is not None:
                self.pairs[is_off_target(segment), is_off_target(reference)] += times

    @property
    def segments(self) -> int:
        """All of them."""
        return self.verdicts.total()

    @property
    def judged(self) -> int:
        """Those that are not undecided."""
        return self.segments - self.verdicts[Verdict.UNDECIDED]

    @property
    def count(self) -> int:
        """Those that are off-target."""
        return self.judged - self.verdicts[Verdict.ON_TARGET]

    def floor(self) -> float | None:
        """The ratio on the references; None without any that could be judged."""
        of_references = Counter[bool | None]()
        for (_, of_reference), times in self.pairs.items():
            of_references[of_reference] += times
        judged = of_references[True] + of_references[False]
        return 100 * of_references[True] / judged if judged else None

    def excess_interval(self, seed: int = SEED) -> tuple[float, float] | None:
        """Bounds of the excess over the floor, 95 %, by resampling segments with their references.

        A segment and its reference are each on-target, off-target or undecided, so a resample is
        one draw of nine counts, whatever the number of segments.
        """
        if self.floor() is None:
            return None
        kinds = sorted(self.pairs, key=str)
        counts = np.array([self.pairs[kind] for kind in kinds])
        draws = np.random.default_rng(seed).multinomial(
            counts.sum(), counts / counts.sum(), size=SAMPLES
        )
        found, floor = (resampled_percent(draws, [kind[side] for kind in kinds]) for side in (0, 1))
        low, high = np.nanpercentile(found - floor, [2.5, 97.5])
        return float(low), float(high)

    def score(
        self, signature: str, rates: tuple[float | None, float | None] = (None, None)
    ) -> OffTargetScore:
        """All that the counts say; `rates` are the line- and word-level pass rates.

        Raises:
            ValueError: every segment is undecided, or there is none.
        """
        if not self.judged:
            raise ValueError(
                f"none of {self.segments} segments could be judged: all are too short or without "
                "letters, and no ratio can be given"
            )
        percent = 100 * self.count / self.judged
        low, high = wilson(self.count, self.judged)
        floor, bounds = self.floor(), self.excess_interval()
        return OffTargetScore(
            percent=percent,
            low=low,
            high=high,
            count=self.count,
            judged=self.judged,
            floor_percent=floor,
            excess_percent=None if floor is None else percent - floor,
            excess_low=bounds and bounds[0],
            excess_high=bounds and bounds[1],
            verdicts={each.value: self.verdicts[each] for each in Verdict},
            languages=dict(self.languages.most_common()),
            signature=f"n:{self.segments}|{signature}",
            lpr=rates[0],
            wpr=rates[1],
        )


def resampled_percent(draws: NDArray[np.int64], kinds: list[bool | None]) -> NDArray[np.float64]:
    """Off-target percent of each draw (rows) of counts by kind (columns); nan: none is judged."""
    wrong = draws[:, [kind is True for kind in kinds]].sum(1)
    judged = draws[:, [kind is not None for kind in kinds]].sum(1)
    found = np.full(len(draws), np.nan)
    np.divide(100.0 * wrong, judged, out=found, where=judged > 0)
    return found
