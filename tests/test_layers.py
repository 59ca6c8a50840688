"""The architecture, executable: what a package may import, and how large its parts may be.

The rule is one line a level. A package imports only from levels above its own. Modules are told
apart by path, and no list of modules is kept here.
"""

import ast
import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ontarget

ROOT = Path(ontarget.__file__).parent
REPOSITORY = ROOT.parents[1]

RULE = """
errors records artifacts processes cluster stats systems
languages programs
offtarget scoring models
data rewards
base_model training decoding
analysis
report memory_plan
hub
recipe
steps
pipeline
translation reproduction
serving judging ability
cli
""".strip().splitlines()
LEVEL = {name: number for number, line in enumerate(RULE) for name in line.split()}
CORE = RULE[0].split()
SEE_A_RECIPE = {
    "recipe", "steps", "pipeline", "translation", "reproduction", "judging", "ability", "cli",
}  # fmt: skip
LIGHT = ("torch", "transformers", "tokenizers", "sacrebleu", "fasttext", "pyarrow", "jinja2")
EQUATIONS = (  # open no file and print nothing
    "training/losses.py", "training/fused.py", "training/batches/packing.py",
    "data/conflicts/draws.py", "data/conflicts/drawing.py", "data/conflicts/own.py",
    "data/conflicts/labels.py", "offtarget/verdicts.py", "offtarget/ratio.py",
    "memory_plan/arithmetic.py", "stats.py",
)  # fmt: skip
EFFECTS = {
    "open", "print", "input", "mkdir", "read_text", "read_bytes", "write_text", "write_bytes",
}  # fmt: skip
MODULES_PER_PACKAGE, MODULES_IN_ROOT = 10, 8
LINES_PER_MODULE, LINES_PER_FUNCTION = 300, 40

FILES = sorted(ROOT.rglob("*.py"))
PACKAGES = sorted({path.parent for path in FILES} - {ROOT})
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
every_package = pytest.mark.parametrize(
    "folder", PACKAGES, ids=lambda path: str(path.relative_to(ROOT))
)


def package_of(path: Path) -> str:
    """The top-level package of a file, or its own name for a module of the core."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> Iterator[tuple[str, ...]]:
    """Dotted names below `ontarget` that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path}:{node.lineno}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            first, *rest = name.split(".")
            if first == "ontarget" and rest:
                yield tuple(rest)


def test_the_rule_names_every_package() -> None:
    print("\n".join(RULE))  # noqa: T201 - `pytest -s -k rule` shows it
    packages = {package_of(path) for path in FILES} - {"__init__", "__main__"}
    assert packages == set(LEVEL)


@every_file
def test_a_package_imports_only_from_levels_above_its_own(path: Path) -> None:
    own = package_of(path)
    if own in ("__init__", "__main__"):
        return
    for name in imported_modules(path):
        other = name[0]
        if other == own or other.startswith("__"):
            continue
        allowed = LEVEL[other] < LEVEL[own] or (own in CORE and other in CORE)
        assert allowed, f"{path.relative_to(ROOT)} must not import {'.'.join(name)}"


def module_file(name: tuple[str, ...]) -> Path | None:
    """The file that an imported dotted name means: a module, a package, or what defines it."""
    for end in range(len(name), 0, -1):
        place = ROOT.joinpath(*name[:end])
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path
    return None


def test_no_import_is_circular() -> None:
    graph = {
        p: {f for n in top_level_imports(p) if (f := module_file(n)) and f != p} for p in FILES
    }
    remaining = dict(graph)
    while remaining:
        leaves = [path for path, needs in remaining.items() if not needs & set(remaining)]
        assert leaves, f"circular: {[str(path.relative_to(ROOT)) for path in remaining]}"
        for path in leaves:
            del remaining[path]


