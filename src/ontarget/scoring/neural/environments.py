"""Where outside programs are found, and with what variables they run."""

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from ontarget.errors import ProgramError
from ontarget.scoring.neural.program import Program

SOURCE = "source"  # the folder, in its environment, of a program that cannot be installed


def find_executable(program: Program, variables: Mapping[str, str]) -> Path:
    """What `ONTARGET_<NAME>` names, else what is on PATH, else the environment in the cache.

    Raises:
        ProgramError: there is none; the message says how to make it.
    """
    variable = f"ONTARGET_{program.name.upper()}"
    folder = default_folder(program, variables)
    if named := variables.get(variable):
        candidates = [Path(named).expanduser()]
    else:
        on_path = program.executable != "python" and shutil.which(
            program.executable, path=variables.get("PATH")
        )
        candidates = [Path(each) for each in (on_path, folder) if each]
    for each in candidates:
        for path in (each, each / "bin" / program.executable):
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path.absolute()
    if named:
        raise ProgramError(
            f"{variable}={named}: neither {program.executable} nor an environment that has it in "
            "its bin; name one of them"
        )
    commands = " && ".join(each.format(folder=shlex.quote(str(folder))) for each in program.install)
    raise ProgramError(
        f"{program.title} is not installed; it needs an environment of its own: {commands}; or "
        f"name one that you have: export {variable}=/path/to/environment"
    )


def default_folder(program: Program, variables: Mapping[str, str]) -> Path:
    """The folder of its environment unless another is named."""
    cache = Path(variables.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():  # as the XDG specification has it
        cache = Path(variables.get("HOME") or Path.home()) / ".cache"
    return cache / "ontarget" / program.name


def environment_of(found: Path) -> Path:
    """The environment of an executable; a link in a folder of commands is followed."""
    if (found.parent.parent / "pyvenv.cfg").is_file():
        return found.parent.parent  # its python is a link out of it
    return found.resolve().parent.parent


def installed_version(program: Program, found: Path) -> str:
    """Its package's version or its source's commit, read from files; `unknown` without either."""
    where = [str(each) for each in environment_of(found).glob("lib/python*/site-packages")]
    told = (each.version for each in metadata.distributions(name=program.package, path=where))
    return (
        next(filter(None, told), None)
        or checked_out_commit(environment_of(found) / SOURCE / ".git")
        or "unknown"
    )


def checked_out_commit(repository: Path) -> str | None:
    """The first twelve digits of what is checked out; None where that is not told."""
    try:
        head = (repository / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref: "):
            head = (repository / head.removeprefix("ref: ")).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return head[:12] if re.fullmatch("[0-9a-f]{40,64}", head) else None


def process_environment(found: Path, ours: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """The variables of a program's process, without those of our own environment.

    Its batches of one segment are for one GPU (MetricX), and copies of the texts that its libraries
    keep (datasets) go into `scratch`.
    """
    kept = {
        name: value
        for name, value in ours.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV", "CONDA_"))
    }
    source = environment_of(found) / SOURCE
    return kept | {
        "PATH": os.pathsep.join([str(found.parent), *filter(None, [ours.get("PATH")])]),
        "PYTHONUTF8": "1",
        **({"PYTHONPATH": str(source)} if source.is_dir() else {}),
        "CUDA_VISIBLE_DEVICES": ours.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0],
        "HF_DATASETS_CACHE": str(scratch),
    }
