"""Recipes: what they mean, and each fault as one line with its place and remedy."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from conftest import Writer

from ontarget.errors import RecipeError
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Direction


def test_directions_default_to_the_pivot_and_the_rest(write_recipe: Writer) -> None:
    recipe = load_recipe(write_recipe())
    assert {str(each) for each in recipe.supervised_directions} == {
        "en-it",
        "it-en",
        "en-nl",
        "nl-en",
    }
    assert {str(each) for each in recipe.zero_shot_directions} == {"it-nl", "nl-it"}


def test_listed_directions_are_taken(write_recipe: Writer) -> None:
    recipe = load_recipe(write_recipe(supervised=["en<->it"], zero_shot=["it-nl"]))
    assert recipe.supervised_directions == (Direction("en", "it"), Direction("it", "en"))
    assert recipe.zero_shot_directions == (Direction("it", "nl"),)


def test_unlisted_directions_are_zero_shot(write_recipe: Writer) -> None:
    recipe = load_recipe(write_recipe(supervised=["en<->it"]))
    assert {str(each) for each in recipe.zero_shot_directions} == {
        "en-nl",
        "nl-en",
        "it-nl",
        "nl-it",
    }


def test_defaults_are_the_papers(write_recipe: Writer) -> None:
    recipe = load_recipe(
        write_recipe(mle={"epochs": 3}, unlikelihood={"steps": 100}, translate=None)
    )
    assert recipe.mle is not None and recipe.unlikelihood is not None
    first, second = recipe.mle, recipe.unlikelihood
    assert (first.learning_rate, first.batch, first.schedule, first.warmup) == (
        2e-5,
        128,
        "cosine",
        0.03,
    )
    assert (second.learning_rate, second.batch, second.alpha) == (2e-6, 8, 0.05)
    assert (first.weight_decay, first.max_tokens, recipe.translate.beams) == (0.0, 512, 4)


def test_changes_replace_top_level_keys(write_recipe: Writer) -> None:
    assert load_recipe(write_recipe(), {"seed": 7}).seed == 7


@pytest.mark.parametrize("name", ["demo.yaml"])
def test_packaged_recipes_load(name: str) -> None:
    assert load_recipe(Path(str(files("ontarget") / "recipes" / name))).languages


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[2].glob("recipes/*.yaml")), ids=str)
def test_recipes_of_the_repository_load(path: Path) -> None:
    assert load_recipe(path).languages


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"languges": ["en"]}, r"languges: unknown key; did you mean languages\?"),
    ({"seed": True}, r"seed: is true \(YAML reads yes and on so too\); write the value it is to"),
    ({"mle": False}, r"mle: is false \(YAML reads no and off so too\); write the value it is to"),
    (
        {"unlikelihood": {"steps": 1, "aplha": 1}},
        r"unlikelihood.aplha: unknown key; did you mean alpha\?",
    ),
    ({"report": {"zzz": 1}}, r"report.zzz: unknown key; known are segments"),
    ({"name": None}, r"name: is missing; add it"),
    ({"languages": ["en", "xx"]}, r"CLDR knows no language 'xx'; give a code such as it"),
    ({"languages": ["en"]}, r"languages: en: give at least two, each once"),
    ({"languages": ["en", "it", "it"]}, r"languages: en, it, it: give at least two, each once"),
    ({"languages": ["en", False]}, r"YAML reads no as false; write 'no' in quotes"),
    (
        {"supervised": ["en<->it"], "zero_shot": ["it-en"]},
        r"zero_shot: it-en is listed as supervised too; keep it in one list",
    ),
    (
        {"supervised": ["en-fr"]},
        r"supervised: 'en-fr' is no direction between the languages en, it",
    ),
    ({"zero_shot": ["it-nl", "it-nl"]}, r"zero_shot: it-nl is listed twice"),
    (
        {"template": "Translate {input}"},
        r"template: has the fields input; expected .* or use one of",
    ),
    ({"mle": {"steps": 1, "epochs": 1}}, r"mle: needs either steps or epochs, has both; keep one"),
    (
        {"mle": {"steps": 1, "adapter": {"targets": ["all-linear", "lm_head"]}}},
        r"mle.adapter.targets: all-linear stands for all; name it alone, or name each layer",
    ),
    (
        {"mle": {"steps": 1, "optimizer": "muon", "weight_decay": 0.1}},
        r"mle: weight_decay is not for optimizer muon; leave it out, or use adamw",
    ),
    ({"mle": {}}, r"mle: needs either steps or epochs, has neither"),
    ({"seed": 2**32}, r"seed: found '4294967296'; input should be less than 4294967296"),
    ({"mle": {"steps": 10**23}}, r"mle.steps: found '1000.*'; input should be less than or equal"),
    ({"name": "a\x1b[2J"}, r"name: 'a\\x1b\[2J' has a control character; leave it out"),
    ({"languages": "en"}, r"languages: found 'en'; input should be a list"),
    ({"mle": {"steps": 0}}, r"mle.steps: found '0'; input should be greater than 0"),
    (
        {"mle": {"steps": 5, "learning_rate": float("1e-3") * -1}},
        r"mle.learning_rate: found '-0.001'",
    ),
    (
        {"mle": {"steps": 5, "batch": 12, "micro_batch": 8}},
        r"batch 12 is no multiple of micro_batch 8",
    ),
    (
        {"mle": {"steps": 5, "schedule": "sine"}},
        r"mle.schedule: found 'sine'; input should be 'cosine'",
    ),
    ({"base": {}}, r"base: needs either model .* or scratch"),
    ({"base": {"model": "a/b", "scratch": {"steps": 1}}}, r"base: needs either model"),
    ({"corpus": {}}, r"corpus: name files for train, dev and test, or the section phrasebook"),
    ({"corpus": {"phrasebook": {}, "train": "a.tsv"}}, r"has both files and phrasebook; keep one"),
    (
        {"corpus": {"train": ["a/x.tsv", "b/x.tsv"], "dev": "d.tsv", "test": "t.tsv"}},
        r"corpus: two files of train are named x.tsv; rename one",
    ),
    (
        {"base": {"scratch": {"steps": 1, "mix": {"headed": 0.6, "labelled": 0.6}}}},
        r"base.scratch.mix: headed and labelled are shares of the same documents; lower one",
    ),
    (
        {"corpus": {"train": "a.tsv", "dev": "b.tsv", "test": "b.tsv"}},
        r"corpus: b.tsv is a file of dev and of test; what is tuned on one part must be tested",
    ),
    (
        {"base": {"scratch": {"steps": 1, "hidden": 100, "heads": 8}}},
        r"hidden 100 is no multiple of twice heads \(8\); make it one, such as 96",
    ),
    ({"supervised": []}, r"supervised: lists no direction; list one, or leave the key out"),
    (
        {
            "supervised": ["en-it"],
            "unlikelihood": {"steps": 1, "draw": "any_other_instruction"},
        },
        r"any_other_instruction has no other with one supervised direction; use wrong_target",
    ),
    ({"control": True, "unlikelihood": None}, r"control: compares with stage 2; add the section"),
    ({"seed": -1, "name": 3}, r"name: found '3'; input should be a valid string \(and 1 more\)"),
]


@pytest.mark.parametrize(
    ("changes", "message"), FAULTS, ids=[message[:30] for _, message in FAULTS]
)
def test_a_fault_is_one_line(write_recipe: Writer, changes: dict[str, Any], message: str) -> None:
    path = write_recipe(**changes)
    with pytest.raises(RecipeError, match=message) as raised:
        load_recipe(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: [", r"recipe.yaml:1: is not the YAML of a recipe \(.*\); mend that line"),
        (b"name: a\nout: b\nname: c\n", r"recipe.yaml:3: .*the key 'name' occurs twice"),
        (b"mle: {steps: 1, steps: 2}\n", r"recipe.yaml:1: .*the key 'steps' occurs twice"),
        (b"name: caf\xe9\n", r"recipe.yaml: byte 9 is not UTF-8; save the recipe as UTF-8"),
        (b"- a\n", r"recipe.yaml: holds no mapping; expected keys such as languages:"),
        (b"", r"recipe.yaml: holds no mapping"),
        (
            b"a: !!python/object/apply:os.system [ls]\n",
            r"recipe.yaml:1: is not the YAML of a recipe",
        ),
        (b"? [a, b]\n: c\n", r"recipe.yaml"),
        (b"seed: !!int abc\n", r"recipe.yaml: holds a value that YAML cannot read \(ValueError\)"),
        (b"a: " + b"[" * 3000, r"recipe.yaml"),
    ],
)
def test_what_is_no_yaml_of_a_recipe_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=message) as raised:
        load_recipe(path)
    assert "\n" not in str(raised.value)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match="none.yaml: No such file or directory; give the path of one"
    ):
        load_recipe(tmp_path / "none.yaml")


def test_a_value_that_would_fill_the_memory_is_shown_by_its_beginning(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    path = tmp_path / "recipe.yaml"
    path.write_text("\n".join([*levels, "name: *a11"]))
    with pytest.raises(RecipeError) as raised:
        load_recipe(path)
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"out": ""}, "out: is '', no name of a file or folder; give one"),
        ({"out": "a\0b"}, r"out: is 'a\x00b', no name of a file or folder; give one"),
        ({"out": "x" * 300}, "out: has 300 characters, more than a path can have; give another"),
        ({"base": {"model": "x" * 5000}}, "base.model: has 5000 characters, more than a path can"),
        ({"base": {"model": ""}}, "base.model: is '', no name of a file or folder; give one"),
        ({"evaluate": {"detector": "a\0"}}, r"evaluate.detector: is 'a\x00', no name of a file"),
        ({"control": 1}, "control: is '1'; write true or false"),
        ({"seed": 16**5000}, "seed: found a number of 20001 bits; input should be less than"),
        ({"mle": {"steps": 1, "warmup": 1.0}}, "mle.warmup: found '1.0'; input should be less tha"),
        (
            {"mle": {"steps": 1, "adapter": {"targets": []}}},
            "mle.adapter.targets: found []; tuple should have at least 1 item",
        ),
    ],
)
def test_what_no_run_could_use_is_refused(
    changes: dict[str, Any], text: str, write_recipe: Writer
) -> None:
    with pytest.raises(RecipeError, match=re.escape(text)):
        load_recipe(write_recipe(), changes)


def test_a_file_has_one_part_however_it_is_spelled(write_recipe: Writer, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    files = {"train": "t.tsv", "dev": f"{tmp_path}/d.tsv", "test": f"{tmp_path}/c/../d.tsv"}
    with pytest.raises(RecipeError, match=r"d\.tsv is a file of dev and of test; what is tuned on"):
        load_recipe(write_recipe(corpus=files))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name: x\nmle: {<<: {steps: 9}}\n", ":2: is not the YAML of a recipe (<< is not taken:"),
        ("name: x\nout: a\0b\n", ": character 15 is '\\x00', which YAML cannot hold; remove it"),
    ],
)
def test_what_yaml_cannot_hold_is_named(text: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=re.escape(fault)):
        load_recipe(path)
