"""Settings of the command line replace those of the file, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import RECIPE, Writer
from hypothesis import given
from hypothesis import strategies as st
from support.commands import error_of, run_command

from ontarget.errors import RecipeError
from ontarget.recipe.overrides import Override, apply_overrides
from ontarget.recipe.yaml_file import load_recipe

words = st.sampled_from("abc")
trees = st.recursive(
    st.integers(0, 3) | st.none(), lambda inner: st.dictionaries(words, inner), max_leaves=6
)


@given(st.dictionaries(words, trees), st.lists(words, min_size=1, max_size=3), st.integers(9, 12))
def test_one_leaf_changes_and_all_others_stay(
    content: dict[str, Any], keys: list[str], value: int
) -> None:
    """Leaves by path, before and after; a section that was absent or null is added."""

    def leaves(tree: Any, place: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
        if not isinstance(tree, dict):
            return {place: tree}
        return {k: v for key in tree for k, v in leaves(tree[key], (*place, key)).items()}

    before, path = leaves(content), tuple(keys)
    blocked = any(before.get(path[:n]) is not None for n in range(1, len(path)))
    override = Override("a=1", path, value)
    if blocked:
        with pytest.raises(RecipeError, match="is a value, which has no keys"):
            apply_overrides(content, [override])
        return
    after = leaves(apply_overrides(content, [override]))
    assert after[path] == value
    outside = [p for p in before if p[: len(path)] != path and path[: len(p)] != p]
    assert {p: after[p] for p in after if p != path} == {p: before[p] for p in outside}
    assert leaves(content) == before


def test_an_override_reads_as_the_same_value_in_the_file(write_recipe: Writer) -> None:
    arguments = {
        "seed": "2", "unlikelihood.alpha": "0.1", "out": "runs/b", "unlikelihood.adapter.rank": "3",
        "evaluate.detector": "paper", "zero_shot": "[it-nl]", "mle": "null", "control": "false",
        "unlikelihood.learning_rate": "1e-4", "template": "'{target}: {input}'",
    }  # fmt: skip
    content: dict[str, Any] = yaml.safe_load(write_recipe().read_text())
    for name, text in arguments.items():
        *sections, key = name.split(".")
        section = content
        for part in sections:
            section = section.setdefault(part, {})
        section[key] = yaml.safe_load(text)
    path = write_recipe()
    given = load_recipe(path, arguments=[f"{name}={text}" for name, text in arguments.items()])
    path.write_text(yaml.safe_dump(content))
    assert given == load_recipe(path) and given.seed == 2


FAULTS = {
    "unlikelihood.aplha=0.1": "unlikelihood.aplha: unknown key; did you mean alpha?",
    "unlikelihod.alpha=0.1": "unlikelihod: unknown key; did you mean unlikelihood?",
    "sede=1": "sede: unknown key; did you mean seed?",
    "seed=x": "seed: found 'x'; ",
    "seed": "expected KEY=VALUE, such as seed=2 or unlikelihood.alpha=0.1",
    "=2": "expected KEY=VALUE",
    "mle..steps=2": "expected KEY=VALUE",
    "seed.a=1": "seed: found {'a': 1}; ",
    "name.a=1": "name is a value, which has no keys; replace all of it, as in name=...",
    "languages.0=de": "languages is a list, which has no keys; replace all of it, as in languages=",
    "mle.epochs=1": "mle: needs either steps or epochs, has both; keep one",
    "seed=[": "the value is not YAML; put it in quotes",
    "template=a: b: c": "the value is not YAML; put it in quotes",
    "seed=yes": "seed: is true (YAML also reads yes and on so); write the intended value",
}


@pytest.mark.parametrize("argument", FAULTS)
def test_a_fault_names_the_argument(argument: str, write_recipe: Writer) -> None:
    error = error_of("check", write_recipe(), "control=false", argument)
    assert error.startswith(f"ontarget: {argument}: {FAULTS[argument]}"), error


def test_a_fault_of_the_file_names_the_file(write_recipe: Writer) -> None:
    path = write_recipe(mle=RECIPE["mle"] | {"stepz": 1})
    assert error_of("check", path, "seed=2").startswith(f"ontarget: {path}: mle.stepz: unknown key")


def test_each_command_of_a_recipe_takes_overrides(write_recipe: Writer, tmp_path: Path) -> None:
    path = write_recipe()
    assert "languages en it\n" in run_command("check", path, "languages=[en, it]").stdout
    plan = run_command("plan", path, "mle=null", "name=a b").stdout
    assert f"smallest: one: ontarget run {path} mle=null 'name=a b'" in plan
    assert "mle" not in run_command("status", path, "mle=null").stdout
    for verb in ("prepare", "conflict"):
        out = tmp_path / verb
        assert run_command(verb, path, f"out={out}", "seed=3").code == 0
        assert (out / "1_prepare/step.json").exists()
    for verb in ("run", "evaluate", "translate"):
        assert "sede=1: sede: unknown key" in error_of(verb, path, "sede=1")
    assert "sede=1: sede: unknown key" in error_of("push", path, "me/tiny", "sede=1")


@pytest.mark.parametrize(
    ("arguments", "blamed"),
    [
        (("mle.steps=6", "unlikelihood.steps=6", "unlikelihood.conflicts=own"), "conflicts=own: "),
        (("unlikelihood.steps=6", "unlikelihood.alpha=0"), "alpha=0: "),
        (("unlikelihood.steps=6", "unlikelihood.steps=x"), "steps=x: "),
        (("unlikelihood.batch=2", "unlikelihood={alpha: 0, steps: 1}"), "{alpha: 0, steps: 1}: "),
    ],
)
def test_a_fault_of_a_section_names_the_argument_that_it_is_about(
    write_recipe: Writer, arguments: tuple[str, ...], blamed: str
) -> None:
    path = write_recipe(unlikelihood={"steps": 2, "tokens": "all"})
    error = error_of("check", path, *arguments)
    assert error.startswith("ontarget: unlikelihood") and blamed in error


def test_a_fault_that_no_argument_is_about_names_the_recipe(write_recipe: Writer) -> None:
    path = write_recipe(unlikelihood={"steps": 2, "tokens": "all", "conflicts": "own"})
    assert error_of("check", path, "unlikelihood.steps=6").startswith(f"ontarget: {path}: ")
