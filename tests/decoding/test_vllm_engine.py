"""What vLLM is asked for. A stand-in module records the calls, except in the last test."""

import json
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from support.models import coder, ready, tiny
from support.vllm_stand_in import StandIn, install

from ontarget.decoding.backends import BackendOptions, open_translator, translator_of
from ontarget.decoding.base import Hypothesis, Search
from ontarget.decoding.vllm import engine as vllm_engine
from ontarget.decoding.vllm.engine import VllmOptions, open_vllm
from ontarget.decoding.vllm.lora import lora_settings
from ontarget.decoding.ways.settings import AntiLm
from ontarget.errors import ModelError, TranslationError
from ontarget.models.loading import LoadedModel, load_model, save_model
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.records import Sample

SEARCH = Search(beams=1, max_new_tokens=9, batch=2)
PLAIN = PromptFormat(template=TEMPLATES["plain"])
SAMPLES = [
    Sample(
        key=str(number), source_lang="en", asked_lang=target, target_lang=target,
        source="hello world abc " * (1 + number % 3) + "uvwxy"[number], target="ciao",
    )
    for number, target in enumerate(["it", "nl", "it", "nl", "it"])
]  # fmt: skip


def collect(translator: Any) -> dict[int, Hypothesis]:
    found: dict[int, Hypothesis] = {}
    for batch in translator.translate(SAMPLES):
        found |= batch
    return found


@pytest.mark.parametrize("keeps_end", [False, True])
def test_prompts_ends_and_texts_are_those_of_hugging_face(
    keeps_end: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    loaded = ready(tiny().model, tiny().tokenizer)
    ids = loaded.tokenizer.get_vocab()
    save_model(loaded, tmp_path)
    loaded = load_model(str(tmp_path))
    module = install(monkeypatch, StandIn(loaded, keeps_end))
    monkeypatch.setattr(vllm_engine, "AT_ONCE", 3)
    stopping = PromptFormat(template=TEMPLATES["plain"], stop="do")
    with open_translator(str(tmp_path), stopping, SEARCH, backend="vllm") as translator:
        found = collect(translator)
    assert found == collect(translator_of(loaded, stopping, SEARCH))
    assert len({hypothesis.truncated for hypothesis in found.values()}) == 2
    engine, *calls = module.calls
    assert engine == {
        "model": str(tmp_path), "revision": None, "tokenizer_revision": None,
        "trust_remote_code": False, "load_format": "safetensors", "generation_config": "vllm",
        "logits_processors": [],
    }  # fmt: skip
    assert [call["prompts"] for call in calls] == [3, 2]
    assert calls[0]["temperature"] == 0 and calls[0]["max_tokens"] == 9
    assert calls[0]["stop_token_ids"] == [loaded.eos[0], ids["do"]]
    assert calls[0]["extra_args"] is None and calls[0]["lora_request"] is None


def test_its_absence_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with (
        pytest.raises(ModelError, match=r'backend vllm: .*; pip install "ontarget\[vllm\]"$'),
        open_translator(str(tmp_path), PLAIN, SEARCH, backend="vllm"),
    ):
        pass


def test_encoder_decoders_beams_and_failures_to_start_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = install(monkeypatch, StandIn(tiny()))
    save_model(tiny(), tmp_path / "llama")
    save_model(coder("M2M-100"), tmp_path / "coder")
    with (
        pytest.raises(ModelError, match="coder: backend vllm takes decoder-only models only"),
        open_translator(str(tmp_path / "coder"), PLAIN, SEARCH, backend="vllm"),
    ):
        pass
    beams = Search(beams=2, max_new_tokens=9, batch=2)
    with (
        open_translator(str(tmp_path / "llama"), PLAIN, beams, backend="vllm") as translator,
        pytest.raises(TranslationError, match="beams: 2, but vLLM decodes greedily"),
    ):
        collect(translator)

    def fail(**_: Any) -> None:
        raise RuntimeError("no\nGPU")

    module.LLM = fail
    with (
        pytest.raises(ModelError, match=r"vLLM cannot load it \(RuntimeError: no GPU\)"),
        open_translator(str(tmp_path / "llama"), PLAIN, SEARCH, backend="vllm"),
    ):
        pass


def adapter_of(loaded: LoadedModel, folder: Path, **changes: Any) -> PeftModel:
    """The model with a random adapter, which is saved; changes are those of its saved settings."""
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"])
    adapted = get_peft_model(loaded.model, config)
    assert isinstance(adapted, PeftModel)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator))
    adapted.save_pretrained(str(folder))
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return adapted


