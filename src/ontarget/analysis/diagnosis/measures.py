"""From measurements on dev sentences to a diagnosis: will stage 2 help this model?

Stage 2 uncovers a skill rather than teaching one. Two questions decide:

    Can it translate?           The source must help to continue a right answer, once its first
                                tokens are given: `source_gain_nats`.
    Does it read the            Off-target in zero-shot directions, on target in supervised ones:
    instruction?                it answers in the language that training showed, whatever is asked.

A model that is off-target in supervised directions too has not been tuned to translate with this
prompt: that is stage 1's work. The thresholds are our own (docs/results/preflight.md).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

FINE_PERCENT = 5.0  # off-target above the references', in percentage points
UNTUNED_PERCENT = 30.0  # the same in supervised directions: it is not tuned for this prompt
SKILL_NATS = 0.15  # per token that the right source saves

Fault = Literal["fine", "ignores the instruction", "is not tuned to translate", "lacks the skill"]
FINE: Fault = "fine"
Kind = Literal["one target", "several targets", "zero-shot"]  # of direction, by its source language


@dataclass(frozen=True, slots=True, kw_only=True)
class KindMeasures:
    """Losses of references in one kind of direction; nats per token, probabilities 0 to 1."""

    kind: Kind
    segments: int
    right_nats: float  # mean -log p under the right instruction
    right_first: float  # mean p of the first token
    wrong_nats: float | None  # under an instruction for another language; None for zero-shot
    wrong_first: float | None
    few_shot_nats: float | None  # under the right one, after demonstrations; zero-shot only
    few_shot_first: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionMeasures:
    """Off-target translations of one direction, beside the same ratio on the references."""

    name: str
    kind: Kind
    off_target: int
    judged: int
    percent: float  # 100 if nothing could be judged
    interval: tuple[float, float] | None  # Wilson, 95 %; None if nothing could be judged
    reference_percent: float

    @property
    def excess(self) -> float:
        """Percentage points above the references."""
        return self.percent - self.reference_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One translation, to be read."""

    direction: str
    source: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticMeasures:
    """The measurements."""

    kinds: tuple[KindMeasures, ...]
    directions: tuple[DirectionMeasures, ...]
    alike_percent: float | None  # answers for two languages that begin with the same words
    source_gain_nats: float  # per token of a begun answer that the right source saves
    source_gain_segments: int
    answers: tuple[Answer, ...]  # of the direction that is most off-target

    def mean_excess(self, *, supervised: bool) -> float | None:
        """Mean percentage points above the references, of one setting's directions."""
        excess = [d.excess for d in self.directions if (d.kind != "zero-shot") == supervised]
        return sum(excess) / len(excess) if excess else None

    @property
    def worst(self) -> DirectionMeasures:
        """The direction that is most off-target."""
        return max(self.directions, key=lambda direction: direction.excess)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A fault, and a sentence that explains it."""

    fault: Fault
    words: str


@dataclass(frozen=True, slots=True)
class DiagnosisResult:
    """The measurements and the diagnosis that follows from them."""

    measures: DiagnosticMeasures
    verdict: Diagnosis
    template: str | None = None  # the named template that the model was prompted with

    def content(self) -> dict[str, Any]:
        """As plain values, for a JSON file."""
        return asdict(self)


CONCLUSIONS: dict[Fault, str] = {
    "fine": "it answers in the requested language",
    "ignores the instruction": (
        "it can translate, and answers in the same language whatever the instruction requests, so "
        "stage 2 will help"
    ),
    "is not tuned to translate": (
        "it can translate, but is off-target in supervised directions too, so stage 1 comes first, "
        "or the prompt is not the one that it was tuned with"
    ),
    "lacks the skill": (
        "the source does not help it to continue a right answer, so stage 2 will not help; more or "
        "other training data is needed, or the prompt is not the one that it was tuned with"
    ),
}


def diagnose_fault(measures: DiagnosticMeasures) -> Diagnosis:
    """The fault that the measurements show, and whether stage 2 will help."""
    fault = fault_of(measures)
    return Diagnosis(fault, f"{fault}: {CONCLUSIONS[fault]} ({evidence(measures)})")


def fault_of(measures: DiagnosticMeasures) -> Fault:
    """The fault that the measurements show."""
    excess = [direction.excess for direction in measures.directions]
    supervised = measures.mean_excess(supervised=True)
    if measures.source_gain_nats < SKILL_NATS:
        return "lacks the skill"
    if sum(excess) / len(excess) <= FINE_PERCENT and measures.worst.excess <= 4 * FINE_PERCENT:
        return FINE
    if supervised is not None and supervised > UNTUNED_PERCENT:
        return "is not tuned to translate"
    return "ignores the instruction"


def evidence(measures: DiagnosticMeasures) -> str:
    """The measurements that the diagnosis rests on."""
    parts = []
    for name, supervised in (("supervised", True), ("zero-shot", False)):
        mean = measures.mean_excess(supervised=supervised)
        if mean is not None:
            parts.append(f"{name} off-target {mean:.0f} points above the references")
    unjudged = [direction.name for direction in measures.directions if not direction.judged]
    if unjudged:
        parts.append(f"no translation could be judged in {' '.join(unjudged)}, counted as 100 %")
    if measures.alike_percent is not None:
        parts.append(f"{measures.alike_percent:.0f} % of answers for two languages begin alike")
    for kind in measures.kinds:
        if kind.few_shot_first is not None:
            parts.append(
                "demonstrations in the prompt change the probability of a right first token from "
                f"{kind.right_first:.2f} to {kind.few_shot_first:.2f}"
            )
    parts.append(
        f"the right source saves {measures.source_gain_nats:.2f} nats per token "
        f"(n = {measures.source_gain_segments})"
    )
    return "; ".join(parts)
