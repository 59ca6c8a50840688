"""Which backend a model gets, by its form and by name."""

from pathlib import Path

import pytest
import torch
from support.models import tiny

from ontarget.decoding.backends import (
    BACKENDS,
    BackendOptions,
    backend_of,
    open_translator,
    translator_of,
)
from ontarget.decoding.base import Search, Translator, translate_all
from ontarget.errors import ModelError
from ontarget.models.loading import save_model
from ontarget.models.templates import TEMPLATES, PromptFormat, fill_template
from ontarget.records import Sample

SEARCH = Search(beams=1, max_new_tokens=6, batch=4)
PLAIN = PromptFormat(template=TEMPLATES["plain"])
SAMPLES = [
    Sample(
        key=str(number), source_lang="en", asked_lang="it", target_lang="it",
        source="hello " * number, target="",
    )
    for number in range(1, 4)
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "fitting"),
    [
        ("org/name", ["hf", "ctranslate2", "vllm"]),
        ("runs/x/4_unlikelihood/model", ["hf", "ctranslate2", "vllm"]),
        ("model.gguf", ["llama.cpp"]),
        ("http://127.0.0.1:8000/v1#m", ["server"]),
        ("https://host/v1#m.gguf", ["server"]),
    ],
)
def test_the_form_of_a_model_decides_and_other_backends_are_refused(
    model: str, fitting: list[str]
) -> None:
    assert backend_of(model, None) == fitting[0]
    for backend in BACKENDS:
        if backend in fitting:
            assert backend_of(model, backend) == backend
        else:
            with pytest.raises(ModelError, match=f"backend {backend} takes .*; use {fitting[0]}"):
                backend_of(model, backend)


def test_an_unknown_backend_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ModelError) as raised:
        backend_of("org/name", "onnx")
    assert str(raised.value) == (
        "backend: there is no 'onnx'; use one of hf, ctranslate2, vllm, llama.cpp, server"
    )


def test_a_folder_is_translated_in_this_process(tmp_path: Path) -> None:
    loaded = tiny()
    save_model(loaded, tmp_path)
    with open_translator(str(tmp_path), PLAIN, SEARCH) as translator:
        assert isinstance(translator, Translator)
        found = translate_all(translator, SAMPLES)
    assert found == translate_all(translator_of(loaded, PLAIN, SEARCH), SAMPLES)


@pytest.mark.parametrize(
    ("model", "backend", "remedy"),
    [
        ("org/base", "hf", "run `ontarget merge org/base runs/lora MERGED` and give the folder M"),
        ("org/base", "ctranslate2", "run `ontarget merge org/base runs/lora MERGED` and give the"),
        ("base.gguf", "llama.cpp", "merge it with `ontarget merge` before the model is converted"),
        ("http://127.0.0.1:1/v1#m", "server", "merge it with `ontarget merge` before the model"),
    ],
)
def test_backends_that_cannot_add_an_adapter_name_the_remedy(
    model: str, backend: str, remedy: str
) -> None:
    options = BackendOptions(adapter=Path("runs/lora"))
    message = f"^runs/lora: backend {backend} takes no adapter; {remedy}"
    with (
        pytest.raises(ModelError, match=message),
        open_translator(model, PLAIN, SEARCH, backend=backend, options=options),
    ):
        pass


def test_weights_in_half_precision_answer_as_the_library_answers_with_such_weights(
    tmp_path: Path,
) -> None:
    loaded = tiny()
    save_model(loaded, tmp_path / "model")
    loaded.model.to(torch.bfloat16).eval()
    expected = []
    for prompt in loaded.prompts([fill_template(sample, PLAIN) for sample in SAMPLES]):
        ids = torch.tensor([prompt])
        row = loaded.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, do_sample=False,
            eos_token_id=list(loaded.eos), pad_token_id=loaded.pad,
        )  # fmt: skip
        answer = row[0, ids.shape[1] :].tolist()
        expected.append(loaded.tokenizer.decode(answer, skip_special_tokens=True).strip())
    half = BackendOptions(quantization="bfloat16")
    one_by_one = Search(beams=1, max_new_tokens=6, batch=1)
    with open_translator(str(tmp_path / "model"), PLAIN, one_by_one, options=half) as translator:
        assert translate_all(translator, SAMPLES) == expected


def test_weights_that_only_another_backend_has_are_an_error(tmp_path: Path) -> None:
    options = BackendOptions(quantization="int8")
    with (
        pytest.raises(ModelError) as raised,
        open_translator(str(tmp_path), PLAIN, SEARCH, options=options),
    ):
        pass
    assert str(raised.value) == (
        "backend hf: has no weights in 'int8'; use one of float32, bfloat16, or backend ctranslate2"
    )
