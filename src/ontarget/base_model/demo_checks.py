"""What the demo must show: each demand as a sentence that holds or not."""

from collections.abc import Sequence
from dataclasses import dataclass

from ontarget.records import Score
from ontarget.scoring.averages import Average, averages

# Percent points and chrF points; off-target ratios as the recipe measures them.
SEEN_AFTER_STAGE1, BEYOND_FLOOR, HIGHEST_FLOOR = 40.0, 2.0, 5.0
ZERO_SHOT_GAIN, SUPERVISED_LOSS = 20.0, 1.0


@dataclass(frozen=True, slots=True)
class Demand:
    """One demand, what was measured, and whether it holds."""

    words: str
    holds: bool


def demands(scores: Sequence[Score]) -> list[Demand]:
    """The demo's demands on its own scores.

    Raises:
        ValueError: a system is missing, or in one of its directions nothing could be judged.
    """
    means = {(each.system, each.supervised): each for each in averages(scores)}
    zero_shot, supervised = by_system(means, False), by_system(means, True)
    groups = [zero_shot[name] for name in ("stage1", "stage2", "stage1-longer")]
    (at_first, floor), (at_last, _), (of_longer, _) = map(known_ratios, groups)
    gain = zero_shot["stage2"].chrf - zero_shot["stage1"].chrf
    change = supervised["stage2"].chrf - supervised["stage1"].chrf
    return [
        Demand(
            f"zero-shot off-target after stage 1: {at_first:.1f} %, at least "
            f"{SEEN_AFTER_STAGE1:.0f}",
            at_first >= SEEN_AFTER_STAGE1,
        ),
        Demand(
            f"after stage 2: {at_last:.1f} %, at most {BEYOND_FLOOR:.0f} points "
            f"above the references' {floor:.1f} %",
            at_last <= floor + BEYOND_FLOOR,
        ),
        Demand(
            f"the references' own ratio: {floor:.1f} %, at most {HIGHEST_FLOOR:.0f}",
            floor <= HIGHEST_FLOOR,
        ),
        Demand(
            f"zero-shot chrF from stage 1 to 2: {gain:+.1f}, at least +{ZERO_SHOT_GAIN:.0f}",
            gain >= ZERO_SHOT_GAIN,
        ),
        Demand(
            f"supervised chrF from stage 1 to 2: {change:+.1f}, at least -{SUPERVISED_LOSS:.0f}",
            change >= -SUPERVISED_LOSS,
        ),
        Demand(
            f"the control does not get there: {of_longer:.1f} %", of_longer > floor + BEYOND_FLOOR
        ),
    ]


def known_ratios(mean: Average) -> tuple[float, float]:
    """Its off-target ratio and that of the references; ValueError where directions are left out."""
    ratio, floor = mean.off_target_percent, mean.reference_off_target_percent
    if ratio is None or floor is None or mean.judged < mean.directions:
        raise ValueError(
            f"{mean.system}: in {mean.directions - mean.judged} of {mean.directions} directions no "
            "segment could be judged, so no demand can be held against the ratio"
        )
    return ratio, floor


def by_system(means: dict[tuple[str, bool], Average], supervised: bool) -> dict[str, Average]:
    """The averages of one setting; ValueError where a system has none."""
    found = {system: mean for (system, setting), mean in means.items() if setting == supervised}
    for system in ("stage1", "stage1-longer", "stage2"):
        if system not in found:
            raise ValueError(f"no scores of {system}; the demo compares all three")
    return found
