"""General instructions from the recipe to the samples that each stage is trained on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Writer
from support.commands import error_of, run_command
from support.models import tiny

from ontarget.artifacts import ArrowRecords
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.pipeline.push import counts_in_words
from ontarget.recipe.sections.training import Unlikelihood
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.training_data import (
    ConflictSamples,
    conflict_samples,
    make_examples,
    training_samples,
)
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Sample

PHRASEBOOK = {"train": 20, "glossary": 0, "dev": 2, "test": 2}  # 80 samples in 4 directions
REFERENCES = {"steps": 2, "conflicts": "references", "preflight": 0}
OWN = {"steps": 2, "preflight": 0}


def corpus(folder: Path, records: int = 50, **instructions: Any) -> dict[str, Any]:
    """The phrasebook with instructions, half as many as translations."""
    path = folder / "alpaca.json"
    content = [{"instruction": f"Say {n}", "input": "", "output": str(n)} for n in range(records)]
    path.write_text(json.dumps(content), encoding="utf-8")
    section = {"files": str(path), "ratio": 0.5} | instructions
    return {"phrasebook": PHRASEBOOK, "mix": {"instructions": section}}


def samples_in(folder: Path, name: str) -> list[Sample]:
    return list(ArrowRecords(folder / "run" / name, Sample))


def made(recipe: Path, *verbs: str) -> None:
    for verb in verbs:
        result = run_command(verb, recipe)
        assert (result.code, result.stderr) == (0, ""), result


def result_of(folder: Path, step: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / "run" / step / "step.json").read_text())["result"]
    return result


def test_instructions_stand_behind_the_translations_which_stay_as_they_are(
    write_recipe: Writer, tmp_path: Path
) -> None:
    made(write_recipe(corpus={"phrasebook": PHRASEBOOK}), "prepare")
    alone = samples_in(tmp_path, "1_prepare/train.arrow")
    made(write_recipe(corpus=corpus(tmp_path)), "prepare")
    mixed = samples_in(tmp_path, "1_prepare/train.arrow")
    assert mixed[:80] == alone and len(alone) == 80
    assert len(mixed) == 120 and all(sample.is_general for sample in mixed[80:])
    result = result_of(tmp_path, "1_prepare")
    assert result["instructions"] == {"read": 50, "dropped": {}, "written": 40, "repeated": 0}
    assert result["samples"]["train"] == 120
    assert result["directions"] == {"en-it": 20, "it-en": 20, "en-nl": 20, "nl-en": 20}


@pytest.mark.parametrize(
    ("section", "stages", "conflicts"),
    [(REFERENCES, "both", 120), (REFERENCES, 1, 80), (OWN, "both", 80), (OWN, 1, 80)],
)
def test_conflicts_are_drawn_of_instructions_that_stage_2_reads_unless_they_are_own(
    section: dict[str, Any], stages: Any, conflicts: int, write_recipe: Writer, tmp_path: Path
) -> None:
    made(
        write_recipe(corpus=corpus(tmp_path, stages=stages), unlikelihood=section),
        "prepare", "conflict",
    )  # fmt: skip
    samples = samples_in(tmp_path, "1_prepare/train.arrow")
    drawn = samples_in(tmp_path, "2_conflict/conflicts.arrow")
    assert [c.key for c in drawn] == [sample.key for sample in samples[:conflicts]]
    assert all(c.source != s.source for c, s in zip(drawn[80:], samples[80:], strict=False))


def context(folder: Path, settings: Any = None) -> StepContext[Any]:
    return StepContext(
        settings=settings,
        inputs={name: folder / "run" / name for name in ("1_prepare", "2_conflict")},
        out=folder, start="", unfinished=folder, logs=folder, run_name="", report_to=(),
        tell=lambda *_: None,
    )  # fmt: skip


@pytest.mark.parametrize(("general", "expected"), [(True, 120), (False, 80)])
def test_a_stage_reads_instructions_only_if_it_is_told_to(
    general: bool, expected: int, write_recipe: Writer, tmp_path: Path
) -> None:
    made(write_recipe(corpus=corpus(tmp_path)), "prepare")
    section = Unlikelihood(epochs=1)
    samples, places = training_samples(context(tmp_path), section, 1, general=general)
    assert sorted(places) == list(range(expected))
    assert sum(sample.is_general for sample in samples) == expected - 80


@pytest.mark.parametrize(
    ("stages", "stage2"), [("both", True), (1, False)], ids=["both", "stage 1"]
)
def test_the_recipe_says_which_stages_read_them(
    stages: Any, stage2: bool, write_recipe: Writer, tmp_path: Path
) -> None:
    recipe = load_recipe(write_recipe(corpus=corpus(tmp_path, stages=stages)))
    assert recipe.corpus.general_in_stage2 == stage2


class Drawn:
    """What `conflict_samples` reads of its step's settings."""

    drawn, unlikelihood = 1, Unlikelihood(steps=1)


