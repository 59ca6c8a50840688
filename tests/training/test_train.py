"""Loss and steps of the trainer against the definition in float64, the sampler, and divergence."""

import math
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.models import double, prompt_of, tiny
from support.trainings import by_definition, examples, schedule, tuned
from torch import Tensor
from torch.testing import assert_close

from ontarget.errors import RecipeError
from ontarget.recipe import stage
from ontarget.recipe.sections.training import Mle
from ontarget.training.batches.packing import padded
from ontarget.training.batches.sampler import LengthGroupedSampler
from ontarget.training.batches.sequences import Example, token_sequence
from ontarget.training.forward import forward_returns_loss
from ontarget.training.resume import ResumableState
from ontarget.training.schedule import Schedule
from ontarget.training.train import (
    Layout,
    choose_layout,
    collate_batch,
    train,
    training_arguments,
)
from ontarget.training.trainer import LanguageAwareTrainer

SGD = {"optimizer": "adamw", "weight_decay": 0.0, "precision": "float32"}


class Recording(LanguageAwareTrainer):
    """Records the gradients that the optimizer gets."""

    gradients: dict[str, Tensor]

    def _clip_grad_norm(self, model: Any) -> Any:
        self.gradients = {
            name: parameter.grad.clone()
            for name, parameter in model.named_parameters()
            if parameter.grad is not None
        }
        return super()._clip_grad_norm(model)


def gradients_of_a_step(
    drawn: list[Example], setting: Schedule, folder: Path, layout: tuple[Layout, int]
) -> dict[str, Tensor]:
    loaded = double(tiny())
    resumable = ResumableState(loaded.model, None, folder, lambda point: None)
    trainer = Recording(
        model=loaded.model,
        args=training_arguments(loaded.model, setting, resumable.partial),
        train_dataset=drawn,
        collate=lambda batch: collate_batch(
            batch, loaded.pad, row_tokens=layout[1], layout=layout[0]
        ),
        answers=None,
        alpha_at=lambda step: setting.alpha_at(step, []),
        resumable=resumable,
    )
    with forward_returns_loss(loaded.model):
        trainer.train()
    return trainer.gradients


@pytest.mark.parametrize(
    ("layout", "micro_batch", "conflicts"),
    [
        *product([("padded", 1), ("packed", 40), ("shared", 40)], [1, 4, 8], [True]),
        *product([("packed", 10), ("shared", 10), ("packed", 500), ("shared", 500)], [4], [True]),
        *product([("padded", 1), ("shared", 40)], [2], [False]),
    ],
    ids=str,
)
def test_a_step_has_the_gradient_of_the_definition_however_it_is_split(
    tmp_path: Path, layout: tuple[Layout, int], micro_batch: int, conflicts: bool
) -> None:
    """A mean of micro-batch means would be another loss, and packed sequences may see each other.

    Rows of 10 tokens are shorter than some sequences, rows of 500 longer than all together.
    """
    drawn = examples(8, conflicts=conflicts)
    setting = schedule(batch=8, micro_batch=micro_batch, alpha=0.3 if conflicts else 0.0)
    gradients = gradients_of_a_step(drawn, setting, tmp_path, layout)
    reference = double(tiny()).model
    by_definition(reference, drawn, setting.alpha).backward()
    for name, parameter in reference.named_parameters():
        assert_close(gradients[name], parameter.grad, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize(
    ("attention", "window", "layout"),
    [("sdpa", None, "shared"), ("eager", None, "shared"), ("sdpa", 8, "packed")],
)
def test_the_layout_is_the_cheapest_that_the_model_computes_exactly(
    attention: str, window: int | None, layout: Layout
) -> None:
    model = double(tiny()).model
    model.set_attn_implementation(attention)
    model.config.sliding_window = window
    assert choose_layout(model, examples(8), schedule(row_tokens=40)) == layout


def test_the_logged_losses_are_the_two_means_of_the_definition() -> None:
    drawn = examples(4)
    loaded = tiny()
    with torch.no_grad():
        both = [by_definition(loaded.model, drawn, alpha).item() for alpha in (0.0, 1.0)]
    (point,) = tuned(loaded, drawn, schedule()).curve
    assert point["likelihood"] == pytest.approx(both[0], rel=1e-4)
    assert point["unlikelihood"] == pytest.approx(both[1] - both[0], rel=1e-3)
    assert (point["step"], point["steps"]) == (1, 1)


def test_padding_does_not_change_logits() -> None:
    loaded = double(tiny())
    short, long = examples(2, conflicts=False)
    alone = loaded.model(**inputs(padded([short], loaded.pad))).logits
    together = loaded.model(**inputs(padded([short, long], loaded.pad))).logits
    assert_close(together[0, : alone.shape[1]], alone[0])


def inputs(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: batch[name] for name in ("input_ids", "attention_mask")}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_training_lowers_both_losses(optimizer: str) -> None:
    loaded = tiny()
    setting = schedule(steps=30, optimizer=optimizer, alpha=1.0, schedule="cosine", warmup=0.1)
    curve = tuned(loaded, examples(4), setting).curve
    assert curve[-1]["likelihood"] < 0.8 * curve[0]["likelihood"]
    assert curve[-1]["step"] == 30


def test_the_seed_determines_the_weights() -> None:
    ends = []
    for seed in (1, 1, 2):
        loaded = tiny()
        tuned(loaded, examples(12), schedule(steps=2, seed=seed))
        ends.append(loaded.model.state_dict()["model.embed_tokens.weight"].clone())
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


def test_a_nan_loss_stops_training() -> None:
    loaded = tiny()
    with torch.no_grad():
        loaded.model.lm_head.weight.fill_(math.nan)
    with pytest.raises(
        RecipeError, match=r"step 1: the loss is nan on the samples \d, \d, \d, \d; lower .*: none"
    ):
        tuned(loaded, examples(4), schedule())


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 9), st.integers(0, 99))
def test_every_epoch_has_every_example_once_and_steps_are_sorted_by_length(
    lengths: list[int], step: int, seed: int
) -> None:
    sampler = LengthGroupedSampler(lengths, step, seed)
    order = list(sampler)
    assert sorted(order) == list(range(len(lengths))) and len(sampler) == len(lengths)
    for start in range(0, len(order), step):
        drawn = [lengths[index] for index in order[start : start + step]]
        assert drawn == sorted(drawn, reverse=True)
    sampler.set_epoch(1)
    assert sorted(sampler) == sorted(order)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 5))
