"""Each test is one law of the losses; the oracle never shares code with what it checks."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from ontarget.training.fused import Head, fused_loss
from ontarget.training.losses import IGNORE


def sure_of_class_0(odds: float, vocab: int = 4) -> Tensor:
    """Float32 logits of one token whose class 0 has these log-odds, in nats."""
    return torch.tensor([[odds + math.log(vocab - 1)] + [0.0] * (vocab - 1)])


@dataclass
class Problem:
    """Random inputs of the fused loss, a fifth of them without a label."""

    hidden: Tensor
    weight: Tensor
    labels: Tensor
    unlikely: Tensor
    weights: Tensor

    def by_definition(self, finish: Callable[[Tensor], Tensor] = lambda z: z) -> Tensor:
        """With softmax and log on full logits."""
        kept = self.labels != IGNORE
        z = finish(self.hidden @ self.weight.T)
        p = z.softmax(-1)[kept].gather(1, self.labels[kept][:, None]).squeeze(1)
        nats = -torch.log(torch.where(self.unlikely[kept], 1 - p, p))
        return (self.weights[kept] * nats).sum()

    @property
    def all(self) -> tuple[Tensor, ...]:
        return self.hidden, self.weight, self.labels, self.unlikely, self.weights


def problem(
    *,
    tokens: int = 30,
    vocab: int = 11,
    dim: int = 5,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Problem:
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64).to(dtype)

    labels = torch.randint(vocab, (tokens,), generator=rng)
    labels[torch.rand(tokens, generator=rng) < 0.2] = IGNORE
    return Problem(
        hidden=normal(tokens, dim).requires_grad_(),
        weight=normal(vocab, dim).requires_grad_(),
        labels=labels,
        unlikely=torch.rand(tokens, generator=rng) < 0.5,
        weights=torch.rand(tokens, generator=rng, dtype=torch.float64).to(
            torch.promote_types(dtype, torch.float32)
        ),
    )


@given(
    st.integers(0, 40),
    st.integers(2, 20),
    st.integers(1, 6),
    st.integers(1, 50),
    st.integers(0, 99),
)
def test_the_fused_loss_and_its_gradients_are_those_of_the_definition(
    tokens: int, vocab: int, dim: int, chunk: int, seed: int
) -> None:
    given = problem(tokens=tokens, vocab=vocab, dim=dim, seed=seed)
    found = fused_loss(*given.all, chunk=chunk).loss
    expected = given.by_definition()
    assert_close(found, expected)
    wanted = (given.hidden, given.weight)
    for one, other in zip(
        torch.autograd.grad(found * 3, wanted),
        torch.autograd.grad(expected * 3, wanted),
        strict=True,
    ):
        assert_close(one, other)


@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("adapted", [True, False])
def test_what_models_do_to_their_logits_is_done_here_too(
    scale: float, softcap: float | None, biased: bool, adapted: bool
) -> None:
    given = problem()
    more = problem(seed=1)
    bias = more.weight[:, 0].detach().requires_grad_() if biased else None
    low, up = (each[:, :2].detach().requires_grad_() for each in (more.hidden, more.weight))

    def finish(z: Tensor) -> Tensor:
        z = z + low @ up.T if adapted else z
        z = scale * (z if bias is None else z + bias)
        return z if softcap is None else softcap * torch.tanh(z / softcap)

    head = Head(
        weight=given.weight,
        bias=bias,
        adapter=(low, up) if adapted else None,
        scale=scale,
        softcap=softcap,
    )
    found = fused_loss(
        given.hidden, head, given.labels, given.unlikely, given.weights, chunk=7
    ).loss
    expected = given.by_definition(finish)
    assert_close(found, expected)
    wanted = [given.hidden, given.weight, *([bias] if biased else [])]  # type: ignore[list-item]
    wanted += [low, up] if adapted else []
    for one, other in zip(
        torch.autograd.grad(found, wanted), torch.autograd.grad(expected, wanted), strict=True
    ):
        assert_close(one, other)


def test_the_odds_are_those_of_labelled_tokens_and_carry_no_gradient() -> None:
    given = problem()
    odds = fused_loss(*given.all).odds
    kept = given.labels != IGNORE
    p = (given.hidden @ given.weight.T)[kept].softmax(-1).gather(1, given.labels[kept][:, None])
    assert_close(odds[kept], torch.logit(p.detach().squeeze(1)))
    assert not odds[~kept].any() and not odds.requires_grad


@given(st.integers(0, 99))
def test_without_unlikelihood_it_is_cross_entropy(seed: int) -> None:
    given = problem(seed=seed)
    given.unlikely[:] = False
    z = given.hidden @ given.weight.T
    expected = cross_entropy(z, given.labels, reduction="none", ignore_index=IGNORE)
    assert_close(fused_loss(*given.all).loss, (given.weights * expected).sum())


@given(st.integers(0, 99), st.floats(-1e3, 1e3))
def test_a_constant_added_to_all_logits_changes_nothing(seed: int, constant: float) -> None:
    given = problem(seed=seed)
    head = Head(weight=given.weight, bias=torch.full((11,), constant, dtype=torch.float64))
    found = fused_loss(given.hidden, head, given.labels, given.unlikely, given.weights)
    assert_close(found, fused_loss(*given.all))


def test_certainty_keeps_the_gradient_that_a_clamp_loses() -> None:
    z = sure_of_class_0(odds=40.0)
    hidden = torch.eye(4)[:1].requires_grad_()
    clamped = -torch.log((1 - torch.softmax(hidden @ z.T.repeat(1, 4).T, -1)).clamp(min=1e-9))[0, 0]
    (lost,) = torch.autograd.grad(clamped, hidden)
    head = z.T.repeat(1, 4)
    fused = fused_loss(hidden, head, torch.tensor([0]), torch.tensor([True]), torch.ones(1))
    (kept,) = torch.autograd.grad(fused.loss, hidden)
    assert lost[0, 0].item() == 0.0
    assert kept[0, 0].item() == pytest.approx(z[0, 0].item(), rel=1e-5)  # slope 1 times the class


@pytest.mark.parametrize("odds", [-30.0, -10.0, -1.0, 1.0, 10.0, 30.0])
@pytest.mark.parametrize("unlikely", [True, False])
def test_fused_gradients_are_exact_in_both_tails(odds: float, unlikely: bool) -> None:
    """float32 against float64, by the definition's closed form: slope times (onehot - q)."""
    z = sure_of_class_0(odds)
    hidden, head = torch.eye(4)[:1], z.T.repeat(1, 4).contiguous().requires_grad_()
    loss = fused_loss(hidden, head, torch.tensor([0]), torch.tensor([unlikely]), torch.ones(1)).loss
    (grad,) = torch.autograd.grad(loss, head)
    slope = 1 / (1 + math.exp(-odds)) if unlikely else -1 / (1 + math.exp(odds))
    exact = torch.tensor([slope, *[-slope / 3] * 3], dtype=torch.float64)
    assert_close(grad[:, 0].double(), exact, rtol=2e-5, atol=0.0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_halves_are_widened_before_any_arithmetic(dtype: torch.dtype) -> None:
    """Against float64 on the same rounded inputs; results are rounded to the inputs' type once."""
    given = problem(tokens=200, vocab=300, dtype=dtype)
    loss = fused_loss(*given.all, chunk=64).loss
    wide = Problem(
        *(each.detach().double().requires_grad_() for each in (given.hidden, given.weight)),
        given.labels,
        given.unlikely,
        given.weights.double(),
    )
    expected = wide.by_definition()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    eps = torch.finfo(dtype).eps
    for one, other in zip(
        torch.autograd.grad(loss, (given.hidden, given.weight)),
        torch.autograd.grad(expected, (wide.hidden, wide.weight)),
        strict=True,
    ):
        assert one.dtype == dtype
        assert_close(one.double(), other, rtol=2 * eps, atol=1e-3 * eps)


def test_only_what_wants_a_gradient_gets_one() -> None:
    given = problem()
    frozen = given.weight.detach()
    loss = fused_loss(given.hidden, frozen, given.labels, given.unlikely, given.weights).loss
    loss.backward()
    assert given.hidden.grad is not None and frozen.grad is None
    with torch.no_grad():
        assert not fused_loss(*given.all).loss.requires_grad


def test_the_fused_gradient_can_be_asked_for_once() -> None:
    loss = fused_loss(*problem().all).loss
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="for one backward pass only"):
        loss.backward()


@pytest.mark.parametrize(("label", "span"), [(11, r"\d\.\.11"), (-5, r"-5\.\.\d+")])
def test_the_fused_loss_refuses_a_label_that_is_no_class(label: int, span: str) -> None:
    given = problem()
    given.labels[3] = label
    with pytest.raises(ValueError, match=rf"labels span {span}, classes 0\.\.10"):
        fused_loss(*given.all)


def test_of_all_logits_no_more_than_a_chunk_exists() -> None:
    """Counted where PyTorch allocates: the largest tensor of the whole computation."""
    given = problem(tokens=400, vocab=1000, dim=4)
    sizes: list[int] = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            result = func(*args, **(kwargs or {}))
            if isinstance(result, Tensor):
                sizes.append(result.numel())
            return result

    with Watch():
        fused_loss(*given.all, chunk=16).loss.backward()
    assert max(sizes) <= 16 * 1000
