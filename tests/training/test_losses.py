"""Laws of the losses and of the fused loss; no oracle shares code with what it checks."""

import math
import random
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

from ontarget.training import fused as fused_module
from ontarget.training.fused import Head, fused_loss
from ontarget.training.logits import rows_at_once
from ontarget.training.losses import IGNORE, likelihood, log_odds, log_reach, unlikelihood

VOCAB = 4


def logits_with(odds: float) -> Tensor:
    """Float32 logits of one token whose class 0 has these log-odds, in nats."""
    return torch.tensor([[odds + math.log(VOCAB - 1)] + [0.0] * (VOCAB - 1)])


@given(st.lists(st.floats(-15, 15), min_size=2, max_size=9), st.data())
def test_the_losses_are_minus_log_p_and_minus_log_of_one_minus_p(
    row: list[float], data: st.DataObject
) -> None:
    """By the softmax of Python's math module."""
    label = data.draw(st.integers(0, len(row) - 1))
    exponentials = [math.exp(z) for z in row]
    p = exponentials[label] / sum(exponentials)
    rest = sum(exponentials[:label] + exponentials[label + 1 :]) / sum(exponentials)
    m = log_odds(torch.tensor([row], dtype=torch.float64), torch.tensor([label]))
    assert m.item() == pytest.approx(math.log(p) - math.log(rest), abs=1e-9)
    assert likelihood(m).item() == pytest.approx(-math.log(p), rel=1e-9, abs=1e-12)
    assert unlikelihood(m).item() == pytest.approx(-math.log(rest), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("odds", [-1e4, -100.0, 100.0, 1e4])
def test_the_losses_stay_exact_where_p_rounds_to_0_or_1(odds: float) -> None:
    """Far from 0, one loss is the distance from 0 and the other vanishes; so do their slopes."""
    m = torch.tensor([odds]).requires_grad_()
    large, small = (unlikelihood, likelihood) if odds > 0 else (likelihood, unlikelihood)
    assert large(m).item() == abs(odds) and small(m).item() == pytest.approx(0, abs=1e-40)
    (slope,) = torch.autograd.grad(large(m).sum(), m)
    assert slope.item() == math.copysign(1, odds)


@given(st.lists(st.tuples(st.floats(-9, 9), st.booleans()), min_size=1, max_size=12), st.data())
def test_reach_is_the_product_of_p_over_the_earlier_tokens_of_a_response(
    tokens: list[tuple[float, bool]], data: st.DataObject
) -> None:
    """In one piece and in two, by a loop over Python's floats."""
    expected, reach = [], 1.0
    for odds, continues in tokens:
        reach = reach if continues else 1.0
        expected.append(reach)
        reach *= 1 / (1 + math.exp(-odds))
    m = torch.tensor([odds for odds, _ in tokens], dtype=torch.float64)
    continues = torch.tensor([flag for _, flag in tokens])
    assert_close(log_reach(m, continues).exp(), torch.tensor(expected, dtype=torch.float64))
    cut = data.draw(st.integers(0, len(tokens) - 1))
    before = math.log(expected[cut] / (1 + math.exp(-tokens[cut][0])))
    rest = log_reach(m[cut + 1 :], continues[cut + 1 :], before).exp()
    assert_close(rest, torch.tensor(expected[cut + 1 :], dtype=torch.float64))


@pytest.mark.parametrize("most", [0, 4], ids=["labels", "sets"])
@pytest.mark.parametrize("rows_at_once", [1, 3, 100])
@given(st.integers(0, 99), st.integers(1, 40))
def test_reach_multiplies_the_weights_and_takes_no_gradient(
    most: int, rows_at_once: int, seed: int, chunk: int
) -> None:
    """Whatever the chunks and blocks in which the fused loss goes through the tokens.

    p is that of the label, or of a set of up to five tokens with it.
    """
    given = problem(seed=seed)
    sets, alternatives = drawn_sets(given, most, seed)
    kept = given.labels != IGNORE
    continues = torch.rand(len(kept), generator=torch.Generator().manual_seed(seed)) < 0.6
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused_module, "CACHE_NUMBERS", rows_at_once * given.weight.shape[0])
        fused = fused_loss(*given.all, continues=continues, alternatives=alternatives, chunk=chunk)
    reach, p = 1.0, (given.hidden @ given.weight.T).softmax(-1)
    plain = torch.zeros((), dtype=torch.float64)
    for at in kept.nonzero().flatten().tolist():
        label = p[at, sets[at]].sum()
        reach = reach if continues[at] else 1.0
        nats = -torch.log(1 - label if given.unlikely[at] else label)
        plain = plain + given.weights[at] * reach * nats
        reach *= label.item()
    assert_close(fused.loss, plain)
    wanted = (given.hidden, given.weight)
    for one, other in zip(
        torch.autograd.grad(fused.loss, wanted), torch.autograd.grad(plain, wanted), strict=True
    ):
        assert_close(one, other)


