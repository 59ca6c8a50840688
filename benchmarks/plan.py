"""The planned memory of a stage-2 step against what it takes, as ratios.

    python benchmarks/plan.py

A step of two micro-batches, forward, backward and AdamW, of small Llamas with random tokens; the
second of two such steps is the one that holds everything. On a CPU memory is that of the process,
on CUDA that which the allocator has given out; the plan's reserve is in neither.
"""

import ctypes
import warnings
from dataclasses import dataclass

import torch
from measure import accelerator, machine, peak_megabytes
from peft import PeftModel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from ontarget.memory_plan.arithmetic import (
    AdapterPlan,
    MemoryUse,
    TrainingPlan,
    largest_batch,
    unsharded_memory,
)
from ontarget.memory_plan.shapes import ModelDescription, ModelShape, llama_tensors
from ontarget.models import adapters
from ontarget.training import forward
from ontarget.training.batches.packing import packed
from ontarget.training.batches.sequences import Example, TokenSequence

SAMPLES, LENGTH, RANK = 8, 128, 16
EACH_ALONE = -3, 1 << 16  # M_MMAP_THRESHOLD: blocks from 64 kB on go back when they are freed
DEEP = ModelShape(
    hidden=512,
    layers=8,
    heads=8,
    key_value_heads=8,
    head_dim=64,
    feed_forward=1408,
    vocabulary=8000,
)
BROAD = ModelShape(
    hidden=512,
    layers=2,
    heads=8,
    key_value_heads=2,
    head_dim=64,
    feed_forward=1408,
    vocabulary=64_000,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model under training, and its plan."""

    model: PreTrainedModel
    tuned: PreTrainedModel | PeftModel
    stage: TrainingPlan
    optimizer: torch.optim.Optimizer

    def steps(self) -> None:
        """Two optimiser steps of two micro-batches."""
        for _ in range(2):
            for _ in range(2):
                self.micro_batch()
            self.optimizer.step()
            self.optimizer.zero_grad()

    def micro_batch(self) -> None:
        """Forward and backward."""
        batch = {name: each.to(accelerator()) for name, each in packed(drawn(), 0, LENGTH).items()}
        weights = torch.full(batch["labels"].shape, 1e-3, device=accelerator())
        half = self.stage.precision == "bfloat16"
        with torch.autocast(accelerator().type, torch.bfloat16, enabled=half):
            found = self.tuned(**{**batch, "weights": weights})
        found[0].backward()


def drawn() -> list[Example]:
    """Samples of full length, each with its conflict; half of the tokens carry a label."""
    tokens = tuple(range(3, 3 + LENGTH))
    rows = tuple(
        TokenSequence(key="", tokens=tokens, prompt_tokens=LENGTH // 2, unlikely=wrong)
        for wrong in (False, True)
    )
    return [Example(rows=rows)] * SAMPLES


def case(shape: ModelShape, stage: TrainingPlan) -> Case:
    """A Llama with random weights, and its optimizer."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        intermediate_size=shape.feed_forward,
    )
    model: PreTrainedModel = LlamaForCausalLM(config).to(accelerator())
    tuned: PreTrainedModel | PeftModel = model
    if stage.adapter:
        low_rank = adapters.LowRankAdapter(
            rank=RANK, scale=2.0, dropout=0.0, targets=[adapters.ALL_LINEAR], kind="lora"
        )
        tuned = adapters.add_adapter(model, low_rank)
    tuned.train()
    weights = [each for each in tuned.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-6, fused=True)  # as the Trainer's
    return Case(model=model, tuned=tuned, stage=stage, optimizer=optimizer)


def compare(name: str, shape: ModelShape, stage: TrainingPlan) -> None:
    """One line: what is planned, what is measured, beyond the weights and with them."""
    plan = unsharded_memory(ModelDescription(shape=shape, tensors=llama_tensors(shape)), stage)
    running = case(shape, stage)
    held = sum(each.numel() * each.element_size() for each in running.tuned.parameters()) / 1e6
    with forward.forward_returns_loss(running.model):
        measured = held + peak_megabytes(running.steps)
    planned = plan.total / 1e6
    print(
        f"{name:24} planned {planned:6,.0f} MB ({parts(plan)}), measured {measured:6,.0f} MB, "
        f"planned / measured {planned / measured:.3f}; beyond the weights "
        f"{(planned - held) / (measured - held):.3f}"
    )


def parts(plan: MemoryUse) -> str:
    """Where it goes, in MB."""
    sizes = (plan.weights, plan.gradients, plan.optimizer, plan.activations, plan.loss)
    return " + ".join(f"{size / 1e6:,.0f}" for size in sizes)


def main() -> None:
    """Print a line a case."""
    warnings.filterwarnings("ignore", ".is_gradient_checkpointing. is deprecated", FutureWarning)
    if accelerator().type == "cpu":
        ctypes.CDLL("libc.so.6").mallopt(*EACH_ALONE)
    print(f"plan, {machine()}; weights + gradients + optimizer + activations + loss")
    batch = largest_batch(2 * SAMPLES, LENGTH, LENGTH)
    for shape, name in ((DEEP, "8 layers"), (BROAD, "2 layers, 64k tokens")):
        for precision in ("float32", "bfloat16"):
            for adapter in (None, AdapterPlan(rank=RANK)):
                stage = TrainingPlan(batch=batch, precision=precision, adapter=adapter)  # type: ignore[arg-type]
                kind = "LoRA" if adapter else "full"
                compare(f"{name}, {precision}, {kind}", shape, stage)


if __name__ == "__main__":
    main()
