"""The recipes for model families: checked and planned with each family's real sizes and chat turns.

Weights are headers over a hole, so nothing is downloaded and nothing large is written.
"""

import json
import re
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from support.chats import chat_model
from support.commands import run_command
from transformers import AutoConfig, AutoModelForCausalLM

RECIPES = Path(__file__).parents[2] / "recipes"
CORPUS = {"train": 40, "dev": 4, "test": 4}  # rows


@dataclass(frozen=True)
class Family:
    """A model's published number of parameters, its sizes, and the family of its chat turns."""

    parameters: int
    chat: str
    model_type: str
    sizes: dict[str, Any]


def sizes(  # noqa: PLR0913 - a model's sizes belong together
    hidden: int, layers: int, heads: int, keys: int, inner: int, words: int
) -> dict[str, int]:
    """As config.json names them."""
    return {
        "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": keys, "intermediate_size": inner, "vocab_size": words,
    }  # fmt: skip


FAMILIES = {
    "llama-3.1-8b": Family(
        8_030_261_248, "llama-3", "llama", sizes(4096, 32, 32, 8, 14336, 128_256)
    ),
    "mistral-7b": Family(
        7_248_023_552, "mistral", "mistral", sizes(4096, 32, 32, 8, 14336, 32_768)
    ),
    "qwen-3-4b": Family(
        4_022_468_096, "qwen-3", "qwen3",
        sizes(2560, 36, 32, 8, 9728, 151_936) | {"head_dim": 128, "tie_word_embeddings": True},
    ),
    "phi-4-mini": Family(
        3_836_021_760, "phi", "phi3",
        sizes(3072, 32, 24, 8, 8192, 200_064) | {"tie_word_embeddings": True},
    ),
    "tower-plus-2b": Family(
        2_614_341_888, "gemma-3", "gemma2",
        sizes(2304, 26, 8, 4, 9216, 256_000) | {"head_dim": 256},
    ),
    "eurollm-1.7b": Family(
        1_656_850_432, "eurollm", "llama", sizes(2048, 24, 16, 8, 5632, 128_000)
    ),
    "gemma-3-1b": Family(
        999_885_952, "gemma-3", "gemma3_text",
        sizes(1152, 26, 4, 1, 6912, 262_144) | {"head_dim": 256},
    ),
}  # fmt: skip


def folder_of(path: Path, family: Family) -> Path:
    """The model's folder with all but the numbers of its weights."""
    chat_model(family.chat).tokenizer.save_pretrained(path)
    config = AutoConfig.for_model(
        family.model_type, max_position_embeddings=8192, pad_token_id=0, **family.sizes
    )
    config.save_pretrained(path)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    model.tie_weights()
    entries, end = {}, 0
    for name, weight in model.named_parameters():  # a tied head is not repeated
        start, end = end, end + 2 * prod(weight.shape)
        entries[name] = {"dtype": "BF16", "shape": [*weight.shape], "data_offsets": [start, end]}
    header = json.dumps(entries).encode()
    with (path / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + end)  # a hole, which takes no room on the disk
    return path


def overrides(folder: Path, family: Family) -> list[str]:
    """The model and a small corpus in place of the recipe's."""
    model = folder_of(folder / "model", family)
    for name, count in CORPUS.items():
        rows = [[f"{code} {name} {n}" for code in ("en", "it", "nl", "de")] for n in range(count)]
        lines = ["en\tit\tnl\tde", *("\t".join(row) for row in rows)]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    files = [f"corpus.{name}={folder / name}.tsv" for name in CORPUS]
    return [f"base.model={model}", f"out={folder / 'run'}", *files]


def test_every_recipe_for_a_family_is_tried() -> None:
    others = {"bible-iwslt4", "demo-baselines", "gemma-3-270m"}  # run for real: docs/results
    assert {path.stem for path in RECIPES.glob("*.yaml")} - others == set(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_recipe_is_ready_and_fits_as_its_first_lines_say(name: str, tmp_path: Path) -> None:
    family, recipe = FAMILIES[name], RECIPES / f"{name}.yaml"
    changed = overrides(tmp_path, family)
    checked = run_command("check", recipe, *changed)
    assert (checked.code, checked.stderr) == (0, "")
    assert checked.stdout.splitlines()[-1].endswith(": ready to run")
    planned = run_command("plan", recipe, *changed)
    assert (planned.code, planned.stderr) == (0, "")
    first, *lines, hours = planned.stdout.splitlines()
    assert first.startswith(f"parameters {family.parameters:,}; ")
    assert any(line.startswith("smallest: one: ") for line in lines)
    rows = [line.split() for line in lines if line.split()[0] in ("mle", "unlikelihood")]
    most = max(float(row[-1]) for row in rows)
    total = sum(map(float, re.findall(r" (\d[\d.e-]*)(?:,|$)", hours.split("length:")[1])))
    comment = " ".join(line.lstrip("# ") for line in recipe.read_text().splitlines()[:4])
    assert f"{most:.1f} GiB on one GPU" in comment
    assert f"at most {total:.2g} GPU hours" in comment
