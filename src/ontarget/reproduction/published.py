"""The figures of the paper's tables, cell by cell."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

MODELS = {  # hub ids of the models that the tables are of
    "meta-llama/Llama-2-7b-hf": "llama2-7b",
    "meta-llama/Meta-Llama-3-8B": "llama3-8b",
}
BESIDE = "llama2-7b"  # any other model is shown beside this one
TITLES = {"llama2-7b": "LLaMA-2 7B", "llama3-8b": "LLaMA-3 8B"}
AVERAGE = "average"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One published table of one model."""

    title: str  # of the model
    cells: dict[str, dict[str, dict[str, float]]]  # row -> bleu or otr -> direction or average

    def value(self, row: str, measure: str, direction: str = AVERAGE) -> float | None:
        """A cell, 0-100; None where the table has none."""
        return self.cells.get(row, {}).get(measure, {}).get(direction)


@cache
def content() -> dict[str, Any]:
    """The file as it is."""
    text = files("ontarget.reproduction").joinpath("published.json").read_text(encoding="utf-8")
    figures: dict[str, Any] = json.loads(text, parse_int=float)
    return figures


def published_table(name: str, model: str) -> Published:
    """The table of one whose model is this one, or else that of `BESIDE`."""
    key = MODELS.get(model, BESIDE)
    return Published(title=TITLES[key], cells=content()["tables"][name][key])
