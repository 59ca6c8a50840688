"""`ontarget conflict`: step 2, and its samples in the formats of other trainers."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Writer
from datasets import load_dataset
from support.chats import chat_model
from support.commands import error_of, loaded_by, run_command
from support.models import coder, tiny
from support.runs import FinishedRun, run

from ontarget.artifacts import ArrowRecords, read_jsonl
from ontarget.models.chats import chat_template_of
from ontarget.models.loading import LoadedModel, save_model
from ontarget.models.prompting import build_prompts
from ontarget.pipeline.dependencies import dependencies_of
from ontarget.pipeline.graph import conflict_step
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Sample

REFERENCES = {"steps": 3, "batch": 4, "micro_batch": 2, "preflight": 2, "conflicts": "references"}


@pytest.fixture
def exported(write_recipe: Writer, tmp_path: Path) -> Any:
    """Exports in a format; returns the line that is printed, and the rows as `datasets` reads."""

    def export(form: str, section: dict[str, Any] | None = None, **changes: Any) -> Any:
        recipe = write_recipe(unlikelihood=REFERENCES | (section or {}), **changes)
        result = run_command("conflict", recipe, "--format", form)
        assert (result.code, result.stderr) == (0, "")
        path = tmp_path / "run" / f"{form}.jsonl"
        line = result.stdout.splitlines()[-1]
        assert line.startswith(f"{path}: ")
        cache = str(tmp_path / "cache")
        return line, load_dataset("json", data_files=str(path), split="train", cache_dir=cache)

    return export


def drawn(folder: Path) -> tuple[list[Sample], list[Sample]]:
    """The samples and conflicts of a run."""
    files = ("1_prepare/train.arrow", "2_conflict/conflicts.arrow")
    samples, conflicts = (list(ArrowRecords(folder / "run" / file, Sample)) for file in files)
    return samples, conflicts


def test_kto_samples_are_the_signed_labels_of_stage_2(exported: Any, tmp_path: Path) -> None:
    line, rows = exported("trl-kto", {"per_sample": 2})
    samples, conflicts = drawn(tmp_path)
    assert rows.column_names == ["prompt", "completion", "label"]
    assert list(rows["label"]) == [True, False, False] * len(samples)
    assert list(rows["completion"]) == [s.target for s in samples for _ in range(3)]
    asked = {"en": "English", "it": "Italian", "nl": "Dutch"}
    expected = [
        f"Translate into {asked[one.asked_lang]}: {one.source}\n"
        for at, sample in enumerate(samples)
        for one in (sample, *conflicts[2 * at : 2 * at + 2])
    ]
    assert list(rows["prompt"]) == expected
    count = f"{len(samples)} samples labelled true, {len(conflicts)} conflicts labelled false"
    assert line.endswith(f": {count}; 0 of the conflicts request the right language")


def test_a_preference_is_for_the_language_that_its_prompt_names(
    exported: Any, tmp_path: Path
) -> None:
    line, rows = exported("trl-preference")
    samples, conflicts = drawn(tmp_path)
    assert rows.column_names == ["prompt", "chosen", "rejected"]
    texts: dict[tuple[str, str], str] = {}  # (row, language) -> text
    for one in samples:
        row = one.key.rpartition("/")[0]
        texts[row, one.source_lang], texts[row, one.target_lang] = one.source, one.target
    pairs = [(texts[one.key.rpartition("/")[0], one.asked_lang], one.target) for one in conflicts]
    different = [pair for pair in pairs if pair[0] != pair[1]]
    assert list(zip(rows["chosen"], rows["rejected"], strict=True)) == different
    left_out = len(pairs) - len(different)
    assert line.endswith(
        f": {len(different)} pairs; left out: {left_out} conflicts whose row has no other text in "
        "the requested language, 0 that request the right language"
    )


def test_pairs_leave_out_conflicts_that_request_the_right_language(
    exported: Any, tmp_path: Path
) -> None:
    line, rows = exported("trl-preference", {"draw": "any_other_instruction"})
    right = sum(not one.conflicts for one in drawn(tmp_path)[1])
    assert right > 0 and line.endswith(f" {right} that request the right language")


def save(loaded: LoadedModel, folder: Path) -> dict[str, str]:
    save_model(loaded, folder)
    return {"model": str(folder)}


def test_a_prompt_has_the_tokens_of_training(exported: Any, tmp_path: Path) -> None:
    loaded = tiny()
    _, rows = exported("trl-kto", base=save(loaded, tmp_path / "model"), template="alpaca")
    recipe = load_recipe(tmp_path / "recipe.yaml")
    samples, _ = drawn(tmp_path)
    expected = [list(p.tokens) for p in build_prompts(loaded, samples, recipe.prompt_format)]
    assert loaded.prompts(list(rows["prompt"])[::2]) == expected


def test_a_chat_is_messages_that_its_template_turns_into_the_tokens_of_training(
    exported: Any, tmp_path: Path
) -> None:
    loaded = chat_model("llama-3")
    base = save(loaded, tmp_path / "model")
    line, rows = exported("trl-kto", base=base, template="instruction", system="Be brief.")
    assert line.endswith(
        "; prompts are messages: give the trainer's tokenizer the chat template of training, as in "
        "a model that the recipe tuned"
    )
    first = rows[0]
    assert [turn["role"] for turn in first["prompt"]] == ["system", "user"]
    samples, _ = drawn(tmp_path)
    assert first["completion"] == [{"role": "assistant", "content": samples[0].target}]
    form = load_recipe(tmp_path / "recipe.yaml").prompt_format
    loaded.tokenizer.chat_template = chat_template_of(loaded, form)  # today's date is fixed in it
    for prompt, built in zip(
        list(rows["prompt"])[::2], build_prompts(loaded, samples, form), strict=True
    ):
        text = loaded.tokenizer.apply_chat_template(
            prompt, add_generation_prompt=True, tokenize=False, enable_thinking=False
        )
        assert loaded.token_ids(text, add_special_tokens=False) == list(built.tokens)


def test_an_export_goes_where_it_is_told_and_steps_are_kept(
    write_recipe: Writer, tmp_path: Path
) -> None:
    recipe, place = write_recipe(unlikelihood=REFERENCES), tmp_path / "mine.jsonl"
    assert run_command("conflict", recipe).code == 0
    result = run_command("conflict", recipe, "--format", "trl-kto", "--out", place)
    assert result.code == 0 and result.stdout.count("up to date") == 2
    assert read_jsonl(place, dict)
    assert not list((tmp_path / "run").glob("*.jsonl"))
    assert run_command("status", recipe).stdout.count("up to date") == 2


def test_conflicts_that_cannot_be_exported_are_refused_in_one_line(
    write_recipe: Writer, tmp_path: Path
) -> None:
    def refused(*options: str | Path, **changes: Any) -> str:
        recipe = write_recipe(**changes)
        return error_of("conflict", recipe, *(options or ("--format", "trl-kto")))

    assert (
        "unlikelihood.conflicts: own ones have no response before the model answers in training, "
        "so they cannot be exported; add unlikelihood.conflicts=references to the command"
    ) in refused()
    assert "unlikelihood: is missing, so there are no conflicts" in refused(
        unlikelihood=None, control=None
    )
    hardest = REFERENCES | {"draw": "hardest"}
    assert "unlikelihood.draw: hardest is chosen by the model in step 4" in refused(
        unlikelihood=hardest
    )
    model = save(coder("M2M-100"), tmp_path / "model")
    assert "is an encoder-decoder, which these trainers of TRL do not train" in refused(
        unlikelihood=REFERENCES, base=model
    )
    assert "--out is for --format; add it" in refused("--out", tmp_path / "x")
    out = ("--format", "trl-kto", "--out", tmp_path)
    recipe = write_recipe(unlikelihood=REFERENCES)
    result = run_command("conflict", recipe, *out)
    assert result.code == 2 and f"{tmp_path}: is a folder; give the name of a file" in result.stderr


def test_step_2_is_out_of_date_when_the_scores_that_it_follows_change(
    write_recipe: Writer, tmp_path: Path
) -> None:
    scores = tmp_path / "other" / "6_evaluate" / "scores.jsonl"
    section = REFERENCES | {"draw": "confused", "confusions": str(tmp_path / "other")}
    scores.parent.mkdir(parents=True)
    recipe = load_recipe(write_recipe(unlikelihood=section))
    files = [dependencies_of(recipe, conflict_step())["files"]]
    for content in ("", "[]"):
        scores.write_text(content)
        files.append(dependencies_of(recipe, conflict_step())["files"])
    assert all(set(each) == {str(scores)} for each in files)
    assert files[0] == {str(scores): "missing"} and len({str(each) for each in files}) == 3


def test_an_export_loads_no_model_library() -> None:
    code = "from ontarget.pipeline import prompts"
    assert not loaded_by(code) & {"torch", "transformers", "tokenizers", "datasets", "pyarrow"}


@pytest.fixture
def copied(finished_run: FinishedRun, tmp_path: Path) -> Iterator[FinishedRun]:
    yield finished_run.copy_to(tmp_path)
    shutil.rmtree(tmp_path / "run")


@pytest.mark.parametrize(
    "section", [{"draw": "hardest"}, {"per_sample": 2, "draw": "to_pivot"}], ids=str
)
def test_stage_2_trains_on_any_draw(copied: FinishedRun, section: dict[str, Any]) -> None:
    content = yaml.safe_load(copied.recipe.read_text())
    content["unlikelihood"] = REFERENCES | section
    copied.recipe.write_text(yaml.safe_dump(content))
    assert run(copied.recipe, verb="unlikelihood").made == ["2_conflict", "4_unlikelihood"]
    result = json.loads((copied.out / "4_unlikelihood" / "step.json").read_text())["result"]
    assert (result["samples"], result["steps"]) == (12, 3)
    curve = read_jsonl(copied.out / "4_unlikelihood" / "curve.jsonl", dict)
    assert all(point["unlikelihood"] > 0 for point in curve)
    drawn_now = json.loads((copied.out / "2_conflict" / "step.json").read_text())["result"]
    samples = json.loads((copied.out / "1_prepare" / "step.json").read_text())["result"]["samples"]
    assert drawn_now["conflicts"] == 2 * samples["train"]
