"""The command line: commands in the order in which one needs them, errors, exit codes.

Exit codes: 0 success; 1 a failed guard or a bug of ours; 2 bad input, with one line on stderr; 3
some segments were not translated; 130 interrupted by the keyboard; 141 output pipe closed; 143
ended by SIGTERM (128 and its number).
"""

import errno
import os
import sys
import time
import traceback
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from ontarget import __version__, processes
from ontarget.artifacts import signals
from ontarget.cli.commands import (
    annotate,
    calibrate,
    compare,
    demo,
    diagnose,
    evaluate,
    lcb,
    prompts,
    publish,
    recipe,
    repair,
)
from ontarget.cli.commands.ability import command as ability
from ontarget.cli.commands.data import conflict, constrain, convert, corpora, prepare
from ontarget.cli.commands.export import command as export
from ontarget.cli.commands.judge import command as judge
from ontarget.cli.commands.play import command as play
from ontarget.cli.commands.reproduce import command as reproduce
from ontarget.cli.commands.serve import guard, model
from ontarget.cli.commands.translate import command as translate
from ontarget.cli.console import console, error_console, one_line
from ontarget.cli.overview import GroupedCommands
from ontarget.errors import OnTargetError, Stopped
from ontarget.pipeline.graph import verbs

app = typer.Typer(
    cls=GroupedCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Language-aware tuning (arXiv 2403.14399): models that answer in the requested language.",
    epilog="Start with `ontarget demo`, or with `ontarget diagnose MODEL --data dev.tsv "
    "--languages en,it,nl`. Guide: docs/guide.md.",
)
UsageError: Any = typer.BadParameter.__base__  # typer has its own copy of click, or click's
REPORT_SECONDS = 5.0  # in which the first process of a machine has found the same error
BAD_INPUT, INTERRUPTED, CLOSED_PIPE = 2, 130, 141
SIGNAL = 128  # and its number


@app.callback(invoke_without_command=True)
def global_options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Options of every command; `--debug` may stand before or after the command."""
    if version:
        console.print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.BadParameter("name a command; `ontarget --help` lists them")


for _command in (
    repair.repair, demo.demo, diagnose.diagnose, repair.new, prompts.templates, recipe.check,
    recipe.plan, recipe.run, recipe.status, evaluate.evaluate, compare.compare,
    calibrate.calibrate, lcb.lcb, convert.convert, corpora.corpora, constrain.constrain,
    publish.push, publish.merge, publish.add_code, model.serve, guard.guard, play.play,
    export.export, judge.judge, ability.ability, reproduce.reproduce,
):  # fmt: skip
    app.command()(_command)
app.add_typer(annotate.app, name="annotate")
for _verb, _summary in verbs().items():
    if _verb == "prepare":
        app.command(_verb)(prepare.prepare)
    elif _verb == "conflict":
        app.command(_verb)(conflict.conflict)
    elif _verb == "translate":
        app.command(_verb)(translate.translate)
    elif _verb != "evaluate":
        app.command(_verb, help=f"{_summary}\n\nExample: ontarget {_verb} recipe.yaml")(
            recipe.step_command(_verb)
        )


def main() -> None:
    """Run the command line and exit."""
    if sys.stderr is None:
        sys.stderr = open(os.open(os.devnull, os.O_WRONLY), "w")  # noqa: SIM115 - until the exit
    if sys.stdout is None:
        error_console().print("ontarget: standard output is closed; write it to a file")
        sys.exit(BAD_INPUT)
    code = execute(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        code = report_output_error(error)
    sys.exit(code)


def execute(arguments: list[str]) -> int:
    """Run one command; bad input is one line on stderr. Returns the exit code."""
    drop_invalid_width()
    debug = "--debug" in arguments
    errors = error_console()
    try:
        given = [argument for argument in arguments if argument != "--debug"]
        with signals.raising_interrupts():
            code = app(given, prog_name="ontarget", standalone_mode=False)
        if code == INTERRUPTED:
            raise typer.Abort
        processes.shut_down()
        return code if isinstance(code, int) else 0
    except UsageError as error:
        explain_usage(error, errors)
        return BAD_INPUT
    except (typer.Abort, KeyboardInterrupt):
        errors.print("ontarget: stopped; what was finished is kept")
        return INTERRUPTED
    except OnTargetError as error:
        if debug:
            traceback.print_exc()
        return report_bad_input(error, errors)
    except Stopped as stopped:
        if processes.is_main_process():
            errors.print(Text(f"ontarget: {stopped}"), soft_wrap=True)
        return SIGNAL + stopped.signal
    except SystemExit:  # click's answer to a closed pipe
        return CLOSED_PIPE
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.filename is None and is_output_error(error):
            return report_output_error(error)
        text, code = unforeseen_error(error)
        errors.print(Text(f"ontarget: {text}"), soft_wrap=True)
        return code


def report_bad_input(error: OnTargetError, errors: Console) -> int:
    """Say what is wrong, once a machine; returns the exit code."""
    # Before the processes are connected, all of them find the same error.
    if processes.launcher_variable("LOCAL_RANK") == 0 or processes.is_initialized():
        errors.print(Text(f"ontarget: {one_line(error)}"), soft_wrap=True)
    else:
        time.sleep(REPORT_SECONDS)  # a launcher ends the reporting process when this one ends
    return BAD_INPUT


def drop_invalid_width() -> None:
    """Ignore a COLUMNS that is not a positive number: rich would print nothing at all."""
    columns = os.environ.get("COLUMNS", "80")
    if not columns.isdecimal() or int(columns) < 1:
        del os.environ["COLUMNS"]
        console.width = 80  # it has read the variable already


def is_output_error(error: OSError) -> bool:
    """Whether standard output cannot be written: a closed pipe, a full device."""
    return error.errno in (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG)


def report_output_error(error: OSError) -> int:
    """Say why nothing more can be printed, and discard the rest; returns the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if error.errno == errno.EPIPE:
        return CLOSED_PIPE
    error_console().print(
        Text(f"ontarget: standard output: {error.strerror}; make room, or write elsewhere"),
        soft_wrap=True,
    )
    return BAD_INPUT


def unforeseen_error(error: Exception) -> tuple[str, int]:
    """Message and exit code: a path that the system refuses is bad input, the rest is a bug."""
    if isinstance(error, OSError) and error.filename is not None:
        place = one_line(str(error.filename))[:200]
        return f"{place}: {error.strerror}; give another path, or make this one usable", BAD_INPUT
    if not processes.is_main_process() and "onnection closed by peer" in str(error):
        rank = processes.launcher_variable("RANK")
        return f"process {rank}: another one has ended; see what it printed", 1
    message = f"{type(error).__name__}: {one_line(error)[:200]}"
    remedy = "finished steps are kept; please report what --debug prints"
    return f"{message}; ontarget did not foresee this: {remedy}", 1


def explain_usage(error: Any, errors: Console) -> None:
    """Say what is wrong with the arguments; show the help if there are none."""
    if type(error).__name__ == "NoArgsIsHelpError":
        console.print(Text(error.format_message()), soft_wrap=True)
        return
    command = error.ctx.command_path if error.ctx else "ontarget"
    fault = one_line(error.format_message()).rstrip(".")
    errors.print(Text(f"ontarget: {fault}; see {command} --help"), soft_wrap=True)