def test_processes_share_an_epoch_evenly(count: int, share: int, steps: int) -> None:
    sampler = LengthGroupedSampler(list(range(count)), share * steps, 0, share=share)
    order = list(sampler)
    assert len(order) == len(sampler) and len(order) % share == 0
    assert len(order) - count < share
    assert sorted(order) == sorted([*range(count), *[count] * (len(order) - count)])


def test_the_last_step_of_an_epoch_may_have_fewer_samples() -> None:
    """(samples, batch, epochs) -> steps: 100 samples are 12 steps of 8 and one of 4."""
    known = {
        (100, 8, 3.0): 39,
        (9, 8, 10.0): 20,
        (129, 128, 1.0): 2,
        (16, 8, 0.5): 1,
        (3, 8, 1.0): 1,
    }
    for (samples, of_step, epochs), steps in known.items():
        section = Mle(epochs=epochs, batch=of_step, micro_batch=1)
        assert stage.schedule_of(section, samples, 0).steps == steps


def test_epochs_differ_and_lengths_are_spread_over_steps() -> None:
    sampler = LengthGroupedSampler(list(range(400)), 20, seed=0)
    first = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != first
    means = [sum(first[start : start + 20]) / 20 for start in range(0, 400, 20)]
    # a mean of 20 of 0..399 has a standard deviation of 26
    assert max(abs(mean - 199.5) for mean in means) < 130


def test_bfloat16_trains_float32_weights_on_a_cpu() -> None:
    loaded = tiny(2)
    model = loaded.model
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    points = tuned(loaded, examples(8), schedule(precision="bfloat16", steps=2)).curve
    assert all(math.isfinite(point["likelihood"]) for point in points)
    assert any(not torch.equal(before[name], weight) for name, weight in model.named_parameters())
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_weights_that_become_infinite_in_the_last_step_are_an_error() -> None:
    """No loss is computed after the update of the last step."""
    with pytest.raises(RecipeError, match=r"weight .* is not finite; lower the learning rate"):
        tuned(tiny(2), examples(4), schedule(steps=1, learning_rate=1e300))


def test_the_error_names_the_samples_of_the_failing_micro_batch() -> None:
    drawn = examples(16, conflicts=False)
    drawn.insert(5, Example(rows=(token_sequence("bad", prompt_of(7, 250), [9, 10]),)))
    loaded = tiny()
    loaded.model.model.embed_tokens.register_forward_hook(
        lambda _, ids, vectors: vectors * math.nan if (ids[0] == 250).any() else vectors
    )
    setting = schedule(batch=17, micro_batch=1, row_tokens=64)
    with pytest.raises(RecipeError, match="step 1: the loss is nan on the samples bad; lower"):
        tuned(loaded, drawn, setting)


def test_no_checkpoint_with_infinite_weights_is_written(tmp_path: Path) -> None:
    setting = schedule(steps=3, checkpoint_every=1, learning_rate=1e300)
    with pytest.raises(RecipeError, match=r"after step 1 the weight \S+ is not finite"):
        train(tiny(), examples(4), setting, tmp_path)
    assert not list(tmp_path.glob("step-*"))


def test_one_process_uses_one_accelerator_even_if_it_sees_several(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: torch.device("cpu"))
    arguments = training_arguments(tiny().model, schedule(batch=8, micro_batch=4), tmp_path)
    assert (arguments.n_gpu, arguments.train_batch_size) == (1, 4)


def test_the_layout_is_tried_on_no_longer_rows_than_the_examples_can_fill(tmp_path: Path) -> None:
    """Otherwise a large row_tokens would exhaust the memory before the first step."""
    assert train(tiny(), examples(4), schedule(row_tokens=10**9), tmp_path).steps == 1
