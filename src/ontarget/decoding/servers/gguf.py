"""Translation with llama.cpp and a .gguf file: its `llama-server` if installed, else its library.

The chat template and the tokenizer are those of the file.
"""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Any

from ontarget.decoding.base import Hypothesis, Search, Translator, failed, require
from ontarget.decoding.servers.completions import hypothesis_of, request_body
from ontarget.decoding.servers.requests import EXTRA, Server
from ontarget.decoding.servers.translator import ServerTranslator, check_greedy
from ontarget.errors import ModelError, OnTargetError, ProgramError, error_text, visible
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample

PROGRAM = "llama-server"
MAGIC = b"GGUF"
START_SECONDS = 600.0  # to load the model
STOP_SECONDS = 10.0  # to stop by itself
PAUSE = 0.1  # seconds between two looks at the server's health


@dataclass(frozen=True, slots=True)
class LlamaCppTranslator:
    """A `Translator` that runs llama.cpp in this process, a segment at a time."""

    engine: Any  # a llama_cpp.Llama
    prompt_format: PromptFormat
    search: Search

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Translations one by one; a segment that does not fit the model is a failed one."""
        check_greedy(self.search, "llama.cpp")
        chat = self.prompt_format.chat
        complete = self.engine.create_chat_completion if chat else self.engine.create_completion
        for index, sample in enumerate(samples):
            try:
                answer = complete(**request_body(sample, self.prompt_format, self.search))
            except ValueError as error:  # a prompt longer than the context
                yield {index: failed(f"llama.cpp refuses it ({error_text(error)[:200]})")}
            else:
                yield {index: hypothesis_of(answer, self.prompt_format)}


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """A running program, and the last lines that it wrote to stderr."""

    process: subprocess.Popen[bytes]
    reader: Thread
    log: deque[bytes]

    def ends_within(self, seconds: float) -> bool:
        """Whether it has ended after at most so many seconds."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> str:
        """How it ended, with the last thing that it said."""
        self.reader.join(STOP_SECONDS)
        last = self.log[-1].decode("utf-8", "replace") if self.log else ""
        said = visible(" ".join(last.split()))[:200] or "it said nothing"
        return f"ended with status {self.process.returncode} ({said})"


@contextmanager
def open_gguf(
    model: Path, prompt_format: PromptFormat, search: Search, concurrency: int, timeout: float
) -> Iterator[Translator]:
    """A translator of a .gguf file.

    Raises:
        ModelError: it is not such a file, or cannot be loaded.
        ProgramError: llama-server does not start.
    """
    check_gguf(model)
    program = shutil.which(PROGRAM)
    if program:
        with run_server(program, model, concurrency, timeout) as server:
            yield ServerTranslator(server, prompt_format, search, concurrency)
        return
    engine = load_engine(model)
    try:
        yield LlamaCppTranslator(engine, prompt_format, search)
    finally:
        engine.close()


def check_gguf(model: Path) -> None:
    """Raise ModelError unless `model` is a regular file in the format GGUF."""
    if not model.is_file():
        raise ModelError(f"{model}: no such file; give a .gguf file")
    with model.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ModelError(f"{model}: is not in the format GGUF; convert the model for llama.cpp")


def load_engine(model: Path) -> Any:
    """The model in this process.

    Raises:
        ModelError: llama-cpp-python is missing, or cannot load it.
    """
    try:
        library = require("llama_cpp", "llama.cpp", "llama-cpp-python")
    except ModelError as error:
        raise ModelError(f"{error}, or put {PROGRAM} on the PATH") from error
    try:
        return library.Llama(model_path=str(model), n_ctx=0, verbose=False)
    except (ValueError, RuntimeError, OSError) as error:
        raise ModelError(
            f"{model}: llama.cpp cannot load it ({visible(error_text(error))[:200]}); fetch the "
            "file again, or update llama.cpp"
        ) from error


@contextmanager
def run_server(program: str, model: Path, concurrency: int, timeout: float) -> Iterator[Server]:
    """A llama-server of the model on this machine, ready to answer; it is stopped at the end.

    Its key is random and handed over by its environment, since other users can read command lines.

    Raises:
        ProgramError: it does not start, or ends too early.
    """
    key, port = secrets.token_urlsafe(24), free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        program, "--model", str(model), "--host", "127.0.0.1", "--port", str(port),
        "--parallel", str(concurrency), "--offline",
    ]  # fmt: skip
    with running(command, os.environ | {"LLAMA_API_KEY": key}) as program_run:
        wait_until_healthy(program_run, f"{url}/health")
        try:
            yield Server(url=f"{url}/v1", model=model.stem, key=key, timeout=timeout)
        except OnTargetError as error:
            if not program_run.ends_within(PAUSE * 5):
                raise
            raise ProgramError(f"{PROGRAM}: {program_run.end()}; run again") from error


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[ProgramRun]:
    """A program that runs until the end of the block.

    Raises:
        ProgramError: it cannot be started.
    """
    none = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            command, env=environment, stdin=none, stdout=none, stderr=subprocess.PIPE
        )
    except OSError as error:
        raise ProgramError(f"{command[0]}: cannot be started ({error_text(error)})") from error
    assert process.stderr is not None
    log: deque[bytes] = deque(maxlen=20)
    reader = Thread(target=keep_last_lines, args=(process.stderr, log), daemon=True)
    reader.start()
    try:
        yield ProgramRun(process, reader, log)
    finally:
        stop(process)
        reader.join()
        process.stderr.close()


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def keep_last_lines(stream: IO[bytes], log: deque[bytes]) -> None:
    """Read a stream to its end, so that its writer never waits, in pieces of bounded length."""
    while line := stream.readline(4096):
        log.append(line)


def wait_until_healthy(program_run: ProgramRun, url: str) -> None:
    """Wait until the server has loaded its model.

    Raises:
        ProgramError: it ended, or takes too long.
    """
    httpx = require("httpx", "llama.cpp", EXTRA)
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(trust_env=False, timeout=PAUSE * 10) as client:
        while time.monotonic() < deadline:
            if program_run.ends_within(PAUSE):
                raise ProgramError(
                    f"{PROGRAM}: {program_run.end()}; update llama.cpp, or fetch the model again"
                )
            try:
                if client.get(url).status_code == 200:
                    return
            except httpx.TransportError:
                pass  # it does not listen yet
    raise ProgramError(f"{PROGRAM}: is not ready after {START_SECONDS:.0f} s; take a smaller model")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process, by force if it does not end by itself."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
