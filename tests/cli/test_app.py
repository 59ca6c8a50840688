"""The command: light, clear about bad input, exit code 2 and never a traceback."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Writer
from support.commands import HEAVY, loaded_by, ontarget_command, refused

import ontarget
from ontarget.errors import RecipeError
from ontarget.recipe.recipe import strictly_zero_shot
from ontarget.recipe.yaml_file import load_recipe


def test_help_and_check_load_nothing_heavy(write_recipe: Writer) -> None:
    path = write_recipe()
    checking = f"import ontarget.__main__ as m; m.check(__import__('pathlib').Path({str(path)!r}))"
    assert not HEAVY & loaded_by("import ontarget.__main__")
    assert not HEAVY & loaded_by(checking)


def test_help_lists_every_verb() -> None:
    text = ontarget_command("--help").stdout
    for verb in (
        "run", "check", "demo", "diagnose", "base", "prepare", "conflict", "mle", "unlikelihood",
        "control", "translate", "evaluate", "report", "push", "compare", "calibrate",
    ):  # fmt: skip
        assert f" {verb} " in text


def test_version() -> None:
    assert ontarget_command("--version").stdout.strip() == ontarget.__version__


def test_check_says_what_it_found(write_recipe: Writer) -> None:
    done = ontarget_command("check", write_recipe())
    assert done.returncode == 0
    assert "directions 4 supervised, 2 zero-shot" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("recipe.yaml: ready to run")


def test_check_says_that_a_name_is_taken_for_a_hub_id(write_recipe: Writer) -> None:
    done = ontarget_command("check", write_recipe(base={"model": "my-model"}))
    assert "model my-model, no folder here: taken as a hub id" in done.stdout


def corpus(folder: Path, **replaced: bytes) -> dict[str, str]:
    for name in ("train", "dev", "test"):
        text = f"en\tit\tnl\n{name} a\t{name} b\t{name} c\n".encode()
        (folder / f"{name}.tsv").write_bytes(replaced.get(name, text))
    return {name: str(folder / f"{name}.tsv") for name in ("train", "dev", "test")}


def without_weights(folder: Path) -> dict[str, Any]:
    model = folder / "model"
    model.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (model / name).write_text("{}")
    return {"base": {"model": str(model)}}


BAD: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "unknown language": (lambda _: {"languages": ["en", "xx"]}, "CLDR knows no language 'xx'"),
    "unknown to the identifier": (
        lambda _: {"languages": ["en", "lij"]}, "the detector fasttext does not know 'lij'",
    ),
    "no such locale": (
        lambda _: {"languages": ["en", "nap"]}, "CLDR does not know the language 'nap'",
    ),
    "unknown key": (lambda _: {"sede": 1}, "sede: unknown key; did you mean seed?"),
    "both lists": (
        lambda _: {"supervised": ["en-it"], "zero_shot": ["en-it"]},
        "zero_shot: en-it is listed as supervised too",
    ),
    "missing column": (
        lambda folder: {"corpus": corpus(folder, dev=b"en\tit\n a\tb\n")},
        "dev.tsv:1: no column 'nl' among en, it; add it or drop the language",
    ),
    "empty file": (
        lambda folder: {"corpus": corpus(folder, test=b"")},
        "test.tsv: holds no row; give a file with text in en, it, nl",
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
        "test.tsv:2: the en sentence is in training too (train.tsv:2; 1 such rows); remove",
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
        "a\\x1b[31m\\n.tsv: no such file",
    ),
    "no weights": (without_weights, "expected weights as .safetensors, found none; save them"),
    "no folder": (
        lambda folder: {"base": {"model": str(folder / "gone")}},
        "gone: no such folder; give a model folder or a hub id such as org/name",
    ),
    "no place to write": (
        lambda folder: {"out": "/proc/nowhere/run"},
        "/proc/nowhere/run: /proc is no folder one can",
    ),
}  # fmt: skip


@pytest.mark.parametrize("verb", ["check", "run"])
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(
    write_recipe: Writer, tmp_path: Path, verb: str, case: str
) -> None:
    if case == "no place to write" and os.access("/proc", os.W_OK):
        pytest.skip("this user may write to /proc, or thinks so")
    make, message = BAD[case]
    assert message in refused(verb, write_recipe(**make(tmp_path)))
    assert not (tmp_path / "run").exists()


def test_debug_shows_the_traceback_before_or_after_the_verb(write_recipe: Writer) -> None:
    path = write_recipe(languages=["en", "xx"])
    for arguments in (("--debug", "run", path), ("run", path, "--debug")):
        done = ontarget_command(*arguments)
        assert done.returncode == 2
        assert "Traceback" in done.stderr and "RecipeError" in done.stderr


def test_a_name_with_markup_is_printed_as_it_is(tmp_path: Path) -> None:
    assert "[bold]x.yaml: No such file" in refused("run", tmp_path / "[bold]x.yaml")


def limited() -> None:
    """Files of 40 kB at most: as a full disk, but for this process alone."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


def test_a_full_disk_is_one_line_and_finished_steps_are_kept(
    write_recipe: Writer, tmp_path: Path
) -> None:
    path = write_recipe()
    assert ontarget_command("prepare", path).returncode == 0
    message = refused("base", path, preexec_fn=limited)
    assert "0_base: cannot be written (" in message and "make room" in message
    assert sorted(each.name for each in (tmp_path / "run").iterdir()) == [
        ".lock",
        ".unfinished",
        "1_prepare",
        "logs",
    ]
    done = ontarget_command("mle", path)
    assert done.returncode == 0, done.stderr
    assert "1_prepare                up to date" in done.stdout


