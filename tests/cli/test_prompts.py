"""`templates`, and what `check` says about prompts."""

import shutil
from pathlib import Path

import pytest
from conftest import Writer
from support.chats import chat_model
from support.commands import error_of, loaded_by, run_command
from support.evaluations import corpus
from support.models import coder

from ontarget.models.loading import save_model
from ontarget.models.templates import NAMED


@pytest.fixture(scope="module")
def chat_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "llama"
    save_model(chat_model("llama-3"), folder)
    return folder


def test_templates_are_listed_with_name_models_chat_and_text() -> None:
    result = run_command("templates")
    assert (result.code, result.stderr) == (0, "")
    for name, template in NAMED.items():
        (block,) = (
            (b for b in result.stdout.split("\n\n") if b.startswith(f"{name}: "))
            if ("\n\n" not in template.text)
            else (result.stdout[result.stdout.index(f"{name}: ") :],)
        )
        assert template.models in block
        for line in template.text.rstrip("\n").split("\n"):
            assert f"\n    {line}\n" in f"{block}\n"
    assert "tower: for TowerInstruct, SalamandraTA-instruct; a turn of the chat template" in (
        result.stdout
    )
    assert result.stdout.rstrip().endswith("a recipe needs no template")


def test_check_shows_a_true_and_a_conflict_prompt_without_loading_weights(
    chat_folder: Path, write_recipe: Writer, tmp_path: Path
) -> None:
    model = shutil.copytree(chat_folder, tmp_path / "model")
    weights = model / "model.safetensors"
    header = 8 + int.from_bytes(weights.read_bytes()[:8], "little")
    content = weights.read_bytes()
    weights.write_bytes(content[:header] + b"\xff" * (len(content) - header))  # NaN
    path = write_recipe(
        base={"model": str(model)}, template="tower", corpus=corpus(tmp_path), control=None,
        system="Be brief.",
    )  # fmt: skip
    result = run_command("check", path, "--show-prompt")
    assert (result.code, result.stderr) == (0, "")
    start = result.stdout.index("true sample")
    true, conflict = result.stdout[start:].split("conflict sample ")
    assert true.splitlines() == [
        "true sample train.tsv:2/en-it, requested: it",
        "prompt   | [[<s>]][[<|start_header_id|>]]system[[<|end_header_id|>]]",
        "prompt   | ",
        "prompt   | Today Date: 26 Jul 2024",
        "prompt   | ",
        "prompt   | Be brief.[[<|eot_id|>]][[<|start_header_id|>]]user[[<|end_header_id|>]]",
        "prompt   | ",
        "prompt   | Translate the following text from English into Italian.",
        "prompt   | English: train a",
        "prompt   | Italian:[[<|eot_id|>]][[<|start_header_id|>]]assistant[[<|end_header_id|>]]",
        "prompt   | ",
        "prompt   | ",
        "response > train b[[<|eot_id|>]]",
    ]
    assert "Italian" not in conflict and "response > train b[[<|eot_id|>]]" in conflict
    assert "it is fixed to 26 Jul 2024" in conflict
    assert conflict.endswith(f"{path}: ready to run\n")


def test_check_alone_has_the_notes_of_a_chat_only(
    chat_folder: Path, write_recipe: Writer, tmp_path: Path
) -> None:
    for template, noted in (("tower", True), ("alma", False)):
        path = write_recipe(
            base={"model": str(chat_folder)}, template=template, corpus=corpus(tmp_path)
        )
        result = run_command("check", path)
        assert result.code == 0, result.stderr
        assert ("responses end with <|eot_id|>" in result.stdout) == noted
        assert "sample" not in result.stdout


def test_a_model_from_scratch_has_no_prompt_to_show(write_recipe: Writer) -> None:
    error = error_of("check", write_recipe(), "--show-prompt")
    assert "base.model: is missing; a model from scratch has no tokenizer yet" in error


def test_a_corpus_without_a_supervised_direction_has_no_prompt_to_show(
    chat_folder: Path, write_recipe: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ontarget.pipeline.checks.check_corpus", lambda recipe: "unread")
    files = corpus(tmp_path, train=b"en\tit\tnl\n\tb\tc\n")
    path = write_recipe(base={"model": str(chat_folder)}, template="alma", corpus=files)
    error = error_of("check", path, "--show-prompt")
    assert "corpus.train: no row has both sides of a supervised direction" in error


def test_a_prompt_of_a_model_with_codes_is_shown(write_recipe: Writer, tmp_path: Path) -> None:
    save_model(coder("M2M-100"), tmp_path / "model")
    draw = {"steps": 1, "batch": 4, "micro_batch": 2, "draw": "any_other_instruction"}
    path = write_recipe(base={"model": str(tmp_path / "model")}, unlikelihood=draw, control=None)
    result = run_command("check", path, "--show-prompt")
    assert result.code == 0, result.stderr
    assert "encoder  | [[eng_Latn]]" in result.stdout
    assert "the template is not used" in result.stdout


def test_templates_load_no_heavy_library() -> None:
    code = "from ontarget.cli.app import execute\nexecute(['templates'])"
    assert not loaded_by(code) & {"torch", "transformers", "tokenizers"}
