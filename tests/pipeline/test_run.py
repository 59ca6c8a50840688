"""A whole small run: what it leaves on disk, and how it resumes after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import RECIPE, Writer
from support.models import chatty, coder
from support.runs import FOLDERS, FinishedRun, from_model, run, write_corpus

from ontarget import artifacts
from ontarget.analysis import validation
from ontarget.data.sampling import choose
from ontarget.errors import CorpusError, RecipeError
from ontarget.languages.names import english_name
from ontarget.models.loading import load_model, save_model
from ontarget.pipeline import push
from ontarget.pipeline.dependencies import dependencies_of
from ontarget.pipeline.graph import steps_of
from ontarget.recipe.corpus import read_corpus
from ontarget.recipe.step_settings import BaseSettings
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Sample
from ontarget.steps.s0_base import read_documents
from ontarget.training.monitoring.model_selection import ValidationResult


def read_samples(finished: FinishedRun, name: str) -> list[Sample]:
    path = finished.out / name
    if path.suffix == ".arrow":
        return list(artifacts.ArrowRecords(path, Sample))
    return artifacts.read_jsonl(path, Sample)


def result_of(out: Path, folder: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((out / folder / "step.json").read_text())["result"]
    return result


def test_zero_shot_directions_occur_in_neither_stage(finished_run: FinishedRun) -> None:
    """From the files alone: every sample has English, and a conflict has one of its texts."""
    train = read_samples(finished_run, "1_prepare/train.arrow")
    conflicts = read_samples(finished_run, "2_conflict/conflicts.arrow")
    assert all("en" in (sample.source_lang, sample.target_lang) for sample in train)
    for conflict, sample in zip(conflicts, train, strict=True):
        assert conflict.key == sample.key and conflict.conflicts
        assert conflict.source in (sample.source, sample.target)
        assert conflict.target == ""  # own conflicts have no reference


def test_no_held_out_text_is_in_training(finished_run: FinishedRun) -> None:
    train = read_samples(finished_run, "1_prepare/train.arrow")
    texts = {text for sample in train for text in (sample.source, sample.target)}
    for name in ("dev", "test"):
        held_out = read_samples(finished_run, f"1_prepare/{name}.jsonl")
        assert held_out
        assert not texts & {text for sample in held_out for text in (sample.source, sample.target)}


def test_step_0_reads_no_instruction_and_no_held_out_text(finished_run: FinishedRun) -> None:
    recipe = load_recipe(finished_run.recipe)
    splits = read_corpus(recipe.corpus, recipe.languages, recipe.seed)
    rows = splits.train + splits.glossary
    documents = list(read_documents(BaseSettings.of(recipe), rows).values())
    assert len(documents) == 32
    texts = [document.context + text for document in documents for text in document.continuations]
    assert not any("Translate" in text for text in texts)
    labels = tuple(f"{english_name(code)}: " for code in recipe.languages)
    lines = {
        line.split(": ", 1)[1] if line.startswith(labels) else line
        for text in texts
        for line in text.splitlines()
    }
    assert lines & {text for row in rows for text in row.texts.values()}  # lines are whole texts
    held_out = {sample.target for sample in read_samples(finished_run, "1_prepare/test.jsonl")}
    assert not held_out & lines


def test_scores_have_the_promised_fields(finished_run: FinishedRun) -> None:
    lines = artifacts.read_jsonl(finished_run.out / "6_evaluate/scores.jsonl", dict)
    assert {line["system"] for line in lines} == {"base", "stage1", "stage1-longer", "stage2"}
    assert len(lines) == 4 * 6
    assert all(
        list(line) == [
            "system", "source", "target", "supervised", "segments", "bleu", "chrf",
            "off_target_percent", "off_target_interval", "reference_off_target_percent",
            "verdicts", "languages", "detector", "signatures", "truncated",
        ]
        for line in lines
    )  # fmt: skip
    assert all(line["supervised"] == ("en" in (line["source"], line["target"])) for line in lines)


def test_translations_that_were_cut_are_counted_alike_in_all_places(
    finished_run: FinishedRun,
) -> None:
    """In step 5's files and results, the scores, the table and the report."""
    lines = artifacts.read_jsonl(finished_run.out / "5_translate/base/translations.jsonl", dict)
    cut = [line["truncated"] for line in lines]
    zero_shot = [line["truncated"] for line in lines if "en" not in line["key"].split("/")[1]]
    assert result_of(finished_run.out, "5_translate/base")["cut_at_max_new_tokens"] == sum(cut) > 0
    scores = artifacts.read_jsonl(finished_run.out / "6_evaluate/scores.jsonl", dict)
    assert sum(s["truncated"] for s in scores if s["system"] == "base") == sum(cut)
    note = f"; {sum(zero_shot)} of {len(zero_shot)} of base, zero-shot"
    report = (finished_run.out / "7_report/report.md").read_text()
    assert note in finished_run.stdout and note in report