def test_the_run_prints_its_table_and_where_the_report_is(
    write_recipe: Writer, tmp_path: Path
) -> None:
    done = ontarget_command("run", write_recipe())
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "zero-shot" in done.stdout and "stage 2 (+ unlikelihood)" in done.stdout
    assert "The base model is a stand-in made from scratch, no LLM" in done.stdout
    assert f"report: {tmp_path / 'run/7_report/report.html'}" in done.stdout
    verdict = json.loads((tmp_path / "run/4_unlikelihood/preflight.json").read_text())["verdict"]
    # of the step, and of a model so small that stage 2 will not help it once more at the end
    assert done.stdout.count(verdict["words"]) == 2
    assert verdict["fault"] == "lacks the skill"

    diagnosed = ontarget_command(
        "diagnose", tmp_path / "run/3_mle/model", "--data", dev_file(tmp_path),
        "--languages", "en,it,nl", "--segments", "3", "--template", "plain",
    )  # fmt: skip
    assert diagnosed.returncode == 0, diagnosed.stderr
    assert "nats a token" in diagnosed.stdout and "off-target it-nl" in diagnosed.stdout


def dev_file(folder: Path) -> Path:
    path = folder / "mine.tsv"
    path.write_text("en\tit\tnl\nMonday\tlunedì\tmaandag\nTuesday\tmartedì\tdinsdag\n")
    return path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--languages", "en"), "languages: give at least two codes, each once"),
        (("--languages", "en,xx"), "CLDR knows no language 'xx'"),
        (("--languages", "en,fr"), "mine.tsv:1: no column 'fr'"),
        (("--languages", "en,it", "--template", "x"), "template: has the fields none"),
    ],
)
def test_diagnose_refuses_what_it_cannot_use(
    tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    without_weights(tmp_path)
    (tmp_path / "model/model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    path = dev_file(tmp_path)
    assert message in refused("diagnose", tmp_path / "model", "--data", path, *options)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["demo", "--sed", "3"], "No such option: --sed"),
        (["demo", "--seed", "x"], "'--seed'"),
        (["run"], "Missing argument 'RECIPE'; see ontarget run --help"),
        (["chek", "x"], "No such command 'chek'"),
    ],
)
def test_a_command_that_is_not_understood_is_one_line(arguments: list[str], text: str) -> None:
    found = refused(*arguments)
    assert text in found and found.endswith("--help\n")


def test_no_command_shows_the_help() -> None:
    done = ontarget_command()
    assert "Usage: ontarget" in done.stdout and done.stderr == ""


def test_a_pipe_and_half_a_character_are_no_recipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "pipe: is no file; give the path of a recipe" in refused("check", tmp_path / "pipe")
    (tmp_path / "half.yaml").write_text('name: "\\ud800"\n')
    assert r"holds '\ud800', half of a character" in refused("check", tmp_path / "half.yaml")


def test_a_keyboard_interrupt_is_one_line(write_recipe: Writer, tmp_path: Path) -> None:
    path = write_recipe(mle={"steps": 100_000, "batch": 8, "micro_batch": 4})
    command = [sys.executable, "-m", "ontarget", "mle", str(path)]
    started = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "run/.3_mle.partial").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    started.send_signal(2)
    try:
        _, errors = started.communicate(timeout=60)
    finally:
        started.kill()
    assert started.returncode == 130
    assert errors == "ontarget: stopped; finished steps are kept, run again to go on\n"
    assert not list((tmp_path / "run").glob(".*partial"))


def test_strict_changes_what_step_0_reads_and_nothing_else(write_recipe: Writer) -> None:
    recipe = load_recipe(write_recipe())
    strict = strictly_zero_shot(recipe, None)
    assert recipe.base.scratch is not None and strict.base.scratch is not None
    scratch = recipe.base.scratch.model_dump() | {"steps": 2 * (recipe.base.scratch.steps or 0)}
    assert strict.base.scratch.model_dump() == scratch | {
        "mix": scratch["mix"] | {"pairs": "pivot"}
    }
    assert strict.name == "tiny (strict)"
    assert strict.out == recipe.out.with_name("run-strict")
    assert strictly_zero_shot(recipe, Path("mine")).out == Path("mine")
    changed = {"name", "base", "out"}
    assert recipe.model_dump(exclude=changed) == strict.model_dump(exclude=changed)
    with pytest.raises(RecipeError, match="base.scratch: is missing; strict changes what step 0"):
        strictly_zero_shot(load_recipe(write_recipe(base={"model": "org/name"})), None)


def test_demo_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    assert "CLDR knows no language 'xx'" in refused("demo", "--languages", "en,xx")
    assert "languages: en, it leave no zero-shot direction; give a pivot and at least two" in (
        refused("demo", "--languages", "en,it", "--out", tmp_path / "run")
    )
    assert not (tmp_path / "run").exists()
    (tmp_path / "file").write_text("")
    assert "file is no folder" in refused("demo", "--out", tmp_path / "file" / "run")


def test_what_nobody_foresaw_is_one_line_and_code_1(write_recipe: Writer) -> None:
    program = (
        "import sys, ontarget.__main__ as m\n"
        "m.checks.check = lambda recipe: 1 / 0\n"
        "sys.argv[1:] = ['check', sys.argv[1]]\n"
        "m.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(write_recipe())], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("ontarget: ZeroDivisionError: division by zero; ontarget did not")
    assert done.stderr.count("\n") == 1


def test_a_path_that_the_system_refuses_is_bad_input(tmp_path: Path) -> None:
    said = refused("compare", tmp_path / ("x" * 300), tmp_path)
    assert said.startswith(f"ontarget: {tmp_path}"[:200])