def drawn_sets(given: "Problem", most: int, seed: int) -> tuple[list[list[int]], Tensor]:
    """Each token's label with up to `most` other classes, and these in columns."""
    rng, vocab = random.Random(seed), len(given.weight)
    sets = []
    alternatives = torch.full((len(given.labels), most), IGNORE)
    for at, label in enumerate(given.labels.tolist()):
        others = [token for token in range(vocab) if token != label]
        drawn = rng.sample(others, rng.randint(0, most)) if label != IGNORE else []
        alternatives[at, : len(drawn)] = torch.tensor(drawn, dtype=torch.long)
        sets.append([label, *drawn])
    return sets, alternatives


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
    fused = fused_loss(*given.all, chunk=chunk)
    found, expected = fused.loss, given.by_definition()
    assert_close(found, expected)
    kept = given.labels != IGNORE
    p = (given.hidden @ given.weight.T)[kept].softmax(-1)
    p = p.gather(1, given.labels[kept, None]).squeeze(1).detach()
    assert_close(fused.log_odds[kept], p.log() - (1 - p).log())
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
def test_bias_scale_soft_cap_and_adapter_act_as_in_the_model(
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


def test_log_odds_are_those_of_labelled_tokens_and_carry_no_gradient() -> None:
    given = problem()
    found = fused_loss(*given.all).log_odds
    kept = given.labels != IGNORE
    p = (given.hidden @ given.weight.T)[kept].softmax(-1).gather(1, given.labels[kept][:, None])
    assert_close(found[kept], torch.logit(p.detach().squeeze(1)))
    assert not found[~kept].any() and not found.requires_grad


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


def test_a_confident_wrong_answer_keeps_the_gradient_that_a_clamp_loses() -> None:
    z = logits_with(40.0)
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
    z = logits_with(odds)
    hidden, head = torch.eye(4)[:1], z.T.repeat(1, 4).contiguous().requires_grad_()
    loss = fused_loss(hidden, head, torch.tensor([0]), torch.tensor([unlikely]), torch.ones(1)).loss
    (grad,) = torch.autograd.grad(loss, head)
    slope = 1 / (1 + math.exp(-odds)) if unlikely else -1 / (1 + math.exp(odds))
    exact = torch.tensor([slope, *[-slope / 3] * 3], dtype=torch.float64)
    assert_close(grad[:, 0].double(), exact, rtol=2e-5, atol=0.0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_inputs_are_widened_before_any_arithmetic(dtype: torch.dtype) -> None:
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


def test_only_inputs_that_require_a_gradient_get_one() -> None:
    given = problem()
    frozen = given.weight.detach()
    loss = fused_loss(given.hidden, frozen, given.labels, given.unlikely, given.weights).loss
    loss.backward()
    assert given.hidden.grad is not None and frozen.grad is None
    with torch.no_grad():
        assert not fused_loss(*given.all).loss.requires_grad


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_where_no_gradient_is_wanted_none_is_computed(mode: Callable[[], Any]) -> None:
    """By the tensors that are made to hold gradients, one in the shape of each input."""
    given = problem(tokens=40, vocab=50, dim=4)
    shapes = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            result = func(*args, **(kwargs or {}))
            if isinstance(result, Tensor) and "zeros" in str(func):
                shapes.append(tuple(result.shape))
            return result

    with Watch():
        with mode():
            fused_loss(*given.all, chunk=16)
        assert (50, 4) not in shapes and (40, 4) not in shapes
        fused_loss(*given.all, chunk=16)
        assert (50, 4) in shapes and (40, 4) in shapes


def test_the_backward_pass_runs_only_once() -> None:
    loss = fused_loss(*problem().all).loss
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="for one backward pass only"):
        loss.backward()


@pytest.mark.parametrize(("label", "span"), [(11, r"\d\.\.11"), (-5, r"-5\.\.\d+")])
def test_a_label_that_is_not_a_class_is_an_error(label: int, span: str) -> None:
    given = problem()
    given.labels[3] = label
    with pytest.raises(ValueError, match=rf"labels span {span}, classes 0\.\.10"):
        fused_loss(*given.all)


def test_an_alternative_that_is_not_a_class_is_an_error() -> None:
    given = problem()
    alternatives = torch.full((len(given.labels), 1), 11)
    with pytest.raises(ValueError, match=r"labels span \d\.\.11, classes 0\.\.10"):
        fused_loss(*given.all, alternatives=alternatives)


def test_probability_spread_over_a_set_keeps_the_gradient_that_its_label_loses() -> None:
    """A thousand equally likely words of the wrong language: -log(1 - p) of one has no slope."""
    logits = torch.cat([torch.full((1000,), 5.0), torch.zeros(1000)])
    hidden = torch.ones(1, 1)
    slopes = []
    for alternatives in (None, torch.arange(1, 1000)[None]):
        weight = logits[:, None].clone().requires_grad_()
        label = torch.tensor([0])
        loss = fused_loss(
            hidden, weight, label, label == 0, torch.ones(1), alternatives=alternatives
        ).loss
        (gradient,) = torch.autograd.grad(loss, weight)
        slopes.append(gradient[:1000].sum().item())
    p = 1000 * math.exp(5) / (1000 * math.exp(5) + 1000)  # of all of them
    assert slopes[1] == pytest.approx(p, rel=1e-5) and abs(slopes[0]) < 1e-4


@pytest.mark.parametrize(("vocabulary", "rows"), [(300, 512), (2**17, 512), (2**18, 256)])
def test_a_chunk_has_512_rows_or_64_mebi_numbers(vocabulary: int, rows: int) -> None:
    assert rows_at_once(vocabulary) == rows


def test_no_more_than_a_chunk_of_logits_exists_at_once() -> None:
    """By the largest tensor that any operation returns."""
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
