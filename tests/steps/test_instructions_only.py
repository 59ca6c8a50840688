"""Stage 1 on general instructions alone: what is trained on, what stays, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Writer
from support.commands import error_of, run_command

from ontarget.analysis.results import read_scores
from ontarget.artifacts import ArrowRecords
from ontarget.records import Sample

PHRASEBOOK = {"train": 20, "glossary": 0, "dev": 2, "test": 2}
ALONE: dict[str, Any] = {"unlikelihood": None, "control": None}
RECORDS = 50


def corpus(folder: Path, mix: dict[str, Any] | None = None, **instructions: Any) -> dict[str, Any]:
    """The phrasebook with 50 instructions, of which one is longer than the others."""
    path = folder / "alpaca.json"
    records = [{"instruction": f"Say {n}", "input": "", "output": str(n)} for n in range(RECORDS)]
    records[7]["output"] = "seven " * 100
    path.write_text(json.dumps(records), encoding="utf-8")
    section = {"files": str(path), "only": True} | instructions
    return {"phrasebook": PHRASEBOOK, "mix": {"instructions": section, **(mix or {})}}


def prepared(recipe: Path) -> dict[str, Any]:
    """What step 1 says of itself."""
    result = run_command("prepare", recipe)
    assert (result.code, result.stderr) == (0, ""), result
    stamp = recipe.parent / "run" / "1_prepare" / "step.json"
    content: dict[str, Any] = json.loads(stamp.read_text(encoding="utf-8"))["result"]
    return content


def trained_on(recipe: Path) -> list[Sample]:
    return list(ArrowRecords(recipe.parent / "run" / "1_prepare" / "train.arrow", Sample))


def held_out(recipe: Path) -> list[bytes]:
    return [(recipe.parent / "run/1_prepare" / f"{split}.jsonl").read_bytes() for split in
            ("dev", "test")]  # fmt: skip


def test_each_instruction_is_trained_on_once_and_no_translation(
    write_recipe: Writer, tmp_path: Path
) -> None:
    recipe = write_recipe(corpus=corpus(tmp_path), **ALONE)
    result = prepared(recipe)
    samples = trained_on(recipe)
    assert all(sample.is_general for sample in samples)
    assert sorted(sample.source for sample in samples) == sorted(f"Say {n}" for n in range(RECORDS))
    assert result["instructions"] == {"read": 50, "dropped": {}, "written": 50, "repeated": 0}
    assert (result["samples"]["train"], result["directions"]) == (50, {})


def test_dev_and_test_are_the_translations_that_they_are_without_instructions(
    write_recipe: Writer, tmp_path: Path
) -> None:
    recipe = write_recipe(corpus={"phrasebook": PHRASEBOOK}, **ALONE)
    prepared(recipe)
    before = held_out(recipe)
    result = prepared(write_recipe(corpus=corpus(tmp_path), **ALONE))
    assert held_out(recipe) == before
    assert result["samples"] == {"train": 50, "dev": 12, "test": 12}


@pytest.mark.parametrize(("total", "repeated"), [(10, 0), (120, 70)])
def test_total_is_the_number_of_instructions(
    total: int, repeated: int, write_recipe: Writer, tmp_path: Path
) -> None:
    recipe = write_recipe(corpus=corpus(tmp_path, {"total": total}), **ALONE)
    result = prepared(recipe)
    assert len(trained_on(recipe)) == total
    assert result["instructions"]["repeated"] == repeated


def test_a_long_instruction_is_left_out_and_counted(write_recipe: Writer, tmp_path: Path) -> None:
    content = corpus(tmp_path)
    for split in ("train", "dev", "test"):
        row = f"en\tit\tnl\n{split} a\t{split} b\t{split} c\n"
        (tmp_path / f"{split}.tsv").write_text(row, encoding="utf-8")
        content[split] = str(tmp_path / f"{split}.tsv")
    del content["phrasebook"]
    recipe = write_recipe(corpus=content | {"max_characters": 99}, **ALONE)
    result = prepared(recipe)
    assert result["instructions"] == {
        "read": 50, "dropped": {"length": 1}, "written": 49, "repeated": 0,
    }  # fmt: skip
    assert "seven" not in "".join(sample.target for sample in trained_on(recipe))


def test_a_run_trains_stage_1_and_tests_translations(write_recipe: Writer, tmp_path: Path) -> None:
    result = run_command("run", write_recipe(corpus=corpus(tmp_path), **ALONE))
    assert (result.code, result.stderr) == (0, ""), result
    stage1 = json.loads((tmp_path / "run" / "3_mle" / "step.json").read_text(encoding="utf-8"))
    assert stage1["result"]["samples"] == 32  # 4 steps of 8
    scores = read_scores(tmp_path / "run" / "6_evaluate" / "scores.jsonl")
    assert {score.system for score in scores} == {"base", "stage1"}
    assert len(scores) == 2 * 6


def test_step_0_still_reads_the_rows_of_the_corpus(write_recipe: Writer, tmp_path: Path) -> None:
    result = prepared(write_recipe(corpus=corpus(tmp_path), **ALONE))
    assert result["rows"] == {"train": 20, "dev": 2, "test": 2}
    assert len((tmp_path / "run/1_prepare/rows.jsonl").read_text().splitlines()) == 20


@pytest.mark.parametrize(
    ("mixture", "changes", "text"),
    [
        (
            ({}, {}), {"unlikelihood": {"steps": 2}},
            "corpus.mix.instructions.only: stage 2 needs translations; leave the section "
            "unlikelihood out, or give a ratio in place of only",
        ),
        (
            ({}, {}), {"mle": None},
            "corpus.mix.instructions: nothing is trained on them; add the section mle, or leave",
        ),
        (
            ({}, {"ratio": 1}), {},
            "corpus.mix.instructions: has both ratio and only: true, with which there are no "
            "translations; keep one of them",
        ),
        (
            ({}, {"only": False}), {},
            "corpus.mix.instructions: says not how many; write ratio: 1 for as many as "
            "translations, or only: true to train on no translations",
        ),
        (({}, {"only": "yes"}), {}, "corpus.mix.instructions.only: is 'yes'; write true or false"),
        (
            ({"per_direction": 5}, {}), {},
            "corpus.mix: per_direction: with instructions.only no direction is trained; leave "
            "per_direction out, or set total, the number of instructions",
        ),
        (
            ({"temperature": 2}, {}), {},
            "corpus.mix: temperature: with instructions.only no direction is trained; leave",
        ),
    ],
)  # fmt: skip
def test_what_contradicts_instructions_alone_is_one_line(
    mixture: tuple[dict[str, Any], dict[str, Any]],
    changes: dict[str, Any],
    text: str,
    write_recipe: Writer,
    tmp_path: Path,
) -> None:
    mix, instructions = mixture
    content = corpus(tmp_path, mix, **instructions)
    assert text in error_of("check", write_recipe(corpus=content, **ALONE | changes))


def test_rules_of_cleaning_would_clean_nothing(write_recipe: Writer, tmp_path: Path) -> None:
    content = corpus(tmp_path) | {"clean": {}}
    del content["phrasebook"]
    content |= {split: f"{split}.tsv" for split in ("train", "dev", "test")}
    error = error_of("check", write_recipe(corpus=content, **ALONE))
    assert (
        "corpus: clean: with mix.instructions.only no pairs are trained on; leave clean out"
        in error
    )


def test_no_instruction_left_is_one_line(write_recipe: Writer, tmp_path: Path) -> None:
    content = corpus(tmp_path)
    (tmp_path / "alpaca.json").write_text('[{"instruction": " ", "output": "a"}]')
    error = run_command("prepare", write_recipe(corpus=content, **ALONE)).stderr
    assert error == (
        "ontarget: corpus.mix.instructions.files: no instruction is left of 1 (1 empty); give "
        "records with a prompt and a response\n"
    )


def test_a_model_of_no_translation_is_not_pushed(write_recipe: Writer, tmp_path: Path) -> None:
    """The card describes a model that translates."""
    recipe = write_recipe(corpus=corpus(tmp_path), **ALONE)
    error = error_of("push", recipe, "me/x", "--system", "stage1", "--dry-run")
    assert "corpus.mix.instructions.only: this model was tuned on no translation, which" in error
