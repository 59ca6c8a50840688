"""`ontarget diagnose` on a model folder: no recipe is needed, and none is mentioned."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import Result, error_of, run_command
from support.runs import FinishedRun

from ontarget.cli import console

Arguments = list[str | Path]


def dev_file(folder: Path) -> Path:
    path = folder / "mine.tsv"
    path.write_text("en\tit\tnl\nMonday\tlunedì\tmaandag\nTuesday\tmartedì\tdinsdag\n")
    return path


def model_folder(folder: Path) -> Path:
    """A model without a tensor, which passes all checks before PyTorch is loaded."""
    model = folder / "model"
    model.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (model / name).write_text("{}")
    (model / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    return model


def diagnose(model: Path, data: Path, *options: str) -> Result:
    return run_command("diagnose", model, "--data", data, "--languages", "en,it,nl", *options)


def test_a_diagnosis_has_both_losses_each_direction_and_a_verdict(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    model = finished_run.out / "3_mle/model"
    result = diagnose(model, dev_file(tmp_path), "--segments", "2", "--template", "plain")
    assert (result.code, result.stderr.split()) == (0, ["diagnosis", "started"])
    assert "template" not in result.stdout  # it was named
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [line[:2] for line in lines[:3]] == [
        ["references", "n"],
        ["one", "target"],
        ["several", "targets"],
    ]
    assert {"en-it", "it-en", "it-nl", "nl-it"} <= {line[0] for line in lines if line}
    *_, verdict = result.stdout.splitlines()
    assert verdict.startswith("lacks the skill: ")
    assert "recipe" not in result.stdout


def test_progress_is_on_standard_error_and_json_alone_on_standard_output(
    finished_run: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "LOG_SECONDS", 0.01)
    model = finished_run.out / "3_mle/model"
    options = ("--segments", "2", "--template", "plain", "--json")
    result = diagnose(model, dev_file(tmp_path), *options)
    content = json.loads(result.stdout)
    assert content["verdict"]["fault"] == "lacks the skill"
    assert all(
        k["few_shot_first"] for k in content["measures"]["kinds"] if k["kind"] == "zero-shot"
    )
    assert re.search(r"(?m)^diagnosis +[0-9]+ of [0-9]+  (losses|translating)", result.stderr)


BAD: dict[str, tuple[Callable[[Path], Arguments], str]] = {
    "one language": (
        lambda folder: ["--languages", "en"], "--languages: give at least two codes, each once",
    ),
    "a language twice": (
        lambda folder: ["--languages", "en,it,en"], "--languages: give at least two codes, each",
    ),
    "no language": (lambda folder: ["--languages", ""], "--languages: "),
    "an empty code": (lambda folder: ["--languages", "en,"], "CLDR knows no language ''"),
    "a space": (lambda folder: ["--languages", "en, it"], "CLDR knows no language ' it'"),
    "an unknown language": (
        lambda folder: ["--languages", "en,xx"], "--languages: CLDR knows no language 'xx'",
    ),
    "a code of three letters": (
        lambda folder: ["--languages", "en,Italian"], "no language 'Italian'; did you mean it?",
    ),
    "a language's name": (
        lambda folder: ["--languages", "en,Italian"], "no language 'Italian'; did you mean it?",
    ),
    "a language unknown to the detector": (
        lambda folder: ["--languages", "en,lij"], "the detector combined does not know 'lij'",
    ),
    "a missing column": (
        lambda folder: ["--languages", "en,fr"], "mine.tsv: no row has both en and fr; drop the ",
    ),
    "no name of a template": (
        lambda folder: ["--template", "x"], "--template: is 'x', not the name of a template;",
    ),
    "an empty template": (
        lambda folder: ["--template", ""], "--template: is '', not the name of a template;",
    ),
    "a template without fields": (
        lambda folder: ["--template", "translate it"], "template: has the fields none",
    ),
    "no such data": (lambda folder: ["--data", folder / "none.tsv"], "none.tsv: no such file"),
    "data of another format": (
        lambda folder: ["--data", folder], "config.json:1: no language and no sou",
    ),
    "data that is a folder": (
        lambda folder: ["--data", make_folder(folder / "x.tsv")], "x.tsv: ",
    ),
    "one sentence twice": (
        lambda folder: ["--data", write(folder / "x.tsv", "en\tit\tnl\na\tb\tc\na\tb\tc\n")],
        "x.tsv: en-it has a single sentence; a diagnosis compares it with another one",
    ),
    "one sentence in each direction": (
        lambda folder: ["--segments", "1"], "--segments': Input should be greater than or equal",
    ),
    "no text in a direction": (
        lambda folder: ["--data", write(folder / "x.tsv", "en\tit\tnl\na\tb\t\n")],
        "x.tsv: no row has both en and nl",
    ),
    "no segment": (lambda folder: ["--segments", "0"], "'--segments'"),
}  # fmt: skip


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def make_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_that_mentions_no_recipe(tmp_path: Path, case: str) -> None:
    make, message = BAD[case]
    model, data = model_folder(tmp_path), dev_file(tmp_path)
    options = ["--data", data, "--languages", "en,it,nl", *make(tmp_path)]
    error = error_of("diagnose", model, *options)
    assert message in error
    assert "recipe" not in error.replace(str(tmp_path), "").lower()


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors", ""])
def test_a_bad_model_folder_is_one_line_that_mentions_no_recipe(
    tmp_path: Path, missing: str
) -> None:
    model, data = model_folder(tmp_path), dev_file(tmp_path)
    if missing:
        (model / missing).unlink()
    else:
        model = tmp_path / "gone"
    error = error_of("diagnose", model, "--data", data, "--languages", "en,it,nl")
    assert error.startswith(f"ontarget: {model}: ")
    assert "recipe" not in error.replace(str(tmp_path), "").lower()


def test_a_model_without_chat_template_is_one_line(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    result = diagnose(finished_run.out / "3_mle/model", dev_file(tmp_path), "--chat")
    assert (result.code, result.stdout) == (2, "")
    assert "no chat template" in result.stderr and result.stderr.count("\n") == 1
    assert "recipe" not in result.stderr
