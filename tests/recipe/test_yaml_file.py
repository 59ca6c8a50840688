"""Recipes are read strictly, and no YAML makes reading slow or large."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import RECIPE

from ontarget.errors import RecipeError
from ontarget.recipe import yaml_file
from ontarget.recipe.yaml_file import load_recipe


def fault_of(folder: Path, content: bytes | str) -> str:
    """The error for a recipe with this content, checked to be one short line."""
    path = folder / "recipe.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RecipeError) as raised:
        load_recipe(path)
    message = str(raised.value)
    assert message.startswith(str(path)) and "\n" not in message
    assert len(message) < 1000
    return message


NOT_YAML = "not the YAML of a recipe"
FAULTS: list[tuple[bytes, str]] = [
    (b"name: [", rf"recipe.yaml:1: {NOT_YAML} \(.*\); mend that line"),
    (b"name: a\nout: b\nname: c\n", r"recipe.yaml:3: .*the key 'name' occurs twice"),
    (b"mle: {steps: 1, steps: 2}\n", r"recipe.yaml:1: .*the key 'steps' occurs twice"),
    (b"1: a\n1.0: b\n", r"recipe.yaml:2: .*the key 1.0 occurs twice"),
    (b"? [a, b]\n: c\n", r"recipe.yaml:1: .*a key must be a word"),
    (b"name: a\n? {a: b}\n: c\n", r"recipe.yaml:2: .*a key must be a word"),
    (b"name: caf\xe9\n", r"recipe.yaml: byte 9 is not UTF-8; save the recipe as UTF-8"),
    (b"- a\n", r"recipe.yaml: not a mapping; expected keys such as languages:"),
    (b"", r"recipe.yaml: not a mapping"),
    (b"a: !!python/object/apply:os.system [ls]\n", rf"recipe.yaml:1: {NOT_YAML}"),
    (b"seed: !!int abc\n", r"recipe.yaml: contains a value that YAML cannot read \(ValueError\)"),
    (b"a: " + b"[" * 3000, r"recipe.yaml"),
    (b"name: x\nmle: {<<: {steps: 9}}\n", rf":2: {NOT_YAML} \(<< is not supported: write"),
    (b"name: x\nout: a\0b\n", r": character 15 is '\\x00', not allowed in YAML; remove it"),
    (b'name: "\\ud800"\n', r"contains '\\ud800', half a surrogate pair; write the character"),
    (b"a: 1\n---\nb: 2\n", rf"recipe.yaml:2: {NOT_YAML}"),
]


@pytest.mark.parametrize(("content", "message"), FAULTS)
def test_what_is_not_the_yaml_of_a_recipe_is_named(
    tmp_path: Path, content: bytes, message: str
) -> None:
    assert re.search(message, fault_of(tmp_path, content))


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    message = "none.yaml: No such file or directory; give the path of one"
    with pytest.raises(RecipeError, match=message):
        load_recipe(tmp_path / "none.yaml")


def alias_bomb(levels: int = 9) -> str:
    """YAML of a few hundred bytes whose aliases, written out, are 10 ** `levels` values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join([*lines, ""])


def with_bomb(place: str) -> str:
    """A valid recipe but for an alias bomb as the value of `place`, a dotted key."""
    content: dict[str, Any] = yaml.safe_load(yaml.safe_dump(RECIPE))
    *sections, key = place.split(".")
    section = content
    for name in sections:
        section = section.setdefault(name, {})
    section[key] = "BOMB"
    return alias_bomb() + yaml.safe_dump(content).replace("BOMB", "*a8")


@pytest.mark.parametrize(
    "place",
    ["out", "base.model", "corpus.train", "evaluate.detector", "name", "seed", "languages",
     "unknown", "mle", "mle.adapter.targets", "control", "supervised", "report_to"],
)  # fmt: skip
def test_an_alias_bomb_is_one_line_at_once(tmp_path: Path, place: str) -> None:
    began = time.process_time()
    message = fault_of(tmp_path, with_bomb(place))
    assert "its aliases expand to too many values" in message
    assert time.process_time() - began < 1


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a {b: *a}\n", "&a [*a, *a]\n"])
def test_an_alias_of_itself_is_one_line(tmp_path: Path, text: str) -> None:
    assert "its aliases expand to too many values" in fault_of(tmp_path, text)


def test_a_small_alias_is_allowed(tmp_path: Path) -> None:
    stage = "{steps: 3, batch: 4, micro_batch: 2, adapter: "
    text = yaml.safe_dump({**RECIPE, "mle": "MLE", "unlikelihood": "UNLIKELIHOOD", "out": "run"})
    text = text.replace("UNLIKELIHOOD", f"{stage}*adapter}}")
    path = tmp_path / "recipe.yaml"
    path.write_text(text.replace("MLE", f"{stage}&adapter {{rank: 4}}}}"))
    recipe = load_recipe(path)
    assert recipe.mle is not None and recipe.unlikelihood is not None
    assert recipe.mle.adapter == recipe.unlikelihood.adapter is not None


def test_keys_are_compared_in_linear_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    class Counted(str):
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)  # type: ignore[arg-type]

    scalar = yaml_file.StrictLoader.construct_scalar
    monkeypatch.setattr(
        yaml_file.StrictLoader, "construct_scalar", lambda self, node: Counted(scalar(self, node))
    )
    keys = 10_000
    content = yaml_file.parse("".join(f"key{number}: x\n" for number in range(keys)))
    assert len(content) == keys
    assert compared < 10 * keys


def test_ten_thousand_unknown_keys_are_one_line(tmp_path: Path) -> None:
    message = fault_of(tmp_path, "".join(f"key{number}: x\n" for number in range(10_000)))
    assert re.search(r"\(and \d+ more\)$", message)
