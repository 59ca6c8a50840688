"""Programs that accept the options of lm_eval 0.4.13 and write a results file as it does."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from support.commands import Result, error_of, run_command

HARNESS = """\
import argparse, json, os, sys, time
from pathlib import Path

PROBE = Path({probe!r})
calls = len(list(PROBE.glob("call*.json")))
record = {{"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "pid": os.getpid(),
           "files": os.listdir()}}
(PROBE / f"call{{calls}}.json").write_text(json.dumps(record))
parser = argparse.ArgumentParser(allow_abbrev=False)
for name in ("model", "model_args", "tasks", "batch_size", "output_path", "limit", "num_fewshot",
             "include_path"):
    parser.add_argument("--" + name)
parser.add_argument("--apply_chat_template", nargs="?", const=True)
given = parser.parse_args()
print("Running loglikelihood requests: 100%", file=sys.stderr)

def write(content, name="results_2026-01-01T00-00-00.json"):
    folder = Path(given.output_path) / "__the__model"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))

{body}
"""
WORKS = """\
results, better, versions = {}, {}, {}
for task in given.tasks.split(","):
    results[task] = {"name": task, "alias": task, "sample_len": 10, "acc,none": 0.5 + calls / 10,
                     "acc_stderr,none": 0.125, "word_perplexity,none": 9.0 - calls,
                     "word_perplexity_stderr,none": "N/A"}
    better[task] = {"acc": True, "word_perplexity": False}
    versions[task] = 1.0
write({"results": results, "group_subtasks": {}, "versions": versions, "higher_is_better": better,
       "n-samples": {"a": {"original": 10, "effective": 10}}, "config": {"batch_size": "8"},
       "lm_eval_version": "0.4.13", "pretty_env_info": "a machine", "git_hash": "abc"})
"""


def install_harness(environment: Path, body: str = WORKS, version: str | None = None) -> Path:
    """A stand-in for lm_eval that records its calls in its environment's folder."""
    path = environment / "bin" / "lm_eval"
    path.parent.mkdir(parents=True, exist_ok=True)
    script = HARNESS.format(probe=str(environment), body=body)
    path.write_text(f"#!{sys.executable} -I\n{script}", encoding="utf-8")
    path.chmod(0o755)
    if version is not None:
        packages = environment / "lib" / "python3.11" / "site-packages"
        info = packages / f"lm_eval-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: lm_eval\nVersion: {version}\n"
        )
    return path


def call_of(environment: Path, number: int = 0) -> dict[str, Any]:
    """What the stand-in recorded of a call."""
    record: dict[str, Any] = json.loads((environment / f"call{number}.json").read_text())
    return record


def calls_of(environment: Path) -> int:
    """How often the stand-in was called."""
    return len(list(environment.glob("call*.json")))


def save_weights(folder: Path) -> Path:
    """A folder that passes for a model: settings, a tokenizer, weights as safetensors."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    save_file({"weight": np.zeros(2, np.float32)}, folder / "model.safetensors")
    return folder


def ability(tmp_path: Path, *arguments: str | Path) -> Result:
    """`ontarget ability`, which writes to `out/ability.json`."""
    return run_command("ability", *arguments, "--out", tmp_path / "out" / "ability.json")


def failure(tmp_path: Path, *arguments: str | Path) -> str:
    """The one line of the same with bad input."""
    return error_of("ability", *arguments, "--out", tmp_path / "out" / "ability.json")


def option(argv: list[str], name: str) -> str:
    """The value of an option."""
    return argv[argv.index(name) + 1]
