"""Planned memory against what PyTorch allocates and saves, peft adds and optimizers keep.

Constants of published models are computed by hand from their configurations.
"""

import gc
import re
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from ontarget.memory_plan.arithmetic import (
    GIB,
    AdapterPlan,
    TokenBatch,
    TrainingPlan,
    activation_bytes,
    adapted_matrices,
    fits,
    largest_batch,
    loss_bytes,
    memory_per_gpu,
    optimizer_bytes,
    reserved_bytes,
    trained_parameters,
    training_operations,
    unsharded_memory,
)
from ontarget.memory_plan.shapes import ModelDescription, ModelShape, llama_tensors
from ontarget.models import adapters
from ontarget.models.adapters import LowRankAdapter
from ontarget.training import forward
from ontarget.training.batches.packing import packed, prefix_shared
from ontarget.training.batches.sequences import Example, TokenSequence
from ontarget.training.engine.muon import make_muon
from ontarget.training.fused import Head, fused_loss

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


def network(vocabulary: int = 500, **changes: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=64,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=176,
            **changes,
        )
    )


def low_rank(kind: Any = "lora", dropout: float = 0.0, targets: Any = ("all-linear",)) -> Any:
    return LowRankAdapter(rank=8, scale=2.0, dropout=dropout, targets=targets, kind=kind)


class PeakBytes(TorchDispatchMode):
    """Counts the bytes of all storages that operations allocate; parameters are left out."""

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        super().__init__()
        self.ignored = {each.untyped_storage()._cdata for each in parameters}
        self.live: dict[int, int] = {}
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self.live and storage._cdata not in self.ignored:
                    self.live[storage._cdata] = storage.nbytes()
                    weakref.finalize(storage, self.live.pop, storage._cdata)
        self.peak = max(self.peak, sum(self.live.values()))
        return result


def stage(
    precision: Any = "float32", adapter: AdapterPlan | None = None, **settings: Any
) -> TrainingPlan:
    return TrainingPlan(
        batch=TokenBatch(rows=4, width=64), precision=precision, adapter=adapter, **settings
    )  # 4 true and 4 conflict samples of 32 tokens


def samples() -> list[Example]:
    """Four true and four conflict samples, nearly all of whose tokens have a label."""
    tokens = tuple(range(3, 35))
    rows = tuple(
        TokenSequence(key="", tokens=tokens, prompt_tokens=1, unlikely=unlikely)
        for unlikely in (False, True)
    )
    return [Example(rows=rows)] * 4


def saved_bytes(model: PreTrainedModel, tuned: Any, precision: str) -> int:
    """Bytes that autograd saves for the backward pass of packed rows, without parameters."""
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
        out = tuned.train()(**{**batch, "weights": torch.full(batch["labels"].shape, 0.01)})
    gc.collect()
    alive = [tensor.untyped_storage() for tensor in (each() for each in seen) if tensor is not None]
    del out
    return sum(
        {each.data_ptr(): each.nbytes() for each in alive if each.data_ptr() not in owned}.values()
    )


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("tied", [False, True])
def test_activations_are_what_autograd_saves_to_the_byte(precision: str, tied: bool) -> None:
    model = network(tie_word_embeddings=tied)
    planned = unsharded_memory(MODEL, stage(precision))
    copies = planned.weights - 4 * MODEL.parameters
    assert planned.activations + copies == saved_bytes(model, model, precision)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_with_an_adapter_autograd_saves_as_planned_except_below_the_first_one(
    precision: str, kind: Any
) -> None:
    """The first layer's input needs no gradient; the plan counts what it would save for one."""
    model = network()
    tuned = adapters.add_adapter(model, low_rank(kind))
    planned = unsharded_memory(MODEL, stage(precision, AdapterPlan(rank=8, lengths=kind == "dora")))
    measured = saved_bytes(model, tuned, precision)
    surplus = planned.activations + planned.weights - 4 * MODEL.parameters - measured
    first = 4 * 64 * (4 * 64 + 4 + 8)  # the stream, its scale and the id of each token
    if precision == "bfloat16":
        first += 2 * (64 * 64 + 2 * 32 * 64 + 3 * 8 * 64)  # copies of q, k, v and their low rank
    assert surplus == first if kind == "lora" else 0 <= surplus <= first


