"""TODO."""

from dataclasses import dataclass
from typing import Literal

from ontarget.models.adapters import LowRankAdapter
from ontarget.training.monitoring.callbacks import ValidationPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast to train."""

    steps: int  # optimiser steps
    batch: int  # examples a step, over all processes and micro-batches
    micro_batch: int  # examples at once on one device
    learning_rate: float  # peak
    schedule: str  # cosine, linear, constant_with_warmup
    warmup: float  # share of the steps
    optimizer: Literal["adamw", "muon"]
    weight_decay: float
    precision: Literal["float32", "bfloat16"]
    row_tokens: int  # of a packed row
    checkpoint_every: int  # steps
    compiled: bool = False  # the model's layers
    alpha: float = 0.0  # weight of the unlikelihood loss
    seed: int = 0
    adapter: LowRankAdapter | None = None
    validation: ValidationPlan | None = None
