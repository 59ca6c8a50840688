"""Which validated checkpoint to keep, and when to stop early.

Stage 2 can stop too early, which leaves segments in the wrong language, or too late, which lowers
translation quality. The good range of steps differs from model to model, and the losses do not
show it: the conflict loss keeps falling long after the language is right
(docs/results/stage2-length.md).
So a checkpoint is chosen by translations of dev sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass

PATIENCE = 3  # validations without improvement after which training stops
PRICE = 5.0  # points of chrF that being on target may cost
NEAR = 0.5  # percentage points above the reference ratio that still count as on target


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """Dev sentences translated after `step` optimizer steps; unweighted means over directions.

    All but `supervised_chrf` are of the zero-shot directions, or of the supervised ones if there
    are no others.
    """

    step: int
    off_target_percent: float
    reference_off_target_percent: float  # of the same sentences' references: the reference ratio
    chrf: float  # 0-100
    supervised_chrf: float | None = None  # of the supervised directions, where they are watched

    @property
    def on_target(self) -> bool:
        """Whether the off-target ratio is at most `NEAR` above the reference ratio."""
        return self.off_target_percent <= self.reference_off_target_percent + NEAR


def best_result(results: Sequence[ValidationResult]) -> ValidationResult:
    """The last result that was preferred to all earlier ones: that of the weights to keep.

    Weights are saved only while a result is the newest, so an earlier one cannot become the best
    later on, as `preferred_result` of all results can.

    Raises:
        ValueError: there is no result.
    """
    for count in range(len(results), 0, -1):
        if preferred_result(results[:count]) is results[count - 1]:
            return results[count - 1]
    raise ValueError("there are no validation results to choose from")


def preferred_result(results: Sequence[ValidationResult]) -> ValidationResult:
    """The first on-target result of highest chrF, unless that costs more than `PRICE`.

    Otherwise, or if no result is on target, the one of highest `value_of`: the least off-target
    checkpoint may have lost most of its quality. If everything is off-target, chrF decides. A point
    of chrF that the supervised directions lost counts as one that the zero-shot directions lost.
    """
    start = results[0]

    def quality(result: ValidationResult) -> float:
        return result.chrf - supervised_loss(result, start)

    def value(result: ValidationResult) -> float:
        return value_of(result) - supervised_loss(result, start)

    most_valuable = max(results, key=lambda result: (value(result), quality(result)))
    on_target = [result for result in results if result.on_target]
    candidate = max(on_target, key=quality, default=most_valuable)
    return candidate if value(most_valuable) - value(candidate) <= PRICE else most_valuable


def supervised_loss(result: ValidationResult, start: ValidationResult) -> float:
    """Points of chrF that the supervised directions lost since the start; 0 if not watched."""
    if result.supervised_chrf is None or start.supervised_chrf is None:
        return 0.0
    return max(0.0, start.supervised_chrf - result.supervised_chrf)


def value_of(result: ValidationResult) -> float:
    """chrF times the share of translations that are on target, 0-100."""
    return result.chrf * (1 - result.off_target_percent / 100)


def off_target_left(results: Sequence[ValidationResult]) -> float:
    """The excess over the references now, as a share of that of the start, 0 to 1.

    If the start had none: 1 while there is one, otherwise 0.
    """
    first, latest = (
        max(0.0, result.off_target_percent - result.reference_off_target_percent)
        for result in (results[0], results[-1])
    )
    return min(1.0, latest / first) if first else float(latest > 0)


def has_settled(results: Sequence[ValidationResult]) -> bool:
    """Whether to stop: an earlier validation was on target, or the last `PATIENCE` did not improve.

    The validation before the first step does not count. In all recorded trainings, stopping by
    this rule keeps the same checkpoint as training to the end (`docs/results/stage2-length.md`).
    """
    if not results:
        return False
    since_best = len(results) - 1 - results.index(best_result(results))
    improved = since_best < len(results) - 1  # some checkpoint is better than the start
    was_on_target = any(result.on_target for result in results[1:-1])
    return was_on_target or (improved and since_best >= PATIENCE)