def test_beside_own_conflicts_instructions_are_trained_on_likelihood_alone(
    write_recipe: Writer, tmp_path: Path
) -> None:
    made(write_recipe(corpus=corpus(tmp_path), unlikelihood=OWN), "prepare", "conflict")
    samples, places = training_samples(context(tmp_path), Unlikelihood(epochs=1), 1)
    conflicts: ConflictSamples = conflict_samples(context(tmp_path, Drawn()), places)
    form = PromptFormat(template=TEMPLATES["plain"])
    examples = make_examples(tiny(), form, samples, 2000, conflicts=conflicts)
    assert [example.rows[0].key for example in examples] == [sample.key for sample in samples]
    assert [example.own is None for example in examples] == [s.is_general for s in samples]
    keys = [example.own.key for example in examples if example.own]
    assert sorted(keys) == sorted(sample.key for sample in samples if not sample.is_general)


def with_lists(folder: Path, second: str = "Cry 1") -> dict[str, Any]:
    """The same corpus, where record 1 lists two conflicts and others none."""
    changes = corpus(folder)
    path = folder / "alpaca.json"
    content = json.loads(path.read_text())
    content[1]["conflicts"] = ["Sing 1", second]
    path.write_text(json.dumps(content), encoding="utf-8")
    return changes | {"mix": {"instructions": changes["mix"]["instructions"] | {"ratio": 0.625}}}


def listed_of(folder: Path) -> list[Sample]:
    """The conflicts of record 1."""
    drawn = samples_in(folder, "2_conflict/conflicts.arrow")
    return [one for one in drawn if one.target == "1"]


def test_stage_2_learns_from_the_conflicts_that_a_record_lists(
    write_recipe: Writer, tmp_path: Path
) -> None:
    recipe = write_recipe(corpus=with_lists(tmp_path), unlikelihood=REFERENCES | {"per_sample": 2})
    made(recipe, "prepare", "conflict")
    assert result_of(tmp_path, "1_prepare")["instructions"]["with_conflicts"] == 1
    result = result_of(tmp_path, "2_conflict")
    assert (result["conflicts"], result["from_lists"]) == (260, 2)
    assert result["asking_for_the_right_language"] == 0
    assert {one.source for one in listed_of(tmp_path)} == {"Sing 1", "Cry 1"}
    settings = type("Settings", (), {
        "drawn": 2, "unlikelihood": Unlikelihood(epochs=1, conflicts="references", per_sample=2),
    })  # fmt: skip
    samples, places = training_samples(context(tmp_path), Unlikelihood(epochs=1), 1)
    conflicts = conflict_samples(context(tmp_path, settings()), places)
    form = PromptFormat(template=TEMPLATES["plain"])
    examples = make_examples(tiny(), form, samples, 2000, conflicts=conflicts)
    (at,) = (at for at, sample in enumerate(samples) if sample.target == "1")
    prompts = [tiny().tokenizer.decode(row.prompt.tokens) for row in examples[at].rows]
    assert [row.unlikely for row in examples[at].rows] == [False, True, True]
    assert "Say 1" in prompts[0]
    assert sorted(text.strip()[-6:].strip() for text in prompts[1:]) == ["Cry 1", "Sing 1"]


def test_a_changed_list_makes_step_2_again_and_without_lists_there_is_no_file(
    write_recipe: Writer, tmp_path: Path
) -> None:
    recipe = write_recipe(corpus=with_lists(tmp_path), unlikelihood=REFERENCES | {"per_sample": 2})
    made(recipe, "prepare", "conflict")
    assert (tmp_path / "run/1_prepare/listed.arrow").exists()
    with_lists(tmp_path, "Laugh 1")
    made(recipe, "conflict")
    assert {one.source for one in listed_of(tmp_path)} == {"Sing 1", "Laugh 1"}
    corpus(tmp_path)
    made(recipe, "conflict")
    assert not (tmp_path / "run/1_prepare/listed.arrow").exists()
    assert "from_lists" not in result_of(tmp_path, "2_conflict")


