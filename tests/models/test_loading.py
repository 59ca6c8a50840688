"""Tokenizers and models: no token added or lost, and nothing loaded that is not safe."""

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers as hf
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from support.models import tiny, tokenizer
from tokenizers.processors import TemplateProcessing

from ontarget.errors import ModelError
from ontarget.models.loading import (
    LoadedModel,
    check_token_ids,
    load_model,
    load_tokenizer,
    save_model,
)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_byte_tokenizer_is_lossless(text: str) -> None:
    ids = tokenizer()(text)["input_ids"]
    assert tokenizer().decode(ids, skip_special_tokens=False) == text


def test_digits_are_single_tokens() -> None:
    assert len(tokenizer()("2024")["input_ids"]) == 4


def test_a_response_ends_with_one_eos_and_a_prompt_with_none() -> None:
    loaded = tiny()
    end = loaded.tokenizer.eos_token_id
    assert [row.count(end) for row in loaded.responses(["hello", ""])] == [1, 1]
    assert all(row[-1] == end for row in loaded.responses(["hello", ""]))
    assert [row.count(end) for row in loaded.prompts(["hello", ""])] == [0, 0]
    assert loaded.prompts([]) == loaded.responses([]) == []


def with_bos_and_eos() -> LoadedModel:
    """A tokenizer that adds BOS and EOS to every text, as those of some LLMs do."""
    plain = tokenizer()
    framed = type(plain)(
        tokenizer_object=type(plain._tokenizer).from_str(plain._tokenizer.to_str()),
        pad_token="<pad>", eos_token="</s>", bos_token="<s>",
    )  # fmt: skip
    framed._tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        special_tokens=[("<s>", framed.bos_token_id), ("</s>", framed.eos_token_id)],
    )
    return LoadedModel(tiny().model, framed)


def test_bos_occurs_once_and_in_the_prompt_only() -> None:
    loaded = with_bos_and_eos()
    bos, eos = loaded.tokenizer.bos_token_id, loaded.tokenizer.eos_token_id
    (prompt,), (response,) = loaded.prompts(["hello"]), loaded.responses(["world"])
    assert prompt[0] == bos and prompt.count(bos) == 1 and eos not in prompt
    assert bos not in response and response[-1] == eos and response.count(eos) == 1


def test_bos_occurs_once_if_the_text_begins_with_it() -> None:
    loaded = with_bos_and_eos()
    (prompt,) = loaded.prompts(["<s>hello"])
    assert prompt == loaded.prompts(["hello"])[0]
    assert prompt.count(loaded.tokenizer.bos_token_id) == 1


def test_a_response_is_one_line_of_text() -> None:
    loaded = tiny()
    ids = tokenizer()(" two\nlines  \t")["input_ids"]
    assert loaded.text([*ids, loaded.eos[0]]) == "two lines"


def test_padding_falls_back_to_eos() -> None:
    loaded = tiny()
    bare = type(tokenizer())(tokenizer_object=tokenizer()._tokenizer, eos_token="</s>")
    assert LoadedModel(loaded.model, bare).pad == bare.eos_token_id


def test_the_ends_of_a_response_are_those_of_tokenizer_and_generation_config() -> None:
    loaded = tiny()
    assert loaded.model.generation_config is not None
    loaded.model.generation_config.eos_token_id = [5, 1]
    assert loaded.eos == (loaded.tokenizer.eos_token_id, 5)


def test_the_positions_of_a_multimodal_model_are_those_of_its_text_model() -> None:
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2}
    config = hf.Gemma3Config(
        text_config={**sizes, "num_hidden_layers": 1, "max_position_embeddings": 77},
        vision_config={**sizes, "num_hidden_layers": 1, "image_size": 28},
    )
    with torch.device("meta"):
        model = hf.Gemma3ForConditionalGeneration(config)
    assert LoadedModel(model, tokenizer()).positions == 77


def test_a_saved_model_is_loaded_unchanged_and_is_in_safetensors_only(tmp_path: Path) -> None:
    loaded = tiny()
    save_model(loaded, tmp_path)
    again = load_model(str(tmp_path))
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".bin", ".pt", ".pth")]
    assert (tmp_path / "model.safetensors").is_file()
    for name, value in loaded.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name].cpu(), value), name
    assert again.prompts(["hello"]) == loaded.prompts(["hello"])


def test_random_weights_depend_on_the_seed_only() -> None:
    first, again, other = (tiny(seed).model.state_dict() for seed in (1, 1, 2))
    name = "model.embed_tokens.weight"
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


def test_a_tokenizer_without_eos_is_an_error(tmp_path: Path) -> None:
    save_model(tiny(), tmp_path)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        path = tmp_path / name
        if path.is_file():
            content = json.loads(path.read_text())
            content.pop("eos_token", None)
            path.write_text(json.dumps(content))
    with pytest.raises(
        ModelError, match="no EOS token, so responses could never end; set eos_token"
    ):
        load_model(str(tmp_path))


