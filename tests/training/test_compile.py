"""Compiled layers give the same training, or one line that says why they cannot be compiled."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from support.models import tiny
from support.trainings import examples, schedule
from torch import Tensor

from ontarget.errors import ModelError, RecipeError
from ontarget.models.adapters import LowRankAdapter
from ontarget.training.engine.compile import compile_layers, run_eagerly
from ontarget.training.train import train

LORA = LowRankAdapter(rank=2, scale=1.0, dropout=0.0, targets=("q_proj", "down_proj"), kind="lora")
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
ignoring_torch = pytest.mark.filterwarnings(  # PyTorch's own warnings
    "ignore:.torch.jit:DeprecationWarning", "ignore:The .grad attribute:UserWarning"
)


@ignoring_torch
@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("adapter", [None, LORA])
def test_compiled_layers_train_to_the_same_weights(
    tmp_path: Path, adapter: LowRankAdapter | None
) -> None:
    ends = []
    for compiled in (False, True):
        loaded = tiny()
        setting = schedule(steps=4, compiled=compiled, adapter=adapter)
        trained = train(loaded, examples(16), setting, tmp_path / str(compiled))
        tuned = trained.adapter or loaded.model
        ends.append({name: each.clone() for name, each in tuned.named_parameters()})
        ran = [bool(layer._compiled_call_impl) for layer in loaded.model.base_model.layers]
        assert ran == [compiled]
    assert ends[0].keys() == ends[1].keys()
    for name, weight in ends[0].items():
        torch.testing.assert_close(ends[1][name], weight, rtol=0, atol=1e-4)


class Doubled(torch.nn.Module):
    def forward(self, hidden: Tensor) -> Tensor:
        return 2 * hidden


@ignoring_torch
def test_eager_decoding_between_steps_compiles_nothing() -> None:
    compilations = []

    def backend(graph: Any, inputs: list[Tensor]) -> Any:
        compilations.append(graph)
        return graph.forward

    layer = Doubled()
    layer.compile(backend=backend)
    with run_eagerly():
        layer(torch.ones(2))
    assert not compilations
    layer(torch.ones(2))
    assert compilations


def test_a_compiler_failure_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(function: Any) -> Any:
        raise RuntimeError("no working C++ compiler\nand much more")

    monkeypatch.setattr(torch, "compile", fails)
    with pytest.raises(RecipeError) as raised:
        compile_layers(tiny().model, tiny().model)
    assert str(raised.value) == (
        "compile: PyTorch cannot compile here (no working C++ compiler); install a C++ compiler "
        "(CXX names it), or leave compile out"
    )


def test_sharded_layers_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(RecipeError) as raised:
        compile_layers(tiny().model, tiny().model)
    assert str(raised.value) == (
        "compile: layers that this engine shards cannot be compiled; leave compile out"
    )


def test_a_model_that_does_not_name_its_layers_is_rejected() -> None:
    model = tiny().model
    model._no_split_modules = None
    with pytest.raises(ModelError) as raised:
        compile_layers(model, model)
    assert str(raised.value) == (
        "compile: LlamaForCausalLM does not name its layers; leave compile out"
    )