def test_an_adapter_is_added_to_each_request_and_translates_as_if_it_was_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    loaded = ready(tiny().model, tiny().tokenizer)
    save_model(loaded, tmp_path / "base")
    plain = collect(translator_of(load_model(str(tmp_path / "base")), PLAIN, SEARCH))
    merged: Any = adapter_of(loaded, tmp_path / "lora").merge_and_unload()
    module = install(monkeypatch, StandIn(load_model(str(tmp_path / "base"))))
    options = BackendOptions(adapter=tmp_path / "lora")
    with open_translator(
        str(tmp_path / "base"), PLAIN, SEARCH, backend="vllm", options=options
    ) as translator:
        found = collect(translator)
    assert found == collect(translator_of(LoadedModel(merged, loaded.tokenizer), PLAIN, SEARCH))
    assert found != plain
    engine, *calls = module.calls
    assert engine["enable_lora"] is True and engine["max_lora_rank"] == 8
    assert {call["lora_request"].lora_path for call in calls} == {str(tmp_path / "lora")}


@pytest.mark.parametrize(
    ("changes", "rank"),
    [({}, 8), ({"r": 9}, 16), ({"r": 16}, 16), ({"rank_pattern": {"q_proj": 300}}, 320)],
)
def test_room_is_made_for_the_highest_rank_in_steps_that_vllm_has(
    changes: dict[str, Any], rank: int, tmp_path: Path
) -> None:
    adapter_of(tiny(), tmp_path, **changes)
    assert lora_settings("org/base", tmp_path) == {"enable_lora": True, "max_lora_rank": rank}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"use_dora": True}, "a DoRA"),
        ({"modules_to_save": ["lm_head"]}, "whole layers"),
        ({"trainable_token_indices": [3]}, "embeddings of tokens"),
        ({"lora_bias": True}, "biases"),
        ({"r": 513}, "the rank 513"),
    ],
)
def test_an_adapter_that_vllm_cannot_add_is_to_be_merged(
    changes: dict[str, Any], fault: str, tmp_path: Path
) -> None:
    adapter_of(tiny(), tmp_path, **changes)
    with pytest.raises(ModelError) as raised:
        lora_settings("org/base", tmp_path)
    assert str(raised.value) == (
        f"{tmp_path}: vLLM cannot add {fault} while it decodes; run `ontarget merge org/base "
        f"{tmp_path} MERGED` and give the folder MERGED"
    )


def test_damaged_adapters_are_errors(tmp_path: Path) -> None:
    adapter_of(tiny(), tmp_path, r=None)
    with pytest.raises(ModelError, match=r"adapter_config.json: has no rank r; save the adapter"):
        lora_settings("org/base", tmp_path)
    (tmp_path / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no adapter_model\.safetensors; give the folder"):
        lora_settings("org/base", tmp_path)


def test_the_tokenizer_of_an_adapter_is_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tiny()
    save_model(loaded, tmp_path / "base")
    adapter_of(loaded, tmp_path / "lora")
    loaded.tokenizer.save_pretrained(tmp_path / "lora")
    file = tmp_path / "lora" / "chat_template.jinja"
    file.write_text("{{ messages[0].content }}")
    install(monkeypatch, StandIn(loaded))
    options = VllmOptions(adapter=tmp_path / "lora")
    with open_vllm(str(tmp_path / "base"), PLAIN, SEARCH, options) as translator:
        assert translator.outline.tokenizer.chat_template == file.read_text()


def test_a_failure_of_vllm_while_it_decodes_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(tiny(), tmp_path)
    module = install(monkeypatch, StandIn(tiny()))

    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("base_model.model.q_proj\nis not supported")

    with open_translator(str(tmp_path), PLAIN, SEARCH, backend="vllm") as translator:
        monkeypatch.setattr(module, "generate", fail)
        message = r"vLLM cannot decode with it \(ValueError: base_model.model.q_proj is not supp"
        with pytest.raises(ModelError, match=message):
            collect(translator)


@pytest.mark.skipif(
    find_spec("vllm") is None or not torch.cuda.is_available(), reason="needs vllm and a CUDA GPU"
)
def test_the_real_engine_answers_as_hugging_face_with_anti_lm(tmp_path: Path) -> None:
    from ontarget.base_model.llama import LlamaShape, make_llama
    from ontarget.decoding.hf.planned import PlannedTranslator
    from ontarget.decoding.ways.plan import Material

    torch.manual_seed(0)
    shape = LlamaShape(hidden=128, layers=1, heads=2, feed_forward=256)
    loaded = ready(make_llama(tiny().tokenizer, shape, 0), tiny().tokenizer)
    save_model(loaded, tmp_path)
    # The first token alone: precisions differ, and later ones follow from those before.
    search, ways = replace(SEARCH, max_new_tokens=1), (AntiLm(gamma=1.0),)
    with open_vllm(str(tmp_path), PLAIN, search, VllmOptions(ways=ways)) as translator:
        found = collect(translator)
    material = Material(loaded=loaded, languages=("en", "it", "nl"))
    assert found == collect(PlannedTranslator(loaded, PLAIN, search, ways, material))
