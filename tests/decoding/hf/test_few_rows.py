"""Products of a few rows: the numbers of a linear layer, in another order of the sums."""

import pytest
import torch
from torch import nn
from torch.profiler import profile

from ontarget.decoding.hf import few_rows
from ontarget.decoding.hf.few_rows import MOST_ROWS, FewRowsProducts


@pytest.mark.parametrize("shape", [(2, 1), (3, 5), (MOST_ROWS, 1), (MOST_ROWS, 2), (1, 1)])
@pytest.mark.parametrize("bias", [False, True])
def test_the_products_are_those_of_float64(shape: tuple[int, int], bias: bool) -> None:
    layer = nn.Linear(96, 200, bias=bias)
    inputs = torch.randn(*shape, 96)
    exact = inputs.double() @ layer.weight.double().T + (layer.bias.double() if bias else 0)
    with torch.no_grad(), FewRowsProducts():
        outputs = layer(inputs)
    assert outputs.is_contiguous()
    torch.testing.assert_close(outputs.double(), exact, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("rows", "dtype", "faster"),
    [
        (1, torch.float32, False),
        (2, torch.float32, True),
        (MOST_ROWS, torch.float32, True),
        (MOST_ROWS + 1, torch.float32, False),
        (8, torch.bfloat16, False),
    ],
)
def test_only_few_rows_in_float32_take_the_other_order(
    rows: int, dtype: torch.dtype, faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = nn.Linear(8, 8, dtype=dtype)
    taken = []
    monkeypatch.setattr(few_rows, "product", lambda *args: taken.append(args) or args[0])
    with torch.no_grad(), FewRowsProducts():
        layer(torch.randn(rows, 8, dtype=dtype))
    layer(torch.randn(rows, 8, dtype=dtype))  # outside: never
    assert len(taken) == faster


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_frozen_weight_is_not_copied_for_each_sentence(dtype: torch.dtype) -> None:
    layer = nn.Linear(8, 32, bias=False, dtype=dtype).requires_grad_(False)
    last_tokens = torch.randn(MOST_ROWS + 1, 5, 8, dtype=dtype)[:, -1:]
    with torch.no_grad(), profile() as profiled, FewRowsProducts():
        outputs = layer(last_tokens)
    torch.testing.assert_close(outputs, last_tokens @ layer.weight.T)
    assert "aten::bmm" not in {event.name for event in profiled.events()}  # a batch of copies