def test_code_in_a_model_folder_does_not_run(tmp_path: Path) -> None:
    save_model(tiny(), tmp_path)
    marker = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(marker)!r}, 'w')\n")
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {
        "model_type": "evil",
        "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="cannot be loaded .* needs no code of its own"):
        load_model(str(tmp_path))
    assert not marker.exists()


def test_damaged_weights_are_an_error_in_one_line(tmp_path: Path) -> None:
    save_model(tiny(), tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0garbage!")
    with pytest.raises(ModelError, match="not a safetensors file") as raised:
        load_model(str(tmp_path))
    assert "\n" not in str(raised.value)


def test_missing_weights_are_an_error_and_not_initialised_at_random(tmp_path: Path) -> None:
    save_model(tiny(), tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    lost = [name for name in weights if "down_proj" in name]
    save_file(
        {name: weight for name, weight in weights.items() if name not in lost},
        tmp_path / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(ModelError, match=rf"its weights lack {lost[0]} \(and 0 more\); fetch or"):
        load_model(str(tmp_path))


def test_a_name_without_a_folder_is_tried_as_a_hub_id() -> None:
    with pytest.raises(ModelError, match="no-model: no such folder, and as a hub id it cannot be"):
        load_model("no-model")
    with pytest.raises(ModelError, match="no-model: no such folder, and as a hub id it cannot be"):
        load_tokenizer("no-model", None)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "num_attention_heads",
            3,
            r"cannot be loaded \(.*\); fetch or save the model again, or give",
        ),
        ("vocab_size", 0, r"config.json: vocab_size is 0, expected at least 1; fetch it again"),
        ("num_hidden_layers", 0, r"num_hidden_layers is 0, but the weights are \d+ tensors; fetch"),
    ],
)
def test_a_damaged_size_is_an_error_that_says_what_to_do(
    tmp_path: Path, name: str, value: int, message: str
) -> None:
    save_model(tiny(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | {name: value}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=message):
        load_model(str(tmp_path))


def test_a_model_that_generates_no_text_is_an_error(tmp_path: Path) -> None:
    save_model(tiny(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | {"model_type": "vit"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="give a language model with safetensors weights"):
        load_model(str(tmp_path))


def test_a_special_token_without_an_embedding_is_an_error(tmp_path: Path) -> None:
    loaded = tiny()
    words = copy.deepcopy(loaded.tokenizer)  # the tests share one
    words.add_special_tokens({"eos_token": "<the end>"})
    loaded = LoadedModel(loaded.model, words)
    save_model(loaded, tmp_path)
    with pytest.raises(ModelError, match=r"eos token has the id \d+, the model has \d+ embeddings"):
        load_model(str(tmp_path))


def save_changed(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> str:
    """The path of a saved model with changed weights."""
    save_model(tiny(), folder)
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


def test_non_finite_weights_are_an_error(tmp_path: Path) -> None:
    path = save_changed(tmp_path, lambda weights: weights["model.norm.weight"].fill_(math.nan))
    with pytest.raises(ModelError, match=r"its weight model\.norm\.weight is not finite; fetch"):
        load_model(path)


def test_weights_of_layers_beyond_the_last_are_an_error(tmp_path: Path) -> None:
    def one_more(weights: dict[str, torch.Tensor]) -> None:
        second = {name.replace("layers.0.", "layers.1."): w for name, w in weights.items()}
        weights |= {name: weight.clone() for name, weight in second.items()}
        weights["vision.layers.7.weight"] = torch.zeros(2)  # of a part that is not loaded

    with pytest.raises(ModelError, match=r"hold model\.layers\.1\.\S+, for which its config"):
        load_model(save_changed(tmp_path, one_more))


def test_a_weight_of_another_size_is_an_error(tmp_path: Path) -> None:
    def cut(weights: dict[str, torch.Tensor]) -> None:
        weights["model.norm.weight"] = weights["model.norm.weight"][:4].clone()

    with pytest.raises(ModelError, match=r"norm\.weight has the size \(4,\), its config.* \(16,\)"):
        load_model(save_changed(tmp_path, cut))


def test_an_eos_token_id_that_is_not_a_number_is_an_error(tmp_path: Path) -> None:
    save_model(tiny(), tmp_path)
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": "x"}')
    with pytest.raises(ModelError, match="has the eos_token_id 'x', expected a token's number;"):
        load_model(str(tmp_path))


def test_a_text_token_without_an_embedding_is_an_error() -> None:
    loaded = tiny()
    check_token_ids(loaded, [0, 299])
    with pytest.raises(ModelError, match="produces token 300, but the model has 300 embed"):
        check_token_ids(loaded, [5, 300])
