"""Every system against every other, over all directions of a setting together.

Off-target is tested by the sign test over segments that could be judged in both systems. The mean
chrF of segments is tested by approximate randomisation: in each trial, chance decides for each
segment which system produced which output. (Corpus chrF of pooled directions would take minutes
and mean no more; `ontarget compare` tests it direction by direction.)
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ontarget.analysis.compare import LEVEL
from ontarget.analysis.segments import SegmentOutputs
from ontarget.offtarget.verdicts import is_off_target
from ontarget.stats import randomization_test, sign_test


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPair:
    """Two systems on the same segments of one setting; differences are second minus first."""

    supervised: bool
    first: str
    second: str
    segments: int
    judged: int  # segments judged in both systems
    only_first: int  # off-target in the first system alone
    only_second: int
    off_target_p: float
    chrf_difference: float  # of mean segment chrF, in points
    chrf_p: float

    @property
    def off_target_difference(self) -> float | None:
        """In percentage points; None if nothing was judged."""
        return 100 * (self.only_second - self.only_first) / self.judged if self.judged else None

    @property
    def outcomes(self) -> tuple[int, int]:
        """For off-target and chrF: 1 if the second is better, -1 if worse, 0 if not significant."""
        fewer = self.only_first - self.only_second if self.off_target_p < LEVEL else 0
        higher = self.chrf_difference if self.chrf_p < LEVEL else 0
        return ((fewer > 0) - (fewer < 0), (higher > 0) - (higher < 0))


def compare_pairs(segments: Sequence[SegmentOutputs], supervised: bool) -> list[SystemPair]:
    """All pairs of systems on the segments of one setting; [] if there are none."""
    systems = [output.system for output in segments[0].outputs] if segments else []
    pairs = list(combinations(range(len(systems)), 2))
    if not pairs:
        return []
    chrf = np.array([[output.chrf for output in segment.outputs] for segment in segments])
    differences = np.array([chrf[:, b] - chrf[:, a] for a, b in pairs]).T
    p_values = randomization_test(differences)
    results = []
    for number, (a, b) in enumerate(pairs):
        outcomes = Counter(
            (is_off_target(s.outputs[a].verdict), is_off_target(s.outputs[b].verdict))
            for s in segments
        )
        only_first, only_second = outcomes[True, False], outcomes[False, True]
        results.append(
            SystemPair(
                supervised=supervised,
                first=systems[a],
                second=systems[b],
                segments=len(segments),
                judged=sum(n for outcome, n in outcomes.items() if None not in outcome),
                only_first=only_first,
                only_second=only_second,
                off_target_p=sign_test(only_first, only_second),
                chrf_difference=float(differences[:, number].mean()),
                chrf_p=float(p_values[number]),
            )
        )
    return results
