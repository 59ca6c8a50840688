"""The command line, run in this process or as a process of its own."""

import contextlib
import io
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontarget.cli import app

HEAVY = {"torch", "transformers", "tokenizers", "sacrebleu", "pyarrow", "fasttext", "jinja2"}


@dataclass(frozen=True)
class Result:
    """How a command ended and what it printed."""

    code: int
    stdout: str
    stderr: str


def run_command(*arguments: str | Path) -> Result:
    """Run a command in this process; changes that it makes to the environment are undone.

    The output goes to buffers that are no terminals.
    """
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        unchanged_environment(),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        code = app.execute(list(map(str, arguments)))
    return Result(code, stdout.getvalue(), stderr.getvalue())


@contextlib.contextmanager
def unchanged_environment() -> Iterator[None]:
    """Restores environment variables and warning filters, which commands set for libraries."""
    before = dict(os.environ)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def error_of(*arguments: str | Path) -> str:
    """The error of a command with bad input: one line on stderr, no output, exit code 2."""
    result = run_command(*arguments)
    assert result.code == 2, result
    assert result.stdout == "", result
    assert result.stderr.startswith("ontarget: ") and result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def ontarget_command(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own, as a shell would."""
    command = [sys.executable, "-m", "ontarget", *map(str, arguments)]
    return subprocess.run(
        command, **({"capture_output": True, "text": True, "timeout": 300} | options)
    )


def process_error_of(*arguments: str | Path, **options: Any) -> str:
    """`error_of` for a process of its own."""
    done = ontarget_command(*arguments, **options)
    assert done.returncode == 2, done
    assert done.stderr.startswith("ontarget: ") and done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stdout
    return done.stderr


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a program has imported at its end."""
    program = f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())
