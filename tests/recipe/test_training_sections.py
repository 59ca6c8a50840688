"""Defaults that depend on other settings of a stage."""

from pathlib import Path
from typing import Any

import pytest
from conftest import Writer
from pydantic import ValidationError

from ontarget.errors import RecipeError
from ontarget.recipe.sections.training import Mle, Unlikelihood, Validation
from ontarget.recipe.step_settings import ConflictSettings, ControlSettings, UnlikelihoodSettings
from ontarget.recipe.yaml_file import load_recipe


def test_stage_2_uses_own_answers_weighted_by_reach_unless_told_otherwise() -> None:
    section = Unlikelihood(steps=1)
    assert (section.conflicts, section.tokens, section.alpha) == ("own", "reach", 1.0)


def test_tokens_all_is_the_form_of_the_paper() -> None:
    section = Unlikelihood(steps=1, tokens="all")
    assert (section.conflicts, section.alpha) == ("references", 0.05)
    assert section.draw == "any_other_instruction"
    other = Unlikelihood(steps=1, tokens="all", alpha=0.3, draw="wrong_target")
    assert (other.alpha, other.draw) == (0.3, "wrong_target")


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


def test_feedback_needs_a_validation_to_follow() -> None:
    with pytest.raises(ValidationError, match=r"feedback needs a validation: \{every: 10\}; add"):
        Unlikelihood(steps=1, alpha_schedule="feedback")
    Unlikelihood(steps=1, alpha_schedule="feedback", validation=Validation(every=10))


IN_SCRIPTS = {"languages": ["en", "zh-Hans", "zh-Hant"]}


@pytest.mark.parametrize(
    ("section", "changes", "error"),
    [
        ({"draw": "to_pivot"}, {}, "unlikelihood: draw: to_pivot is for conflicts: references; add "
         "that, or leave draw out"),
        ({"draw": "hardest", "conflicts": "own"}, {}, "draw: hardest is for conflicts: references"),
        ({"per_sample": 2}, {}, "unlikelihood: per_sample: 2 is for conflicts: references; add that"
         ", or leave per_sample out"),
        ({"draw": "confused", "conflicts": "references"}, {}, "draw: confused needs confusions, the"
         " folder of an evaluated run or its scores.jsonl; add it"),
        ({"confusions": "x", "conflicts": "references"}, {}, "confusions: only draw: confused reads"
         " it; set that or leave it out"),
        ({"draw": "hardest", "conflicts": "references", "per_sample": 4}, {}, "per_sample: 4 of 4 "
         "candidates leave nothing to choose; raise candidates or lower per_sample"),
        ({"draw": "hardest", "conflicts": "references", "per_sample": 2}, {}, "unlikelihood.draw: "
         "hardest has nothing to choose, since en, it, nl leave as many other languages"),
        ({"conflicts": "references", "per_sample": 3}, {}, "unlikelihood.per_sample: 3 conflicts of"
         " a sample request as many other languages, and en, it, nl leave 2; lower it"),
        ({"conflicts": "references", "draw": "any_other_instruction", "per_sample": 4}, {},
         "unlikelihood.per_sample: 4 conflicts of a sample have as many other instructions, and "
         "training has 3; lower it"),
        ({"conflicts": "references", "draw": "script_variant"}, {}, "unlikelihood.draw: "
         "script_variant finds no language in two scripts among en, it, nl; add one such as"),
        ({"conflicts": "references", "draw": "close_language"}, IN_SCRIPTS, "unlikelihood.draw: "
         "close_language finds no two close languages among en, zh-Hans, zh-Hant; add one"),
    ],
)  # fmt: skip
def test_draws_that_do_not_fit_the_recipe_are_refused_in_one_line(
    write_recipe: Writer, section: dict[str, Any], changes: dict[str, Any], error: str
) -> None:
    recipe = write_recipe(unlikelihood={"steps": 1} | section, **changes)
    with pytest.raises(RecipeError) as raised:
        load_recipe(recipe)
    assert error in str(raised.value) and "\n" not in str(raised.value)


def test_a_run_cannot_follow_its_own_confusions(write_recipe: Writer, tmp_path: Path) -> None:
    scores = str(tmp_path / "run" / "6_evaluate" / "scores.jsonl")
    section = {"conflicts": "references", "draw": "confused", "confusions": scores}
    with pytest.raises(RecipeError, match="lies in out, which this run changes"):
        load_recipe(write_recipe(unlikelihood={"steps": 1} | section))


def test_confusions_are_a_run_folder_or_its_scores(tmp_path: Path) -> None:
    def scores(path: Path) -> Path | None:
        return Unlikelihood(
            steps=1, conflicts="references", draw="confused", confusions=path
        ).scores

    file = tmp_path / "6_evaluate" / "scores.jsonl"
    assert scores(tmp_path) == file
    assert scores(file) == file
    assert Unlikelihood(steps=1).scores is None


def test_a_training_that_keeps_its_last_checkpoint_does_not_stop_early() -> None:
    with pytest.raises(ValidationError, match="stop: true keeps the best checkpoint; leave"):
        Mle(steps=9, validation=Validation(every=3, stop=True, keep="last"))


def test_draws_that_fit_the_recipe_are_accepted(write_recipe: Writer) -> None:
    for draw, changes in (
        ("to_pivot", {}), ("to_source", {}), ("close_language", {}), ("hardest", {}),
        ("script_variant", IN_SCRIPTS),
    ):  # fmt: skip
        section = {"steps": 1, "conflicts": "references", "draw": draw}
        recipe = load_recipe(write_recipe(unlikelihood=section, **changes))
        assert recipe.unlikelihood is not None and recipe.unlikelihood.draw == draw


def test_the_control_sees_as_many_sequences_as_stage_2(write_recipe: Writer) -> None:
    section = {"steps": 1, "conflicts": "references", "per_sample": 2}
    recipe = load_recipe(write_recipe(unlikelihood=section))
    assert ControlSettings.of(recipe).sequences == 3
    assert ControlSettings.of(load_recipe(write_recipe())).sequences == 2


def test_step_2_draws_as_many_candidates_of_the_hardest_as_there_are(write_recipe: Writer) -> None:
    section = {"steps": 1, "conflicts": "references", "draw": "hardest"}
    settings = ConflictSettings.of(load_recipe(write_recipe(unlikelihood=section)))
    assert settings.per_sample == 2  # other languages; candidates: 4
    languages = ["en", "it", "nl", "ro", "cs", "de"]
    recipe = load_recipe(write_recipe(unlikelihood=section, languages=languages))
    assert ConflictSettings.of(recipe).per_sample == 4
    assert UnlikelihoodSettings.of(recipe).drawn == 4
