"""The runs of a table: recipes as published, and rows from the right models."""

from pathlib import Path

import pytest

from ontarget.data.directions import parse_directions
from ontarget.decoding.ways.settings import Contrastive, FewShot
from ontarget.errors import RecipeError
from ontarget.models.prompting import fill_template
from ontarget.models.templates import TEMPLATES
from ontarget.records import Sample
from ontarget.reproduction.planning import plan_runs
from ontarget.reproduction.runs import ALMA, TITLES, Choices, PlannedRun, Reproduction
from ontarget.reproduction.settings import SCALES, TABLES, merge, read_paper_table

OUT = Path("runs/again")
PUBLISHED_ROWS = {"base", "mt", "post-ins", "ptl", "1-shot", "5-shot", "contrastive", "stage2"}


def planned(name: str = "iwslt4", scale: str = "full", **changes: object) -> Reproduction:
    return plan_runs(read_paper_table(name), Choices(scale=scale, out=OUT, **changes))  # type: ignore[arg-type]


def run_of(reproduction: Reproduction, name: str) -> PlannedRun:
    return next(run for run in reproduction.runs if run.name == name)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("scale", SCALES)
def test_every_table_and_scale_fills_each_published_row_once(name: str, scale: str) -> None:
    reproduction = planned(name, scale)
    rows = [row for run in reproduction.runs for row in run.rows]
    assert len(rows) == len(set(rows))
    assert set(rows) >= PUBLISHED_ROWS
    for run in reproduction.runs:
        made = {system.name for system in run.recipe.translated}
        assert set(run.rows.values()) <= made, run.name


def test_the_full_scale_has_the_published_settings() -> None:
    """arXiv 2403.14399, section 4; one process a GPU, eight of them, make micro-batches of one."""
    recipe = planned().main.recipe
    mle, unlikelihood = recipe.mle, recipe.unlikelihood
    assert mle is not None and unlikelihood is not None
    assert recipe.template == "alpaca"
    assert (mle.learning_rate, mle.batch, mle.epochs) == (2e-5, 128, 3)
    assert (unlikelihood.learning_rate, unlikelihood.batch, unlikelihood.steps) == (2e-6, 8, 100)
    assert (unlikelihood.alpha, unlikelihood.tokens) == (0.05, "all")
    assert (unlikelihood.conflicts, unlikelihood.draw) == ("references", "any_other_instruction")
    for stage in (mle, unlikelihood):
        assert (stage.schedule, stage.warmup, stage.weight_decay) == ("cosine", 0.03, 0.0)
        assert (stage.optimizer, stage.precision, stage.max_tokens) == ("adamw", "bfloat16", 512)
        assert stage.adapter is None
    assert (recipe.translate.beams, recipe.translate.max_new_tokens) == (4, 512)
    assert unlikelihood.validation is not None
    assert (unlikelihood.validation.every, unlikelihood.validation.keep) == (20, "last")
    wmt = planned("wmt3").main.recipe
    assert wmt.mle is not None and wmt.mle.epochs == 1


def test_the_directions_are_the_published_ones() -> None:
    recipe = planned("wmt3").main.recipe
    expected = "en-cs cs-en en-ja ja-en en-ru ru-en en-uk uk-en de-fr fr-de".split()
    assert set(recipe.zero_shot_directions) == set(parse_directions(expected, recipe.languages))
    assert len(recipe.supervised_directions) == 4
    assert len(planned().main.recipe.zero_shot_directions) == 6


def test_the_alphas_and_sizes_are_the_published_ones() -> None:
    reproduction = planned()
    alphas = {run.value for run in reproduction.runs if run.part == "alpha"}
    tenths = {n / 100 for n in range(1, 11)} | {0.3, 0.5, 0.7, 0.9, 1.0}
    assert alphas == tenths - {0.05}  # which is that of the table
    sizes = [run.value for run in reproduction.runs if run.part == "data"]
    assert sizes == [12_000, 24_000, 48_000, 96_000]


def test_few_shot_and_contrastive_rows_have_the_published_weights() -> None:
    translate = planned().main.recipe.translate
    assert translate.ways_to_try(("1-shot",)) == ((FewShot(1),),)
    assert translate.ways_to_try(("5-shot",)) == ((FewShot(5),),)
    assert translate.ways_to_try(("contrastive",)) == ((Contrastive(language=0.1, source=0.7),),)


def test_rows_of_stage_2_start_from_the_same_stage_1() -> None:
    reproduction = planned()
    stage1 = str(OUT / "main" / "3_mle" / "model")
    for name in ("ptl", "own", "wrong-target", "synthetic", "alpha-0.3"):
        recipe = run_of(reproduction, name).recipe
        assert (recipe.base.model, recipe.mle) == (stage1, None)
    post_ins = run_of(reproduction, "post-ins").recipe
    assert post_ins.base.model == "meta-llama/Llama-2-7b-hf"
    assert post_ins.mle is not None and post_ins.unlikelihood is None
    assert post_ins.template == "post-instruction"
    alma = run_of(reproduction, "alma").recipe
    assert (alma.base.model, alma.template, alma.mle) == (ALMA, "alma", None)


