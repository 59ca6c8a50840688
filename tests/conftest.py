"""One hypothesis profile for every test, and what several tests start from."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

settings.register_profile("repeatable", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("repeatable")

RECIPE: dict[str, Any] = {
    "name": "tiny",
    "languages": ["en", "it", "nl"],
    "corpus": {"phrasebook": {"train": 40, "glossary": 20, "dev": 4, "test": 4}},
    "base": {
        "scratch": {"steps": 4, "batch": 8, "micro_batch": 4, "hidden": 32, "feed_forward": 64}
    },
    "template": "plain",
    "mle": {"steps": 4, "batch": 8, "micro_batch": 4, "learning_rate": 1e-3},
    "unlikelihood": {"steps": 3, "batch": 4, "micro_batch": 2, "preflight": 2},
    "control": True,
    "translate": {"beams": 1, "max_new_tokens": 8},
    "report": {"segments": 2},
}

Writer = Callable[..., Path]


@pytest.fixture
def write_recipe(tmp_path: Path) -> Writer:
    """Writes a small recipe with some of its top-level keys replaced (None: left out)."""

    def write(**changes: Any) -> Path:
        content = {**RECIPE, "out": str(tmp_path / "run"), **changes}
        path = tmp_path / "recipe.yaml"
        content = {key: value for key, value in content.items() if value is not None}
        path.write_text(yaml.safe_dump(json.loads(json.dumps(content))), encoding="utf-8")
        return path

    return write
