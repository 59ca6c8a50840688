"""The off-target ratio: counted, with its interval, beside the same ratio on the references."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontarget.offtarget.verdicts import Judgement, Verdict, is_off_target
from ontarget.stats import SEED, Estimate, Proportion, difference_interval, rogan_gladen

SAMPLES = 2000  # of the bootstrap
FLOORS = {"references": "the references' floor", "shipped": "the language's usual floor"}


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
class Knowledge:
    """What was measured of the detector beforehand (`grades`)."""

    floor: Proportion | None = None  # correct texts of these lengths called off-target
    recall: Proportion | None = None  # texts in source language and pivot called off-target
    grade: str | None = None  # of the target language, `A` to `D` or `?`
    warning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OffTargetScore:
    """The off-target ratio of a test set; percent 0-100, intervals 95 %.

    The result to cite is the excess over the floor: what the metric finds in the translations
    beyond what it calls wrong in correct text. The floor is the same ratio on the references, or
    without them the shipped one for the language and lengths; without either, floor and excess are
    None. `judged` does not count undecided segments.
    """

    percent: float
    low: float  # Wilson
    high: float
    count: int  # off-target segments
    judged: int
    floor_percent: float | None
    floor_source: str | None  # `references` or `shipped`
    excess_percent: float | None  # percent - floor_percent
    excess_low: float | None  # paired bootstrap over segments; Newcombe with a shipped floor
    excess_high: float | None
    corrected: Estimate | None  # for the floor and for what is missed (Rogan and Gladen)
    grade: str | None  # of the target language with this detector; None: not the default one
    warning: str | None  # what to know before citing
    verdicts: dict[str, int]
    languages: dict[str, int]  # detected in judged segments, most frequent first
    inside: dict[str, int]  # segments with foreign words, a preamble, a note; reported, not counted
    signature: str
    line_percent: float | None  # responses of which all lines are in the target language
    word_percent: float | None  # of those, responses without an English word

    def __str__(self) -> str:
        """The line to cite."""
        raw = f"off-target {self.percent:.1f} % [{self.low:.1f}, {self.high:.1f}]"
        parts = [raw, self.signature]
        if self.corrected is not None:
            parts.insert(1, f"corrected {format_estimate(self.corrected)}")
        if self.excess_percent is not None:
            parts.insert(
                0,
                f"excess {self.excess_percent:.1f} points [{self.excess_low:.1f}, "
                f"{self.excess_high:.1f}] over {FLOORS[self.floor_source or '']} of "
                f"{self.floor_percent:.1f} %",
            )
        return " | ".join(parts)


def format_estimate(estimate: Estimate) -> str:
    """`12.3 % [10.0, 14.8]`."""
    return f"{estimate.percent:.1f} % [{estimate.low:.1f}, {estimate.high:.1f}]"


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

    def beyond_the_floor(self, knowledge: Knowledge) -> dict[str, Any]:
        """Floor, excess and corrected ratio as `OffTargetScore` names them, or None."""
        ratio, floor, source = self.ratio, knowledge.floor, "shipped"
        if ratio.references.total:
            floor, source = ratio.references, "references"
        if floor is None or floor.percent is None or ratio.percent is None:
            missing = ("floor_percent", "floor_source", "excess_percent", "excess_low")
            return dict.fromkeys((*missing, "excess_high", "corrected"))
        bounds = self.excess_interval() or difference_interval(ratio.translations, floor)
        recall = knowledge.recall
        return {
            "floor_percent": floor.percent,
            "floor_source": source,
            "excess_percent": ratio.percent - floor.percent,
            "excess_low": bounds and bounds[0],
            "excess_high": bounds and bounds[1],
            "corrected": recall and rogan_gladen(ratio.translations, floor, recall),
        }

    def score(
        self,
        signature: str,
        rates: tuple[float | None, float | None] = (None, None),
        *,
        knowledge: Knowledge = Knowledge(),
        inside: Mapping[str, int] | None = None,
    ) -> OffTargetScore:
        """The score of these counts; `rates` are those of lines and words.

        Raises:
            ValueError: no segment could be judged.
        """
        ratio = self.ratio
        percent, interval = ratio.percent, ratio.interval
        if percent is None or interval is None:
            raise ValueError(
                f"none of {self.segments} segments could be judged: all are too short or without "
                "letters, and no ratio can be given"
            )
        return OffTargetScore(
            percent=percent,
            low=interval[0],
            high=interval[1],
            count=ratio.translations.count,
            judged=ratio.translations.total,
            **self.beyond_the_floor(knowledge),
            grade=knowledge.grade,
            warning=knowledge.warning,
            verdicts={verdict.value: self.verdicts[verdict] for verdict in Verdict},
            languages=dict(self.languages.most_common()),
            inside=dict(inside or {}),
            signature=f"n:{self.segments}|{signature}",
            line_percent=rates[0],
            word_percent=rates[1],
        )


def resampled_percent(draws: NDArray[np.int64], outcomes: list[bool | None]) -> NDArray[np.float64]:
    """Off-target percent of each row of counts by outcome (columns); NaN where none is judged."""
    off_target = draws[:, [outcome is True for outcome in outcomes]].sum(1)
    judged = draws[:, [outcome is not None for outcome in outcomes]].sum(1)
    percent = np.full(len(draws), np.nan)
    np.divide(100.0 * off_target, judged, out=percent, where=judged > 0)
    return percent
