"""The command line: its help, its exit codes, and one line on stderr for bad input."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from conftest import Writer
from support.commands import (
    HEAVY,
    Result,
    error_of,
    loaded_by,
    ontarget_command,
    process_error_of,
    run_command,
)

import ontarget
from ontarget.cli import app
from ontarget.pipeline import checks

COMMANDS = [
    "repair", "demo", "diagnose", "new", "templates", "check", "plan", "run", "status",
    "evaluate", "compare", "calibrate", "lcb", "judge", "ability", "annotate", "reproduce",
    "translate", "serve", "guard", "play", "convert", "corpora", "constrain",
    "push", "merge", "export", "add-code",
    "base", "prepare", "conflict", "mle", "synthesize", "control", "unlikelihood", "report",
]  # fmt: skip


def listed_commands() -> list[str]:
    text = run_command("--help").stdout.partition("Repair a model:")[2]
    return re.findall(r"^  (\S+)  ", text, flags=re.MULTILINE)


def test_help_and_check_load_nothing_heavy(write_recipe: Writer) -> None:
    arguments = ["check", str(write_recipe())]
    checking = f"from ontarget.cli import app\nassert app.execute({arguments!r}) == 0"
    assert not HEAVY & loaded_by("import ontarget.__main__, ontarget.cli.app")
    assert not HEAVY & loaded_by(checking)


def test_help_lists_the_commands_in_the_order_of_need() -> None:
    assert listed_commands() == COMMANDS
    assert set(COMMANDS) == set(typer.main.get_command(app.app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_h_is_help_and_has_an_example(command: list[str]) -> None:
    result = run_command(*command, "--help")
    assert (result.code, result.stderr) == (0, "")
    assert run_command(*command, "-h") == result
    if command:
        assert f"Example: ontarget {command[0]} " in " ".join(result.stdout.split())
        assert "recipe" not in result.stdout or command[0] not in ("calibrate", "compare", "merge")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_has_only_known_options(command: str) -> None:
    text = " ".join(run_command(command, "--help").stdout.split())
    (example,) = re.findall(rf"Example: ontarget ({command}\b.*?) (?:Arguments|Options):", text)
    options = re.findall(r"(?<= )--?[\w-]+", example)
    assert all(re.search(rf"{option}\b", text.partition("Options:")[2]) for option in options)


def test_help_says_that_a_plan_runs_nothing() -> None:
    assert "Nothing is run." in run_command("plan", "--help").stdout


def test_completion_can_be_installed() -> None:
    text = run_command("--help").stdout
    assert "--install-completion" in text and "--show-completion" in text


def test_version() -> None:
    assert run_command("--version") == Result(0, f"{ontarget.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--sed", "3"], "No such option: --sed"),
        (["demo", "--seed", "x"], "'--seed'"),
        (["demo", "--seed", "-1"], "'--seed'"),
        (["run"], "Missing argument 'RECIPE'; see ontarget run --help"),
        (["demo", "a"], "unexpected extra argument"),
        (["chek", "x"], "No such command 'chek'"),
        (["-x"], "No such option: -x"),
        (["--"], "name a command; `ontarget --help` lists them; see ontarget --help"),
        (["evaluate", "-i"], "'-i' requires an argument"),
    ],
)
def test_a_command_that_is_not_understood_is_one_line(arguments: list[str], message: str) -> None:
    error = error_of(*arguments)
    assert message in error and error.endswith("--help\n")


def test_help_of_a_group_has_whole_sentences() -> None:
    for command in ([], ["annotate"]):
        assert "...\n" not in run_command(*command, "--help").stdout.partition("Options:")[2]


def test_ctrl_c_while_the_program_is_loaded_is_one_line() -> None:
    code = (
        "import sys, ontarget.__main__ as program\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'ontarget.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "program.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "ontarget: stopped\n")


def test_no_command_shows_the_help() -> None:
    result = run_command()
    assert "Usage: ontarget" in result.stdout and result.stderr == ""


def test_a_shell_gets_the_exit_code_and_one_line_on_stderr(tmp_path: Path) -> None:
    done = ontarget_command("check", tmp_path / "[bold]x\x1b[31m.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ontarget: ") and done.stderr.count("\n") == 1
    assert r"[bold]x\x1b[31m.yaml: No such file" in done.stderr


def test_debug_shows_the_traceback_before_or_after_the_command(write_recipe: Writer) -> None:
    path = write_recipe(languages=["en", "xx"])
    for arguments in (("--debug", "run", path), ("run", path, "--debug")):
        result = run_command(*arguments)
        assert result.code == 2
        assert "Traceback" in result.stderr and "RecipeError" in result.stderr


def test_an_unforeseen_error_is_one_line_and_code_1(
    write_recipe: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "check_recipe", lambda recipe: 1 / 0)
    result = run_command("check", write_recipe())
    assert (result.code, result.stdout) == (1, "")
    message = "ontarget: ZeroDivisionError: division by zero; ontarget did not foresee this: "
    assert result.stderr.startswith(message) and result.stderr.count("\n") == 1
    with pytest.raises(ZeroDivisionError):
        run_command("check", write_recipe(), "--debug")


def test_a_path_that_the_system_rejects_is_bad_input(tmp_path: Path) -> None:
    error = error_of("compare", tmp_path / ("x" * 300), tmp_path)
    assert error.startswith(f"ontarget: {tmp_path}"[:200])


def test_commands_change_no_environment_variable_for_the_next(write_recipe: Writer) -> None:
    before = dict(os.environ)
    run_command("push", write_recipe(), "me/tiny", "--dry-run")
    assert dict(os.environ) == before


@pytest.mark.parametrize("columns", ["0", "x"])  # not positive; not a number
def test_an_unusable_number_of_columns_hides_nothing(columns: str, tmp_path: Path) -> None:
    environment = {**os.environ, "COLUMNS": columns}
    done = ontarget_command("--version", env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{ontarget.__version__}\n", "")
    error = process_error_of("check", tmp_path / "none.yaml", env=environment)
    assert "none.yaml: No such file" in error


def test_messages_are_not_wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert "none.yaml: No such file or directory; give" in error_of("check", tmp_path / "none.yaml")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["check"]])
def test_a_full_standard_output_is_one_line(arguments: list[str], write_recipe: Writer) -> None:
    if arguments == ["check"]:
        arguments = ["check", str(write_recipe())]
    command = [sys.executable, "-m", "ontarget", *arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    message = "ontarget: standard output: No space left on device; make room, or write elsewhere\n"
    assert done.stderr == message


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["check"]])
def test_a_closed_pipe_is_no_error(arguments: list[str], write_recipe: Writer) -> None:
    if arguments == ["check"]:
        arguments = ["check", str(write_recipe())]
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "ontarget", *arguments]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("arguments", [["--version"], ["check", "none.yaml"]])
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_cause_no_traceback(
    closed: str, arguments: list[str], tmp_path: Path
) -> None:
    command = ["sh", "-c", f'"$0" -m ontarget "$@" {closed}', sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    fine = arguments == ["--version"] and closed == "2>&-"
    assert done.returncode == (0 if fine else 2), done
    assert done.stderr.count("\n") == (closed == ">&-")  # one line, if it can be printed
