"""What a recipe means, and its faults: each is one line with its place and remedy."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Writer

from ontarget.artifacts import fingerprint
from ontarget.errors import RecipeError
from ontarget.recipe.recipe import strictly_zero_shot
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Direction

PAPERS_DRAW = {"steps": 1, "conflicts": "references", "draw": "any_other_instruction"}
FILES = {"train": "a.tsv", "dev": "b.tsv", "test": "c.tsv"}


def codes(directions: tuple[Direction, ...]) -> set[str]:
    return {str(direction) for direction in directions}


def test_directions_default_to_those_with_the_pivot_and_all_others(write_recipe: Writer) -> None:
    recipe = load_recipe(write_recipe())
    assert codes(recipe.supervised_directions) == {"en-it", "it-en", "en-nl", "nl-en"}
    assert codes(recipe.zero_shot_directions) == {"it-nl", "nl-it"}


def test_listed_directions_replace_the_default_ones(write_recipe: Writer) -> None:
    recipe = load_recipe(write_recipe(supervised=["en<->it"], zero_shot=["it-nl"]))
    assert recipe.supervised_directions == (Direction("en", "it"), Direction("it", "en"))
    assert recipe.zero_shot_directions == (Direction("it", "nl"),)


def test_directions_that_are_not_supervised_are_zero_shot(write_recipe: Writer) -> None:
    recipe = load_recipe(write_recipe(supervised=["en<->it"]))
    assert codes(recipe.zero_shot_directions) == {"en-nl", "nl-en", "it-nl", "nl-it"}


def test_the_prompt_format_holds_the_content_of_the_chat_template(
    write_recipe: Writer, tmp_path: Path
) -> None:
    file = tmp_path / "chat.jinja"
    path = write_recipe(
        base={"model": "org/name"}, template="tower", system="Be brief.", chat_template=str(file)
    )
    formats = []
    for text in ("{{ messages }}", "{{ messages[0] }}"):
        file.write_text(text)
        formats.append(load_recipe(path).prompt_format)
        assert formats[-1].chat and formats[-1].system == "Be brief."
        assert formats[-1].chat_template == text
    assert fingerprint(formats[0]) != fingerprint(formats[1])


@pytest.mark.parametrize(
    ("content", "fault"),
    [(None, "no such file"), (b"\xff", "codec can't decode"), (b" ", "is empty")],
)
def test_a_chat_template_that_cannot_be_read_is_one_line(
    content: bytes | None, fault: str, write_recipe: Writer, tmp_path: Path
) -> None:
    file = tmp_path / "chat.jinja"
    if content is not None:
        file.write_bytes(content)
    path = write_recipe(base={"model": "org/name"}, template="tower", chat_template=str(file))
    with pytest.raises(RecipeError, match=f"chat_template: {file}: .*{fault}.*; give a Jinja file"):
        _ = load_recipe(path).prompt_format


def test_defaults_are_the_settings_of_the_paper(write_recipe: Writer) -> None:
    path = write_recipe(
        mle={"epochs": 3}, unlikelihood={"steps": 100, "tokens": "all"}, translate=None
    )
    recipe = load_recipe(path)
    mle, unlikelihood = recipe.mle, recipe.unlikelihood
    assert mle is not None and unlikelihood is not None
    assert (mle.learning_rate, mle.batch, mle.schedule, mle.warmup) == (2e-5, 128, "cosine", 0.03)
    assert (unlikelihood.learning_rate, unlikelihood.batch, unlikelihood.alpha) == (2e-6, 8, 0.05)
    assert (mle.weight_decay, mle.max_tokens, recipe.translate.beams) == (0.0, 512, 4)


def test_changes_replace_top_level_keys(write_recipe: Writer) -> None:
    assert load_recipe(write_recipe(), {"seed": 7}).seed == 7


@pytest.mark.parametrize("name", ["demo.yaml"])
def test_packaged_recipes_load(name: str) -> None:
    assert load_recipe(Path(str(files("ontarget") / "recipes" / name))).languages


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[2].glob("recipes/*.yaml")), ids=str)
def test_recipes_of_the_repository_load(path: Path) -> None:
    assert load_recipe(path).languages


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"languges": ["en"]}, "languges: unknown key; did you mean languages?"),
    (
        {"seed": True},
        "seed: is true (YAML also reads yes and on so); write the intended value",
    ),
    (
        {"mle": False},
        "mle: is false (YAML also reads no and off so); write the intended value",
    ),
    (
        {"unlikelihood": {"steps": 1, "aplha": 1}},
        "unlikelihood.aplha: unknown key; did you mean alpha?",
    ),
    ({"report": {"zzz": 1}}, "report.zzz: unknown key; known keys: segments"),
    ({"name": None}, "name: is missing; add it"),
    (
        {"languages": ["en", "xx"]},
        "CLDR knows no language 'xx'; give a code such as it",
    ),
    ({"languages": ["Italian", "en"]}, "CLDR knows no language 'Italian'; did you mean it?"),
    ({"languages": ["en"]}, "languages: en: give at least two, each once"),
    ({"languages": ["en", "it", "it"]}, "languages: en, it, it: give at least two, each once"),
    ({"languages": ["en", False]}, "YAML reads no as false; write 'no' in quotes"),
    (
        {"unlikelihood": {"steps": 2, "preflight": 1}},
        "unlikelihood.preflight: is 1; a diagnosis compares sentences, so give 2 or more, or 0",
    ),
    ({"codes": {"it": False}}, "YAML reads no as false; write 'no' in quotes"),
    (
        {"supervised": ["en<->it"], "zero_shot": ["it-en"]},
        "zero_shot: it-en is listed as supervised too; keep it in one list",
    ),
    (
        {"supervised": ["en-fr"]},
        "supervised: 'en-fr' is no direction between the languages en, it",
    ),
    ({"zero_shot": ["it-nl", "it-nl"]}, "zero_shot: it-nl is listed twice"),
    ({"template": "Translate {input}"}, "template: has the fields input; expected "),
    ({"template": "tower", "chat": False}, "chat: the template tower is a turn of a chat; leave"),
    ({"template": "tower"}, "chat: a model made from scratch has no chat template; leave it out"),
    ({"system": "Be brief."}, "system: the model is not prompted as a chat; add chat: true"),
    ({"chat_template": "x.jinja"}, "chat_template: the model is not prompted as a chat; add chat"),
    ({"chat": 1}, "chat: is '1'; write true or false"),
    ({"codes": {"it": "it_IT"}}, "codes: the template has neither {source_code} nor {target_code}"),
    (
        {"template": "<{target_code}> {input}", "codes": {"fi": "fi_FI"}},
        "codes: 'fi' is not among the recipe's languages; add it there or leave it out",
    ),
    (
        {"template": "<{target_code}> {input}", "codes": {"it": "nl"}},
        "codes: 'nl' is that of two languages; give each language its own",
    ),
    (
        {"template": "<{target_code}> {input}", "codes": {"it": " "}},
        "codes.it: ' ' is empty or has a control character; give a code such as it_IT",
    ),
    (
        {"template": "<{target_code}> {input}", "codes": {"it": "it\n"}},
        r"codes.it: 'it\n' is empty or has a control character",
    ),
    (
        {"template": {"default": "plain", "fi": "{target} {input}"}},
        "template: 'fi' is not among the",
    ),
    (
        {"template": {"it": "{target} {input}"}},
        "template: has no default; add the one for all other",
    ),
    ({"wordings": ["{target}"]}, "wordings: has the fields target; expected input once"),
    ({"mle": {"steps": 1, "epochs": 1}}, "mle: needs either steps or epochs, has both; keep one"),
    ({"mle": {}}, "mle: needs either steps or epochs, has neither"),
    (
        {"mle": {"steps": 1, "adapter": {"targets": ["all-linear", "lm_head"]}}},
        "mle.adapter.targets: all-linear means all layers; name it alone, or name each layer",
    ),
    (
        {"mle": {"steps": 1, "adapter": {"targets": []}}},
        "mle.adapter.targets: found []; tuple should have at least 1 item",
    ),
    (
        {"mle": {"steps": 1, "optimizer": "muon", "weight_decay": 0.1}},
        "mle: weight_decay is not for optimizer muon; leave it out, or use adamw",
    ),
    ({"seed": 2**32}, "seed: found '4294967296'; input should be less than 4294967296"),
    ({"mle": {"steps": 10**23}}, "mle.steps: found '1000"),
    ({"name": "a\x1b[2J"}, r"name: 'a\x1b[2J' has a control character; leave it out"),
    ({"languages": "en"}, "languages: found 'en'; input should be a list"),
    ({"control": 1}, "control: is '1'; write true or false"),
    ({"mle": {"steps": 0}}, "mle.steps: found '0'; input should be greater than 0"),
    ({"mle": {"steps": 5, "learning_rate": -0.001}}, "mle.learning_rate: found '-0.001'"),
    ({"mle": {"steps": 1, "warmup": 1.0}}, "mle.warmup: found '1.0'; input should be less tha"),
    (
        {"mle": {"steps": 5, "batch": 12, "micro_batch": 8}},
        "batch 12 is no multiple of micro_batch 8",
    ),
    (
        {"mle": {"steps": 5, "schedule": "sine"}},
        "mle.schedule: found 'sine'; input should be 'cosine'",
    ),
    ({"base": {}}, "base: needs either model (a folder or hub id) or scratch"),
    ({"base": {"model": "a/b", "scratch": {"steps": 1}}}, "base: needs either model"),
    ({"corpus": {}}, "corpus: name files for train, dev and test, or the section phrasebook"),
    ({"corpus": {"phrasebook": {}, "train": "a.tsv"}}, "has both files and phrasebook; keep one"),
    (
        {"corpus": {"train": ["a/x.tsv", "b/x.tsv"], "dev": "d.tsv", "test": "t.tsv"}},
        "corpus: two files of train are named x.tsv; rename one",
    ),
    (
        {"base": {"scratch": {"steps": 1, "mix": {"headed": 0.6, "labelled": 0.6}}}},
        "base.scratch.mix: headed and labelled are shares of the same documents; lower one",
    ),
    (
        {"corpus": {"train": "a.tsv", "dev": "b.tsv", "test": "b.tsv"}},
        "corpus: b.tsv is a file of dev and of test; each file has one purpose",
    ),
    (
        {"base": {"scratch": {"steps": 1, "hidden": 100, "heads": 8}}},
        "hidden 100 is no multiple of twice heads (8); make it one, such as 96",
    ),
    ({"supervised": []}, "supervised: lists no direction; list one, or leave the key out"),
    (
        {"supervised": ["en-it"], "unlikelihood": PAPERS_DRAW},
        "any_other_instruction has no other with one supervised direction; use wrong_target",
    ),
    ({"control": True, "unlikelihood": None}, "control: compares with stage 2; add the section"),
    ({"seed": -1, "name": 3}, "name: found '3'; input should be a valid string (and 1 more)"),
    ({"out": ""}, "out: is '', not the name of a file or folder; give one"),
    ({"out": "a\0b"}, r"out: is 'a\x00b', not the name of a file or folder; give one"),
    ({"out": "x" * 300}, "out: has 300 characters, more than a path can have; give another"),
    ({"base": {"model": "x" * 5000}}, "base.model: has 5000 characters, more than a path can"),
    (
        {"corpus": FILES | {"monolingual": {"xx": "x.txt"}}},
        "corpus.monolingual: 'xx' is not among the recipe's languages; add it there or leave",
    ),
    (
        {
            "corpus": FILES | {"monolingual": {"it": "x.txt"}},
            "unlikelihood": {"steps": 1, "conflicts": "references"},
        },
        "corpus.monolingual: only unlikelihood.conflicts: own reads it; set that or leave the text",
    ),
    (
        {"corpus": FILES | {"monolingual": {"it": "b.tsv"}}},
        "corpus: b.tsv is a file of dev and of monolingual.it; each file has one purpose",
    ),
    (
        {"corpus": FILES | {"monolingual": {"it": ["a/x.txt", "b/x.txt"]}}},
        "corpus: two files of monolingual.it are named x.txt; rename one",
    ),
    ({"corpus": FILES | {"monolingual": {"it": []}}}, "monolingual.it names no file; name one, or"),
    ({"base": {"model": ""}}, "base.model: is '', not the name of a file or folder; give one"),
    ({"evaluate": {"detector": "a\0"}}, r"evaluate.detector: is 'a\x00', not the name of a file"),
]


@pytest.mark.parametrize(
    ("changes", "message"), FAULTS, ids=[message[:30] for _, message in FAULTS]
)
def test_a_fault_is_one_line(write_recipe: Writer, changes: dict[str, Any], message: str) -> None:
    path = write_recipe(**changes)
    with pytest.raises(RecipeError, match=re.escape(message)) as raised:
        load_recipe(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)


def test_norwegian_as_a_key_must_be_in_quotes(write_recipe: Writer) -> None:
    path = write_recipe()
    text = yaml.safe_dump(yaml.safe_load(path.read_text(encoding="utf-8")), sort_keys=False)
    path.write_text(text + "codes: {no: nb_NO}\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="YAML reads no as false; write 'no' in quotes"):
        load_recipe(path)


def test_a_number_too_long_to_print_is_described(write_recipe: Writer) -> None:
    message = "seed: found a number of 20001 bits; input should be less than"
    with pytest.raises(RecipeError, match=message):
        load_recipe(write_recipe(), {"seed": 16**5000})


def test_a_file_belongs_to_one_split_whatever_its_spelling(
    write_recipe: Writer, tmp_path: Path
) -> None:
    (tmp_path / "c").mkdir()
    splits = {"train": "t.tsv", "dev": f"{tmp_path}/d.tsv", "test": f"{tmp_path}/c/../d.tsv"}
    with pytest.raises(RecipeError, match=r"d\.tsv is a file of dev and of test; each file"):
        load_recipe(write_recipe(corpus=splits))


def test_strict_changes_what_step_0_reads_and_nothing_else(write_recipe: Writer) -> None:
    recipe = load_recipe(write_recipe())
    strict = strictly_zero_shot(recipe, None)
    assert recipe.base.scratch is not None and strict.base.scratch is not None
    scratch = recipe.base.scratch.model_dump() | {"steps": 2 * (recipe.base.scratch.steps or 0)}
    assert strict.base.scratch.model_dump() == scratch | {
        "mix": scratch["mix"] | {"pairs": "pivot"}
    }
    assert strict.name == "tiny (strict)"
    assert strict.out == recipe.out.with_name("run-strict")
    assert strictly_zero_shot(recipe, Path("mine")).out == Path("mine")
    changed = {"name", "base", "out"}
    assert recipe.model_dump(exclude=changed) == strict.model_dump(exclude=changed)
    with pytest.raises(RecipeError, match="base.scratch: is missing; strict changes what step 0"):
        strictly_zero_shot(load_recipe(write_recipe(base={"model": "org/name"})), None)
