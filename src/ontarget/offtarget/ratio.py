"""The off-target ratio: counted, with its interval, beside the same ratio on the references."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ontarget.offtarget.verdicts import Judgement, Verdict, is_off_target
from ontarget.stats import SEED, Proportion

SAMPLES = 2000  # of the bootstrap


@dataclass(frozen=True, slots=True)
class Ratio:
    """The off-target ratio of translations and, as its floor, that of their references.

    Undecided segments are in neither. Every off-target percentage in this package is one of these.
    """

    translations: Proportion
    references: Proportion = Proportion(0, 0)

    @classmethod
    def of(
        cls, verdicts: Mapping[str, int], references: Mapping[str, int] | None = None
    ) -> "Ratio":
        """From counts by verdict."""
        return cls(count_off_target(verdicts), count_off_target(references or {}))

    @property
    def percent(self) -> float | None:
        """Off-target share of the judged translations, 0-100; None if none could be judged."""
        return self.translations.percent

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of `percent`."""
        return self.translations.interval

    @property
    def reference_percent(self) -> float | None:
        """The same share of the references: what the metric calls wrong in correct text."""
        return self.references.percent


def count_off_target(verdicts: Mapping[str, int]) -> Proportion:
    """Off-target among judged segments, from counts by verdict."""
    judged = sum(count for verdict, count in verdicts.items() if is_off_target(verdict) is not None)
    return Proportion(sum(n for verdict, n in verdicts.items() if is_off_target(verdict)), judged)


@dataclass(frozen=True, slots=True, kw_only=True)
class OffTargetScore:
    """The off-target ratio of a test set; percent 0-100, intervals 95 %.

    Floor and excess are None without references. `judged` does not count undecided segments.
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
    languages: dict[str, int]  # detected in judged segments, most frequent first
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
    """Judged segments, counted together with the judgements of their references."""

    def __init__(self, pairs: Mapping[tuple[Judgement, Judgement | None], int]) -> None:
        self.verdicts: Counter[str] = Counter()
        self.reference_verdicts: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.outcomes: Counter[tuple[bool | None, bool | None]] = Counter()
        for (segment, reference), count in pairs.items():
            self.verdicts[segment.verdict] += count
            if segment.verdict is not Verdict.UNDECIDED and segment.language:
                self.languages[segment.language] += count
            if reference is not None:
                self.reference_verdicts[reference.verdict] += count
                outcome = is_off_target(segment.verdict), is_off_target(reference.verdict)
                self.outcomes[outcome] += count

    @property
    def segments(self) -> int:
        """All of them."""
        return self.verdicts.total()

    @property
    def ratio(self) -> Ratio:
        """The ratio, floored by the references."""
        return Ratio.of(self.verdicts, self.reference_verdicts)

    def excess_interval(self, seed: int = SEED) -> tuple[float, float] | None:
        """95 % bounds of the excess over the floor, by resampling segments with their references.

        A segment and its reference are each on target, off-target or undecided, so a resample is
        one multinomial draw of nine counts, whatever the number of segments.
        """
        if self.ratio.reference_percent is None:
            return None
        outcomes = sorted(self.outcomes, key=str)
        counts = np.array([self.outcomes[outcome] for outcome in outcomes])
        draws = np.random.default_rng(seed).multinomial(
            counts.sum(), counts / counts.sum(), size=SAMPLES
        )
        translations, references = (
            resampled_percent(draws, [outcome[side] for outcome in outcomes]) for side in (0, 1)
        )
        low, high = np.nanpercentile(translations - references, [2.5, 97.5])
        return float(low), float(high)

    def score(
        self, signature: str, rates: tuple[float | None, float | None] = (None, None)
    ) -> OffTargetScore:
        """The score of these counts; `rates` are the line- and word-level pass rates.

        Raises:
            ValueError: no segment could be judged.
        """
        ratio = self.ratio
        percent, interval, floor = ratio.percent, ratio.interval, ratio.reference_percent
        if percent is None or interval is None:
            raise ValueError(
                f"none of {self.segments} segments could be judged: all are too short or without "
                "letters, and no ratio can be given"
            )
        bounds = self.excess_interval()
        return OffTargetScore(
            percent=percent,
            low=interval[0],
            high=interval[1],
            count=ratio.translations.count,
            judged=ratio.translations.total,
            floor_percent=floor,
            excess_percent=None if floor is None else percent - floor,
            excess_low=bounds and bounds[0],
            excess_high=bounds and bounds[1],
            verdicts={verdict.value: self.verdicts[verdict] for verdict in Verdict},
            languages=dict(self.languages.most_common()),
            signature=f"n:{self.segments}|{signature}",
            lpr=rates[0],
            wpr=rates[1],
        )


def resampled_percent(draws: NDArray[np.int64], outcomes: list[bool | None]) -> NDArray[np.float64]:
    """Off-target percent of each row of counts by outcome (columns); NaN where none is judged."""
    off_target = draws[:, [outcome is True for outcome in outcomes]].sum(1)
    judged = draws[:, [outcome is not None for outcome in outcomes]].sum(1)
    percent = np.full(len(draws), np.nan)
    np.divide(100.0 * off_target, judged, out=percent, where=judged > 0)
    return percent
