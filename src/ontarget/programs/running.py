"""One call of an outside program, which reads and writes files.

The program runs in its own process and session. That isolates what it loads, such as COMET's
checkpoints, which are pickles and can run any code, and lets us kill everything it started.
"""

import codecs
import io
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ontarget import artifacts
from ontarget.artifacts import signals
from ontarget.errors import ProgramError
from ontarget.programs.environments import OutsideProgram, ProgramCommand

OnMessage = Callable[[str], None]
POLL_SECONDS = 0.1  # between checks whether a silent program still runs
LINE = 10_000  # characters of a line of stderr that are kept
PIPE_BYTES = 1 << 20  # read at most after the program has ended; more than a pipe can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One call of a program."""

    title: str
    command: ProgramCommand
    arguments: list[str]
    folder: Path  # in which it runs
    variables: Mapping[str, str]
    model: str  # that errors name
    when_stopped: str  # what a signal's message says


@contextmanager
def scratch_folder(program: OutsideProgram, command: ProgramCommand) -> Iterator[Path]:
    """A temporary folder for the files of a call, which is made within the block.

    Raises:
        ProgramError: the program cannot be started, or a file cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f"ontarget-{program.name}-") as folder:
            yield Path(folder)
    except OSError as error:
        raise ProgramError(
            f"{command}: cannot be started ({artifacts.error_text(error)}); run it by hand, "
            "and check that there is space for temporary files"
        ) from error


def run(call: Invocation, on_message: OnMessage) -> None:
    """Run a program to its end; `on_message` gets each line that it prints to stderr.

    Raises:
        ProgramError: it failed.
        OSError: it cannot be started.
    """
    with run_process(call) as process:
        last_line = follow_output(process, on_message)
    if process.returncode:
        raise_failure(call, process.returncode, last_line=last_line)


@contextmanager
def run_process(call: Invocation) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program; at the end of the block it and all its child processes are killed."""
    with signals.raising_stopped(call.when_stopped):
        process = subprocess.Popen(
            [*call.command.prefix, *call.arguments],
            cwd=call.folder,
            env=call.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # a process group that can be killed as one
        )
        try:
            yield process
        finally:
            kill_group(process)


def follow_output(process: subprocess.Popen[bytes], on_message: OnMessage) -> str:
    """Pass on each line of stderr until the program ends; returns the last one.

    Progress bars, which end in carriage returns, are lines too. Of a long line only the beginning
    is kept. Ends with the program rather than with the pipe, which a process that the program left
    behind can keep open for ever.
    """
    assert process.stderr is not None
    descriptor = process.stderr.fileno()
    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
    partial, last_line, is_running = "", "", True
    while is_running:
        is_running = process.poll() is None  # before reading, so that nothing is missed
        content = read_available(descriptor, POLL_SECONDS if is_running else 0.0)
        if content == b"":  # the pipe was closed
            process.wait()
            is_running = False
        *lines, partial = (partial + decoder.decode(content or b"", not is_running)).split("\n")
        if not is_running:
            lines.append(partial)
        partial = partial[:LINE]  # a program may never end its line
        for line in lines:
            if line.strip():
                last_line = " ".join(line[:LINE].split())
                on_message(last_line)
    return last_line


def read_available(descriptor: int, seconds: float) -> bytes | None:
    """What a pipe contains, after waiting at most `seconds`; None: nothing yet; b"": closed."""
    content = b""
    while select.select([descriptor], [], [], 0 if content else seconds)[0]:
        more = os.read(descriptor, 1 << 16)
        content += more
        if not more or len(content) >= PIPE_BYTES:
            return content
    return content or None


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the program and its child processes, also those that outlived it."""
    # The group's number cannot be taken by another one while a process of it is left.
    with suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS, all are dead
        os.killpg(process.pid, signal.SIGKILL)  # they have no state to lose
    process.wait()
    if process.stderr:
        process.stderr.close()


def raise_failure(call: Invocation, code: int, *, last_line: str) -> NoReturn:
    """Raise ProgramError with the program's exit code and last message."""
    end = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
    message = f": {last_line[:300]}" if last_line else " without a message"
    raise ProgramError(
        f"{call.command}: {end}{message}; check that {call.title} runs by hand with {call.model}"
    )
