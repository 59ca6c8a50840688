"""`export`: the same weights in another format, published only if they translate as before."""

import json
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from support.commands import Result, error_of, run_command
from support.models import ready, tiny
from support.runs import FinishedRun

from ontarget.errors import ModelError
from ontarget.models.loading import load_model, save_model
from ontarget.translation.export import exporting, formats
from ontarget.translation.export.verifying import count_equal, dev_segments, phrasebook_segments

PROGRAM = """#!{python}
import os, pathlib, sys
folder, _, out, _, kind = sys.argv[1:]
names = sorted(path.name for path in pathlib.Path(folder).iterdir())
print("secret")
if "{fault}":
    sys.exit("{fault}")
told = [names, kind, os.environ["HF_HUB_OFFLINE"]]
pathlib.Path(out).write_text("GGUF" + repr(told))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(tiny(), folder)
    return folder


@pytest.fixture(autouse=True)
def few_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short answers, so that tests are fast."""
    monkeypatch.setattr(exporting, "NEW_TOKENS", 4)


def loud(seed: int, folder: Path) -> Path:
    """A saved model with weights so large that its answers depend on the seed."""
    loaded = tiny(seed)
    torch.manual_seed(seed)
    save_model(ready(loaded.model, loaded.tokenizer), folder)
    return folder


def exported(*arguments: str | Path) -> Result:
    result = run_command("export", *arguments, "--template", "plain")
    assert (result.code, result.stderr) == (0, ""), result
    return result


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return found


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_safetensors_in_float32_are_the_weights_of_the_run(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run_command("export", f"{finished_run.out}#stage1", out)
    assert result.code == 0, result
    assert same(weights(out), weights(finished_run.out / "3_mle" / "model"))
    assert result.stdout.splitlines()[-1] == (
        "verified: 20 of 20 segments are translated as by the original"
    )
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != ".") == ["out"]
    assert not (out / exporting.STAGED).exists()


