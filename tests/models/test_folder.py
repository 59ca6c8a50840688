"""Faults of model folders, found before any framework opens them."""

import json
import os
import re
from pathlib import Path

import pytest

from ontarget.errors import ModelError
from ontarget.models.folder import check_folder, identity, is_hub_id, tensor_shapes


def weights_file(**tensors: tuple[str, list[int], int]) -> bytes:
    """A safetensors file: type, shape and bytes of each tensor, all of them zero."""
    entries, end = {}, 0
    for name, (dtype, shape, width) in tensors.items():
        start, end = end, end + width
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + bytes(end)


CONTENT = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": weights_file(weight=("F32", [2], 8), mask=("BOOL", [3], 3)),
}


def make_folder(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(CONTENT.get(name, b"{}"))
    return folder


GOOD = ("config.json", "tokenizer.json", "model.safetensors")


def test_a_complete_folder_and_a_hub_id_have_no_fault(tmp_path: Path) -> None:
    check_folder(str(make_folder(tmp_path, *GOOD)))
    check_folder("org/name-1.5_b")
    check_folder("gpt2")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "holds no config.json; give a folder written by save_pretrained"),
        (GOOD[:1], "holds no tokenizer; save the model's tokenizer beside it"),
        (GOOD[:2], "expected weights as .safetensors, found none; save them"),
        (
            (*GOOD[:2], "pytorch_model.bin"),
            "expected weights as .safetensors, found only pytorch_model.bin, which may run code",
        ),
    ],
)
def test_a_missing_file_is_an_error(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check_folder(str(make_folder(tmp_path, *names)))


def test_a_missing_shard_is_an_error(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, *GOOD[:2], "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(ModelError, match="the shard model-00002-of-00002.safetensors is missing"):
        check_folder(str(folder))


def test_a_single_weight_file_is_preferred_to_an_index(tmp_path: Path) -> None:
    """As in transformers."""
    folder = make_folder(tmp_path, *GOOD)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "gone"}}))
    check_folder(str(folder))
    assert tensor_shapes(folder) == {"weight": (2,)}
    (folder / "model.safetensors").write_bytes(b"none")
    with pytest.raises(ModelError, match=r"model\.safetensors: not a safetensors file"):
        check_folder(str(folder))


def test_a_damaged_config_is_an_error(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, *GOOD)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match="config.json: is not JSON .*; fetch the model again"):
        check_folder(str(folder))


@pytest.mark.parametrize("model", ["/no/such/folder", "./gone", "../gone/deep", "a b", ""])
def test_the_path_of_a_missing_folder_is_not_taken_as_a_hub_id(model: str) -> None:
    with pytest.raises(ModelError, match="no such folder; give a model folder or a hub id"):
        check_folder(model or "a/b/c")


def test_a_path_in_a_folder_that_exists_is_not_taken_as_a_hub_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    assert is_hub_id("org/mine") and not is_hub_id("runs/mine")
    with pytest.raises(ModelError, match="runs/mine: no such folder; give a model folder or a hub"):
        check_folder("runs/mine")


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_text("")
    with pytest.raises(ModelError, match="is a file; give the folder that holds config.json"):
        check_folder(str(path))


def test_identity_changes_with_the_files_and_the_revision(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, *GOOD)
    before = identity(str(folder), None)
    assert identity(str(folder), None) == before
    (folder / "model.safetensors").write_text("other")
    assert identity(str(folder), None) != before
    assert identity("org/name", "v1") != identity("org/name", None) == "org/name@main"


@pytest.mark.parametrize(
    "content", ["{", "{}", "[]", "3", '{"weight_map": 1}', '{"weight_map": {"a": 5}}']
)
def test_a_damaged_index_is_an_error(tmp_path: Path, content: str) -> None:
    folder = make_folder(tmp_path, *GOOD[:2])
    (folder / "model.safetensors.index.json").write_text(content)
    with pytest.raises(ModelError, match=r"index.json: not an index of weights \(\w+\); fetch the"):
        check_folder(str(folder))


