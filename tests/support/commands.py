"""The command as a process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

HEAVY = {"torch", "transformers", "tokenizers", "sacrebleu", "pyarrow", "fasttext", "jinja2"}


def ontarget_command(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ontarget", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def refused(*arguments: str | Path, **options: Any) -> str:
    """What a command that must refuse says: one line on stderr, exit code 2."""
    done = ontarget_command(*arguments, **options)
    assert done.returncode == 2, done
    assert done.stderr.startswith("ontarget: ") and done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stdout
    return done.stderr


def loaded_by(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())
