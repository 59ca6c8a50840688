"""A recipe for a model and a corpus: valid, complete, with a reason beside every choice."""

from pathlib import Path

import pytest
from support.runs import FinishedRun

from ontarget.errors import CorpusError
from ontarget.pipeline.new_recipe import (
    ModelTraits,
    find_corpus,
    fitting_recipe,
    recipe_text,
    traits_of,
)
from ontarget.recipe.yaml_file import load_recipe

ROW = "Ciao\tHello\tHallo\tCześć\n"


def corpus_folder(folder: Path, **headers: str) -> Path:
    """Three files with these headers, by default of Italian, English, Dutch and Polish."""
    for split in ("train", "dev", "test"):
        header = headers.get(split, "it\ten\tnl\tpl")
        (folder / f"{split}.tsv").write_text(f"{header}\n{ROW}", encoding="utf-8")
    return folder


def traits(**changes: object) -> ModelTraits:
    values = {
        "model": "org/model", "template": "alma", "chat": False, "parameters": 10**8, "reason": "",
    }  # fmt: skip
    return ModelTraits(**{**values, **changes})  # type: ignore[arg-type]


def written(folder: Path, *, stage1: bool = True, languages: tuple[str, ...] = ()) -> Path:
    corpus = find_corpus(corpus_folder(folder), languages)
    path = folder / "recipe.yaml"
    text = recipe_text(corpus, traits(), folder / "run", stage1=stage1, micro_batch=8)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_languages_are_those_of_all_splits_and_english_is_the_pivot(tmp_path: Path) -> None:
    corpus_folder(tmp_path, dev="it\ten\tnl\tnotes", test="id\ten\tnl\tit")
    assert find_corpus(tmp_path).languages == ("en", "it", "nl")
    assert find_corpus(tmp_path, ("nl", "it")).languages == ("nl", "it")


@pytest.mark.parametrize("stage1", [True, False])
def test_the_recipe_is_valid_and_trains_stage_1_only_where_it_is_needed(
    tmp_path: Path, stage1: bool
) -> None:
    recipe = load_recipe(written(tmp_path, stage1=stage1))
    assert (recipe.mle is not None) == stage1
    assert recipe.unlikelihood is not None and recipe.unlikelihood.conflicts == "own"
    assert recipe.languages == ("en", "it", "nl", "pl")
    assert recipe.corpus.train == (tmp_path / "train.tsv",)


def test_with_two_languages_the_conflicts_are_references(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, languages=("en", "it")))
    assert recipe.unlikelihood is not None and recipe.unlikelihood.conflicts == "references"


@pytest.mark.parametrize(("parameters", "adapted"), [(None, True), (10**8, True), (10**6, False)])
def test_large_models_are_tuned_by_an_adapter(
    tmp_path: Path, parameters: int | None, adapted: bool
) -> None:
    corpus = find_corpus(corpus_folder(tmp_path))
    made = traits(parameters=parameters)
    text = recipe_text(corpus, made, tmp_path / "run", stage1=True, micro_batch=8)
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    recipe = load_recipe(tmp_path / "recipe.yaml")
    assert recipe.mle is not None and (recipe.mle.adapter is not None) == adapted


def test_norwegian_is_a_language_and_not_false(tmp_path: Path) -> None:
    headers = dict.fromkeys(("train", "dev", "test"), "en\tno\tit\tsv")
    corpus = find_corpus(corpus_folder(tmp_path, **headers))
    text = recipe_text(corpus, traits(), tmp_path / "run", stage1=False, micro_batch=8)
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    assert load_recipe(tmp_path / "recipe.yaml").languages == ("en", "no", "it", "sv")


def test_a_dev_file_without_text_gives_short_answers(tmp_path: Path) -> None:
    corpus_folder(tmp_path)
    (tmp_path / "dev.tsv").write_text("it\ten\tnl\tpl\n\t\t\t\n", encoding="utf-8")
    corpus = find_corpus(tmp_path)
    text = recipe_text(corpus, traits(), tmp_path / "run", stage1=False, micro_batch=8)
    assert "max_new_tokens: 16}" in text


def test_paths_and_names_with_signs_of_yaml_survive(tmp_path: Path) -> None:
    odd = tmp_path / "a: b # 'c'"
    odd.mkdir()
    corpus = find_corpus(corpus_folder(odd))
    odd_traits = traits(model="x: y")
    text = recipe_text(corpus, odd_traits, odd / "run", stage1=False, micro_batch=8)
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    recipe = load_recipe(tmp_path / "recipe.yaml")
    assert (recipe.base.model, recipe.out) == ("x: y", odd / "run")
    assert recipe.corpus.dev == (odd / "dev.tsv",)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "none", "none: is no folder; give one with train, dev and test"),
        (lambda folder: folder, "has no train file; give one named train with .tsv, "),
        (lambda folder: two_files(folder), "has train.jsonl and train.tsv file"),
        (
            lambda folder: corpus_folder(folder, test="a1\tb1\ten\tc1"),
            "share the language columns en; at least two are needed",
        ),
    ],
)
def test_a_folder_that_is_no_corpus_is_an_error(tmp_path: Path, make: object, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        find_corpus(make(tmp_path))  # type: ignore[operator]


def test_a_requested_language_that_a_split_lacks_is_an_error(tmp_path: Path) -> None:
    corpus_folder(tmp_path, dev="it\ten\tnl\tx")
    with pytest.raises(CorpusError, match="dev.tsv: no column 'pl' among it, en, nl; add"):
        find_corpus(tmp_path, ("en", "pl"))


@pytest.mark.parametrize(("gib", "sizes"), [(64.0, (16, 8)), (1e-3, (1, 1))])
def test_the_micro_batch_fits_into_the_memory(
    finished_run: FinishedRun, tmp_path: Path, gib: float, sizes: tuple[int, int]
) -> None:
    corpus = find_corpus(corpus_folder(tmp_path))
    made = traits_of(str(finished_run.out / "0_base/model"))
    text = fitting_recipe(corpus, made, tmp_path / "run", stage1=True, gib=gib)
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    recipe = load_recipe(tmp_path / "recipe.yaml")
    assert recipe.mle is not None and recipe.unlikelihood is not None
    assert (recipe.mle.micro_batch, recipe.unlikelihood.micro_batch) == sizes


def two_files(folder: Path) -> Path:
    corpus_folder(folder)
    (folder / "train.jsonl").write_text("")
    return folder
