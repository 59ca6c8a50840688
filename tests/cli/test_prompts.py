"""`templates`, and what `check` says about prompts."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import Writer
from support.chats import chat_model
from support.commands import error_of, loaded_by, run_command
from support.evaluations import corpus
from support.models import coder

from ontarget import artifacts
from ontarget.models.loading import save_model
from ontarget.models.templates import NAMED
from ontarget.records import Sample


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
    own = "; in training the model's own answer takes the place of this response"
    assert conflict.splitlines()[0].endswith(own) and own not in true
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
    monkeypatch.setattr("ontarget.pipeline.checks.check_corpus", lambda recipe: ("unread", True))
    files = corpus(tmp_path, train=b"en\tit\tnl\n\tb\tc\n")
    path = write_recipe(base={"model": str(chat_folder)}, template="alma", corpus=files)
    error = error_of("check", path, "--show-prompt")
    assert "corpus.train: no row has both sides of a supervised direction" in error


def test_a_prompt_of_a_model_with_codes_is_shown(write_recipe: Writer, tmp_path: Path) -> None:
    save_model(coder("M2M-100"), tmp_path / "model")
    draw = {
        "steps": 1, "batch": 4, "micro_batch": 2, "conflicts": "references",
        "draw": "any_other_instruction",
    }  # fmt: skip
    path = write_recipe(base={"model": str(tmp_path / "model")}, unlikelihood=draw, control=None)
    result = run_command("check", path, "--show-prompt")
    assert result.code == 0, result.stderr
    assert "encoder  | [[eng_Latn]]" in result.stdout
    assert "the template is not used" in result.stdout


def test_templates_load_no_heavy_library() -> None:
    code = "from ontarget.cli.app import execute\nexecute(['templates'])"
    assert not loaded_by(code) & {"torch", "transformers", "tokenizers"}


HEADER = b"en\tit\tnl\n"
BAD_TRAIN = HEADER + b"".join(
    f"train {i} {'<|eot_id|>' if i % 2 else ''}\tb {i}\tc {i}\n".encode() for i in range(10)
)


def test_check_counts_training_rows_with_a_special_token_and_names_the_first(
    chat_folder: Path, write_recipe: Writer, tmp_path: Path
) -> None:
    files = corpus(tmp_path, train=BAD_TRAIN)
    error = error_of("check", write_recipe(base={"model": str(chat_folder)}, corpus=files))
    assert error == (
        "ontarget: corpus.train: 5 row(s) contain a special token of the model "
        "(train.tsv:3 has '<|eot_id|>', train.tsv:5 has '<|eot_id|>', train.tsv:7 has "
        "'<|eot_id|>', ...); remove it from the text, or set corpus.special_tokens: drop\n"
    )


def test_check_counts_records_with_a_special_token_in_their_conflicts_and_says_so(
    chat_folder: Path, write_recipe: Writer, tmp_path: Path
) -> None:
    record = {"instruction": "Say", "input": "", "output": "no"}
    lists = (["Sing", "Sing <|eot_id|>", "Cry <|eot_id|>"], ["Sing"], None)
    content = [record | {"conflicts": listed} for listed in lists]
    content.append(record | {"input": "<|eot_id|>", "conflicts": ["Sing"]})
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in content))
    files = corpus(tmp_path) | {"mix": {"instructions": {"files": str(path), "ratio": 0.5}}}
    error = error_of("check", write_recipe(base={"model": str(chat_folder)}, corpus=files))
    assert error == (
        "ontarget: corpus.mix.instructions: 2 row(s) contain a special token of the model (a "
        "conflict of own.jsonl:1 has '<|eot_id|>', own.jsonl:4 has '<|eot_id|>'); remove it from "
        "the text, or set corpus.special_tokens: drop\n"
    )


def test_training_rows_with_a_special_token_are_dropped_and_counted_on_request(
    chat_folder: Path, write_recipe: Writer, tmp_path: Path
) -> None:
    files = {**corpus(tmp_path, train=BAD_TRAIN), "special_tokens": "drop"}
    path = write_recipe(base={"model": str(chat_folder)}, corpus=files, control=None)
    result = run_command("check", path)
    assert "corpus 5 train, 1 dev, 1 test rows, read completely; 5 with special tokens dropped" in (
        result.stdout
    )
    assert run_command("prepare", path).code == 0
    prepared = tmp_path / "run" / "1_prepare"
    assert json.loads((prepared / "step.json").read_text())["result"]["dropped"] == {
        "overlap": 0, "length": 0, "special_tokens": 5,
    }  # fmt: skip
    samples = artifacts.ArrowRecords(prepared / "train.arrow", Sample)
    assert len(samples) == 5 * 4
    assert not any("eot_id" in sample.source + sample.target for sample in samples)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_special_token_in_dev_or_test_is_never_dropped(
    split: str, chat_folder: Path, write_recipe: Writer, tmp_path: Path
) -> None:
    content = HEADER + b"x\ty </s>\tz\n"
    files = {**corpus(tmp_path, **{split: content}), "special_tokens": "drop"}
    error = error_of("check", write_recipe(base={"model": str(chat_folder)}, corpus=files))
    assert f"corpus.{split}: 1 row(s) contain a special token of the model ({split}.tsv:2 has" in (
        error
    )
    assert "drop" not in error


def test_the_first_rows_of_a_large_corpus_are_checked_for_special_tokens(
    chat_folder: Path, write_recipe: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ontarget.pipeline.checks.is_small", lambda paths: False)
    path = write_recipe(base={"model": str(chat_folder)}, corpus=corpus(tmp_path, train=BAD_TRAIN))
    assert "corpus.train: 5 row(s) contain a special token" in error_of("check", path)


def test_rows_are_dropped_only_for_the_tokens_of_a_given_model(
    write_recipe: Writer, tmp_path: Path
) -> None:
    files = {**corpus(tmp_path), "special_tokens": "drop"}
    error = error_of("check", write_recipe(corpus=files))
    assert "corpus.special_tokens: drop needs the tokenizer of base.model; leave it out" in error
