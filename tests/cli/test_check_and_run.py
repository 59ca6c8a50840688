"""`check`, `run` and the verbs of steps: bad recipes leave nothing, interruptions keep steps."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import RECIPE, Writer
from safetensors.torch import load_file
from support.commands import error_of, ontarget_command, run_command
from support.evaluations import corpus
from support.runs import FinishedRun

from ontarget.analysis.diagnosis import measures
from ontarget.cli.stopping import stopping_cleanly
from ontarget.recipe.step_context import StepContext
from ontarget.steps import s1_prepare


def test_check_describes_the_recipe(write_recipe: Writer) -> None:
    result = run_command("check", write_recipe())
    assert (result.code, result.stderr) == (0, "")
    assert "directions 4 supervised, 2 zero-shot" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("recipe.yaml: ready to run")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "own answers, alpha 1"),
        ({"tokens": "all"}, "references, draw any_other_instruction, tokens all, alpha 0.05"),
        ({"conflicts": "references"}, "references, draw wrong_target, tokens reach, alpha 1"),
        ({"synthetic": 0.5, "alpha": 0}, "synthetic pairs 50%, alpha 0"),
    ],
)
def test_check_says_what_stage_2_learns_from(
    write_recipe: Writer, settings: dict[str, Any], line: str
) -> None:
    result = run_command("check", write_recipe(unlikelihood={"steps": 2, **settings}))
    assert f"\nstage 2 {line}\n" in result.stdout
    without = run_command("check", write_recipe(unlikelihood=None, control=None))
    assert "stage 2" not in without.stdout


def test_check_mentions_that_a_name_is_taken_for_a_hub_id(write_recipe: Writer) -> None:
    result = run_command("check", write_recipe(base={"model": "my-model"}))
    assert "model my-model, no folder here: taken as a hub id" in result.stdout
    assert result.stdout.endswith(".yaml: nothing wrong; the model on the Hub was not read\n")


def model_without_weights(folder: Path) -> dict[str, Any]:
    model = folder / "model"
    model.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (model / name).write_text("{}")
    return {"base": {"model": str(model)}}


def file_in_the_way(folder: Path) -> dict[str, Any]:
    (folder / "file").write_text("mine")
    return {"out": str(folder / "file" / "run")}


def folder_of_somebody_else(folder: Path) -> dict[str, Any]:
    (folder / "other" / "6_evaluate" / "mine").mkdir(parents=True)
    return {"out": str(folder / "other")}


def link_in_the_run(folder: Path) -> dict[str, Any]:
    (folder / "other").mkdir()
    (folder / "other" / "5_translate").symlink_to(folder)
    return {"out": str(folder / "other")}


BAD: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "unknown language": (lambda _: {"languages": ["en", "xx"]}, "CLDR knows no language 'xx'"),
    "a name in place of a code": (
        lambda _: {"languages": ["en", "Italian"]}, "no language 'Italian'; did you mean it?",
    ),
    "a language's name": (
        lambda _: {"languages": ["en", "Italian"]}, "no language 'Italian'; did you mean it?",
    ),
    "unknown to the detector": (
        lambda _: {"languages": ["en", "lij"]}, "the detector combined does not know 'lij'",
    ),
    "no such locale": (
        lambda _: {"languages": ["en", "nap"]}, "CLDR does not know the language 'nap'",
    ),
    "unknown key": (lambda _: {"sede": 1}, "sede: unknown key; did you mean seed?"),
    "in both lists": (
        lambda _: {"supervised": ["en-it"], "zero_shot": ["en-it"]},
        "zero_shot: en-it is listed as supervised too",
    ),
    "missing column": (
        lambda folder: {"corpus": corpus(folder, dev=b"en\tit\n a\tb\n")},
        "corpus.dev: no row has both en and nl; drop the direction en-nl or add text for it",
    ),
    "empty file": (
        lambda folder: {"corpus": corpus(folder, test=b"")},
        "test.tsv: has no rows; give a file with text in en, it, nl",
    ),
    "misaligned": (
        lambda folder: {"corpus": corpus(folder, train=b"en\tit\tnl\na\tb\n")},
        "train.tsv:2: 2 cells, expected 3 as in the header",
    ),
    "invalid UTF-8": (
        lambda folder: {"corpus": corpus(folder, train=b"en\tit\tnl\na\t\xff\tb\n")},
        "train.tsv:2: byte 3 of the line (0xff) is not UTF-8; convert the file",
    ),
    "test in training": (
        lambda folder: {"corpus": corpus(folder, train=b"en\tit\tnl\ntest a\tx\ty\n")},
        "test.tsv:2: the en sentence is in training too (train.tsv:2; 1 such row(s)); remove",
    ),
    "no file": (
        lambda folder: {"corpus": corpus(folder) | {"test": str(folder / "none.tsv")}},
        "none.tsv: no such file; give the path of a corpus file",
    ),
    "no text in a direction": (
        lambda folder: {"corpus": corpus(folder, test=b"en\tit\tnl\na\tb\t\n")},
        "corpus.test: no row has both en and nl; drop the direction",
    ),
    "a name with control characters": (
        lambda folder: {"corpus": corpus(folder) | {"test": str(folder / "a\x1b[31m\n.tsv")}},
        "a\\x1b[31m\\n.tsv: no file has such a name",
    ),
    "no weights": (
        model_without_weights, "expected weights as .safetensors, found none; save them",
    ),
    "no folder": (
        lambda folder: {"base": {"model": str(folder / "gone")}},
        "gone: no such folder; give a model folder or a hub id such as org/name",
    ),
    "another's folder in place of a step's": (
        folder_of_somebody_else, "6_evaluate: holds no step.json, so it may not be ours; move it",
    ),
    "a link in the run": (
        link_in_the_run, "5_translate: is a link, expected a folder of this run; remove the link",
    ),
    "a file in the way": (file_in_the_way, "file is not a folder that can be written to; choose"),
}  # fmt: skip


@pytest.mark.parametrize("verb", ["check", "run"])
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(
    write_recipe: Writer, tmp_path: Path, verb: str, case: str
) -> None:
    make, message = BAD[case]
    assert message in error_of(verb, write_recipe(**make(tmp_path)))
    assert not (tmp_path / "run").exists()


def test_a_place_where_no_folder_can_be_made_is_one_line(write_recipe: Writer) -> None:
    error_of("run", write_recipe(out="/proc/nowhere/run"))


def test_a_fifo_is_not_a_recipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    error = error_of("check", tmp_path / "pipe")
    assert "pipe: not a file; give the path of a recipe" in error


def limit_file_size() -> None:
    """Files of 40 kB at most: like a full disk, but for this process alone."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


