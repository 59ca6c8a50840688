"""One call of an external program: texts go in as files, scores come out.

The program runs in its own process and session. That isolates COMET, whose checkpoints are pickles
and can run any code on loading, and lets us kill everything it started.
"""

import codecs
import io
import os
import select
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ontarget import artifacts
from ontarget.errors import ProgramError, Stopped
from ontarget.scoring.neural import environments
from ontarget.scoring.neural.environments import ProgramCommand
from ontarget.scoring.neural.program import OUTPUT, Program, SegmentTexts

OnMessage = Callable[[str], None]
STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)  # SIGINT raises KeyboardInterrupt already
POLL_SECONDS = 0.1  # between checks whether a silent program still runs
PIPE_BYTES = 1 << 20  # read at most after the program has ended; more than a pipe can hold


@dataclass(frozen=True, slots=True)
class NeuralScorer:
    """An available program with one model."""

    program: Program
    model: str  # name, or path of a local model
    command: ProgramCommand
    signature: str  # program, version and model

    def takes(self, kind: str) -> bool:
        """Whether the model uses "sources" or "references"."""
        return kind in self.program.inputs_of(self.model).takes


def find_scorer(program: Program, model: str | None, available: frozenset[str]) -> NeuralScorer:
    """Find the program and check that a model has its inputs; None stands for the default model.

    `available` is a subset of "sources" and "references". A local model is signed by its hash.

    Raises:
        ProgramError: the program or the model is not installed, or an input is missing.
    """
    name = program.model if model is None else model
    if not name:
        raise ProgramError(f"--{program.name}-model: is empty; name a model or omit the option")
    if missing := sorted(program.inputs_of(name).needs - available):
        raise ProgramError(
            f"--{program.name} with {name} needs --{' and --'.join(missing)}; add them, or choose "
            f"another model with --{program.name}-model"
        )
    command = environments.find_command(program, os.environ)
    installed = environments.environment_of(Path(command.prefix[0])) / name
    local = [path.absolute() for path in (Path(name), installed) if os.path.exists(path)]
    if not local and not program.fetches:
        raise ProgramError(
            f"--{program.name}: neither {name} nor {installed} exists; download the model as "
            f"described in the guide and name its folder with --{program.name}-model"
        )
    identity = f"{local[0].name}@sha256:{model_digest(local[0])[:12]}" if local else name
    signature = f"{program.name}:{command.version}|model:{identity}"
    return NeuralScorer(program, str(local[0]) if local else name, command, signature)


def model_digest(path: Path) -> str:
    """SHA-256 of a model file, or of the names and contents in a model folder.

    Raises:
        ProgramError: the model cannot be read.
    """
    try:
        if path.is_file():
            return artifacts.file_hash(path)
        return artifacts.fingerprint(artifacts.folder_hashes(path))
    except OSError as error:
        raise ProgramError(
            f"{path}: {artifacts.error_text(error)}; make the model readable"
        ) from error


def score_segments(scorer: NeuralScorer, texts: SegmentTexts, on_message: OnMessage) -> list[float]:
    """One score per segment; `on_message` gets each line that the program prints to stderr.

    Raises:
        ProgramError: the program failed, or did not write one finite number per segment.
    """
    program = scorer.program
    try:
        with tempfile.TemporaryDirectory(prefix=f"ontarget-{program.name}-") as folder:
            output = call_program(scorer, texts, folder=Path(folder), on_message=on_message)
    except OSError as error:
        raise ProgramError(
            f"{scorer.command}: cannot be started ({artifacts.error_text(error)}); run it by hand, "
            "and check that there is space for temporary files"
        ) from error
    try:
        scores = program.parse_scores(output)
        if len(scores) != len(texts.hypotheses):
            raise ValueError(f"{len(scores)} scores for {len(texts.hypotheses)} segments")
    except ValueError as error:
        raise ProgramError(
            f"{scorer.command}: unusable output: {artifacts.error_text(error)}; "
            f"is this {program.title} in the version of the guide?"
        ) from error
    return scores


def call_program(
    scorer: NeuralScorer, texts: SegmentTexts, *, folder: Path, on_message: OnMessage
) -> str:
    """Run the program in `folder` and return the content of its output file."""
    call = scorer.program.make_call(texts, scorer.model)
    for name, content in call.files.items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")
    with run_process(scorer, call.arguments, folder=folder) as process:
        last_line = follow_output(process, on_message)
    if process.returncode:
        raise_failure(scorer, process.returncode, last_line=last_line)
    try:
        return (folder / OUTPUT).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProgramError(
            f"{scorer.command}: succeeded without readable scores "
            f"({artifacts.error_text(error)}); is this {scorer.program.title} in the version of "
            "the guide?"
        ) from error


@contextmanager
def run_process(
    scorer: NeuralScorer, arguments: list[str], *, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program; at the end of the block it and all its child processes are killed."""
    executable = Path(scorer.command.prefix[0])
    with raise_on_signals(scorer.program.title):
        process = subprocess.Popen(
            [*scorer.command.prefix, *arguments],
            cwd=folder,
            env=environments.process_environment(executable, os.environ, scratch=folder),
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

    Progress bars, which end in carriage returns, are lines too. Ends with the program rather than
    with the pipe, which a process that the program left behind can keep open for ever.
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
        for line in lines:
            if line.strip():
                last_line = " ".join(line.split())
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


@contextmanager
def raise_on_signals(title: str) -> Iterator[None]:
    """Raise `Stopped` on SIGTERM and SIGHUP, so that the `finally` blocks kill the program.

    Signals that are ignored stay ignored (`nohup`). Only the main thread can set handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> NoReturn:
        raise Stopped(f"stopped while {title} was scoring; no scores were kept")

    ignored = {number for number in STOP_SIGNALS if signal.getsignal(number) == signal.SIG_IGN}
    previous = {number: signal.signal(number, stop) for number in set(STOP_SIGNALS) - ignored}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def raise_failure(scorer: NeuralScorer, code: int, *, last_line: str) -> NoReturn:
    """Raise ProgramError with the program's exit code and last message."""
    end = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
    message = f": {last_line[:300]}" if last_line else " without a message"
    raise ProgramError(
        f"{scorer.command}: {end}{message}; check that {scorer.program.title} runs by hand with "
        f"{scorer.model}"
    )
