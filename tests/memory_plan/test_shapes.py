"""Model sizes and weight shapes against models that transformers builds, on meta or in files."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GemmaConfig,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
)

from ontarget.errors import ModelError
from ontarget.memory_plan.shapes import (
    ModelDescription,
    ModelShape,
    describe_model,
    llama_tensors,
    parameters_of,
)
from ontarget.models import folder

LLAMA_2 = {"vocab_size": 32_000}
LLAMA_3 = {"vocab_size": 128_256, "num_key_value_heads": 8}
MADE: dict[str, PretrainedConfig] = {
    "Llama 2 7B": LlamaConfig(**LLAMA_2),
    "Llama 2 13B": LlamaConfig(
        **LLAMA_2, hidden_size=5120, intermediate_size=13824, num_hidden_layers=40,
        num_attention_heads=40,
    ),
    "Llama 3 8B": LlamaConfig(**LLAMA_3, intermediate_size=14336),
    "Llama 3 70B": LlamaConfig(
        **LLAMA_3, hidden_size=8192, intermediate_size=28672, num_hidden_layers=80,
        num_attention_heads=64,
    ),
    "Mistral 7B": MistralConfig(),
    "Gemma 7B": GemmaConfig(),
}  # fmt: skip
KNOWN = {"Llama 2 7B": 6_738_415_616, "Llama 3 8B": 8_030_261_248, "Llama 3 70B": 70_553_706_496}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"num_key_value_heads": 2},
    "qwen2": {"num_key_value_heads": 2},
    "qwen3": {"num_key_value_heads": 2, "head_dim": 32},
    "gemma2": {"num_key_value_heads": 2, "head_dim": 32},
    "gemma3_text": {"num_key_value_heads": 2, "head_dim": 32},
    "phi3": {"pad_token_id": 0},
    "gpt2": {"n_inner": 96},
    "gpt_neox": {},
    "opt": {"ffn_dim": 96, "word_embed_proj_dim": 64},
}
SIZES = {
    "vocab_size": 300,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "max_position_embeddings": 128,
}


def shape_of(config: PretrainedConfig) -> ModelShape:
    return ModelShape(
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        key_value_heads=config.num_key_value_heads,
        head_dim=config.head_dim or config.hidden_size // config.num_attention_heads,
        feed_forward=config.intermediate_size,
        vocabulary=config.vocab_size,
        tied=config.tie_word_embeddings,
    )


@pytest.mark.parametrize("name", MADE)
def test_every_weight_of_a_llama_has_the_right_name_and_shape(name: str) -> None:
    with torch.device("meta"):
        built = AutoModelForCausalLM.from_config(MADE[name])
    shape = shape_of(MADE[name])
    assert llama_tensors(shape) == {
        key: tuple(each.shape) for key, each in built.named_parameters()
    }
    assert ModelDescription(shape=shape, tensors=llama_tensors(shape)).parameters == KNOWN.get(
        name, built.num_parameters()
    )


def test_a_feed_forward_block_without_gate_has_two_matrices() -> None:
    shape = ModelShape(
        hidden=8, layers=1, heads=2, key_value_heads=2, head_dim=4, feed_forward=16, vocabulary=10,
        gated=False,
    )  # fmt: skip
    assert len(ModelDescription(shape=shape, tensors=llama_tensors(shape)).inner) == 6


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shards", [1, 4])
def test_any_family_is_described_from_its_files_without_loading_it(
    tmp_path: Path, family: str, shards: int
) -> None:
    config = AutoConfig.for_model(family, **(SIZES | FAMILIES[family]))
    built = AutoModelForCausalLM.from_config(config)
    built.save_pretrained(tmp_path, max_shard_size="40KB" if shards > 1 else "1GB")
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == (shards > 1)
    found = describe_model(folder.read_config(tmp_path), folder.tensor_shapes(tmp_path), "here")
    assert found.parameters == built.num_parameters()
    shape = found.shape
    assert (shape.hidden, shape.layers, shape.heads, shape.vocabulary) == (64, 2, 4, 300)
    assert (shape.feed_forward, shape.positions) == (96, 128)
    assert shape.key_value_heads == (2 if "num_key_value_heads" in FAMILIES[family] else 4)
    assert shape.head_dim == (FAMILIES[family].get("head_dim") or 16)
    assert shape.gated == (family not in ("gpt2", "gpt_neox", "opt"))
    assert shape.softcap == (family == "gemma2")
    linear = {
        name
        for name, module in built.named_modules()
        if type(module).__name__ in ("Linear", "Conv1D")
    }
    head = {"lm_head", "embed_out"}
    assert {name.removesuffix(".weight") for name in found.inner} == linear - head


def test_masks_frequencies_and_a_tied_head_are_not_counted_as_parameters() -> None:
    saved = {
        "model.embed_tokens.weight": (10, 4),
        "lm_head.weight": (10, 4),
        "model.layers.0.self_attn.rotary_emb.inv_freq": (2,),
        "h.0.attn.bias": (1, 1, 8, 8),
        "h.0.attn.masked_bias": (),
        "model.norm.weight": (4,),
    }
    kept = ["model.embed_tokens.weight", "model.norm.weight"]
    assert list(parameters_of(saved, tied=True)) == kept
    assert sorted(parameters_of(saved, tied=False)) == ["lm_head.weight", *kept]


CONFIG = {
    "model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
    "vocab_size": 300,
}  # fmt: skip


def test_missing_sizes_are_derived_from_the_others() -> None:
    shape = describe_model({"text_config": CONFIG}, {}, "here").shape
    assert (shape.key_value_heads, shape.head_dim, shape.feed_forward) == (4, 16, 256)
    assert shape.positions is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (CONFIG | {"hidden_size": "64"}, "here: config.json has '64' for hidden_size or n_embd or"
         " d_model, expected a size; download the model again"),
        ({**CONFIG, "vocab_size": 0}, "here: config.json has 0 for vocab_size, expected a size"),
        ({"hidden_size": 8}, "here: config.json has None for num_attention_heads or n_head"),
        (CONFIG | {"num_local_experts": 8}, "here: llama is an encoder-decoder or a mixture of"
         " experts, whose activations cannot be planned; plan a dense decoder"),
        (CONFIG | {"is_encoder_decoder": True}, "plan a dense decoder such as a Llama"),
    ],
)  # fmt: skip
def test_a_config_without_usable_sizes_is_an_error(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        describe_model(config, {}, "here")


def written(path: Path, content: bytes, length: int | None = None) -> Path:
    file = path / "model.safetensors"
    file.write_bytes(struct.pack("<Q", len(content) if length is None else length) + content)
    return file


@pytest.mark.parametrize(
    ("content", "length", "message"),
    [
        (b"", 2**62, "not a safetensors file"),
        (b"{", None, "not a safetensors file"),
        (b"[1]", None, "not a safetensors file"),
        (b"\xff", None, "not a safetensors file"),
        (b'{"a": {"dtype": "F32"}}', None, "not a safetensors file"),
        (b'{"a": {"dtype": "F32", "data_offsets": [0, 0]}}', None, "not a safetensors file"),
        (b'{"a": {"dtype": "F32", "shape": 2, "data_offsets": [0, 0]}}', None,
         "not a safetensors file"),
        (b'{"a.weight": {"dtype": "I32", "shape": [0], "data_offsets": [0, 0]}}', None,
         "a.weight holds I32, expected F64, F32, F16, BF16"
         "; take the model as it was before it was quantised"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_is_an_error(
    tmp_path: Path, content: bytes, length: int | None, message: str
) -> None:
    file = written(tmp_path, content, length)
    with pytest.raises(ModelError) as found:
        folder.tensor_shapes(tmp_path)
    assert str(found.value).startswith(f"{file}: ") and message in str(found.value)


def test_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\x01")
    with pytest.raises(ModelError, match="not a safetensors file"):
        folder.tensor_shapes(tmp_path)


def test_only_the_header_is_read(tmp_path: Path) -> None:
    place = {"dtype": "BF16", "shape": [3, 2], "data_offsets": [0, 12]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "a": place}).encode()
    written(tmp_path, header + b"nonumbers...", len(header))
    assert folder.tensor_shapes(tmp_path) == {"a": (3, 2)}


def test_settings_that_are_not_a_mapping_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ModelError, match="config.json: holds no settings; fetch the model again"):
        folder.read_config(tmp_path)
