"""Shapes of models on the Hub, against the numbers of parameters that their files have."""

from pathlib import Path

import pytest
import yaml
from conftest import Writer
from support.commands import run_command

from ontarget.memory_plan.known import KNOWN, known_model


@pytest.mark.parametrize(
    ("name", "parameters"),
    [  # as the Hub shows them beside the files
        ("meta-llama/Llama-2-7b-hf", 6_738_415_616),
        ("meta-llama/Llama-2-13b-hf", 13_015_864_320),
        ("meta-llama/Meta-Llama-3-8B", 8_030_261_248),
        ("haoranxu/ALMA-7B", 6_738_415_616),
        ("meta-llama/Llama-3.1-8B", 8_030_261_248),
        ("mistralai/Mistral-7B-v0.3", 7_248_023_552),
        ("utter-project/EuroLLM-1.7B-Instruct", 1_656_850_432),  # summed by hand
    ],
)
def test_a_known_model_has_as_many_parameters_as_its_files(name: str, parameters: int) -> None:
    model = known_model(name)
    assert model is not None and model.parameters == parameters


def test_another_model_is_not_known() -> None:
    assert known_model("org/model") is None
    assert len(KNOWN) == 7


def test_a_recipe_of_a_known_model_is_planned_before_the_model_is_here(
    write_recipe: Writer, tmp_path: Path
) -> None:
    path = write_recipe(base={"model": "meta-llama/Llama-2-7b-hf"})
    content = yaml.safe_load(path.read_text())
    content["mle"]["steps"] = 10
    path.write_text(yaml.safe_dump(content))
    result = run_command("plan", path)
    assert result.code == 0, result
    assert "parameters 6,738,415,616" in result.stdout
