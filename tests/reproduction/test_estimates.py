"""Hours and memory before anything starts, against sums by hand."""

from pathlib import Path

import pytest

from ontarget.reproduction.estimates import RunEstimate, estimate, model_of
from ontarget.reproduction.planning import plan_runs
from ontarget.reproduction.runs import Choices, Reproduction
from ontarget.reproduction.settings import read_paper_table

MATRICES = 32 * (4 * 4096**2 + 3 * 4096 * 11008) + 32000 * 4096  # of Llama 2 7B, with its head


def estimates(
    name: str = "iwslt4", instructions: Path | None = None
) -> tuple[Reproduction, dict[str, RunEstimate]]:
    choices = Choices(scale="full", out=Path("runs/x"), instructions=instructions)
    reproduction = plan_runs(read_paper_table(name), choices)
    model = model_of(reproduction)
    assert model is not None
    found = estimate(reproduction, model, gpu_memory=80.0, tflops=100.0)
    return reproduction, {one.run.name: one for one in found}


def hours(samples: float) -> float:
    """Six operations a parameter and token, 150 tokens a sample, 100 TFLOP/s (arXiv 2001.08361)."""
    return 6 * MATRICES * samples * 150 / 100e12 / 3600


def test_the_hours_of_a_run_are_those_of_its_trainings() -> None:
    """Stage 1 sees three epochs; stage 2 sees 100 steps of 8 samples and as many conflicts."""
    _, by_name = estimates()
    stage2 = hours(100 * 8 * 2)
    assert by_name["alpha-0.1"].hours == pytest.approx(stage2, rel=1e-3)
    assert by_name["main"].hours == pytest.approx(hours(3 * 1_378_794) + stage2, rel=1e-3)
    quarter = hours(3 * 6 * 24_000) + stage2
    assert by_name["data-24000"].hours == pytest.approx(quarter, rel=1e-3)


def test_instructions_beside_as_many_translations_take_twice_the_time() -> None:
    """How many there are alone is not known before their file is read."""
    _, by_name = estimates(instructions=Path("alpaca.json"))
    both = hours(2 * 3 * 1_378_794) + hours(100 * 8 * 2)
    assert by_name["instructions"].hours == pytest.approx(both, rel=1e-3)
    assert by_name["instructions-only"].hours is None


def test_a_run_without_training_needs_no_plan() -> None:
    _, by_name = estimates()
    assert (by_name["ptl"].plan, by_name["ptl"].hours) == (None, 0.0)


def test_seven_billion_parameters_fit_on_four_gpus_of_80_gib() -> None:
    """16 bytes a parameter for AdamW in float32 alone are 100 GiB."""
    _, by_name = estimates()
    plan = by_name["main"].plan
    assert plan is not None and plan.fits and plan.gpus == 4


def test_a_model_on_the_hub_of_unknown_shape_is_not_estimated() -> None:
    choices = Choices(scale="small", out=Path("runs/x"))
    assert model_of(plan_runs(read_paper_table("iwslt4"), choices)) is None
