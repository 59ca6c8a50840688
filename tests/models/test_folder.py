"""Model folders refused before any framework opens them."""

import json
import re
from pathlib import Path

import pytest

from ontarget.errors import ModelError
from ontarget.models.folder import check_folder, identity, tensor_shapes


def weights_file(**tensors: tuple[str, list[int], int]) -> bytes:
    """A safetensors file by its definition: type, size and bytes of each tensor; all zero."""
    entries, end = {}, 0
    for name, (kind, size, width) in tensors.items():
        start, end = end, end + width
        entries[name] = {"dtype": kind, "shape": size, "data_offsets": [start, end]}
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + bytes(end)


CONTENT = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": weights_file(weight=("F32", [2], 8), mask=("BOOL", [3], 3)),
}


def folder(tmp_path: Path, *names: str) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    for name in names:
        (made / name).write_bytes(CONTENT.get(name, b"{}"))
    return made


GOOD = ("config.json", "tokenizer.json", "model.safetensors")


def test_a_whole_folder_and_a_hub_id_pass(tmp_path: Path) -> None:
    check_folder(str(folder(tmp_path, *GOOD)))
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
def test_what_is_missing_is_named(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check_folder(str(folder(tmp_path, *names)))


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    made = folder(tmp_path, *GOOD[:2], "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (made / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(ModelError, match="the shard model-00002-of-00002.safetensors is missing"):
        check_folder(str(made))


def test_beside_an_index_one_file_of_all_weights_is_the_one_that_counts(tmp_path: Path) -> None:
    """As it is the one that transformers loads."""
    made = folder(tmp_path, *GOOD)
    (made / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "gone"}}))
    check_folder(str(made))
    assert tensor_shapes(made) == {"weight": (2,)}
    (made / "model.safetensors").write_bytes(b"none")
    with pytest.raises(ModelError, match=r"model\.safetensors: is no safetensors file"):
        check_folder(str(made))


def test_a_damaged_config_is_named(tmp_path: Path) -> None:
    made = folder(tmp_path, *GOOD)
    (made / "config.json").write_text("{")
    with pytest.raises(ModelError, match="config.json: is not JSON .*; fetch the model again"):
        check_folder(str(made))


@pytest.mark.parametrize("model", ["/no/such/folder", "./gone", "../gone/deep", "a b", ""])
def test_a_folder_that_is_not_there_is_no_hub_id(model: str) -> None:
    with pytest.raises(ModelError, match="no such folder; give a model folder or a hub id"):
        check_folder(model or "a/b/c")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_text("")
    with pytest.raises(ModelError, match="is a file; give the folder that holds config.json"):
        check_folder(str(path))


def test_identity_changes_with_the_files_and_the_revision(tmp_path: Path) -> None:
    made = folder(tmp_path, *GOOD)
    before = identity(str(made), None)
    assert identity(str(made), None) == before
    (made / "model.safetensors").write_text("other")
    assert identity(str(made), None) != before
    assert identity("org/name", "v1") != identity("org/name", None) == "org/name@main"


@pytest.mark.parametrize(
    "content", ["{", "{}", "[]", "3", '{"weight_map": 1}', '{"weight_map": {"a": 5}}']
)
def test_an_index_that_is_none_is_named(tmp_path: Path, content: str) -> None:
    made = folder(tmp_path, *GOOD[:2])
    (made / "model.safetensors.index.json").write_text(content)
    with pytest.raises(ModelError, match=r"index.json: is no index of weights \(\w+\); fetch the"):
        check_folder(str(made))


@pytest.mark.parametrize(
    ("shards", "named"),
    [
        ({"a": "../other.safetensors"}, "../other.safetensors"),
        ({}, "no"),
        ({"a": "b.bin"}, "b.bin"),
    ],
)
def test_an_index_of_files_elsewhere_or_pickled_is_refused(
    tmp_path: Path, shards: dict[str, str], named: str
) -> None:
    made = folder(tmp_path, *GOOD[:2])
    (made / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(
        ModelError, match=f"names {re.escape(named)} weights, expected .safetensors files of"
    ):
        check_folder(str(made))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is no safetensors file"),
        (
            CONTENT["model.safetensors"][:-1],
            r"is no safetensors file \(\d+ bytes, where",
        ),
        (
            CONTENT["model.safetensors"] + b"0",
            r"is no safetensors file \(\d+ bytes, where",
        ),
        (weights_file(weight=("F8_E4M3", [2], 2)), "weight holds F8_E4M3, expected F64, F32, F16,"),
        (weights_file(qweight=("I32", [2], 8)), "qweight holds I32, expected F64, F32, F16, BF16;"),
    ],
)
def test_damaged_or_quantised_weights_are_refused_by_their_header(
    tmp_path: Path, content: bytes, text: str
) -> None:
    made = folder(tmp_path, *GOOD)
    (made / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=text):
        check_folder(str(made))


def test_weights_of_another_name_are_named(tmp_path: Path) -> None:
    made = folder(tmp_path, *GOOD[:2], "weights.safetensors")
    with pytest.raises(ModelError, match="expected model.safetensors, found weights.safetensors;"):
        check_folder(str(made))


@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
@pytest.mark.parametrize("content", ["{", "[]", "null"])
def test_settings_that_are_none_are_refused(tmp_path: Path, name: str, content: str) -> None:
    made = folder(tmp_path, *GOOD)
    (made / name).write_text(content)
    with pytest.raises(ModelError, match=rf"{name}: (is not JSON .*|holds no settings); fetch the"):
        check_folder(str(made))
