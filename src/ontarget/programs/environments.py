"""Where an outside program is installed, its version, and the environment variables it gets."""

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from ontarget.errors import ProgramError

SOURCE = "source"  # folder in the environment with the checkout of a program without a package
UNSAFE = ("HF_DATASETS_TRUST_REMOTE_CODE", "HF_ALLOW_CODE_EVAL")  # let libraries run foreign code
UV_PYTHON = "3.11"  # COMET 2.2.7 requires numpy < 2, which has no wheels for Python 3.13


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideProgram:
    """A program with an environment of its own."""

    name: str  # of its folder in the cache, and in ONTARGET_<NAME>
    title: str
    executable: str  # in the environment's bin folder
    package: str  # distribution whose version is recorded
    install: tuple[str, ...]  # shell commands; {folder} is the environment
    requirements: tuple[str, ...] = ()  # for `uvx`, the package first; () if it is not on PyPI


class ProgramCommand(NamedTuple):
    """How to start a program: the first words of its command line, and its version."""

    prefix: tuple[str, ...]
    version: str  # of the package or the checked-out commit; "unknown" without either

    def __str__(self) -> str:
        return shlex.join(self.prefix)


def find_command(program: OutsideProgram, variables: Mapping[str, str]) -> ProgramCommand:
    """The command of an installed program, or of one that `uvx` installs on demand.

    Raises:
        ProgramError: the program is not installed and cannot be run with `uvx`.
    """
    if executable := find_executable(program, variables):
        return ProgramCommand((str(executable),), installed_version(program, executable))
    uvx = shutil.which("uvx", path=variables.get("PATH"))
    if uvx and program.requirements:
        package, *others = program.requirements
        extra = [word for requirement in others for word in ("--with", requirement)]
        prefix = (uvx, "--python", UV_PYTHON, "--from", package, *extra, program.executable)
        return ProgramCommand(prefix, package.partition("==")[2])
    folder = shlex.quote(str(default_folder(program, variables)))
    commands = " && ".join(command.format(folder=folder) for command in program.install)
    with_uv = "; or install uv, which runs it without" if program.requirements else ""
    raise ProgramError(
        f"{program.title} is not installed; it needs an environment of its own: {commands}; or "
        f"name an existing one: export {variable_of(program)}=/path/to/environment{with_uv}"
    )


def find_executable(program: OutsideProgram, variables: Mapping[str, str]) -> Path | None:
    """The executable named by `ONTARGET_<NAME>`, else on PATH, else in the default environment.

    Raises:
        ProgramError: `ONTARGET_<NAME>` names neither an executable nor an environment with it.
    """
    named = variables.get(variable_of(program))
    if named:
        candidates = [Path(named).expanduser()]
    else:
        candidates = [default_folder(program, variables)]
        on_path = shutil.which(program.executable, path=variables.get("PATH"))
        if on_path and program.executable != "python":  # any python is on PATH
            candidates.insert(0, Path(on_path))
    for candidate in candidates:
        for path in (candidate, candidate / "bin" / program.executable):
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path.absolute()
    if named:
        raise ProgramError(
            f"{variable_of(program)}={named}: neither {program.executable} nor an environment with "
            "it in bin; name one of these"
        )
    return None


def variable_of(program: OutsideProgram) -> str:
    """The environment variable that names the program's executable or environment."""
    return f"ONTARGET_{program.name.upper()}"


def default_folder(program: OutsideProgram, variables: Mapping[str, str]) -> Path:
    """The program's environment in the user's cache."""
    cache = Path(variables.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():  # the XDG specification says to ignore relative paths
        cache = Path(variables.get("HOME") or Path.home()) / ".cache"
    return cache / "ontarget" / program.name


def environment_of(executable: Path) -> Path:
    """The environment that contains an executable; links into an environment are followed."""
    if (executable.parent.parent / "pyvenv.cfg").is_file():
        return executable.parent.parent  # not followed: its python is a link to another folder
    return executable.resolve().parent.parent


def installed_version(program: OutsideProgram, executable: Path) -> str:
    """The installed package's version, else the checked-out commit, else "unknown"."""
    environment = environment_of(executable)
    site_packages = [str(path) for path in environment.glob("lib/python*/site-packages")]
    installed = metadata.distributions(name=program.package, path=site_packages)
    return (
        next((each.version for each in installed if each.version), None)
        or checked_out_commit(environment / SOURCE / ".git")
        or "unknown"
    )


def checked_out_commit(repository: Path) -> str | None:
    """The first twelve digits of a git folder's HEAD; None if it cannot be read."""
    try:
        head = (repository / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref: "):
            head = (repository / head.removeprefix("ref: ")).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return head[:12] if re.fullmatch("[0-9a-f]{40,64}", head) else None


def process_environment(
    executable: Path, variables: Mapping[str, str], *, datasets_cache: Path | None = None
) -> dict[str, str]:
    """The environment variables of a program: ours without what selects our own Python.

    One GPU is visible, because MetricX's batches of one segment cannot be split over several.
    `datasets_cache` is for programs whose datasets library copies the texts they are given.
    """
    inherited = {
        name: value
        for name, value in variables.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV", "CONDA_")) and name not in UNSAFE
    }
    source = environment_of(executable) / SOURCE
    return inherited | {
        "PATH": os.pathsep.join([str(executable.parent), *filter(None, [variables.get("PATH")])]),
        "PYTHONUTF8": "1",
        **({"PYTHONPATH": str(source)} if source.is_dir() else {}),
        "CUDA_VISIBLE_DEVICES": variables.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0],
        **({"HF_DATASETS_CACHE": str(datasets_cache)} if datasets_cache else {}),
    }
