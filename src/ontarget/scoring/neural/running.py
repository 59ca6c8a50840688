"""One call of an outside program: texts go in by files of a folder that vanishes, scores come out.

The program is no part of this process and shares nothing with it: COMET loads pickled checkpoints,
which are programs, and does so in its own.
"""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ontarget import artifacts
from ontarget.errors import ProgramError, Stopped
from ontarget.scoring.neural import environments
from ontarget.scoring.neural.program import OUTPUT, Program, SegmentTexts

OnMessage = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class NeuralScorer:
    """A program that was found, with one model."""

    program: Program
    model: str
    executable: Path
    signature: str  # program, version, model

    def takes(self, kind: str) -> bool:
        """Whether the model is given `sources` or `references`."""
        return kind in self.program.uses(self.model).takes


def find_scorer(program: Program, model: str | None, given: frozenset[str]) -> NeuralScorer:
    """Find the program and look whether a model has what it needs of `sources`, `references`.

    Raises:
        ProgramError: there is no such program, or a text is missing.
    """
    named = program.model if model is None else model
    if not named:
        raise ProgramError(f"--{program.name}-model: is empty; name a model or leave it out")
    if missing := sorted(program.uses(named).needs - given):
        raise ProgramError(
            f"--{program.name} with {named} needs --{' and --'.join(missing)}; give them, or name "
            f"another model with --{program.name}-model"
        )
    found = environments.find_executable(program, os.environ)
    kept = environments.environment_of(found) / named
    path = next((each.absolute() for each in (Path(named), kept) if os.path.exists(each)), None)
    if path is None and not program.fetches:
        raise ProgramError(
            f"--{program.name}: there is no model {named}, nor {kept}; fetch one as the guide has "
            f"it and name its folder with --{program.name}-model"
        )
    signed = named if path is None else f"{path.name}@sha256:{model_digest(path)[:12]}"
    version = environments.installed_version(program, found)
    signature = f"{program.name}:{version}|model:{signed}"
    return NeuralScorer(program, named if path is None else str(path), found, signature)


def model_digest(path: Path) -> str:
    """SHA-256 of a model's file, or of its folder's files and their names.

    Raises:
        ProgramError: it cannot be read.
    """
    try:
        if path.is_file():
            return artifacts.file_hash(path)
        return artifacts.fingerprint(artifacts.folder_hashes(path))
    except OSError as error:
        raise ProgramError(
            f"{path}: {artifacts.error_text(error)}; make the model readable"
        ) from error


def score_segments(scorer: NeuralScorer, texts: SegmentTexts, tell: OnMessage) -> list[float]:
    """A score for each segment; `tell` is given what the program says meanwhile.

    Raises:
        ProgramError: it failed, or wrote anything but a number a segment.
    """
    program = scorer.program
    try:
        with tempfile.TemporaryDirectory(prefix=f"ontarget-{program.name}-") as name:
            written = call_program(scorer, texts, Path(name), tell)
    except OSError as error:
        raise ProgramError(
            f"{scorer.executable}: cannot be called ({artifacts.error_text(error)}); "
            "try it by itself, and see that there is room for temporary files"
        ) from error
    try:
        found = program.scores(written)
        if len(found) != len(texts.hypotheses):
            raise ValueError(f"{len(found)} scores for {len(texts.hypotheses)} segments")
    except ValueError as error:
        raise ProgramError(
            f"{scorer.executable}: what it wrote cannot be used: {artifacts.error_text(error)}; "
            f"is this {program.title} as the guide has it?"
        ) from error
    return found


def call_program(scorer: NeuralScorer, texts: SegmentTexts, folder: Path, tell: OnMessage) -> str:
    """What the program wrote."""
    job = scorer.program.job(texts, scorer.model)
    for name, content in job.files.items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")
    with run_process(scorer, job.arguments, folder) as child:
        last = follow_output(child, tell)
    if child.returncode:
        raise_failure(scorer, child.returncode, last)
    try:
        return (folder / OUTPUT).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProgramError(
            f"{scorer.executable}: ended well, but wrote no scores ({artifacts.error_text(error)}); "
            f"is this {scorer.program.title} as the guide has it?"
        ) from error


@contextmanager
def run_process(
    scorer: NeuralScorer, arguments: list[str], folder: Path
) -> Iterator[subprocess.Popen[str]]:
    """The program's process, which with all of its own does not outlive the block."""
    with handle_signals(scorer.program.title):
        child = subprocess.Popen(
            [str(scorer.executable), *arguments],
            cwd=folder,
            env=environments.process_environment(scorer.executable, os.environ, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # a group of its own, to be ended as one
        )
        try:
            yield child
        finally:
            kill_group(child)


def follow_output(child: subprocess.Popen[str], tell: OnMessage) -> str:
    """The last line the program said, when it has ended; progress bars are lines too."""
    last = ""
    for line in child.stderr or ():
        if line.strip():
            last = " ".join(line.split())
            tell(last)
    child.wait()
    return last


def kill_group(child: subprocess.Popen[str]) -> None:
    """End the child, where it still runs, with all that it started."""
    if child.poll() is None:  # so its number is still its own
        os.killpg(child.pid, signal.SIGKILL)  # it keeps nothing that could be lost
        child.wait()
    if child.stderr:
        child.stderr.close()


@contextmanager
def handle_signals(title: str) -> Iterator[None]:
    """Meanwhile SIGTERM raises Stopped, so that what was started is ended too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> NoReturn:
        raise Stopped(f"stopped while {title} was scoring; nothing is kept")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def raise_failure(scorer: NeuralScorer, code: int, last: str) -> NoReturn:
    """Raise what the program said last."""
    end = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
    said = f": {last[:300]}" if last else " and said nothing"
    raise ProgramError(
        f"{scorer.executable}: {end}{said}; see that {scorer.program.title} runs there by itself "
        f"with {scorer.model}"
    )
