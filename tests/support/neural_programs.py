"""Stand-ins for COMET, MetricX and BLEURT: scripts that score a segment by its length.

They accept the options and write the files of the real ones (comet/cli/score.py of unbabel-comet
2.2.7, metricx24/predict.py, bleurt/score_files.py), and record their calls.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ontarget.scoring.neural import PROGRAMS, running

SCRIPT = """\
import argparse, json, os, sys, time
from pathlib import Path

PROBE = Path({probe!r})
calls = len(list(PROBE.glob("call*.json")))
record = {{"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "pid": os.getpid()}}
(PROBE / f"call{{calls}}.json").write_text(json.dumps(record))

def lines(name):
    return [line.strip() for line in open(name, encoding="utf-8").readlines()]

{body}
"""
COMET = """\
parser = argparse.ArgumentParser(allow_abbrev=False)
for name in ("--sources", "--translations", "--references", "--model", "--to_json"):
    parser.add_argument(name)
parser.add_argument("--only_system", action="store_true")
given = parser.parse_args()
print("Predicting DataLoader 0: 100%", file=sys.stderr)
rows = {"src": lines(given.sources), "mt": lines(given.translations)}
if given.references:
    rows["ref"] = lines(given.references)
segments = [dict(zip(rows, each)) for each in zip(*rows.values())]
for each in segments:
    each["COMET"] = len(each["mt"]) / 100
Path(given.to_json).write_text(json.dumps({given.translations: segments}, indent=4))
"""
METRICX = """\
given = dict(zip(sys.argv[3::2], sys.argv[4::2]))
rows = [json.loads(line) for line in open("segments.jsonl")]
with open("scores", "w") as out:
    for row in rows:
        out.write(json.dumps({**row, "prediction": 25 - len(row["hypothesis"]) / 10}) + "\\n")
"""
BLEURT = """\
names = dict(each.lstrip("-").split("=", 1) for each in sys.argv[3:])
scores = [f"{len(line) / 200}\\n" for line in lines(names["candidate_file"])]
Path(names["scores_file"]).write_text("".join(scores))
"""
BODIES = {"comet": COMET, "metricx": METRICX, "bleurt": BLEURT}


def isolate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No programs or environments of this machine."""
    for name in PROGRAMS:
        monkeypatch.delenv(f"ONTARGET_{name.upper()}", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def install(environment: Path, name: str, body: str) -> Path:
    """A program that records its calls in its environment's folder."""
    path = environment / "bin" / PROGRAMS[name].executable
    path.parent.mkdir(parents=True, exist_ok=True)
    script = SCRIPT.format(probe=str(environment), body=body)
    path.write_text(f"#!{sys.executable} -I\n{script}", encoding="utf-8")
    path.chmod(0o755)
    return path


def cached(tmp_path: Path, name: str, body: str | None = None) -> Path:
    """The default environment with a program, by default one that works."""
    environment = tmp_path / "cache" / "ontarget" / name
    install(environment, name, BODIES[name] if body is None else body)
    return environment


def call(environment: Path, number: int = 0) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((environment / f"call{number}.json").read_text())
    return record


def find_comet() -> running.NeuralScorer:
    return running.find_scorer(PROGRAMS["comet"], None, frozenset({"sources", "references"}))
