"""Muon against torch's own, and its orthogonalization against the singular value decomposition."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from ontarget.training.engine.muon import make_muon, orthogonalize


@given(st.integers(1, 3), st.integers(2, 12), st.integers(2, 12), st.integers(0, 2**31))
def test_singular_vectors_stay_and_singular_values_come_near_one(
    count: int, rows: int, columns: int, seed: int
) -> None:
    rng = torch.Generator().manual_seed(seed)
    matrices = torch.randn(count, rows, columns, generator=rng)
    out = orthogonalize(matrices)
    u, values, vh = torch.linalg.svd(matrices, full_matrices=False)
    rotated = u.mT @ out @ vh.mT
    diagonal = rotated.diagonal(dim1=-2, dim2=-1)
    assert_close(rotated, torch.diag_embed(diagonal), atol=1e-4, rtol=0)
    large = values > 0.05 * values.amax(-1, keepdim=True)
    assert ((diagonal > 0.6) & (diagonal < 1.25))[large].all()


def test_a_matrix_does_not_depend_on_its_neighbours() -> None:
    matrices = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(0))
    together, alone = orthogonalize(matrices), orthogonalize(matrices[1:2])
    assert_close(together[1:2], alone)


def test_updates_equal_those_of_torch_muon() -> None:
    """Five steps move a weight by up to 0.1; torch iterates in bfloat16, hence the tolerance."""
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 8), nn.LayerNorm(8))
    theirs = copy.deepcopy(ours)
    matrices = [each for each in theirs.parameters() if each.ndim == 2]
    optimizers = (
        make_muon(ours, lr=0.02, adamw_lr=0.0),
        torch.optim.Muon(matrices, lr=0.02, weight_decay=0.0, momentum=0.95),
    )
    for step in range(5):
        inputs = torch.randn(4, 8, generator=torch.Generator().manual_seed(step))
        for model, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            (model(inputs) * inputs).sum().backward()
            optimizer.step()
    for mine, reference in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_close(mine, reference, atol=1e-2, rtol=0)


def test_embeddings_head_and_norms_use_adamw_and_one_schedule_drives_both() -> None:
    model = nn.ModuleDict(
        {
            "embed": nn.Embedding(5, 4),
            "inner": nn.Linear(4, 4),
            "norm": nn.LayerNorm(4),
            "lm_head": nn.Linear(4, 5, bias=False),
        }
    )
    optimizer = make_muon(model, lr=0.02, adamw_lr=0.005)
    matrices, others = (group["params"] for group in optimizer.param_groups)
    assert [id(each) for each in matrices] == [id(model["inner"].weight)]
    assert len(others) == 5
    assert [group["lr"] for group in optimizer.param_groups] == [0.02, 0.005]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = copy.deepcopy(model.state_dict())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    for name, value in model.state_dict().items():
        assert_close(value, before[name])


def test_a_saved_state_restores_both_optimizers_and_one_schedule_still_drives_both() -> None:
    """accelerate also loads an optimizer's own empty state into it before the first step."""

    def stepped(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
        for step in steps:
            for group, rate in zip(optimizer.param_groups, (0.02, 0.005), strict=True):
                group["lr"] = rate / (step + 1)
            inputs = torch.randn(4, 4, generator=torch.Generator().manual_seed(step))
            optimizer.zero_grad()
            (model(inputs) * inputs).sum().backward()
            optimizer.step()

    torch.manual_seed(0)
    whole = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
    cut = copy.deepcopy(whole)
    stepped(whole, make_muon(whole, lr=0.02, adamw_lr=0.005), range(6))
    first = make_muon(cut, lr=0.02, adamw_lr=0.005)
    first.load_state_dict(first.state_dict())
    stepped(cut, first, range(3))
    second = make_muon(cut, lr=0.02, adamw_lr=0.005)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    stepped(cut, second, range(3, 6))
    for one, other in zip(cut.parameters(), whole.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_parameter_without_gradient_is_not_changed() -> None:
    model = nn.Linear(4, 4)
    before = model.weight.clone()
    make_muon(nn.Sequential(model, nn.LayerNorm(4)), lr=1.0, adamw_lr=1.0).step()
    assert_close(model.weight, before)


def test_a_closure_is_an_error() -> None:
    with pytest.raises(ValueError, match="Muon takes no closure"):
        make_muon(nn.Linear(2, 2), lr=1.0, adamw_lr=1.0).step(lambda: 0.0)
