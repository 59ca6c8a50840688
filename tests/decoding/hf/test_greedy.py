"""Dropping finished rows changes no answer, and costs fewer rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import transformers as hf
from torch import Tensor
from transformers import GenerationConfig

from ontarget.decoding.hf import greedy
from ontarget.decoding.hf.greedy import can_drop_rows, greedy_answers
from ontarget.models.padding import left_padded

SMALL = {
    "vocab_size": 96, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "intermediate_size": 24, "max_position_embeddings": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GPT2 = {"vocab_size": 96, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}
LAYERS = ["sliding_attention", "full_attention"]
WINDOW = {"head_dim": 8, "sliding_window": 4, "layer_types": LAYERS}
SEEDS = {"Llama": 2, "Gemma3": 31, "GPT2": 1}  # of models whose answers end at different times
CONFIGS: dict[str, Any] = {
    "Llama": hf.LlamaConfig(**SMALL),
    "Gemma3": hf.Gemma3TextConfig(**SMALL, **WINDOW),
    "GPT2": hf.GPT2Config(**GPT2, pad_token_id=0, bos_token_id=1, eos_token_id=2),
}
PROMPTS = [[5, 6, 7], [9], [4, 8, 15, 16, 23, 42], [77, 78], [50, 51, 52, 53, 54]]
ENDS = (2, *range(3, 96, 6))  # many, so that answers end at different times
MOST = 21


def model_of(name: str) -> Any:
    torch.manual_seed(SEEDS[name])
    model = hf.AutoModelForCausalLM.from_config(CONFIGS[name]).double().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model


@contextmanager
def settings_of(model: Any) -> Iterator[None]:
    model.generation_config = GenerationConfig(
        do_sample=False, max_new_tokens=MOST, eos_token_id=list(ENDS), pad_token_id=0
    )
    with torch.no_grad():
        yield


def until_end(tokens: list[int]) -> list[int]:
    """Up to and with the first end."""
    at = next((n for n, token in enumerate(tokens, 1) if token in ENDS), len(tokens))
    return tokens[:at]


@pytest.mark.parametrize("at_once", [1, 4, 100])
@pytest.mark.parametrize("name", CONFIGS)
def test_answers_are_those_of_one_prompt_at_a_time(
    name: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By argmax over the whole sequence again for each token, without a cache."""
    monkeypatch.setattr(greedy, "AT_ONCE", at_once)
    model = model_of(name)
    expected = []
    for prompt in PROMPTS:
        ids = list(prompt)
        while len(ids) - len(prompt) < MOST and (ids == prompt or ids[-1] not in ENDS):
            with torch.no_grad():
                logits = model(torch.tensor([ids]), use_cache=False).logits
            ids.append(int(logits[0, -1].argmax()))
        expected.append(ids[len(prompt) :])
    assert len({len(answer) for answer in expected}) > 2, "answers must end at different times"
    with settings_of(model):
        found = greedy_answers(model, left_padded(PROMPTS, 0), ENDS, MOST)
    assert [until_end(answer) for answer in found] == expected


def test_ended_answers_leave_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greedy, "AT_ONCE", 2)
    model, rows = model_of("Llama"), []
    plain = model.generate

    def counted(input_ids: Tensor, **inputs: Any) -> Any:
        rows.append(len(input_ids))
        return plain(input_ids=input_ids, **inputs)

    monkeypatch.setattr(model, "generate", counted)
    with settings_of(model):
        answers = greedy_answers(model, left_padded(PROMPTS, 0), ENDS, MOST)
    lengths = [len(until_end(answer)) for answer in answers]
    calls = range(-(-max(lengths) // 2))
    assert rows == [sum(length > 2 * call for length in lengths) for call in calls]


def test_models_with_an_encoder_or_a_recurrent_state_keep_their_rows() -> None:
    assert can_drop_rows(model_of("Gemma3"))
    delta = {
        "head_dim": 8, "layer_types": ["linear_attention", "full_attention"],
        "linear_conv_kernel_dim": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
        "linear_num_key_heads": 2, "linear_num_value_heads": 2,
    }  # fmt: skip
    recurrent = hf.AutoModelForCausalLM.from_config(hf.Qwen3_5TextConfig(**SMALL, **delta))
    assert not can_drop_rows(recurrent)
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2}
    t5 = hf.AutoModelForSeq2SeqLM.from_config(hf.T5Config(vocab_size=96, **sizes))
    assert not can_drop_rows(t5)
