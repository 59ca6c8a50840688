"""The arithmetic of memory against what PyTorch keeps, peft adds and transformers builds."""

import gc
import inspect
import re
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from ontarget import adapters, heads
from ontarget.adapters import LowRank
from ontarget.batches import Example, Row, packed, shared
from ontarget.losses import fused_loss
from ontarget.muon import muon
from ontarget.planning import (
    CHUNK,
    GIB,
    Adapter,
    Batch,
    Stage,
    activations,
    adapted,
    fits,
    loss,
    on_each,
    on_one,
    reserve,
    rows_at_most,
    states,
    trained,
)
from ontarget.shapes import Model, Shape, llama, numbers

SMALL = Shape(
    hidden=64,
    layers=3,
    heads=4,
    key_value_heads=2,
    head_dim=16,
    feed_forward=176,
    vocabulary=500,
)
MODEL = Model(shape=SMALL, tensors=llama(SMALL))
SEVEN = Shape(
    hidden=4096,
    layers=32,
    heads=32,
    key_value_heads=32,
    head_dim=128,
    feed_forward=11008,
    vocabulary=32_000,
)
THIRTEEN = Shape(
    hidden=5120,
    layers=40,
    heads=40,
    key_value_heads=40,
    head_dim=128,
    feed_forward=13824,
    vocabulary=32_000,
)
SEVENTY = Shape(
    hidden=8192,
    layers=80,
    heads=64,
    key_value_heads=8,
    head_dim=128,
    feed_forward=28672,
    vocabulary=128_256,
)
PRECISIONS = ("float32", "bfloat16")


def network(**changes: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=500,
            hidden_size=64,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=176,
            **changes,
        )
    )


def stage(precision: Any = "float32", adapter: Adapter | None = None, **given: Any) -> Stage:
    return Stage(
        batch=Batch(rows=4, width=64), precision=precision, adapter=adapter, **given
    )  # 4 samples, each of 32 tokens, beside its conflict


def samples() -> list[Example]:
    tokens = tuple(range(3, 35))
    rows = (Row(key="", tokens=tokens, prompt_tokens=10, unlikely=wrong) for wrong in (False, True))
    return [Example(rows=tuple(rows)) for rows in [tuple(rows)] * 4]


