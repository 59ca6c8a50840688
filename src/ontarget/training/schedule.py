"""The settings of one training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ontarget.models.adapters import LowRankAdapter
from ontarget.training.monitoring.callbacks import ValidationPlan
from ontarget.training.monitoring.model_selection import ValidationResult, off_target_left


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Length, optimizer, batch sizes and precision of one training."""

    steps: int  # optimizer steps
    batch: int  # examples per optimizer step, over all processes and micro-batches
    micro_batch: int  # examples per forward pass of one process
    learning_rate: float  # peak
    schedule: str  # cosine, linear, constant_with_warmup
    warmup: float  # share of the optimizer steps
    optimizer: Literal["adamw", "muon"]
    weight_decay: float
    precision: Literal["float32", "bfloat16"]  # of matrix products; weights stay float32
    row_tokens: int  # length of a packed row
    checkpoint_every: int  # optimizer steps
    compiled: bool = False  # compile the model's layers
    alpha: float = 0.0  # weight of the unlikelihood loss; 0 trains on likelihood alone
    # rising, falling: linear from or to 0; feedback: as `off_target_left` of the validations
    alpha_schedule: Literal["constant", "rising", "falling", "feedback"] = "constant"
    seed: int = 0
    adapter: LowRankAdapter | None = None
    validation: ValidationPlan | None = None

    def alpha_at(self, step: int, validated: Sequence[ValidationResult]) -> float:
        """The weight of the unlikelihood loss in the optimizer step after `step` others.

        `validated` are the validations up to there, which `feedback` follows.
        """
        if self.alpha_schedule == "feedback":
            return self.alpha * off_target_left(validated)
        if self.alpha_schedule == "rising":
            return self.alpha * (step + 1) / self.steps
        if self.alpha_schedule == "falling":
            return self.alpha * (1 - step / self.steps)
        return self.alpha
