"""Whether stage 2 can help a model: three measures on dev sentences, one verdict in words.

Stage 2 uncovers a skill rather than teaching one. A model that can translate but ignores the
instruction is off-target, and finds its responses likely under a wrong instruction too: the
conflict loss, -log(1 - p) a token, is high. A model without the skill, off-target or not, finds
right responses unlikely whatever the instruction, and unlikelihood has nothing to hold.

The thresholds are ours, set between what was measured (docs/log.md): a model that can translate
starts stage 2 at 3-7 nats, one that cannot at 0.4-0.9.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

FINE_PERCENT = 5.0  # off-target beyond the references' own, in percent points
SKILL_SHARE = 0.3  # of tokens with p > 0.5 under the right instruction
IGNORING_NATS = 1.5  # mean conflict loss
IGNORING_SHARE = 0.5  # of tokens with p > 0.5 under a wrong instruction

Fault = Literal["fine", "ignores the instruction", "lacks the skill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticMeasures:
    """What the preflight measures. Losses in nats a token, shares 0 to 1, ratios in percent."""

    likelihood_nats: float  # mean -log p of responses under the right instruction
    conflict_nats: float  # mean -log(1 - p) of the same responses under a wrong instruction
    right_share: float  # tokens with p > 0.5 under the right instruction
    conflict_share: float  # tokens with p > 0.5 under a wrong instruction
    off_target_percent: dict[str, float]  # by direction
    reference_off_target_percent: dict[str, float]  # the same ratio on the references
    unjudged: tuple[str, ...] = ()  # directions in which no translation could be judged: 100 %

    @property
    def excess(self) -> dict[str, float]:
        """Percent points beyond the references, by direction."""
        floor = self.reference_off_target_percent
        return {each: ratio - floor[each] for each, ratio in self.off_target_percent.items()}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One of three faults and the sentence that says so."""

    fault: Fault
    words: str


@dataclass(frozen=True, slots=True)
class DiagnosisResult:
    """The measures and what follows from them."""

    measures: DiagnosticMeasures
    verdict: Diagnosis

    def content(self) -> dict[str, Any]:
        """As plain values, for a file."""
        return asdict(self)


def diagnose_fault(measures: DiagnosticMeasures) -> Diagnosis:
    """Which fault the measures show, and whether stage 2 will help."""
    worst = max(measures.excess, key=lambda direction: measures.excess[direction])
    mean = sum(measures.off_target_percent.values()) / len(measures.off_target_percent)
    found = (
        f"off-target {mean:.0f} % on average, worst {worst} "
        f"{measures.off_target_percent[worst]:.0f} %{unjudged_note(measures)}; under a wrong "
        f"instruction {100 * measures.conflict_share:.0f} % of the response tokens keep p > 0.5 "
        f"and the conflict loss is {measures.conflict_nats:.1f} nats"
    )
    mean_excess = sum(measures.excess.values()) / len(measures.excess)
    if measures.right_share < SKILL_SHARE:
        return lacks_skill(f"{found}; under the right one {100 * measures.right_share:.0f} % do")
    if mean_excess <= FINE_PERCENT and measures.excess[worst] <= 4 * FINE_PERCENT:
        return Diagnosis("fine", f"fine: it answers in the language it is asked for ({found})")
    if measures.conflict_nats >= IGNORING_NATS and measures.conflict_share >= IGNORING_SHARE:
        return Diagnosis(
            "ignores the instruction",
            f"ignores the instruction: it can write these responses and does so "
            f"whatever it is asked, so stage 2 will help ({found})",
        )
    return lacks_skill(found)


def unjudged_note(measures: DiagnosticMeasures) -> str:
    """What to say of directions whose ratio is none that was found."""
    names = " ".join(measures.unjudged)
    return f" (100 % in {names}, where no translation could be judged)" if names else ""


def lacks_skill(found: str) -> Diagnosis:
    """The verdict on a model that cannot write the responses."""
    return Diagnosis(
        "lacks the skill",
        f"lacks the skill: it finds the responses unlikely whatever it is asked, so stage 2 "
        f"will not help; more or other training data is needed, or the prompt is not the one "
        f"that it was tuned with ({found})",
    )