def kept(model: PreTrainedModel, tuned: Any, precision: str) -> int:
    """Bytes that PyTorch keeps for the backward pass of packed rows, besides the parameters."""
    batch = packed(samples(), 0, 64)
    assert batch["input_ids"].shape == (4, 64)
    owned = {each.untyped_storage().data_ptr() for each in tuned.parameters()}
    seen: list[Any] = []

    def saved(tensor: torch.Tensor) -> torch.Tensor:
        seen.append(weakref.ref(tensor))
        return tensor

    with (
        heads.answering_with_loss(model),
        torch.autograd.graph.saved_tensors_hooks(saved, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"),
    ):
        out = tuned.train()(**batch, weights=torch.full(batch["labels"].shape, 0.01))
    gc.collect()
    alive = [tensor.untyped_storage() for tensor in (each() for each in seen) if tensor is not None]
    del out
    return sum(
        {each.data_ptr(): each.nbytes() for each in alive if each.data_ptr() not in owned}.values()
    )


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("tied", [False, True])
def test_activations_are_what_pytorch_keeps_to_the_byte(precision: str, tied: bool) -> None:
    model = network(tie_word_embeddings=tied)
    planned = on_one(MODEL, stage(precision))
    copies = planned.weights - 4 * MODEL.parameters
    assert planned.activations + copies == kept(model, model, precision)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_an_adapter_keeps_as_much_but_for_the_first_norm(precision: str, kind: Any) -> None:
    """The first layer's stream needs no gradient below its adapter; the plan counts it."""
    model = network()
    tuned = adapters.adapted(
        model, LowRank(rank=8, scale=2.0, dropout=0.0, targets=["all-linear"], kind=kind)
    )
    planned = on_one(MODEL, stage(precision, Adapter(rank=8, lengths=kind == "dora")))
    found = kept(model, tuned, precision)
    above = planned.activations + planned.weights - 4 * MODEL.parameters - found
    first = 4 * 64 * (4 * 64 + 4 + 8)  # of each token the stream, its scale, its id
    if precision == "bfloat16":
        first += 2 * (64 * 64 + 2 * 32 * 64 + 3 * 8 * 64)  # copies of q, k, v and their low rank
    assert above == first if kind == "lora" else 0 <= above <= first


def test_dropout_adds_a_mask_and_in_float32_a_copy_at_each_adapted_matrix() -> None:
    into = 3 * (3 * 64 + 64 + 2 * 64 + 176)  # numbers that enter the matrices of three layers
    for precision, each in (("float32", 5), ("bfloat16", 1)):
        without = activations(MODEL, stage(precision, Adapter(rank=8)))
        dropped = activations(MODEL, stage(precision, Adapter(rank=8, dropout=True)))
        assert dropped - without == 256 * into * each


@pytest.mark.parametrize(
    "targets", [("all-linear",), ("q_proj", "v_proj"), ("down_proj", "lm_head")]
)
@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_an_adapter_trains_as_many_numbers_as_peft_makes(targets: Any, kind: Any) -> None:
    if kind == "dora":
        targets = [each for each in targets if each != "lm_head"]
    tuned = adapters.adapted(
        network(), LowRank(rank=8, scale=2.0, dropout=0.0, targets=targets, kind=kind)
    )
    made = sum(each.numel() for each in tuned.parameters() if each.requires_grad)
    adapter = Adapter(rank=8, targets=tuple(targets), lengths=kind == "dora")
    assert sum(trained(MODEL, stage(adapter=adapter))) == made


def test_the_head_of_tied_embeddings_can_be_adapted() -> None:
    assert dict(adapted(changed(tied=True), Adapter(rank=8, targets=("lm_head",)))) == {
        "lm_head.weight": (500, 64)
    }


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_states_are_as_large_as_those_of_the_optimizer(name: Any) -> None:
    model = network()
    optimizer = (
        torch.optim.AdamW(model.parameters(), fused=True)
        if name == "adamw"
        else muon(model, lr=1e-3, adamw_lr=1e-3)
    )
    model(input_ids=torch.arange(8)[None], labels=torch.arange(8)[None]).loss.backward()
    optimizer.step()
    held = [
        tensor
        for state in optimizer.state.values()
        for tensor in state.values()
        if tensor.ndim  # step counts are single numbers
    ]
    found = sum(tensor.numel() * tensor.element_size() for tensor in held)
    assert states(MODEL, stage(optimizer=name)) == found


def changed(**changes: Any) -> Model:
    shape = replace(SMALL, **changes)
    return Model(shape=shape, tensors=llama(shape))


def test_the_loss_keeps_gradients_and_works_on_one_chunk() -> None:
    assert inspect.signature(fused_loss).parameters["chunk"].default == CHUNK
    hidden, head, logits = 2 * 4 * 256 * 64, 4 * 2000 * 64, 4 * 256 * 2000
    wide, lora = changed(vocabulary=2000), stage(adapter=Adapter(rank=8))
    assert loss(wide, stage()) == hidden + head + logits
    assert loss(wide, lora) == hidden + logits
    assert loss(changed(vocabulary=2000, softcap=True), stage()) == hidden + head + 2 * logits
    longer = Stage(batch=Batch(rows=10, width=100))
    assert loss(wide, longer) == 2 * 4 * 1000 * 64 + head + 4 * 512 * 2000


def test_where_logits_are_few_the_backward_pass_of_a_layer_takes_more() -> None:
    hidden, head = 2 * 4 * 256 * 64, 4 * 500 * 64
    stream, matrix = 256 * (2 * 4 * 176 + 8 * 64), 4 * 176 * 64
    assert loss(MODEL, stage()) == hidden + head + stream + matrix
    assert loss(MODEL, stage(adapter=Adapter(rank=8))) == hidden + max(stream, 4 * 256 * 500)
    half = 256 * (2 * 2 * 176 + 6 * 64) + 6 * 176 * 64
    assert loss(MODEL, stage("bfloat16")) == hidden + head + max(half, 4 * 256 * 500)


lengths = st.lists(st.integers(1, 40), min_size=1, max_size=12)


@given(lengths, st.integers(1, 120), st.sampled_from([packed, shared]))
def test_packing_never_makes_a_larger_batch_than_planned(
    found: Sequence[int], row_tokens: int, laid_out: Any
) -> None:
    rows = [Row(key="", tokens=(3,) * length, prompt_tokens=length // 2) for length in found]
    drawn = [Example(rows=(each,)) for each in rows]
    made = laid_out(drawn, 0, row_tokens)["input_ids"]
    planned = rows_at_most(len(found), max(found), row_tokens)
    assert len(made) <= planned.rows and made.shape[1] <= planned.width


def test_sequences_of_full_length_make_the_planned_batch() -> None:
    for sequences, longest, row_tokens in ((16, 512, 512), (5, 30, 60), (4, 50, 20)):
        rows = [Row(key="", tokens=(3,) * longest, prompt_tokens=0)] * sequences
        made = packed([Example(rows=(each,)) for each in rows], 0, row_tokens)["input_ids"]
        planned = rows_at_most(sequences, longest, row_tokens)
        assert tuple(made.shape) == (planned.rows, planned.width)


def test_a_group_holds_one_copy_of_weights_gradients_and_states() -> None:
    model = Model(shape=SEVEN, tensors=llama(SEVEN))
    one, each = on_one(model, stage()), on_each(model, stage(), 8)
    layers = 4 * numbers(model.inner) // 32
    head = 4 * 32_000 * 4096
    assert each.weights == one.weights // 8 + 2 * layers + head
    assert each.gradients == one.gradients // 8 + 2 * layers
    assert each.optimizer == one.optimizer // 8
    assert (each.activations, each.loss) == (one.activations, one.loss)
    assert on_each(model, stage(), 1) == one


def test_what_fits_leaves_the_reserve_alone() -> None:
    need = on_one(MODEL, stage())
    assert reserve(80 * GIB) == 6 * GIB
    gpu = 80 * GIB
    room = need.total + reserve(gpu)
    assert not fits([need], round(0.5 * GIB))
    assert fits([need], gpu) and fits([], gpu)
    assert room < gpu


GUIDE = Path(__file__).parent.parent / "docs" / "guide.md"
GPUS = (1, 2, 4, 8, 16, 32, 64)


def guide_rows() -> list[str]:
    """The table of the guide, from the functions: stage 2, one sample of 512 tokens a GPU."""
    rows = []
    for name, shape in (("7B", SEVEN), ("13B", THIRTEEN), ("70B", SEVENTY)):
        for kind, adapter in (("all weights", None), ("LoRA, rank 16", Adapter(rank=16))):
            model = Model(shape=shape, tensors=llama(shape))
            given = Stage(batch=rows_at_most(2, 512, 512), precision="bfloat16", adapter=adapter)
            needs = [on_each(model, given, gpus) for gpus in GPUS]
            cells = [
                f"{need.total / GIB:.0f}"
                if fits([need], 80 * GIB)
                else f"({need.total / GIB:,.0f})"
                for need in needs
            ]
            rows.append(f"| {name} | {kind} | {' | '.join(cells)} |")
    return rows


def test_the_guide_says_what_the_functions_give() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    found = re.findall(r"^\| (?:7|13|70)B \| (?:all|LoRA).*$", text, flags=re.MULTILINE)
    assert found == guide_rows()


def test_the_guide_takes_a_7b_apart_as_the_functions_do() -> None:
    model = Model(shape=SEVEN, tensors=llama(SEVEN))
    given = Stage(batch=rows_at_most(2, 512, 512), precision="bfloat16")
    need = on_one(model, given)
    text = GUIDE.read_text(encoding="utf-8")
    for name in ("weights", "gradients", "optimizer", "activations", "loss"):
        assert re.search(
            rf"^\| {name} \|.*\| {getattr(need, name) / GIB:.1f} \|$", text, re.MULTILINE
        )
    assert f"{need.total / GIB:.1f} GiB in all" in text
    assert f"{activations(model, given) / given.batch.tokens / 1e6:.1f} MB a token" in text


def test_qlora_holds_matrices_inside_the_layers_in_about_half_a_byte() -> None:
    """4 bits a number, a byte for each 64 of them and a float32 for each 256 of these bytes."""
    model = Model(shape=SEVEN, tensors=llama(SEVEN))
    lora, qlora = (
        on_one(model, stage("bfloat16", Adapter(rank=16, quantized=quantized)))
        for quantized in (False, True)
    )
    inner = numbers(model.inner)
    blocks = inner // 64
    assert lora.weights - qlora.weights == pytest.approx(
        inner * (4 + 2) - (inner // 2 + blocks + blocks // 256 * 4), rel=1e-6
    )
    assert replace(qlora, weights=lora.weights) == lora
