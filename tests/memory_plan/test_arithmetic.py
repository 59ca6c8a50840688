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

from ontarget.memory_plan.arithmetic import (
    CHUNK,
    GIB,
    AdapterPlan,
    TokenBatch,
    TrainingPlan,
    activation_bytes,
    adapted_matrices,
    fits,
    largest_batch,
    loss_bytes,
    memory_on_each,
    memory_on_one,
    optimizer_bytes,
    reserved_bytes,
    trained_numbers,
)
from ontarget.memory_plan.shapes import ModelDescription, ModelShape, count_numbers, llama_tensors
from ontarget.models import adapters
from ontarget.models.adapters import LowRankAdapter
from ontarget.training import forward
from ontarget.training.engine.muon import make_muon
from ontarget.training.fused import fused_loss
from ontarget.training.packing import Example, TokenSequence, packed, prefix_shared

SMALL = ModelShape(
    hidden=64,
    layers=3,
    heads=4,
    key_value_heads=2,
    head_dim=16,
    feed_forward=176,
    vocabulary=500,
)
MODEL = ModelDescription(shape=SMALL, tensors=llama_tensors(SMALL))
SEVEN = ModelShape(
    hidden=4096,
    layers=32,
    heads=32,
    key_value_heads=32,
    head_dim=128,
    feed_forward=11008,
    vocabulary=32_000,
)
THIRTEEN = ModelShape(
    hidden=5120,
    layers=40,
    heads=40,
    key_value_heads=40,
    head_dim=128,
    feed_forward=13824,
    vocabulary=32_000,
)
SEVENTY = ModelShape(
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


def stage(
    precision: Any = "float32", adapter: AdapterPlan | None = None, **given: Any
) -> TrainingPlan:
    return TrainingPlan(
        batch=TokenBatch(rows=4, width=64), precision=precision, adapter=adapter, **given
    )  # 4 samples, each of 32 tokens, beside its conflict


def samples() -> list[Example]:
    tokens = tuple(range(3, 35))
    rows = (
        TokenSequence(key="", tokens=tokens, prompt_tokens=10, unlikely=wrong)
        for wrong in (False, True)
    )
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
        forward.forward_returns_loss(model),
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
    planned = memory_on_one(MODEL, stage(precision))
    copies = planned.weights - 4 * MODEL.parameters
    assert planned.activations + copies == kept(model, model, precision)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_an_adapter_keeps_as_much_but_for_the_first_norm(precision: str, kind: Any) -> None:
    """The first layer's stream needs no gradient below its adapter; the plan counts it."""
    model = network()
    tuned = adapters.add_adapter(
        model, LowRankAdapter(rank=8, scale=2.0, dropout=0.0, targets=["all-linear"], kind=kind)
    )
    planned = memory_on_one(MODEL, stage(precision, AdapterPlan(rank=8, lengths=kind == "dora")))
    found = kept(model, tuned, precision)
    above = planned.activations + planned.weights - 4 * MODEL.parameters - found
    first = 4 * 64 * (4 * 64 + 4 + 8)  # of each token the stream, its scale, its id
    if precision == "bfloat16":
        first += 2 * (64 * 64 + 2 * 32 * 64 + 3 * 8 * 64)  # copies of q, k, v and their low rank
    assert above == first if kind == "lora" else 0 <= above <= first


def test_dropout_adds_a_mask_and_in_float32_a_copy_at_each_adapted_matrix() -> None:
    into = 3 * (3 * 64 + 64 + 2 * 64 + 176)  # numbers that enter the matrices of three layers
    for precision, each in (("float32", 5), ("bfloat16", 1)):
        without = activation_bytes(MODEL, stage(precision, AdapterPlan(rank=8)))
        dropped = activation_bytes(MODEL, stage(precision, AdapterPlan(rank=8, dropout=True)))
        assert dropped - without == 256 * into * each


@pytest.mark.parametrize(
    "targets", [("all-linear",), ("q_proj", "v_proj"), ("down_proj", "lm_head")]
)
@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_an_adapter_trains_as_many_numbers_as_peft_makes(targets: Any, kind: Any) -> None:
    if kind == "dora":
        targets = [each for each in targets if each != "lm_head"]
    tuned = adapters.add_adapter(
        network(), LowRankAdapter(rank=8, scale=2.0, dropout=0.0, targets=targets, kind=kind)
    )
    made = sum(each.numel() for each in tuned.parameters() if each.requires_grad)
    adapter = AdapterPlan(rank=8, targets=tuple(targets), lengths=kind == "dora")
    assert sum(trained_numbers(MODEL, stage(adapter=adapter))) == made


def test_the_head_of_tied_embeddings_can_be_adapted() -> None:
    assert dict(
        adapted_matrices(changed(tied=True), AdapterPlan(rank=8, targets=("lm_head",)))
    ) == {"lm_head.weight": (500, 64)}


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_states_are_as_large_as_those_of_the_optimizer(name: Any) -> None:
    model = network()
    optimizer = (
        torch.optim.AdamW(model.parameters(), fused=True)
        if name == "adamw"
        else make_muon(model, lr=1e-3, adamw_lr=1e-3)
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
    assert optimizer_bytes(MODEL, stage(optimizer=name)) == found


def changed(**changes: Any) -> ModelDescription:
    shape = replace(SMALL, **changes)
    return ModelDescription(shape=shape, tensors=llama_tensors(shape))


def test_the_loss_keeps_gradients_and_works_on_one_chunk() -> None:
    assert inspect.signature(fused_loss).parameters["chunk"].default == CHUNK
    hidden, head, logits = 2 * 4 * 256 * 64, 4 * 2000 * 64, 4 * 256 * 2000
    wide, lora = changed(vocabulary=2000), stage(adapter=AdapterPlan(rank=8))
    assert loss_bytes(wide, stage()) == hidden + head + logits
    assert loss_bytes(wide, lora) == hidden + logits
    assert loss_bytes(changed(vocabulary=2000, softcap=True), stage()) == hidden + head + 2 * logits
    longer = TrainingPlan(batch=TokenBatch(rows=10, width=100))
    assert loss_bytes(wide, longer) == 2 * 4 * 1000 * 64 + head + 4 * 512 * 2000


def test_where_logits_are_few_the_backward_pass_of_a_layer_takes_more() -> None:
    hidden, head = 2 * 4 * 256 * 64, 4 * 500 * 64
    stream, matrix = 256 * (2 * 4 * 176 + 8 * 64), 4 * 176 * 64
    assert loss_bytes(MODEL, stage()) == hidden + head + stream + matrix
    assert loss_bytes(MODEL, stage(adapter=AdapterPlan(rank=8))) == hidden + max(
        stream, 4 * 256 * 500
    )
    half = 256 * (2 * 2 * 176 + 6 * 64) + 6 * 176 * 64
    assert loss_bytes(MODEL, stage("bfloat16")) == hidden + head + max(half, 4 * 256 * 500)


lengths = st.lists(st.integers(1, 40), min_size=1, max_size=12)


@given(lengths, st.integers(1, 120), st.sampled_from([packed, prefix_shared]))
def test_packing_never_makes_a_larger_batch_than_planned(
    found: Sequence[int], row_tokens: int, laid_out: Any
) -> None:
    rows = [
        TokenSequence(key="", tokens=(3,) * length, prompt_tokens=length // 2) for length in found
    ]
    drawn = [Example(rows=(each,)) for each in rows]
    made = laid_out(drawn, 0, row_tokens)["input_ids"]
    planned = largest_batch(len(found), max(found), row_tokens)
    assert len(made) <= planned.rows and made.shape[1] <= planned.width


def test_sequences_of_full_length_make_the_planned_batch() -> None:
    for sequences, longest, row_tokens in ((16, 512, 512), (5, 30, 60), (4, 50, 20)):
        rows = [TokenSequence(key="", tokens=(3,) * longest, prompt_tokens=0)] * sequences
        made = packed([Example(rows=(each,)) for each in rows], 0, row_tokens)["input_ids"]
        planned = largest_batch(sequences, longest, row_tokens)
        assert tuple(made.shape) == (planned.rows, planned.width)


def test_a_group_holds_one_copy_of_weights_gradients_and_states() -> None:
    model = ModelDescription(shape=SEVEN, tensors=llama_tensors(SEVEN))
    one, each = memory_on_one(model, stage()), memory_on_each(model, stage(), 8)
    layers = 4 * count_numbers(model.inner) // 32
    head = 4 * 32_000 * 4096
    assert each.weights == one.weights // 8 + 2 * layers + head
    assert each.gradients == one.gradients // 8 + 2 * layers
    assert each.optimizer == one.optimizer // 8
    assert (each.activations, each.loss) == (one.activations, one.loss)
    assert memory_on_each(model, stage(), 1) == one


def test_what_fits_leaves_the_reserve_alone() -> None:
    need = memory_on_one(MODEL, stage())
    assert reserved_bytes(80 * GIB) == 6 * GIB
    gpu = 80 * GIB
    room = need.total + reserved_bytes(gpu)
    assert not fits([need], round(0.5 * GIB))
    assert fits([need], gpu) and fits([], gpu)
    assert room < gpu


GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"
GPUS = (1, 2, 4, 8, 16, 32, 64)


def guide_rows() -> list[str]:
    """The table of the guide, from the functions: stage 2, one sample of 512 tokens a GPU."""
    rows = []
    for name, shape in (("7B", SEVEN), ("13B", THIRTEEN), ("70B", SEVENTY)):
        for kind, adapter in (("all weights", None), ("LoRA, rank 16", AdapterPlan(rank=16))):
            model = ModelDescription(shape=shape, tensors=llama_tensors(shape))
            given = TrainingPlan(
                batch=largest_batch(2, 512, 512), precision="bfloat16", adapter=adapter
            )
            needs = [memory_on_each(model, given, gpus) for gpus in GPUS]
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
    model = ModelDescription(shape=SEVEN, tensors=llama_tensors(SEVEN))
    given = TrainingPlan(batch=largest_batch(2, 512, 512), precision="bfloat16")
    need = memory_on_one(model, given)
    text = GUIDE.read_text(encoding="utf-8")
    for name in ("weights", "gradients", "optimizer", "activations", "loss"):
        assert re.search(
            rf"^\| {name} \|.*\| {getattr(need, name) / GIB:.1f} \|$", text, re.MULTILINE
        )
    assert f"{need.total / GIB:.1f} GiB in all" in text
    assert f"{activation_bytes(model, given) / given.batch.tokens / 1e6:.1f} MB a token" in text


def test_qlora_holds_matrices_inside_the_layers_in_about_half_a_byte() -> None:
    """4 bits a number, a byte for each 64 of them and a float32 for each 256 of these bytes."""
    model = ModelDescription(shape=SEVEN, tensors=llama_tensors(SEVEN))
    lora, qlora = (
        memory_on_one(model, stage("bfloat16", AdapterPlan(rank=16, quantized=quantized)))
        for quantized in (False, True)
    )
    inner = count_numbers(model.inner)
    blocks = inner // 64
    assert lora.weights - qlora.weights == pytest.approx(
        inner * (4 + 2) - (inner // 2 + blocks + blocks // 256 * 4), rel=1e-6
    )
    assert replace(qlora, weights=lora.weights) == lora