@pytest.mark.parametrize(
    ("shards", "named"),
    [
        ({"a": "../other.safetensors"}, "../other.safetensors"),
        ({}, "no"),
        ({"a": "b.bin"}, "b.bin"),
    ],
)
def test_an_index_of_files_elsewhere_or_pickled_is_an_error(
    tmp_path: Path, shards: dict[str, str], named: str
) -> None:
    folder = make_folder(tmp_path, *GOOD[:2])
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(
        ModelError, match=f"names {re.escape(named)} weights, expected .safetensors files of"
    ):
        check_folder(str(folder))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "not a safetensors file"),
        (
            CONTENT["model.safetensors"][:-1],
            r"not a safetensors file \(.*file not fully covered\)",
        ),
        (
            CONTENT["model.safetensors"] + b"0",
            r"not a safetensors file \(.*file not fully covered\)",
        ),
        (weights_file(weight=("F8_E4M3", [2], 2)), "weight holds F8_E4M3, expected F64, F32, F16,"),
        (weights_file(qweight=("I32", [2], 8)), "qweight holds I32, expected F64, F32, F16, BF16;"),
    ],
)
def test_damaged_or_quantised_weights_are_an_error_by_their_header(
    tmp_path: Path, content: bytes, text: str
) -> None:
    folder = make_folder(tmp_path, *GOOD)
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=text):
        check_folder(str(folder))


def test_weights_with_another_file_name_are_an_error(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, *GOOD[:2], "weights.safetensors")
    with pytest.raises(ModelError, match="expected model.safetensors, found weights.safetensors;"):
        check_folder(str(folder))


@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
@pytest.mark.parametrize("content", ["{", "[]", "null"])
def test_settings_that_are_not_a_json_object_are_an_error(
    tmp_path: Path, name: str, content: str
) -> None:
    folder = make_folder(tmp_path, *GOOD)
    (folder / name).write_text(content)
    with pytest.raises(ModelError, match=rf"{name}: (is not JSON .*|holds no settings); fetch the"):
        check_folder(str(folder))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "tokenizer.json", "notes"])
def test_a_pipe_in_a_model_folder_is_an_error_and_is_not_opened(tmp_path: Path, name: str) -> None:
    folder = make_folder(tmp_path, *GOOD)
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(ModelError, match=rf"{name}: not a regular file; remove it, or fetch the"):
        check_folder(str(folder))


def test_a_subfolder_or_a_dangling_link_is_no_fault(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, *GOOD)
    (folder / "onnx").mkdir()
    (folder / "link").symlink_to(tmp_path / "missing")
    check_folder(str(folder))


NESTED = b"[" * 100_000
LYING_HEADERS = {
    "deeply nested": len(NESTED).to_bytes(8, "little") + NESTED,
    "longer than the file": (10**6).to_bytes(8, "little") + b"{}",
    "of an impossible length": (2**63).to_bytes(8, "little") + b"{}",
    "too few bytes for the shape": weights_file(weight=("F32", [2], 4)),
    "a negative size": weights_file(weight=("F32", [-2], 8)),
    "a size that overflows": weights_file(weight=("F32", [2**62, 2**62], 8)),
}


@pytest.mark.parametrize("name", LYING_HEADERS)
def test_a_header_that_contradicts_its_file_is_an_error_in_one_line(
    tmp_path: Path, name: str
) -> None:
    folder = make_folder(tmp_path, *GOOD)
    (folder / "model.safetensors").write_bytes(LYING_HEADERS[name])
    with pytest.raises(ModelError, match=r"not a safetensors file \(.+\); fetch the") as caught:
        check_folder(str(folder))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", {"num_hidden_layers": 10**9},
         "num_hidden_layers is 1000000000, but the weights are 1 tensors; fetch the model again"),
        ("config.json", {"num_hidden_layers": "x"}, "num_hidden_layers is 'x', expected a number"),
        ("tokenizer_config.json", {"model_max_length": "x"},
         "tokenizer_config.json: model_max_length is 'x', expected a number; fetch the model"),
        ("tokenizer_config.json", [], "tokenizer_config.json: holds no settings"),
    ],
)  # fmt: skip
def test_settings_that_would_fail_or_never_end_while_loading_are_errors(
    name: str, content: object, message: str, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path, *GOOD)
    (folder / name).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=re.escape(message)):
        check_folder(str(folder))
