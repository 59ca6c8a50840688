"""The published figures: they are those of the paper, and its averages are means."""

import json
from pathlib import Path
from typing import Any

import pytest

from ontarget.reproduction import published
from ontarget.reproduction.published import content, published_table
from ontarget.reproduction.runs import TITLES

TABLES = [
    (name, model, row, measure)
    for name, models in content()["tables"].items()
    for model, rows in models.items()
    for row, measures in rows.items()
    for measure in measures
]
ROUNDING = 0.1  # of cells and averages with one decimal, and of two cells of LLaMA-3


@pytest.mark.parametrize(("name", "model", "row", "measure"), TABLES)
def test_an_average_is_the_mean_of_its_directions(
    name: str, model: str, row: str, measure: str
) -> None:
    cells: dict[str, Any] = dict(content()["tables"][name][model][row][measure])
    average = cells.pop("average")
    assert len(cells) == {"iwslt4": 6, "wmt3": 10}[name]
    assert average == pytest.approx(sum(cells.values()) / len(cells), abs=ROUNDING)
    assert all(0 <= value <= 100 for value in cells.values())


@pytest.mark.parametrize(
    ("name", "model", "otr", "bleu"),
    [  # of stage 2, as section "Experiments" of the paper gives them
        ("iwslt4", "meta-llama/Llama-2-7b-hf", 2.6, 14.7),
        ("iwslt4", "meta-llama/Meta-Llama-3-8B", 3.2, 15.9),
        ("wmt3", "meta-llama/Llama-2-7b-hf", 5.6, 24.3),
        ("wmt3", "meta-llama/Meta-Llama-3-8B", 1.5, 26.7),
    ],
)
def test_a_hub_id_finds_its_table(name: str, model: str, otr: float, bleu: float) -> None:
    table = published_table(name, model)
    assert (table.value("stage2", "otr"), table.value("stage2", "bleu")) == (otr, bleu)
    assert table.value("stage2", "otr", "xx-yy") is None and table.value("own", "otr") is None


def test_another_model_is_shown_beside_llama_2() -> None:
    assert published_table("wmt3", "google/gemma-3-270m").title == "LLaMA-2 7B"


def test_every_published_row_has_a_title() -> None:
    assert {row for _, _, row, _ in TABLES} <= set(TITLES)


def test_the_file_is_the_one_beside_the_module() -> None:
    path = Path(published.__file__).with_name("published.json")
    assert json.loads(path.read_text(encoding="utf-8")) == content()
