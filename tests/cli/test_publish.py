"""`push`, `merge`, `add-code`: one writer a place, and no output that exists is replaced."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import Writer
from support.commands import error_of, run_command
from support.models import coder
from support.runs import FinishedRun

from ontarget import artifacts
from ontarget.models import adapters
from ontarget.models.adapters import LowRankAdapter
from ontarget.models.loading import load_model, save_model
from ontarget.models.prompting import language_codes


@pytest.fixture
def model(finished_run: FinishedRun) -> Path:
    return finished_run.out / "3_mle/model"


@pytest.fixture
def adapter(model: Path, tmp_path: Path) -> Path:
    """A LoRA adapter that was not trained, and so changes nothing."""
    folder = tmp_path / "adapter"
    settings = LowRankAdapter(kind="lora", rank=2, scale=1.0, dropout=0.0, targets=("q_proj",))
    adapters.save_adapter(adapters.add_adapter(load_model(str(model)).model, settings), folder)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_merge_writes_a_complete_model_and_nothing_beside_it(
    model: Path, adapter: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out" / "merged"
    result = run_command("merge", model, adapter, out)
    assert (result.code, result.stdout, result.stderr) == (0, f"merged model: {out}\n", "")
    assert names(out.parent) == ["merged"]
    weights, merged = (load_model(str(f)).model.state_dict() for f in (model, out))
    assert weights.keys() == merged.keys()
    assert all(weights[name].equal(merged[name]) for name in weights)


def test_merge_and_push_have_one_writer_a_place(
    model: Path, adapter: Path, finished_run: FinishedRun, tmp_path: Path
) -> None:
    out = tmp_path / "merged"
    with artifacts.lock_output(out):
        error = error_of("merge", model, adapter, out)
    assert "another ontarget works there; wait for it or give another place" in error
    assert not out.exists() and not list(tmp_path.glob(".*"))
    copy = finished_run.copy_to(tmp_path)
    with artifacts.lock_folder(copy.out):
        error = error_of("push", copy.recipe, "me/tiny", "--dry-run")
    assert f"{copy.out}: another ontarget works there; wait for it" in error
    assert not (copy.out / "push").exists()


def make_folder(path: Path) -> None:
    path.mkdir()


def make_file(path: Path) -> None:
    path.write_text("mine")


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [make_folder, make_file, os.mkfifo, make_dangling_link])
def test_merge_replaces_nothing(
    make: Callable[[Path], None], model: Path, adapter: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    make(out)
    before = names(tmp_path)
    error = error_of("merge", model, adapter, out)
    assert error.startswith(f"ontarget: {out}: ")
    assert names(tmp_path) == before and not (tmp_path / "nowhere").exists()


def test_a_place_that_cannot_be_written_is_one_line(
    model: Path, adapter: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    error = error_of("merge", model, adapter, tmp_path / "file" / "out")
    assert error.startswith(f"ontarget: {tmp_path / 'file'}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("me/a/b",), "me/a/b: "),
        (("me",), "me: "),
        (("me/tiny", "--system", "base"), "tunes no 'base'; it tunes stage1 and stage2"),
        (("me/tiny", "--system", "stage9"), "tunes no 'stage9'"),
    ],
)
def test_bad_options_of_push_are_one_line(
    options: tuple[str, ...], message: str, write_recipe: Writer
) -> None:
    assert message in error_of("push", write_recipe(), *options, "--dry-run")


def test_push_needs_a_finished_run(write_recipe: Writer, tmp_path: Path) -> None:
    error = error_of("push", write_recipe(), "me/tiny", "--dry-run")
    assert "1_prepare: is missing or altered; run `ontarget run RECIPE` first" in error
    assert not (tmp_path / "run").exists()


def test_add_code_writes_a_model_that_knows_the_new_code(tmp_path: Path) -> None:
    loaded = coder("M2M-100")
    loaded.model.to(torch.bfloat16)
    save_model(loaded, tmp_path / "nllb")
    out = tmp_path / "out" / "new"
    result = run_command(
        "add-code", tmp_path / "nllb", out, "lij_Latn=ita_Latn", "fur_Latn=ita_Latn"
    )
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout == f"model with lij_Latn, fur_Latn: {out}\n"
    assert names(out.parent) == ["new"]
    assert {"lij_Latn", "fur_Latn", "ita_Latn"} < set(language_codes(load_model(str(out))))
    saved = json.loads((out / "config.json").read_text())
    assert saved["dtype"] == "bfloat16"  # as before
    again = error_of("add-code", tmp_path / "nllb", out, "lij_Latn=ita_Latn")
    assert again == f"ontarget: {out}: exists already; name a folder that does not\n"


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        (["lij_Latn"], "lij_Latn: is no NEW=LIKE; write each new code once, as lij_Latn=ita_Latn"),
        (["=ita_Latn"], "=ita_Latn: is no NEW=LIKE"),
        (["a=b", "a=c"], "a=c: is given twice; write each new code once, as lij_Latn=ita_Latn"),
        (["lij_Latn=xxx_Latn"], "is told languages in words, not by code"),
    ],
)
def test_add_code_refuses_what_it_cannot_add(
    model: Path, tmp_path: Path, codes: list[str], error: str
) -> None:
    assert error in error_of("add-code", model, tmp_path / "out", *codes)
    assert not (tmp_path / "out").exists()
