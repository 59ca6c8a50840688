"""CTranslate2 gives the texts of Hugging Face, from models that are converted once."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from support.models import coder, ready, tiny, tokenizer

from ontarget.decoding import conversion
from ontarget.decoding.backends import BackendOptions, open_translator, translator_of
from ontarget.decoding.base import Hypothesis, Search, Translator
from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel, load_model, load_outline, save_model
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.records import Sample

PLAIN = PromptFormat(template=TEMPLATES["plain"])
SAMPLES = [
    Sample(
        key=str(number), source_lang="en", asked_lang=target, target_lang=target,
        source="hello world abc " * (1 + number % 3) + "uvwxyz"[number], target="ciao",
    )
    for number, target in enumerate(["it", "nl"] * 3)
]  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ontarget" / "ctranslate2"


def varied() -> LoadedModel:
    """A Llama whose answers differ and end at different times."""
    torch.manual_seed(0)
    return ready(tiny().model, tiny().tokenizer)


def saved(loaded: LoadedModel, folder: Path) -> str:
    save_model(loaded, folder)
    return str(folder)


def collect(translator: Translator) -> list[Hypothesis]:
    found: dict[int, Hypothesis] = {}
    for batch in translator.translate(SAMPLES):
        found |= batch
    return [found[index] for index in range(len(SAMPLES))]


def converted(
    model: str, search: Search, form: PromptFormat = PLAIN, quantization: str = "float32"
) -> list[Hypothesis]:
    options = BackendOptions(quantization=quantization)
    with open_translator(model, form, search, backend="ctranslate2", options=options) as translator:
        return collect(translator)


def originals(model: str, search: Search, form: PromptFormat = PLAIN) -> list[Hypothesis]:
    return collect(translator_of(load_model(model), form, search))


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("kind", ["Llama", "M2M-100"])
def test_texts_in_float32_are_those_of_hugging_face(kind: str, beams: int, tmp_path: Path) -> None:
    model = saved(varied() if kind == "Llama" else coder(kind), tmp_path / "model")
    search = Search(beams=beams, max_new_tokens=12, batch=4)
    found = converted(model, search)
    assert found == originals(model, search)
    assert len({hypothesis.text for hypothesis in found}) > 1


def test_an_answer_ends_at_the_stop_text_and_is_truncated_without_an_end(tmp_path: Path) -> None:
    model = saved(varied(), tmp_path / "model")
    search = Search(beams=1, max_new_tokens=9, batch=2, batch_tokens=200)
    form = PromptFormat(template=TEMPLATES["plain"], stop="do")
    found = converted(model, search, form)
    assert found == originals(model, search, form)
    assert {hypothesis.truncated for hypothesis in found} == {False, True}


def test_a_model_is_converted_once_for_each_precision_and_again_when_it_changes(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, count = Search(beams=1, max_new_tokens=4, batch=4), []
    original = conversion.convert
    monkeypatch.setattr(
        conversion, "convert", lambda *given: count.append(given[2]) or original(*given)
    )
    model = saved(varied(), tmp_path / "model")
    for quantization in ("float32", "int8", "float32", "int8"):
        assert len(converted(model, search, quantization=quantization)) == len(SAMPLES)
    assert count == ["float32", "int8"]
    before = converted(model, search)
    saved(tiny(5), tmp_path / "model")
    assert converted(model, search) != before
    assert count == ["float32", "int8", "float32"]
    folders = [path.name for path in cache.iterdir() if path.is_dir()]
    assert sorted(name.rpartition("-")[2] for name in folders) == ["float32", "float32", "int8"]


def test_a_conversion_that_fails_leaves_nothing_and_names_the_architecture(
    cache: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = hf.StableLmConfig(
        vocab_size=len(tokenizer()), intermediate_size=24, num_key_value_heads=2,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, **sizes,
    )  # fmt: skip
    loaded = LoadedModel(hf.StableLmForCausalLM(config), tokenizer())
    with pytest.raises(ModelError) as raised:
        converted(saved(loaded, tmp_path / "model"), Search(beams=1, max_new_tokens=4, batch=4))
    assert "CTranslate2 cannot convert a StableLmForCausalLM (No conversion is" in str(raised.value)
    assert str(raised.value).endswith("; use backend hf") and "\n" not in str(raised.value)
    assert not [path for path in cache.iterdir() if path.is_dir()]


def test_a_model_whose_tokens_the_conversion_would_move_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot convert a MarianMTModel .*; use backend hf$"):
        converted(
            saved(coder("Marian"), tmp_path / "model"),
            Search(beams=1, max_new_tokens=4, batch=4),
        )


def test_the_library_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = saved(varied(), tmp_path / "model")
    capfd.readouterr()
    converted(model, Search(beams=1, max_new_tokens=4, batch=4), quantization="int8")
    assert capfd.readouterr() == ("", "")


def test_two_at_once_convert_once_and_get_the_same_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads, whose locks exclude each other like those of two processes."""
    folder, original = Path(saved(varied(), tmp_path / "model")), conversion.convert
    outline, count, both = load_outline(str(folder)), list[Path](), threading.Barrier(2)

    def slow(*given: Any) -> None:
        count.append(given[1])
        time.sleep(0.3)
        original(*given)

    def convert(_: int) -> Path:
        both.wait()
        return conversion.convert_once(folder, "float32", outline)

    monkeypatch.setattr(conversion, "convert", slow)
    with ThreadPoolExecutor(2) as threads:
        places = set(threads.map(convert, range(2)))
    assert len(count) == len(places) == 1
    assert [path.is_dir() for path in sorted(cache.iterdir())] == [False, True]  # lock and model


@pytest.mark.parametrize(
    ("quantization", "error"),
    [("int3", "'int3' is no quantization; use one of float32, "), ("float16", "float32")],
)
def test_precisions_that_are_none_or_not_possible_here_are_errors(
    quantization: str, error: str, tmp_path: Path
) -> None:
    model = saved(varied(), tmp_path / "model")
    search = Search(beams=1, max_new_tokens=4, batch=4)
    with pytest.raises(ModelError, match=error):
        converted(model, search, quantization=quantization)


def test_the_absence_of_the_library_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(ModelError, match=r'pip install "ontarget\[ctranslate2\]"$'):
        converted(str(tmp_path), Search(beams=1, max_new_tokens=4, batch=4))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    saved(tiny(), tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(ModelError, match="expected weights as .safetensors, found only"):
        converted(str(tmp_path / "model"), Search(beams=1, max_new_tokens=4, batch=4))