def top_level_imports(path: Path) -> Iterator[tuple[str, ...]]:
    """Names below `ontarget` that are imported when a file is, without TYPE_CHECKING blocks."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                first, *rest = f"{node.module}.{alias.name}".split(".")
                if first == "ontarget" and rest:
                    yield tuple(rest)


@every_file
def test_only_steps_pipeline_and_commands_see_a_recipe(path: Path) -> None:
    if package_of(path) not in SEE_A_RECIPE:
        assert not [name for name in imported_modules(path) if name[0] == "recipe"]


@every_package
def test_a_package_has_an_index_and_at_most_ten_modules(folder: Path) -> None:
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert len(modules) <= MODULES_PER_PACKAGE
    parts = modules | {each.parent.name for each in folder.glob("*/__init__.py")}
    index = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    named = set(re.findall(r"^(\w+)/?  +\S", index, flags=re.MULTILINE))
    hidden = {"steps": set(), "cli/commands": set()}.get(str(folder.relative_to(ROOT)), set())
    assert named | hidden == parts, f"the index of {folder.name} names {named ^ parts} wrongly"


def test_the_root_has_at_most_eight_modules() -> None:
    assert len(list(ROOT.glob("*.py"))) <= MODULES_IN_ROOT


def test_steps_holds_the_numbered_files_and_nothing_else() -> None:
    names = {path.name for path in (ROOT / "steps").iterdir()} - {"__init__.py", "__pycache__"}
    assert all(re.fullmatch(r"s\d_\w+\.py", name) for name in names), names


def test_readme_and_package_docstring_show_the_same_tree() -> None:
    tree = [
        line for line in (inspect.getdoc(ontarget) or "").splitlines() if line.startswith("    ")
    ]
    tree = [line for line in tree if re.match(r"    (\w+/|errors)", line)]
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    shown = [
        line for line in readme.splitlines() if re.match(r"    (\w+/ {2,}|errors records)", line)
    ]
    assert shown == tree
    core, *packages = (re.split(r" {2,}", line.strip())[0] for line in tree)
    named = {*core.split(), *(name.removesuffix("/") for name in packages)}
    public = {path.stem for path in ROOT.glob("*.py")} - {"__init__", "__main__"}
    assert named == public | {path.name for path in PACKAGES if path.parent == ROOT}


@pytest.mark.parametrize("module", ["ontarget", "ontarget.cli.app", "ontarget.pipeline.checks"])
def test_heavy_libraries_are_not_loaded_at_start(module: str) -> None:
    program = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not set(LIGHT) & set(done.stdout.split())


@pytest.mark.parametrize("name", EQUATIONS)
def test_modules_of_equations_touch_no_file_and_print_nothing(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text())
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    names |= {call.attr for call in calls if isinstance(call, ast.Attribute)}
    assert not names & EFFECTS


@every_file
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LINES_PER_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0] if isinstance(node.body[0], ast.Expr) else node
            length = (node.end_lineno or 0) - node.lineno + 1
            options = (
                node.end_lineno and "a command's options" in text.splitlines()[node.lineno - 1]
            )
            assert length <= LINES_PER_FUNCTION or options, f"{path.stem}.{node.name}: {length}"
            assert first


def test_a_public_class_has_one_meaning_in_the_whole_package() -> None:
    names: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                names.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    repeated = {name: places for name, places in names.items() if len(places) > 1}
    assert not repeated


def test_the_loss_is_five_calls_from_the_command() -> None:
    """Each function on the way really calls the next one, by name, in its own body."""
    way = [
        ("cli/commands/recipe.py", "run_and_show", "run_recipe"),
        ("pipeline/run.py", "perform", "run"),
        ("steps/s4_unlikelihood.py", "run", "train"),
        ("training/trainer.py", "compute_loss", "model"),
        ("training/forward.py", "model_loss", "fused_loss"),
    ]
    for file, function, called in way:
        tree = ast.parse((ROOT / file).read_text())
        (body,) = (
            n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function
        )
        calls = [node.func for node in ast.walk(body) if isinstance(node, ast.Call)]
        names = {c.id if isinstance(c, ast.Name) else getattr(c, "attr", "") for c in calls}
        assert called in names, f"{file}: {function} does not call {called}"


def test_test_modules_do_not_import_each_other() -> None:
    for path in (REPOSITORY / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            module = getattr(node, "module", None) or ""
            assert not module.startswith("test_"), f"{path}: imports {module}"


def test_changelog_and_package_have_the_same_version() -> None:
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    (version, *_) = re.findall(r"^## \[([\d.]+)\]", changelog, flags=re.MULTILINE)
    assert version == ontarget.__version__


def test_modules_are_importable_one_by_one() -> None:
    for path in FILES:
        name = ".".join(("ontarget", *path.relative_to(ROOT).with_suffix("").parts))
        assert importlib.util.find_spec(name.removesuffix(".__init__")), name