def test_listed_conflicts_are_exported_with_the_label_false(
    write_recipe: Writer, tmp_path: Path
) -> None:
    recipe = write_recipe(corpus=with_lists(tmp_path), unlikelihood=REFERENCES)
    assert run_command("conflict", recipe, "--format", "trl-kto").code == 0
    lines = (tmp_path / "run" / "trl-kto.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["completion"] == "1"]
    assert [row["label"] for row in rows] == [True, False]
    assert "Say 1" in rows[0]["prompt"]
    assert "Sing 1" in rows[1]["prompt"] or "Cry 1" in rows[1]["prompt"]


def test_beside_own_conflicts_listed_ones_are_not_used(
    write_recipe: Writer, tmp_path: Path
) -> None:
    made(write_recipe(corpus=with_lists(tmp_path), unlikelihood=OWN), "prepare", "conflict")
    assert len(samples_in(tmp_path, "2_conflict/conflicts.arrow")) == 80


def test_check_names_a_faulty_list(write_recipe: Writer, tmp_path: Path) -> None:
    error = error_of("check", write_recipe(corpus=with_lists(tmp_path, "Say 1")))
    assert "alpaca.json:1: conflicts has the record's own instruction 'Say 1'" in error


@pytest.mark.parametrize("verb", ["check", "prepare"])
def test_half_a_character_in_a_list_is_one_line(
    verb: str, write_recipe: Writer, tmp_path: Path
) -> None:
    error = error_of(verb, write_recipe(corpus=with_lists(tmp_path, "Cry \ud800")))
    assert "alpaca.json:1: the text of conflicts contains half a surrogate pair (5 charac" in error


def faulty(folder: Path, changes: dict[str, Any]) -> dict[str, Any]:
    """A recipe's changes, with a section of instructions changed."""
    own = changes.pop("instructions", {})
    return {"corpus": corpus(folder, **own), "control": None} | changes


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"mle": None, "unlikelihood": None},
            "corpus.mix.instructions: nothing is trained on them; add the section mle, or leave",
        ),
        (
            {"mle": None, "instructions": {"stages": 1}},
            "corpus.mix.instructions: stages: 1 needs stage 1; add the section mle, or write both",
        ),
        ({"instructions": {"ratio": 0}}, "corpus.mix.instructions.ratio: "),
        ({"instructions": {"stages": 2}}, "corpus.mix.instructions.stages: "),
        ({"instructions": {"stages": True}}, "corpus.mix.instructions.stages: is true"),
        ({"instructions": {"files": []}}, "corpus.mix.instructions.files: "),
        ({"instructions": {"file": "a"}}, "corpus.mix.instructions.file: unknown key; did you"),
        ({"instructions": {"files": "no.json"}}, "no.json: no such file"),
    ],
)
def test_each_impossible_section_is_one_line(
    changes: dict[str, Any], text: str, write_recipe: Writer, tmp_path: Path
) -> None:
    assert text in error_of("check", write_recipe(**faulty(tmp_path, dict(changes))))


def test_a_ratio_that_asks_for_none_is_refused(write_recipe: Writer, tmp_path: Path) -> None:
    recipe = write_recipe(corpus=corpus(tmp_path, ratio=0.001))
    assert run_command("prepare", recipe).stderr == (
        "ontarget: corpus.mix.instructions.ratio: 0.001 of 80 translation samples is less than one "
        "instruction; raise it\n"
    )


def test_check_reads_the_instructions(write_recipe: Writer, tmp_path: Path) -> None:
    changes = corpus(tmp_path)
    (tmp_path / "alpaca.json").write_text('[{"instruction": "Say", "output": 3}]')
    error = error_of("check", write_recipe(corpus=changes))
    assert "alpaca.json" in error and "expected texts as instruction, input and output" in error


def test_a_changed_file_makes_step_1_again(write_recipe: Writer, tmp_path: Path) -> None:
    recipe = write_recipe(corpus=corpus(tmp_path))
    made(recipe, "prepare")
    first = samples_in(tmp_path, "1_prepare/train.arrow")
    corpus(tmp_path, records=10)
    made(recipe, "prepare")
    assert samples_in(tmp_path, "1_prepare/train.arrow") != first
    assert result_of(tmp_path, "1_prepare")["instructions"]["repeated"] == 30


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            {
                "rows": {"train": 7}, "dropped": {"overlap": 0, "length": 2},
                "directions": {"en-it": 7},
            },
            [("training rows", "7 kept, dropped: length 2"), ("training samples", "en-it 7")],
        ),
        (
            {
                "rows": {"train": 9}, "dropped": {}, "directions": {"en-it": 4, "it-en": 8},
                "pairs": {"read": 9, "kept": 6, "dropped": {"language": 2, "ratio": 1}},
                "repeated": 4,
                "instructions": {
                    "read": 5, "dropped": {"empty": 1}, "written": 6, "repeated": 2,
                },
            },
            [
                ("training pairs", "9 read, 6 kept, dropped: language 2, ratio 1"),
                ("training samples", "en-it 4, it-en 8, of which 4 are repeated"),
                (
                    "general instructions",
                    "5 read, dropped: empty 1; 6 mixed in, of which 2 are repeated",
                ),
            ],
        ),
    ],
)  # fmt: skip
def test_the_model_card_quotes_what_step_1_counted(
    result: dict[str, Any], words: Sequence[tuple[str, str]]
) -> None:
    assert list(counts_in_words(result)) == words
