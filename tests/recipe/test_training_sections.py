"""Defaults that depend on other settings of a stage."""

import pytest
from conftest import Writer
from pydantic import ValidationError

from ontarget.errors import RecipeError
from ontarget.recipe.training_sections import Mle, Unlikelihood
from ontarget.recipe.yaml_file import load_recipe


def test_stage_2_uses_own_answers_weighted_by_reach_unless_told_otherwise() -> None:
    section = Unlikelihood(steps=1)
    assert (section.conflicts, section.tokens, section.alpha) == ("own", "reach", 1.0)


def test_tokens_all_is_the_form_of_the_paper() -> None:
    section = Unlikelihood(steps=1, tokens="all")
    assert (section.conflicts, section.alpha) == ("references", 0.05)
    assert Unlikelihood(steps=1, tokens="all", alpha=0.3).alpha == 0.3


def test_with_two_languages_conflicts_are_references_unless_own_ones_are_requested(
    write_recipe: Writer,
) -> None:
    recipe = load_recipe(write_recipe(languages=["en", "it"]))
    assert recipe.unlikelihood is not None and recipe.unlikelihood.conflicts == "references"
    own = write_recipe(languages=["en", "it"], unlikelihood={"steps": 1, "conflicts": "own"})
    with pytest.raises(RecipeError, match="unlikelihood.conflicts: own needs 3 languages"):
        load_recipe(own)


def test_own_answers_are_always_weighted_by_reach() -> None:
    with pytest.raises(ValidationError, match="tokens: all is for conflicts: references"):
        Unlikelihood(steps=1, tokens="all", conflicts="own")


@pytest.mark.parametrize("stage", [Mle, Unlikelihood])
def test_an_adapter_has_a_learning_rate_of_its_own(stage: type[Mle | Unlikelihood]) -> None:
    adapted = stage.model_validate({"steps": 1, "adapter": {}})
    assert adapted.learning_rate == 3e-4
    assert stage(steps=1).learning_rate in (2e-5, 2e-6)
    slow = stage.model_validate({"steps": 1, "adapter": {}, "learning_rate": 1e-5})
    assert slow.learning_rate == 1e-5