def test_an_adapter_is_added_to_the_weights(model: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = LoraConfig(r=2, lora_alpha=6, target_modules=["q_proj"], init_lora_weights=False)
    get_peft_model(load_model(str(model)).model, config).save_pretrained(str(tmp_path / "adapter"))
    exported(model, tmp_path / "out", "--adapter", tmp_path / "adapter")
    parts = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    (low,) = (part for name, part in parts.items() if "lora_A" in name)
    (up,) = (part for name, part in parts.items() if "lora_B" in name)
    name = "model.layers.0.self_attn.q_proj.weight"
    torch.testing.assert_close(
        weights(tmp_path / "out")[name], weights(model)[name] + 6 / 2 * up @ low
    )


def test_a_precision_is_that_of_the_file(model: Path, tmp_path: Path) -> None:
    exported(model, tmp_path / "out", "--quantization", "bfloat16")
    rounded = {name: weight.bfloat16() for name, weight in weights(model).items()}
    assert same(weights(tmp_path / "out"), rounded)


@pytest.mark.parametrize("quantization", ["float32", "int8"])
def test_ctranslate2_loads_what_was_written(model: Path, tmp_path: Path, quantization: str) -> None:
    library = pytest.importorskip("ctranslate2")
    out = tmp_path / "out"
    exported(model, out, "--format", "ctranslate2", "--quantization", quantization)
    files = {path.name for path in out.iterdir()}
    assert files >= {"model.bin", "config.json", "vocabulary.json", "tokenizer.json"}
    assert not [name for name in files if name.endswith(".safetensors") or name[0] == "."]
    engine = library.Generator(str(out))
    assert len(engine.generate_batch([["h"]], max_length=3)[0].sequences_ids[0]) <= 4


def test_a_model_that_translates_otherwise_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(staged: Path, out: Path, form: formats.ExportFormat) -> None:
        loud(1, out)

    monkeypatch.setattr(exporting, "write_format", other)
    place = tmp_path / "place"
    place.mkdir()
    model = loud(0, tmp_path / "model")
    error = error_of("export", model, place / "out", "--template", "plain")
    assert "of 20 segments otherwise than the original, such as" in error
    assert "nothing was written" in error
    assert [path for path in place.iterdir() if not path.name.endswith("lock")] == []


def test_one_of_twenty_may_differ_in_a_floating_point_format_and_any_in_integers() -> None:
    expected = [str(number) for number in range(20)]
    one, two = ["x", *expected[1:]], ["x", "y", *expected[2:]]
    assert count_equal(expected, one, is_float=True) == 19
    assert count_equal(expected, two, is_float=False) == 18
    with pytest.raises(ModelError, match="translates 2 of 20 segments otherwise"):
        count_equal(expected, two, is_float=True)


def test_dev_segments_are_spread_over_the_set_and_never_repeated(finished_run: FinishedRun) -> None:
    lines = (finished_run.out / "1_prepare" / "dev.jsonl").read_text().splitlines()
    keys = [json.loads(line)["key"] for line in lines]
    chosen = [sample.key for sample in dev_segments(finished_run.out)]
    places = [keys.index(key) for key in chosen]
    assert len(places) == 20 and places == sorted(set(places))
    assert places[0] == 0 and places[-1] >= len(keys) - 2


def test_phrasebook_segments_have_every_language_as_a_source() -> None:
    samples = phrasebook_segments(("en", "it", "nl"))
    pairs = [(sample.source_lang, sample.asked_lang) for sample in samples]
    assert len(samples) == 20
    assert set(pairs) == {("en", "it"), ("it", "nl"), ("nl", "en")}


@pytest.fixture
def llama_cpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the PATH with a program that is named as llama.cpp's server."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program(folder, "llama-server", "#!/bin/sh\nexit 1\n")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def converter(folder: Path, fault: str = "") -> Path:
    python = sys.executable
    return program(folder, "convert_hf_to_gguf.py", PROGRAM.format(python=python, fault=fault))


def test_the_converter_of_llama_cpp_gets_a_folder_without_code_and_no_network(
    model: Path, tmp_path: Path, llama_cpp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def opened(file: Path, form: Any, search: Any, *_: object) -> Iterator[Any]:
        with formats.open_saved(file.parent / exporting.STAGED, form, search) as translator:
            yield translator

    monkeypatch.setattr(formats, "open_gguf", opened)
    (model / "modeling_evil.py").write_text("raise SystemExit")
    converter(llama_cpp)
    exported(model, tmp_path / "out", "--format", "gguf", "--quantization", "int8")
    (model / "modeling_evil.py").unlink()
    (file,) = (tmp_path / "out").iterdir()
    names, kind, offline = eval(file.read_text().removeprefix("GGUF"))  # noqa: S307
    assert (file.name, kind, offline) == ("model.gguf", "q8_0", "1")
    assert "model.safetensors" in names and not [name for name in names if name.endswith(".py")]


def test_faults_of_the_converter_are_one_line(model: Path, tmp_path: Path, llama_cpp: Path) -> None:
    gguf = ("export", model, tmp_path / "out", "--template", "plain", "--format", "gguf")
    assert "convert_hf_to_gguf.py is not on the PATH; install llama.cpp, or" in error_of(*gguf)
    assert "none.py: no such file" in error_of(*gguf, "--converter", "none.py")
    path = converter(llama_cpp, fault="Model Tiny is not supported")
    assert "status 1 (Model Tiny is not supported); update llama.cpp" in error_of(*gguf)
    assert not (tmp_path / "out").exists()
    (llama_cpp / "llama-server").unlink()
    error = error_of(*gguf, "--converter", path)
    assert "neither llama-server nor llama_cpp is here to verify the file" in error


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--format", "onnx"], "--format: there is no 'onnx'; use one of safetensors,"),
        (["--quantization", "int4"], "--quantization: safetensors has no 'int4'; use one of float"),
        (["--converter", "x.py"], "--converter: safetensors needs none; leave it out"),
        (["--languages", "en"], "--languages: en: give at least two, each once"),
        (["--languages", "en,xx"], "--languages: "),
    ],
)
def test_options_that_do_not_fit_are_refused(
    model: Path, tmp_path: Path, options: list[str], error: str
) -> None:
    assert error in error_of("export", model, tmp_path / "out", *options)


def test_places_and_models_that_do_not_fit_are_refused(model: Path, tmp_path: Path) -> None:
    assert "exists already; name a folder that does not" in error_of("export", model, tmp_path)
    url = "http://127.0.0.1:8000/v1#m"
    assert "has no weights to export" in error_of("export", url, tmp_path / "out")
    assert "no such folder" in error_of("export", tmp_path / "none", tmp_path / "out")
