"""From measurements on dev sentences to a diagnosis: will stage 2 help this model?

Stage 2 uncovers a skill rather than teaching one. A model that can translate but ignores the
instruction is off-target, and finds its responses likely under a wrong instruction too: the
conflict loss, -log(1 - p) per token, is high. A model without the skill, off-target or not, finds
right responses unlikely under any instruction, and unlikelihood has nothing to act on.

The thresholds are our own, set between measurements on the demo's small model
(docs/results/preflight.md): a model that can translate starts stage 2 at 3-7 nats, one that cannot
at 0.4-0.9. On a pretrained LLM they have been wrong (same page).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

FINE_PERCENT = 5.0  # off-target above the references', in percentage points
SKILL_SHARE = 0.3  # of tokens with p > 0.5 under the right instruction
IGNORING_NATS = 1.5  # mean conflict loss
IGNORING_SHARE = 0.5  # of tokens with p > 0.5 under a wrong instruction

Fault = Literal["fine", "ignores the instruction", "lacks the skill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticMeasures:
    """The measurements. Losses in nats per token, shares 0 to 1, ratios in percent."""

    likelihood_nats: float  # mean -log p of responses under the right instruction
    conflict_nats: float  # mean -log(1 - p) of the same responses under a wrong instruction
    right_share: float  # tokens with p > 0.5 under the right instruction
    conflict_share: float  # tokens with p > 0.5 under a wrong instruction
    off_target_percent: dict[str, float]  # by direction
    reference_off_target_percent: dict[str, float]  # the same ratio on the references
    unjudged: tuple[str, ...] = ()  # directions in which nothing could be judged, counted as 100 %

    @property
    def excess(self) -> dict[str, float]:
        """Percentage points above the references, by direction."""
        floor = self.reference_off_target_percent
        return {name: ratio - floor[name] for name, ratio in self.off_target_percent.items()}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One of three faults, and a sentence that explains it."""

    fault: Fault
    words: str


@dataclass(frozen=True, slots=True)
class DiagnosisResult:
    """The measurements and the diagnosis that follows from them."""

    measures: DiagnosticMeasures
    verdict: Diagnosis

    def content(self) -> dict[str, Any]:
        """As plain values, for a JSON file."""
        return asdict(self)


def diagnose_fault(measures: DiagnosticMeasures) -> Diagnosis:
    """The fault that the measurements show, and whether stage 2 will help."""
    excess = measures.excess
    worst = max(excess, key=lambda direction: excess[direction])
    mean = sum(measures.off_target_percent.values()) / len(measures.off_target_percent)
    evidence = (
        f"off-target {mean:.0f} % on average, worst {worst} "
        f"{measures.off_target_percent[worst]:.0f} %{unjudged_note(measures)}; under a wrong "
        f"instruction {100 * measures.conflict_share:.0f} % of the response tokens keep p > 0.5 "
        f"and the conflict loss is {measures.conflict_nats:.1f} nats"
    )
    mean_excess = sum(excess.values()) / len(excess)
    if measures.right_share < SKILL_SHARE:
        return lacks_skill(f"{evidence}; under the right one {100 * measures.right_share:.0f} % do")
    if mean_excess <= FINE_PERCENT and excess[worst] <= 4 * FINE_PERCENT:
        return Diagnosis("fine", f"fine: it answers in the requested language ({evidence})")
    if measures.conflict_nats >= IGNORING_NATS and measures.conflict_share >= IGNORING_SHARE:
        return Diagnosis(
            "ignores the instruction",
            "ignores the instruction: it can write these responses and does so whatever the "
            f"instruction requests, so stage 2 will help ({evidence})",
        )
    return lacks_skill(evidence)


def unjudged_note(measures: DiagnosticMeasures) -> str:
    """A note on directions whose ratio of 100 % was not measured; "" without any."""
    names = " ".join(measures.unjudged)
    return f" (100 % in {names}, where no translation could be judged)" if names else ""


def lacks_skill(evidence: str) -> Diagnosis:
    """The diagnosis of a model that cannot write the responses."""
    return Diagnosis(
        "lacks the skill",
        "lacks the skill: it finds the responses unlikely under any instruction, so stage 2 will "
        "not help; more or other training data is needed, or the prompt is not the one that it "
        f"was tuned with ({evidence})",
    )