def test_every_step_records_what_made_it_and_lists_its_files(finished_run: FinishedRun) -> None:
    for folder in FOLDERS:
        place = finished_run.out / folder
        stamp = json.loads((place / "step.json").read_text())
        assert stamp["step"] == folder
        assert {"fingerprint", "made_from", "libraries", "python", "seconds", "result"} < set(stamp)
        assert stamp["recipe"]["name"] == "tiny" and stamp["recipe"]["mle"]["warmup"] == 0.03
        assert datetime.fromisoformat(stamp["began"]).tzinfo is not None
        assert stamp["machine"]["processor"]
        assert stamp["outputs"] == artifacts.folder_hashes(place) != {}


def test_the_control_sees_twice_the_samples_for_as_many_steps(finished_run: FinishedRun) -> None:
    control, stage2 = (
        result_of(finished_run.out, name) for name in ("4_control", "4_unlikelihood")
    )
    assert control["steps"] == stage2["steps"] == 3
    assert control["samples"] == 2 * stage2["samples"] == 24


def test_the_control_of_a_stage_2_of_epochs_makes_the_same_steps(
    write_recipe: Writer, finished_run: FinishedRun
) -> None:
    """How many samples stage 2 leaves out as too long is known only after it has run."""
    stage = {"epochs": 0.2, "batch": 4, "micro_batch": 4, "preflight": 0, "max_tokens": 40}
    path = write_recipe(base=from_model(finished_run), mle=None, unlikelihood=stage)
    run(path, verb="control")
    stage2, control = (result_of(path.parent / "run", n) for n in ("4_unlikelihood", "4_control"))
    samples = stage2["samples"]
    assert 0 < stage2["too_long"] < samples + stage2["too_long"]
    assert control["steps"] == stage2["steps"] == -(-samples // 20)  # a fifth, in fours


def test_the_control_of_a_stage_2_that_stops_early_makes_the_same_steps(
    write_recipe: Writer, finished_run: FinishedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_target_after_1_step(*arguments: Any) -> ValidationResult:
        step = arguments[3]
        return ValidationResult(
            step=step,
            off_target_percent=0.0 if step else 90.0,
            reference_off_target_percent=0.0,
            chrf=50.0,
        )

    monkeypatch.setattr(validation, "validate", on_target_after_1_step)
    early = RECIPE["unlikelihood"] | {"validation": {"every": 1, "segments": 2, "stop": True}}
    path = write_recipe(base=from_model(finished_run), mle=None, unlikelihood=early)
    run(path)
    out = path.parent / "run"
    assert result_of(out, "4_control")["steps"] == result_of(out, "4_unlikelihood")["steps"] == 2
    assert result_of(out, "4_unlikelihood")["kept_step"] == 1  # of two equally good, the first
    assert "Stage 2: off-target on dev, %" in (out / "7_report" / "report.html").read_text()
    assert not run(path).made


def test_both_stages_can_be_validated(write_recipe: Writer, finished_run: FinishedRun) -> None:
    validation = {"validation": {"every": 2, "segments": 1}}
    path = write_recipe(
        base=from_model(finished_run),
        mle=RECIPE["mle"] | validation,
        unlikelihood=RECIPE["unlikelihood"]
        | {"validation": {"every": 2, "segments": 1, "supervised": 1}},
        control=None,
    )
    run(path, verb="unlikelihood")
    for folder, steps in (("3_mle", [0, 2, 4]), ("4_unlikelihood", [0, 2, 3])):
        place = path.parent / "run" / folder / "validation.jsonl"
        results = artifacts.read_jsonl(place, ValidationResult)
        assert [result.step for result in results] == steps
        assert all(r.chrf >= 0 and 0 <= r.off_target_percent <= 100 for r in results)
        watched = [r.supervised_chrf is not None for r in results]
        assert watched == [folder == "4_unlikelihood"] * len(results)


def test_stage_2_alone_repairs_a_model_from_a_folder(
    finished_run: FinishedRun, write_recipe: Writer
) -> None:
    before = artifacts.folder_hashes(finished_run.out / "3_mle")
    path = write_recipe(base=from_model(finished_run, "3_mle"), mle=None)
    assert run(path).made == [
        "1_prepare", "2_conflict", "4_unlikelihood", "4_control", "5_translate/base",
        "5_translate/stage1-longer", "5_translate/stage2", "6_evaluate", "7_report",
    ]  # fmt: skip
    assert artifacts.folder_hashes(finished_run.out / "3_mle") == before  # only read
    assert run(path).made == []


@pytest.mark.parametrize(
    ("family", "adapter"),
    [("M2M-100", None), pytest.param("Marian", {"rank": 2}, marks=pytest.mark.slow)],
)
def test_an_encoder_decoder_goes_through_both_stages(
    family: str, adapter: dict[str, int] | None, write_recipe: Writer, tmp_path: Path
) -> None:
    save_model(coder(family, positions=256), tmp_path / "model")
    stages = {name: {**RECIPE[name], "adapter": adapter} for name in ("mle", "unlikelihood")}
    path = write_recipe(
        base={"model": str(tmp_path / "model")}, languages=["it", "nl"], control=None, **stages
    )
    assert "7_report" in run(path).made
    trained = load_model(str(tmp_path / "run" / "4_unlikelihood" / "model"))
    before = load_model(str(tmp_path / "model")).model.state_dict()
    after = trained.model.state_dict()
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    pushed = push.push(load_recipe(path), "me/tiny", "stage2", private=False, dry_run=True)
    call = {"M2M-100": "tokenizer.src_lang = codes['", "Marian": "prompt = codes['"}[family]
    assert call in (pushed.folder / "README.md").read_text()


def test_a_chat_model_is_tuned_and_prompted_in_its_own_template(
    write_recipe: Writer, tmp_path: Path
) -> None:
    save_model(chatty(), tmp_path / "model")
    path = write_recipe(
        base={"model": str(tmp_path / "model")}, chat=True, template="instruction", control=None
    )
    assert "7_report" in run(path).made
    pushed = push.push(load_recipe(path), "me/tiny", "stage2", private=False, dry_run=True)
    assert "tokenizer.apply_chat_template(" in (pushed.folder / "README.md").read_text()
    settings = json.loads((pushed.folder / "generation_config.json").read_text())
    assert len(settings["eos_token_id"]) == 2


def test_stage_1_alone_is_a_recipe_too(write_recipe: Writer, finished_run: FinishedRun) -> None:
    log = run(write_recipe(base=from_model(finished_run), unlikelihood=None, control=None))
    assert "3_mle" in log.made and "2_conflict" not in log.made
    assert "7_report" in log.made


@pytest.mark.parametrize("option", ["verb", "force_from"])
def test_an_unknown_step_is_named(write_recipe: Writer, option: str) -> None:
    path = write_recipe(unlikelihood=None, control=None)
    with pytest.raises(RecipeError, match="no step 'unlikelihood'; its steps are prepare, base"):
        run(path, **{option: "unlikelihood"})


def test_a_killed_run_leaves_complete_steps_and_resumes(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    mle = {"steps": 100_000, "batch": 8, "micro_batch": 4}
    path = finished_run.copy_to(tmp_path, mle=mle).recipe
    before = (tmp_path / "run" / "3_mle" / "step.json").read_bytes()
    command = [sys.executable, "-m", "ontarget", "mle", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not partial_folders(tmp_path / "run", "3_mle") and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (tmp_path / "run" / "3_mle" / "step.json").read_bytes() == before
    log = run(path, {"mle": mle | {"steps": 4}}, verb="mle")
    assert (log.kept, log.made) == (["1_prepare", "0_base"], ["3_mle"])
    assert not partial_folders(tmp_path / "run", "3_mle")


def partial_folders(out: Path, step: str) -> list[Path]:
    return list(out.glob(f".{step}.*.partial"))


def test_what_a_kill_left_of_a_finished_step_is_cleared(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    copy = finished_run.copy_to(tmp_path)
    left = copy.out / ".unfinished" / "3_mle" / "step-000000004"
    left.mkdir(parents=True)
    (left / "optimizer.pt").write_bytes(b"large")
    assert run(copy.recipe).made == []
    assert not left.parent.exists()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    ],
    ids=["python", "cpu", "cuda"],
)
def test_too_little_memory_is_one_line(
    write_recipe: Writer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("ontarget.steps.s1_prepare.run", fail)
    with pytest.raises(RecipeError, match="1_prepare: needs more memory .*; lower micro_batch"):
        run(write_recipe(), verb="prepare")
    assert not (tmp_path / "run" / "1_prepare").exists()


def test_another_error_of_a_step_is_not_reported_as_memory(
    write_recipe: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("ontarget.steps.s1_prepare.run", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        run(write_recipe(), verb="prepare")


def test_a_row_in_training_and_test_is_refused_or_left_out(
    write_recipe: Writer, tmp_path: Path
) -> None:
    rows = [f"hello {n}\tciao {n}\thallo {n}" for n in range(30)]
    parts = {"train": rows[:20] + [rows[25]], "dev": rows[20:25], "test": rows[25:]}
    files: dict[str, Any] = write_corpus(tmp_path, parts)
    message = r"test.tsv:2: the en sentence is in training too \(train.tsv:22; 1 such row\(s\)\)"
    with pytest.raises(CorpusError, match=message):
        run(write_recipe(corpus=files), verb="prepare")
    assert not (tmp_path / "run" / "1_prepare").exists()
    run(write_recipe(corpus={**files, "drop_overlap": True}), verb="prepare")
    result = result_of(tmp_path / "run", "1_prepare")
    assert result["dropped"] == {"overlap": 1, "length": 0}
    assert result["rows"]["train"] == 20


def test_a_direction_without_text_is_named(write_recipe: Writer, tmp_path: Path) -> None:
    files = write_corpus(tmp_path, {n: [f"{n}\tc{n}\t"] for n in ("train", "dev", "test")})
    with pytest.raises(
        CorpusError, match="corpus.dev: no row has both en and nl; drop the direction"
    ):
        run(write_recipe(corpus=files), verb="prepare")


def test_samples_longer_than_the_limit_are_left_out_and_counted(
    write_recipe: Writer, tmp_path: Path, finished_run: FinishedRun
) -> None:
    base = from_model(finished_run)
    long = {"steps": 2, "batch": 4, "micro_batch": 2, "max_tokens": 40}
    run(write_recipe(base=base, mle=long), verb="mle")
    result = result_of(tmp_path / "run", "3_mle")
    assert result["too_long"] > 0 and result["samples"] + result["too_long"] == 8
    with pytest.raises(CorpusError, match="all 8 samples are longer than 8 tokens; raise"):
        run(write_recipe(base=base, mle=long | {"max_tokens": 8}), verb="mle")


def test_limits_keep_the_first_rows(tmp_path: Path, write_recipe: Writer) -> None:
    rows = {
        name: [f"{name} {n} {'x' * n}\tc{name} {n}\tn{name} {n}" for n in range(9)] + ["\t\t"]
        for name in ("train", "dev", "test")
    }
    limits = {"dev_limit": 2, "test_limit": 3, "max_characters": 12}
    recipe = load_recipe(write_recipe(corpus={**write_corpus(tmp_path, rows), **limits}))
    splits = read_corpus(recipe.corpus, recipe.languages, recipe.seed)
    assert [row.key for row in splits.dev] == ["dev.tsv:2", "dev.tsv:3"]
    assert len(splits.test) == 3
    assert len(splits.train) == 5  # "train 4 xxxx" has 12 characters
    assert splits.dropped == {"overlap": 0, "length": 4}


def test_the_choice_of_samples_depends_on_their_keys_only(finished_run: FinishedRun) -> None:
    train = read_samples(finished_run, "1_prepare/train.arrow")
    chosen = choose(train, 10, seed=3)
    assert choose(train[::-1], 10, seed=3) == chosen
    assert choose(train, 10, seed=4) != chosen


def test_an_adapter_of_stage_2_is_also_used_by_its_control(write_recipe: Writer) -> None:
    path = write_recipe(unlikelihood=RECIPE["unlikelihood"] | {"adapter": {"rank": 3}})
    recipe = load_recipe(path)
    control = next(step for step in steps_of(recipe) if step.folder == "4_control")
    assert control.settings(recipe).training.adapter.rank == 3


def test_another_detector_in_the_same_file_makes_the_evaluation_out_of_date(
    write_recipe: Writer, tmp_path: Path
) -> None:
    model = tmp_path / "lid.bin"
    recipe = load_recipe(write_recipe(evaluate={"detector": str(model)}))
    (step,) = [step for step in steps_of(recipe) if step.folder == "6_evaluate"]
    fingerprints = []
    for content in (b"one", b"other", b"one"):
        model.write_bytes(content)
        fingerprints.append(artifacts.fingerprint(dependencies_of(recipe, step)))
    assert fingerprints[0] == fingerprints[2] != fingerprints[1]
