"""The architecture, executable: a module imports only from rows of LAYERS above its own."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import ontarget

ROOT = Path(ontarget.__file__).parent

LAYERS = [
    {"records", "languages", "errors"},  # nouns: plain data
    {"prompts", "conflicts", "documents", "directions", "losses", "intervals", "preflight",
     "validation", "shapes", "scripts", "program"},  # pure
    {"batches", "scores", "tables", "charts", "muon", "planning", "verdicts",
     "comet", "metricx", "bleurt"},  # on top of those
    {"qe", "acceptance", "passrates", "tally", "systems", "recorded"},
    {"evaluated", "comparison", "segments", "calibration"},
    {"compared", "significance", "figures", "calibrated"},
    {"versus", "shares"},
    {"lines", "artifacts", "identify", "processes", "trackers",
     "environments"},  # the outside world
    {"tsv", "jsonl", "weights", "scratch", "phrasebook", "checkpoints", "sharding", "hub",
     "detectors", "running"},
    {"parquet", "models", "compiled"},
    {"callbacks", "heads", "adapters", "metric", "measures"},
    {"corpora", "asking", "hf", "memory", "report", "evaluation"},
    {"trainer", "calibrating"},
    {"tuning", "cards", "usage"},
    {"diagnosis"},
    {"sections"},  # stand above all that works, so none of it can take a setting
    {"recipe"},
    {"recipe_files"},
    {"inputs"},
    {"training", "units"},
    {"s0_base", "s1_prepare", "s2_conflict", "s3_mle", "s4_unlikelihood", "s4_control",
     "s5_translate", "s6_evaluate", "s7_report", "diagnose",
     "merge", "push", "compare"},  # steps never import one another
    {"checks", "pipeline", "forecast"},
    {"console"},
    {"beside", "measuring"},
    {"__main__"},
]  # fmt: skip
PURE = set().union(*LAYERS[:7])
HEAVY = {"torch", "transformers", "tokenizers", "sacrebleu", "fasttext", "pyarrow", "jinja2"}
MAY_BE_HEAVY = {
    "losses", "batches", "muon", "scores", "models", "callbacks", "heads", "memory", "adapters",
    "trainer", "tuning", "hf", "diagnosis", "report", "sharding", "cards", "systems", "compiled",
    "comparison", "measures", "scratch",
}  # fmt: skip
LINES_PER_MODULE, LINES_PER_FUNCTION = 300, 40

MODULES = sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py")
PACKAGES = sorted(path for path in ROOT.rglob("__init__.py") if path.parent != ROOT)
modules = pytest.mark.parametrize("path", MODULES + PACKAGES, ids=lambda path: name_of(path))


def name_of(path: Path) -> str:
    return path.parent.name if path.name == "__init__.py" else path.stem


def layer(name: str) -> int:
    found = [depth for depth, names in enumerate(LAYERS) if name in names]
    assert found, f"{name}.py is in no layer: give it one in LAYERS, or fold it into a module"
    return found[0]


def imports(nodes: Iterable[ast.AST]) -> set[str]:
    """Dotted names: `from a.b import c` gives a.b and a.b.c; relative imports are refused."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"line {node.lineno}: relative import"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@modules
def test_imports_come_from_rows_above(path: Path) -> None:
    if name_of(path) in ("steps", "decoding"):
        assert path.read_text().count("\n") <= 1, "a package of steps or decoders exports nothing"
        return
    everywhere = imports(ast.walk(ast.parse(path.read_text())))
    ours = {name.split(".")[-1] for name in everywhere if name.split(".")[0] == ROOT.name}
    here_name = name_of(path)
    here = layer(here_name)
    for name in (ours & {name_of(each) for each in MODULES + PACKAGES}) - {
        "steps",
        "decoding",
        here_name,
    }:
        assert layer(name) < here, f"{name_of(path)} must not import {name}"


@modules
def test_heavy_libraries_load_only_where_they_are_needed(path: Path) -> None:
    heavy = {name.split(".")[0] for name in imports(ast.parse(path.read_text()).body)} & HEAVY
    assert not heavy or name_of(path) in MAY_BE_HEAVY, f"{path.stem} loads {sorted(heavy)}"


@modules
def test_pure_rows_touch_no_file_and_print_nothing(path: Path) -> None:
    if name_of(path) in PURE:
        calls = [
            node.func
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
        ]
        named = {call.id for call in calls if isinstance(call, ast.Name)}
        methods = {call.attr for call in calls if isinstance(call, ast.Attribute)}
        assert not (named | methods) & {
            "open", "print", "input", "mkdir",
            "read_text", "read_bytes", "write_text", "write_bytes",
        }  # fmt: skip


@modules
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LINES_PER_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= LINES_PER_FUNCTION, f"{path.stem}.{node.name} has {length} lines"


def test_the_loss_is_five_hops_from_the_command() -> None:
    hops = [
        ("__main__", "pipeline"),
        ("pipeline", "steps"),
        ("s4_unlikelihood", "tuning"),
        ("tuning", "heads"),
        ("heads", "losses"),
    ]
    for name, imported in hops:
        (path,) = (each for each in MODULES if each.stem == name)
        reached = imports(ast.walk(ast.parse(path.read_text())))
        assert any(imported in each.split(".") for each in reached), f"{name}: no {imported}"


def test_changelog_and_package_have_the_same_version() -> None:
    changelog = (ROOT.parent.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    (version, *_) = re.findall(r"^## \[([\d.]+)\]", changelog, flags=re.MULTILINE)
    assert version == ontarget.__version__