def test_a_full_disk_is_one_line_and_the_earlier_report_is_kept(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    run = finished_run.copy_to(tmp_path)
    before = (run.out / "7_report/report.html").read_bytes()
    error = ontarget_command(
        "report", run.recipe, "--force-from", "report", preexec_fn=limit_file_size
    )
    assert (error.returncode, error.stderr.count("\n")) == (2, 1)
    assert "7_report: cannot be written (" in error.stderr and "make room" in error.stderr
    assert (run.out / "7_report/report.html").read_bytes() == before
    assert not list(run.out.glob(".*partial"))


@pytest.mark.slow
def test_a_disk_too_full_for_weights_is_one_line_and_finished_steps_are_kept(
    write_recipe: Writer, tmp_path: Path
) -> None:
    path = write_recipe()
    assert run_command("prepare", path).code == 0
    error = ontarget_command("base", path, preexec_fn=limit_file_size)
    assert error.returncode == 2
    assert error.stderr.count("\n") == 1
    assert "0_base: cannot be written (" in error.stderr and "make room" in error.stderr
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == [".lock", ".unfinished", "1_prepare", "logs"]
    result = run_command("mle", path)
    assert result.code == 0, result.stderr
    assert "1_prepare                up to date" in result.stdout


def test_ctrl_c_in_a_training_saves_a_checkpoint_and_the_next_run_resumes(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    mle = {"steps": 100_000, "batch": 8, "micro_batch": 4}
    path = finished_run.copy_to(tmp_path, mle=mle).recipe
    shutil.rmtree(tmp_path / "run/logs")
    process = subprocess.Popen(
        [sys.executable, "-m", "ontarget", "mle", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    )
    run, deadline = tmp_path / "run", time.monotonic() + 120
    while not (run / "logs/3_mle").exists() and time.monotonic() < deadline:
        time.sleep(0.05)  # until the first point of the curve
    process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    first, last = errors.splitlines()
    assert first == "ontarget: stops after this optimizer step; Ctrl-C again stops at once"
    step = last.removeprefix("ontarget: stopped after step ").partition(" ")[0]
    assert last.endswith(f" {step} of 100000; run again to resume")
    assert not list(run.glob(".*partial"))
    status = run_command("status", path).stdout
    assert f"resumes from a checkpoint at step {step})" in status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["run", "reproduce"])
def test_a_signal_between_trainings_leaves_no_unfinished_folder(
    command: str,
    number: signal.Signals,
    write_recipe: Writer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Batch systems send SIGTERM some time before they kill."""
    heard: list[int] = []
    previous = signal.signal(number, lambda number, _: heard.append(number))

    def killed(context: StepContext[Any]) -> dict[str, Any]:
        (context.out / "half").write_text("half")
        signal.raise_signal(number)
        raise AssertionError("the signal did not end the step")

    monkeypatch.setattr(s1_prepare, "run", killed)
    arguments = {
        "run": (write_recipe(),),
        "reproduce": ("iwslt4", "--scale", "tiny", "--out", tmp_path / "out"),
    }
    try:
        result = run_command(command, *arguments[command])
    finally:
        signal.signal(number, previous)
    assert (result.code, heard) == (128 + number, [])
    assert result.stderr == (
        "ontarget: stopped; finished steps are kept, run the same command again to resume\n"
    )
    assert list(tmp_path.rglob("*.partial")) == []


def test_processes_that_wait_for_the_main_one_die_of_a_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    before = signal.getsignal(signal.SIGTERM)
    with stopping_cleanly():
        assert signal.getsignal(signal.SIGTERM) == before
    monkeypatch.setenv("RANK", "0")
    with stopping_cleanly():
        assert signal.getsignal(signal.SIGTERM) != before


def test_ctrl_c_outside_a_training_is_one_line(
    write_recipe: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: StepContext[Any]) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(s1_prepare, "run", interrupted)
    result = run_command("run", write_recipe())
    assert result.code == 130
    assert result.stderr == "ontarget: stopped; what was finished is kept\n"


def test_stage_2_makes_no_step_where_the_diagnosis_finds_nothing_to_repair(
    write_recipe: Writer, finished_run: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its model is that of stage 1, and the control's too; unless the length was fixed."""
    monkeypatch.setattr(measures, "fault_of", lambda _: "fine")
    section = {**RECIPE["unlikelihood"], "adapter": {}}
    decided = {**section, "validation": {"every": 1, "segments": 1, "stop": True}}
    start = {"model": str(finished_run.out / "3_mle" / "model")}
    result = run_command("run", write_recipe(base=start, mle=None, unlikelihood=decided))
    assert (result.code, result.stderr) == (0, "")
    assert "\nstage 2 made no step, so its model is that before it: fine: " in result.stdout
    weights = load_file(finished_run.out / "3_mle" / "model" / "model.safetensors")
    for folder in ("4_unlikelihood", "4_control"):
        found = load_file(tmp_path / "run" / folder / "model" / "model.safetensors")
        assert found.keys() == weights.keys()
        assert all(torch.equal(found[name], weight) for name, weight in weights.items())
        stamp = json.loads((tmp_path / "run" / folder / "step.json").read_text())
        assert stamp["result"]["steps"] == 0
    fixed = write_recipe(base=start, mle=None, unlikelihood=section, control=None)
    again = run_command("unlikelihood", fixed)
    assert again.code == 0 and "steps 3, preflight fine" in again.stdout


def test_a_run_prints_its_table_and_the_place_of_the_report(finished_run: FinishedRun) -> None:
    text = finished_run.stdout
    assert "zero-shot" in text and "stage 2" in text
    assert "The base model is a stand-in made from scratch, no LLM" in text
    assert f"report: {finished_run.out / '7_report/report.html'}" in text
    verdict = json.loads((finished_run.out / "4_unlikelihood/preflight.json").read_text())[
        "verdict"
    ]
    # The step's line names the fault; the end explains it, since stage 2 does not help this model.
    assert "preflight lacks the skill\n" in text and text.count(verdict["words"]) == 1
    assert verdict["fault"] == "lacks the skill"


def test_a_log_has_a_plain_line_for_the_start_and_the_end_of_each_step(
    finished_run: FinishedRun,
) -> None:
    lines = finished_run.stdout.splitlines()
    for step in ("0_base", "1_prepare", "3_mle", "5_translate/stage2", "7_report"):
        start = lines.index(f"{step:24} started")
        assert any(line.startswith(f"{step:24} ") and " s  " in line for line in lines[start:])
    assert "\x1b" not in finished_run.stdout and "\r" not in finished_run.stdout


def test_a_finished_run_is_up_to_date(finished_run: FinishedRun, tmp_path: Path) -> None:
    result = run_command("run", finished_run.copy_to(tmp_path).recipe)
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.count("up to date\n") == 13 and "started" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--force-from", "nothing"), "the recipe has no step 'nothing'; its steps are prepare,"),
        (("--force-from", ""), "the recipe has no step ''"),
    ],
)
def test_an_unknown_step_is_one_line(
    arguments: tuple[str, ...], message: str, write_recipe: Writer, tmp_path: Path
) -> None:
    assert message in error_of("run", write_recipe(), *arguments)
    assert not (tmp_path / "run").exists()


def test_a_verb_without_its_section_is_one_line(write_recipe: Writer, tmp_path: Path) -> None:
    error = error_of("mle", write_recipe(mle=None))
    assert "the recipe has no step 'mle'" in error and not (tmp_path / "run").exists()
