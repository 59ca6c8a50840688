"""Model folders that were damaged or prepared by somebody else: one line, nothing hangs."""

import json
import os
import shutil
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Writer
from support.commands import error_of, run_command
from support.runs import FinishedRun

from ontarget.errors import ModelError
from ontarget.models.loading import load_model

DEEP = 100_000


@pytest.fixture(autouse=True)
def limited_time() -> Iterator[None]:
    """Ends a test that hangs after a minute."""

    def end(number: int, frame: Any) -> None:
        raise TimeoutError("the command hangs")

    previous = signal.signal(signal.SIGALRM, end)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.fixture
def model(finished_run: FinishedRun, tmp_path: Path) -> Path:
    """A copy of a usable model."""
    return Path(shutil.copytree(finished_run.out / "3_mle/model", tmp_path / "model"))


def dev_file(folder: Path) -> Path:
    path = folder / "mine.tsv"
    path.write_text("en\tit\tnl\nMonday\tlunedì\tmaandag\n")
    return path


def as_fifo(path: Path) -> None:
    os.mkfifo(path)


def as_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def as_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the path of a socket has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize("make", [as_fifo, as_device, as_socket])
@pytest.mark.parametrize(
    "name",
    ["config.json", "model.safetensors", "tokenizer.json", "generation_config.json",
     "chat_template.jinja", "tokenizer_config.json", "other.txt"],
)  # fmt: skip
def test_what_is_not_a_regular_file_is_not_opened(
    name: str, make: Callable[[Path], None], model: Path, tmp_path: Path, write_recipe: Writer
) -> None:
    (model / name).unlink(missing_ok=True)
    make(model / name)
    message = f"ontarget: {model / name}: not a regular file; remove it, or fetch the model again\n"
    recipe = write_recipe(base={"model": str(model)})
    for verb in ("check", "run"):
        assert error_of(verb, recipe) == message
    data = dev_file(tmp_path)
    assert message == error_of("diagnose", model, "--data", data, "--languages", "en,it,nl")


def test_merge_checks_both_folders(model: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    shutil.copytree(model, adapter)
    (adapter / "adapter_config.json").write_text("{}")
    os.mkfifo(adapter / "adapter_model.safetensors")
    error = error_of("merge", model, adapter, tmp_path / "out")
    assert error.startswith(f"ontarget: {adapter}")
    os.mkfifo(model / "merges.txt")
    error = error_of("merge", model, adapter, tmp_path / "out")
    assert error.startswith(f"ontarget: {model / 'merges.txt'}: not a regular file")
    assert not (tmp_path / "out").exists()


def nested_header(path: Path) -> None:
    header = b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}"
    path.write_bytes(struct.pack("<Q", len(header)) + header)


def nested_objects(path: Path) -> None:
    header = b'{"a":' * DEEP + b"1" + b"}" * DEEP
    path.write_bytes(struct.pack("<Q", len(header)) + header)


def huge_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**63) + b"{}")


def no_header(path: Path) -> None:
    path.write_bytes(b"")


def overlapping(path: Path) -> None:
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    header = json.dumps({"a": entry, "b": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))


@pytest.mark.parametrize(
    "damage", [nested_header, nested_objects, huge_header, no_header, overlapping]
)
def test_a_damaged_header_of_weights_is_one_line(
    damage: Callable[[Path], None], model: Path, write_recipe: Writer
) -> None:
    damage(model / "model.safetensors")
    error = error_of("check", write_recipe(base={"model": str(model)}))
    message = f"ontarget: {model / 'model.safetensors'}: not a safetensors file ("
    assert error.startswith(message) and len(error) < 1000


@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
@pytest.mark.parametrize("text", ["[" * DEEP, "{", "[]", "null", '"\\ud800"', "\x00"])
def test_damaged_settings_are_one_line(
    name: str, text: str, model: Path, write_recipe: Writer
) -> None:
    (model / name).write_text(text)
    error = error_of("check", write_recipe(base={"model": str(model)}))
    assert error.startswith(f"ontarget: {model / name}: ") and len(error) < 1000


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("text", ["[" * DEEP, "{", "[]", "null", "{}"])
def test_a_damaged_tokenizer_is_one_line(
    name: str, text: str, model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if (name, text) == ("tokenizer_config.json", "{}"):
        pytest.skip("has only defaults, which is fine")
    (model / name).write_text(text)
    with pytest.raises(ModelError) as raised:
        load_model(str(model))
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 1000
    assert "panicked" not in "".join(capfd.readouterr())


def test_a_tokenizer_that_panics_on_a_text_is_one_line_without_a_stack_trace(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`(a+)+$` backtracks beyond the limits of the engine on many a's and a b."""
    path = model / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["pre_tokenizer"] = {
        "type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False,
    }  # fmt: skip
    path.write_text(json.dumps(content), encoding="utf-8")
    loaded = load_model(str(model))
    with pytest.raises(ModelError, match="model: its tokenizer fails on a text") as raised:
        loaded.token_ids(["a" * 5000 + "b"])
    assert "\n" not in str(raised.value)
    data = tmp_path / "mine.tsv"
    data.write_text(f"en\tit\nMonday\t{'a' * 5000}b\nTuesday\tmartedì\n")
    arguments = ["--data", data, "--languages", "en,it", "--template", "plain"]
    result = run_command("diagnose", model, *arguments)
    assert (result.code, result.stdout) == (2, "")
    assert "model: its tokenizer fails on a text (" in result.stderr
    assert result.stderr.count("\n") == 1
    printed = "".join(capfd.readouterr())
    assert "panicked" not in printed and "RUST_BACKTRACE" not in printed
