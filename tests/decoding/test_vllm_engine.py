"""What vLLM is asked for. A stand-in module records the calls: no test runs vLLM itself."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from support.models import coder, ready, tiny

from ontarget.decoding import vllm_engine
from ontarget.decoding.backends import open_translator, translator_of
from ontarget.decoding.base import Hypothesis, Search
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


class StandIn(ModuleType):
    """A module with vLLM's documented names; its engine is the model in Hugging Face."""

    def __init__(self, loaded: LoadedModel, keeps_end: bool) -> None:
        super().__init__("vllm")
        self.loaded, self.keeps_end, self.calls = loaded, keeps_end, []
        self.LLM, self.SamplingParams, self.TokensPrompt = self.make, SimpleNamespace, dict

    def make(self, **settings: Any) -> "StandIn":
        self.calls.append(settings)
        return self

    def generate(self, prompts: list[Any], settings: Any, use_tqdm: bool) -> list[Any]:
        self.calls.append(vars(settings) | {"prompts": len(prompts), "use_tqdm": use_tqdm})
        return [self.complete(prompt["prompt_token_ids"], settings) for prompt in prompts]

    def complete(self, ids: list[int], settings: Any) -> Any:
        row = self.loaded.model.generate(
            torch.tensor([ids]), do_sample=False, max_new_tokens=settings.max_tokens,
            eos_token_id=settings.stop_token_ids, pad_token_id=0,
        )[0, len(ids) :].tolist()  # fmt: skip
        stopped = row[-1] in settings.stop_token_ids
        tokens = row[:-1] if stopped and not self.keeps_end else row
        output = SimpleNamespace(token_ids=tokens, finish_reason="stop" if stopped else "length")
        return SimpleNamespace(outputs=[output])


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
    module = StandIn(loaded, keeps_end)
    monkeypatch.setitem(sys.modules, "vllm", module)
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
    }  # fmt: skip
    assert [call["prompts"] for call in calls] == [3, 2]
    assert calls[0]["temperature"] == 0 and calls[0]["max_tokens"] == 9
    assert calls[0]["stop_token_ids"] == [loaded.eos[0], ids["do"]]


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
    module = StandIn(tiny(), True)
    monkeypatch.setitem(sys.modules, "vllm", module)
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