@pytest.mark.parametrize("precision", PRECISIONS)
def test_dropout_saves_no_more_than_planned(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the kernel of GPUs, whose mask has a byte per number.

    In bfloat16 exactly as planned, except that the first layer's q, k, v need no mask. In float32
    the plan is an upper bound: it also counts the inputs that masked copies replace.
    """
    monkeypatch.setattr(
        torch.nn.functional,
        "dropout",
        lambda x, p, training, inplace: torch.native_dropout(x, p, training)[0],
    )
    measured, planned = [], []
    for dropout in (0.0, 0.1):
        model = network()
        tuned = adapters.add_adapter(model, low_rank(dropout=dropout))
        measured.append(saved_bytes(model, tuned, precision))
        plan = AdapterPlan(rank=8, dropout=dropout > 0)
        planned.append(activation_bytes(MODEL, stage(precision, plan)))
    more, expected = measured[1] - measured[0], planned[1] - planned[0]
    if precision == "bfloat16":
        assert expected - more == 256 * 3 * 64
    else:
        assert 0 < more < expected


@pytest.mark.parametrize(
    "targets", [("all-linear",), ("q_proj", "v_proj"), ("down_proj", "lm_head")]
)
@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_an_adapter_trains_as_many_parameters_as_peft_makes(targets: Any, kind: Any) -> None:
    if kind == "dora":
        targets = [target for target in targets if target != "lm_head"]
    tuned = adapters.add_adapter(network(), low_rank(kind, targets=targets))
    measured = sum(each.numel() for each in tuned.parameters() if each.requires_grad)
    adapter = AdapterPlan(rank=8, targets=tuple(targets), lengths=kind == "dora")
    assert sum(trained_parameters(MODEL, stage(adapter=adapter))) == measured


def test_the_head_of_tied_embeddings_can_be_adapted() -> None:
    shape = replace(SMALL, tied=True)
    model = ModelDescription(shape=shape, tensors=llama_tensors(shape))
    matrices = adapted_matrices(model, AdapterPlan(rank=8, targets=("lm_head",)))
    assert dict(matrices) == {"lm_head.weight": (500, 64)}


@pytest.mark.parametrize("adapted", [False, True])
def test_operations_are_those_of_all_matrix_products(adapted: bool) -> None:
    """Of 8 sequences of 32 tokens, the first without a label.

    PyTorch's counter does not see the gradients of the head, which the fused loss adds in place.
    Under an adapter the first layer's queries, keys and values need no gradient of their input.
    """
    model = network()
    tuned: Any = adapters.add_adapter(model, low_rank()) if adapted else model
    batch = packed(samples(), 0, 64)
    weights = torch.full(batch["labels"].shape, 0.01)
    with forward.forward_returns_loss(model), FlopCounterMode(display=False) as counter:
        tuned(**{**batch, "weights": weights})[0].backward()
    counted = counter.get_flop_counts()["Global"][torch.ops.aten.mm]
    head, gradients = 2 * 500 * 64, 1 if adapted else 2
    unseen = 8 * head * (1 + gradients) + 248 * head * gradients
    first_layer = 2 * 256 * (64 * (64 + 32 + 32) + 3 * 8 * 64) if adapted else 0
    plan = stage(adapter=AdapterPlan(rank=8) if adapted else None)
    assert counted == training_operations(MODEL, plan, 256) - unseen - first_layer


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_optimizer_states_are_as_large_as_planned(name: Any) -> None:
    model = network()
    optimizer = (
        torch.optim.AdamW(model.parameters(), fused=True)
        if name == "adamw"
        else make_muon(model, lr=1e-3, adamw_lr=1e-3)
    )
    model(input_ids=torch.arange(8)[None], labels=torch.arange(8)[None]).loss.backward()
    optimizer.step()
    moments = [
        tensor
        for state in optimizer.state.values()
        for tensor in state.values()
        if tensor.ndim  # not the step counts
    ]
    measured = sum(tensor.nbytes for tensor in moments)
    assert optimizer_bytes(MODEL, stage(optimizer=name)) == measured


@pytest.mark.parametrize("softcap", [None, 5.0])
@pytest.mark.parametrize("tokens", [256, 1000])
def test_the_fused_loss_peaks_at_most_a_tenth_above_the_plan(
    softcap: float | None, tokens: int
) -> None:
    """With a vocabulary so large that logits dominate: one chunk of them, or two one at a time."""
    shape = replace(SMALL, vocabulary=2000, softcap=softcap is not None)
    model = ModelDescription(shape=shape, tensors=llama_tensors(shape))
    planned = loss_bytes(model, TrainingPlan(batch=TokenBatch(rows=1, width=tokens)))
    hidden, weight = (torch.randn(n, 64, requires_grad=True) for n in (tokens, 2000))
    labels = torch.randint(2000, (tokens,))
    with PeakBytes([weight, hidden]) as memory:
        head = Head(weight=weight, softcap=softcap)
        fused_loss(hidden, head, labels, labels > 1000, torch.ones(tokens))
    assert planned <= memory.peak + hidden.nbytes <= 1.1 * planned


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("adapted", [False, True])
@pytest.mark.parametrize("vocabulary", [500, 4000])
def test_a_training_step_peaks_within_five_percent_of_the_plan(
    precision: str, adapted: bool, vocabulary: int
) -> None:
    """Two micro-batches after a first optimizer step; logits dominate in the large vocabulary."""
    model = network(vocabulary)
    tuned: Any = adapters.add_adapter(model, low_rank()) if adapted else model
    trained = [each for each in tuned.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6, fused=True)
    batch = packed(samples(), 0, 64)
    weights = torch.full(batch["labels"].shape, 0.01)
    tuned.train()
    with forward.forward_returns_loss(model), PeakBytes(tuned.parameters()) as memory:
        for _ in range(2):
            for _ in range(2):
                with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                    loss = tuned(**{**batch, "weights": weights})[0]
                loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    shape = replace(SMALL, vocabulary=vocabulary)
    description = ModelDescription(shape=shape, tensors=llama_tensors(shape))
    plan = stage(precision, AdapterPlan(rank=8) if adapted else None)
    measured = memory.peak + sum(each.nbytes for each in tuned.parameters())
    assert unsharded_memory(description, plan).total == pytest.approx(measured, rel=0.05)


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


LLAMA_2_7B = ModelDescription(shape=SEVEN, tensors=llama_tensors(SEVEN))
PARAMETERS_7B = 6_738_415_616
LAYER_7B = 4 * 4096 * 4096 + 3 * 4096 * 11008  # numbers in the matrices of a layer


def test_eight_gpus_hold_an_eighth_of_llama_2_7b_and_what_is_gathered() -> None:
    """In float32: two layers are gathered and not yet reduced, and the head is gathered."""
    need = memory_per_gpu(LLAMA_2_7B, stage(), 8)
    assert need.weights == 4 * (PARAMETERS_7B // 8 + 2 * LAYER_7B + 32_000 * 4096)
    assert need.gradients == 4 * (PARAMETERS_7B // 8 + 2 * LAYER_7B)
    assert need.optimizer == PARAMETERS_7B
    alone = unsharded_memory(LLAMA_2_7B, stage())
    assert (need.activations, need.loss) == (alone.activations, alone.loss)
    assert memory_per_gpu(LLAMA_2_7B, stage(), 1) == alone


def test_what_fits_leaves_the_reserve_free() -> None:
    need = unsharded_memory(MODEL, stage())
    assert reserved_bytes(80 * GIB) == 6 * GIB
    assert fits([need], 80 * GIB) and fits([], 80 * GIB)
    assert not fits([need], round(0.5 * GIB))
    large = replace(need, weights=74 * GIB, gradients=0, optimizer=0, activations=0, loss=0)
    assert fits([need, large], 80 * GIB)
    assert not fits([need, replace(large, loss=1)], 80 * GIB)


GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"
GPUS = (1, 2, 4, 8, 16, 32, 64)


def guide_rows() -> list[str]:
    """The table of the guide, from the functions: stage 2, one sample of 512 tokens a GPU."""
    rows = []
    for name, shape in (("7B", SEVEN), ("13B", THIRTEEN), ("70B", SEVENTY)):
        for kind, adapter in (("all weights", None), ("LoRA, rank 16", AdapterPlan(rank=16))):
            model = ModelDescription(shape=shape, tensors=llama_tensors(shape))
            plan = TrainingPlan(
                batch=largest_batch(2, 512, 512), precision="bfloat16", adapter=adapter
            )
            needs = [memory_per_gpu(model, plan, gpus) for gpus in GPUS]
            cells = [
                f"{need.total / GIB:.0f}"
                if fits([need], 80 * GIB)
                else f"({need.total / GIB:,.0f})"
                for need in needs
            ]
            rows.append(f"| {name} | {kind} | {' | '.join(cells)} |")
    return rows


def test_the_guide_has_the_planned_numbers() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    found = re.findall(r"^\| (?:7|13|70)B \| (?:all|LoRA).*$", text, flags=re.MULTILINE)
    assert found == guide_rows()


def test_the_guide_has_the_planned_parts_of_a_7b() -> None:
    model = ModelDescription(shape=SEVEN, tensors=llama_tensors(SEVEN))
    plan = TrainingPlan(batch=largest_batch(2, 512, 512), precision="bfloat16")
    need = unsharded_memory(model, plan)
    text = GUIDE.read_text(encoding="utf-8")
    for name in ("weights", "gradients", "optimizer", "activations", "loss"):
        assert re.search(
            rf"^\| {name} \|.*\| {getattr(need, name) / GIB:.1f} \|$", text, re.MULTILINE
        )
    assert f"{need.total / GIB:.1f} GiB in all" in text
    assert f"{activation_bytes(model, plan) / plan.batch.tokens / 1e6:.1f} MB a token" in text


def test_qlora_stores_the_matrices_of_the_layers_in_4_127_bits() -> None:
    """Dettmers et al. 2023, arXiv 2305.14314, section 3: 0.127 bits for the quantization constants.

    Without it, a matrix takes 4 bytes, and 2 for the copy that autocast makes.
    """
    lora, qlora = (
        unsharded_memory(LLAMA_2_7B, stage("bfloat16", AdapterPlan(rank=16, quantized=quantized)))
        for quantized in (False, True)
    )
    saved = (lora.weights - qlora.weights) / (32 * LAYER_7B)
    assert saved == pytest.approx(4 + 2 - 4.127 / 8, rel=1e-4)
    assert replace(qlora, weights=lora.weights) == lora
