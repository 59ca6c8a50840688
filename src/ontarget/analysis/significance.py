"""Every system against every other, over all directions of a setting together.

Off-target is tested by the sign test over segments that both systems' answers could be judged in.
The mean chrF of segments is tested by approximate randomisation: a trial lets chance decide, for
each segment, which system gave which answer. (Corpus chrF of so many segments pooled would take
minutes, and over languages it means no more; `ontarget compare` tests it direction by direction.)
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ontarget.analysis.compare import LEVEL, is_off_target
from ontarget.analysis.segments import SegmentOutputs
from ontarget.stats import SEED, randomization_test, sign_test


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPair:
    """Two systems on the same segments of one setting; differences are second less first."""

    supervised: bool
    first: str
    second: str
    segments: int
    judged: int  # of them, in both systems
    only_first: int  # off-target in the first system alone
    only_second: int
    off_target_p: float
    chrf_difference: float  # of mean segment chrF, in points
    chrf_p: float

    @property
    def off_target_difference(self) -> float | None:
        """In points of percent; None where nothing was judged."""
        return 100 * (self.only_second - self.only_first) / self.judged if self.judged else None

    @property
    def verdicts(self) -> tuple[int, int]:
        """Of off-target and chrF: 1 where the second is better, -1 where worse, 0 for chance."""
        fewer = self.only_first - self.only_second if self.off_target_p < LEVEL else 0
        higher = self.chrf_difference if self.chrf_p < LEVEL else 0
        return ((fewer > 0) - (fewer < 0), (higher > 0) - (higher < 0))


def compare_pairs(every: Sequence[SegmentOutputs], supervised: bool) -> list[SystemPair]:
    """All pairs of systems of segments of one setting; [] without segments or a second system."""
    systems = [answer.system for answer in every[0].answers] if every else []
    of_pairs = list(combinations(range(len(systems)), 2))
    if not of_pairs:
        return []
    chrf = np.array([[answer.chrf for answer in segment.answers] for segment in every])
    apart = np.array([chrf[:, b] - chrf[:, a] for a, b in of_pairs]).T
    chances = randomization_test(apart, SEED)
    found = []
    for number, (a, b) in enumerate(of_pairs):
        both = [(is_off_target(s.answers[a]), is_off_target(s.answers[b])) for s in every]
        counts = Counter(pair for pair in both if None not in pair)
        only = counts[True, False], counts[False, True]
        found.append(
            SystemPair(
                supervised=supervised,
                first=systems[a],
                second=systems[b],
                segments=len(every),
                judged=counts.total(),
                only_first=only[0],
                only_second=only[1],
                off_target_p=sign_test(*only),
                chrf_difference=float(apart[:, number].mean()),
                chrf_p=float(chances[number]),
            )
        )
    return found
