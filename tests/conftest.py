"""One hypothesis profile for every test, and what several tests start from."""

import fcntl
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from beartype import BeartypeConf
from beartype.claw import beartype_package
from hypothesis import settings

if TYPE_CHECKING:
    from support.runs import FinishedRun

# Types in signatures are checked in every call: by beartype, in modules with shapes by jaxtyping
# (pyproject.toml). Not checked are modules that import names of types under TYPE_CHECKING, servers,
# which ask whether an application is a coroutine function, and the actor of Ray, which cannot take
# the `__sizeof__` that beartype gives a class.
UNCHECKED = (
    "ontarget.cli", "ontarget.data.conflicts.interface", "ontarget.data.interface",
    "ontarget.decoding.backends", "ontarget.decoding.cluster", "ontarget.offtarget.detection",
    "ontarget.serving",
)  # fmt: skip
beartype_package(
    "ontarget",
    conf=BeartypeConf(claw_is_pep526=False, claw_skip_package_names=UNCHECKED),
)
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # tests in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # tests under nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# Without caches of bytecode, each of the Python processes that tests start compiles ontarget anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for name in ("TQDM_DISABLE", "HF_HUB_DISABLE_PROGRESS_BARS"):  # read when libraries are imported
    os.environ[name] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core a pytest-xdist worker

settings.register_profile("repeatable", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("repeatable")

RECIPE: dict[str, Any] = {
    "name": "tiny",
    "languages": ["en", "it", "nl"],
    "corpus": {"phrasebook": {"train": 40, "glossary": 20, "dev": 4, "test": 4}},
    "base": {
        "scratch": {"steps": 4, "batch": 8, "micro_batch": 4, "hidden": 32, "feed_forward": 64}
    },
    "template": "plain",
    "mle": {"steps": 4, "batch": 8, "micro_batch": 4, "learning_rate": 1e-3},
    "unlikelihood": {"steps": 3, "batch": 4, "micro_batch": 2, "preflight": 2},
    "control": True,
    "translate": {"beams": 1, "max_new_tokens": 8},
    "report": {"segments": 2},
}

Writer = Callable[..., Path]


def pytest_sessionstart() -> None:
    """No garbage collection while tests are collected: most of what imports make stays."""
    gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Exempt what imports made from garbage collection, each of which takes half a second with it.

    Depends on `pytest_sessionstart`.
    """
    gc.freeze()
    gc.enable()


@pytest.fixture
def write_recipe(tmp_path: Path) -> Writer:
    """Writes a small recipe with some of its top-level keys replaced (None: left out)."""

    def write(**changes: Any) -> Path:
        content = {**RECIPE, "out": str(tmp_path / "run"), **changes}
        path = tmp_path / "recipe.yaml"
        content = {key: value for key, value in content.items() if value is not None}
        path.write_text(yaml.safe_dump(json.loads(json.dumps(content))), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> "FinishedRun":
    """`RECIPE`, run to its end once for the whole test session, and read by any number of tests.

    Never change it: tests that need to call `finished_run.copy_to(tmp_path)` first, which is cheap,
    and work on the copy (its recipe names the copied folder as `out`, and all steps are up to
    date). The workers of pytest-xdist share one run: the first one makes it, the others wait.
    """
    from support.commands import run_command  # pytest-xdist's main process needs neither of them
    from support.runs import FinishedRun

    root = tmp_path_factory.getbasetemp()
    root = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "finished_run"
    root.mkdir(exist_ok=True)
    recipe, out, output = root / "recipe.yaml", root / "run", root / "stdout.txt"
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed
        if not output.exists():  # the marker of a complete run: written last
            recipe.write_text(yaml.safe_dump({**RECIPE, "out": str(out)}), encoding="utf-8")
            result = run_command("run", "--debug", recipe)
            assert (result.code, result.stderr) == (0, ""), result
            output.write_text(result.stdout, encoding="utf-8")
    return FinishedRun(recipe, out, output.read_text(encoding="utf-8"))