def test_half_of_the_samples_of_one_row_are_synthetic_pairs_if_the_directions_give_any() -> None:
    section = run_of(planned(), "synthetic").recipe.unlikelihood
    paper = run_of(planned(), "main").recipe.unlikelihood
    assert section is not None and paper is not None
    assert section.model_copy(update={"synthetic": 0.0}) == paper and section.synthetic == 0.5
    two = planned(languages=("en", "it"))
    assert "synthetic" not in [run.name for run in two.runs]


def test_at_the_tiny_scale_other_runs_take_the_base_model_of_the_first() -> None:
    reproduction = planned(scale="tiny")
    assert reproduction.main.recipe.base.scratch is not None
    assert run_of(reproduction, "post-ins").recipe.base.model == str(OUT / "main/0_base/model")


def test_ptl_asks_in_the_target_language_in_the_form_of_training() -> None:
    form = run_of(planned(), "ptl").recipe.prompt_format
    sample = Sample(
        key="k", source_lang="nl", asked_lang="it", target_lang="it", source="Dag", target=""
    )
    text = fill_template(sample, form)
    sentence = (
        "Traduci il testo seguente. Lingua di partenza: olandese. Lingua di arrivo: italiano."
    )
    before, after = TEMPLATES["alpaca"].split(
        "Translate the following sentences from {source} to {target}."
    )
    assert text == before + sentence + after.replace("{input}", "Dag")


def test_other_languages_replace_the_directions_too() -> None:
    recipe = planned("wmt3", "small", languages=("en", "it", "nl")).main.recipe
    assert recipe.languages == ("en", "it", "nl")
    assert len(recipe.supervised_directions) == 4 and len(recipe.zero_shot_directions) == 2


def test_instructions_are_mixed_in_both_arrangements(tmp_path: Path) -> None:
    path = tmp_path / "alpaca.json"
    path.write_text("[]")
    reproduction = planned(instructions=path)
    both, first = (
        run_of(reproduction, name).recipe.corpus.mix.instructions
        for name in ("instructions", "instructions-first")
    )
    assert both is not None and first is not None
    assert (both.stages, first.stages) == ("both", 1)


def test_instructions_alone_train_stage_1_only_and_stand_before_both(tmp_path: Path) -> None:
    """What is compared in general ability: instructions alone, translations alone, both."""
    reproduction = planned(instructions=tmp_path / "alpaca.json", parts=("instructions",))
    run = run_of(reproduction, "instructions-only")
    recipe, main = run.recipe, reproduction.main.recipe
    mixed = recipe.corpus.mix.instructions
    assert mixed is not None and (mixed.only, mixed.ratio) == (True, None)
    assert (recipe.mle, recipe.unlikelihood) == (main.mle, None)
    assert (recipe.base, recipe.template) == (main.base, main.template)
    assert [recipe.corpus.files(s) for s in ("dev", "test")] == [
        main.corpus.files(s) for s in ("dev", "test")
    ]
    rows = [row for one in reproduction.runs for row in one.rows if one.part == "instructions"]
    assert rows == [
        "instructions-only", "instructions-mt", "instructions-stage2", "instructions-first-stage2",
    ]  # fmt: skip
    assert rows == [row for row in TITLES if row in rows]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": "huge"}, "--scale: there is no 'huge'; use one of full, small, tiny"),
        ({"parts": ("tables",)}, "--parts: there is no 'tables'; use some of table, own, alpha"),
        ({"parts": ("instructions",)}, "--parts: instructions needs --instructions, a file"),
        ({"scale": "small", "parts": ("alma",)}, "--parts: alma is for --scale full"),
        ({"scale": "small", "parts": ("data",)}, "--parts: data is no part of iwslt4 at small"),
        (
            {"languages": ("en-GB-it",)},
            "--languages: 'en-GB-it' is a single code; write two or more with commas between, the "
            "pivot first, as in en,it,nl",
        ),
        ({"languages": ("en", "it", "en")}, "--languages: en is listed twice; list it once"),
        ({"languages": ("en", "xx")}, "--languages: CLDR knows no language 'xx'; give a code such"),
        ({"languages": ("en", "")}, "--languages: CLDR knows no language ''; give a code such as"),
        (
            {"scale": "tiny", "data": Path("corpus")},
            "--data: scale tiny composes its own corpus; leave --data out, or give another --scale",
        ),
        (
            {"parts": ("table",), "instructions": Path("alpaca.json")},
            "--instructions: no part reads them; add instructions to --parts",
        ),
    ],
)
def test_what_cannot_be_made_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        planned(**{"scale": "full", **changes})  # type: ignore[arg-type]


def test_chosen_parts_come_with_the_table() -> None:
    assert {run.part for run in planned(parts=("alpha",)).runs} == {"table", "alpha"}


def test_merged_settings_keep_what_only_one_has() -> None:
    first = {"a": {"b": 1, "c": 2}, "d": 3}
    assert merge(first, {"a": {"c": 4}, "e": 5}) == {"a": {"b": 1, "c": 4}, "d": 3, "e": 5}
    assert first == {"a": {"b": 1, "c": 2}, "d": 3}
