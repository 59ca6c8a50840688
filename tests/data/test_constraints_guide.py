"""The guide's section on conflicts beyond language, run as it is written."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import run_command

from ontarget.recipe.yaml_file import load_recipe

GUIDE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
SECTION = GUIDE.split("### Conflicts beyond language", 1)[1].split("\n## ", 1)[0]
COMMANDS = [line.split()[1:] for line in SECTION.splitlines() if line.startswith("    ontarget ")]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", SECTION, flags=re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the section's files, and what its commands make of them but the run."""
    monkeypatch.chdir(tmp_path)
    names = ("train.tsv", "terms.tsv", "formality.tsv")
    for name, text in zip(names, blocks("tsv"), strict=True):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (record,) = blocks("json")
    (tmp_path / "records.jsonl").write_text(json.dumps(json.loads(record)) + "\n")
    (recipe,) = blocks("yaml")
    (tmp_path / "constraints.yaml").write_text(recipe, encoding="utf-8")
    return tmp_path


def constrain_all() -> list[str]:
    """What the commands before the run print."""
    results = [run_command(*command) for command in COMMANDS if command[0] == "constrain"]
    assert [(result.code, result.stderr) for result in results] == [(0, "")] * 3
    return [result.stdout for result in results]


def run_snippet(folder: Path, text: str) -> str:
    (folder / "snippet.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "snippet.py"], cwd=folder, capture_output=True, text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_commands_print_what_it_says(folder: Path) -> None:
    _, terms, _ = constrain_all()
    assert f"    {terms}" in SECTION


def test_its_recipe_draws_conflicts_from_the_records(folder: Path) -> None:
    constrain_all()
    assert COMMANDS[-1] == ["run", "constraints.yaml"]
    for verb in ("prepare", "conflict"):
        result = run_command(verb, "constraints.yaml")
        assert (result.code, result.stderr) == (0, ""), result
    out = load_recipe(folder / "constraints.yaml").out
    counts = json.loads((folder / out / "1_prepare" / "step.json").read_text())["result"]
    assert counts["instructions"]["read"] == 10
    drawn = json.loads((folder / out / "2_conflict" / "step.json").read_text())["result"]
    assert drawn["from_lists"] == counts["instructions"]["with_conflicts"] > 0


def test_a_constraint_of_ones_own_makes_records(folder: Path) -> None:
    _, own = blocks("python")
    printed = run_snippet(folder, own)
    assert f"It prints `{printed.strip()}`." in SECTION
    lines = (folder / "length.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    asked = ["long", "short", "long", "short"]
    assert [record["instruction"].split()[-2] for record in records] == asked


@pytest.mark.slow
def test_its_run_ends_and_its_translations_are_measured(folder: Path) -> None:
    constrain_all()
    result = run_command(*COMMANDS[-1])
    assert result.code == 0, result
    measured, _ = blocks("python")
    assert 0 <= float(run_snippet(folder, measured)) <= 100
