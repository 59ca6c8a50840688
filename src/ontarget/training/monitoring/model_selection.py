"""What is measured on dev sentences while training, and which state it says to keep.

Stage 2 has two ends: too early it leaves segments in the wrong language, too late it wears down
the skill that it uncovered. Where the good stretch lies differs from model to model, so training
is told by translations of dev sentences, and not by its losses: the conflict loss goes on falling
long after the language is right (docs/log.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

PATIENCE = 3  # validations in a row at none better, after which none is waited for
PRICE = 5.0  # points of chrF that being on target may cost
NEAR = 0.5  # percent points above the references' off-target ratio that count as theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """Dev sentences translated after so many steps; unweighted means over the directions."""

    step: int
    off_target_percent: float
    reference_off_target_percent: float  # of the same sentences
    chrf: float  # 0-100

    @property
    def on_target(self) -> bool:
        """Whether the translations are about as often in the right language as the references."""
        return self.off_target_percent <= self.reference_off_target_percent + NEAR


def best_result(validated: Sequence[ValidationResult]) -> ValidationResult:
    """The state to keep: of those on target the one of the highest chrF, if that costs little.

    Otherwise, and where none is, the one of the highest chrF times its share on target: the least
    off-target of all may have worn down most of the skill. Where all is off-target, the highest
    chrF counts. Of equals the earliest is kept.

    Raises:
        ValueError: there is none.
    """
    if not validated:
        raise ValueError("nothing was validated, so no state is the best")
    most = max(validated, key=lambda each: (value_of(each), each.chrf))
    on_target = [each for each in validated if each.on_target]
    first = max(on_target, key=lambda each: each.chrf, default=most)
    return first if value_of(most) - value_of(first) <= PRICE else most


def value_of(each: ValidationResult) -> float:
    """Quality, 0-100, if what is in the wrong language counts for nothing."""
    return each.chrf * (1 - each.off_target_percent / 100)


def has_settled(validated: Sequence[ValidationResult]) -> bool:
    """Whether training may end: it was on target a look ago, or no better for `PATIENCE` looks.

    What a training starts from does not count. In all trainings on record the state that is kept
    is that of the whole training (docs/log.md).
    """
    if not validated:
        return False
    since = len(validated) - 1 - validated.index(best_result(validated))
    started = since < len(validated) - 1  # some state is better than the start
    return any(each.on_target for each in validated[1:-1]) or (started and since >= PATIENCE)
