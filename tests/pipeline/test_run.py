"""A whole small run: what it leaves on disk, what it skips, and how it goes on after a kill."""

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
from support.runs import Log

from ontarget import artifacts
from ontarget.analysis import diagnose
from ontarget.errors import CorpusError, RecipeError
from ontarget.languages.names import english_name
from ontarget.models.loading import load_model, save_model
from ontarget.pipeline import push
from ontarget.pipeline import run as pipeline
from ontarget.pipeline.graph import steps_of
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Parallel, Sample
from ontarget.steps import inputs
from ontarget.steps.s0_base import read
from ontarget.training.monitoring.model_selection import ValidationResult

FOLDERS = [
    "0_base", "1_prepare", "2_conflict", "3_mle", "4_unlikelihood", "4_control",
    "5_translate/base", "5_translate/stage1", "5_translate/stage1-longer", "5_translate/stage2",
    "5_translate/base-by-cue", "6_evaluate", "7_report",
]  # fmt: skip


def run(path: Path, **options: Any) -> Log:
    log = Log()
    pipeline.run_recipe(load_recipe(path), log, **options)
    return log


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of a finished run."""
    folder = tmp_path_factory.mktemp("finished")
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(RECIPE | {"out": str(folder / "run")}))  # JSON is YAML
    log = run(path)
    assert log.made == FOLDERS
    return path


def samples(recipe: Path, name: str) -> list[Sample]:
    return artifacts.read_jsonl(recipe.parent / "run" / name, Sample)


def test_zero_shot_directions_occur_in_neither_stage(finished: Path) -> None:
    """From the artifacts alone: every source, response and conflict of training has English."""
    train = samples(finished, "1_prepare/train.jsonl")
    conflicts = samples(finished, "2_conflict/conflicts.jsonl")
    assert {"en" in (each.source_lang, each.target_lang) for each in train} == {True}
    assert [(c.key, c.source, c.target, c.target_lang) for c in conflicts] == [
        (s.key, s.source, s.target, s.target_lang) for s in train
    ]
    assert all(each.conflicts for each in conflicts)


def test_no_held_out_text_is_in_training(finished: Path) -> None:
    spoken = {
        text
        for each in samples(finished, "1_prepare/train.jsonl")
        for text in (each.source, each.target)
    }
    for name in ("dev", "test"):
        held_out = samples(finished, f"1_prepare/{name}.jsonl")
        assert held_out
        assert not spoken & {text for each in held_out for text in (each.source, each.target)}


def test_step_0_reads_no_instruction_and_no_held_out_text(finished: Path) -> None:

    recipe = load_recipe(finished)
    scratch = recipe.base.scratch
    assert scratch is not None
    splits = inputs.splits(recipe)
    documents = list(read(recipe, scratch, splits.train + splits.glossary).values())
    assert len(documents) == 32
    texts = [each.context + text for each in documents for text in each.continuations]
    assert not any("Translate" in text for text in texts)
    held_out = {each.target for each in samples(finished, "1_prepare/test.jsonl")}
    labels = tuple(f"{english_name(code)}: " for code in recipe.languages)
    lines = {
        line.split(": ", 1)[1] if line.startswith(labels) else line
        for text in texts
        for line in text.splitlines()
    }
    trained = {text for row in splits.train + splits.glossary for text in row.texts.values()}
    assert lines & trained  # lines are whole texts, so that a held-out one would be found
    assert not held_out & lines


def test_scores_have_the_fields_that_are_promised(finished: Path) -> None:
    lines = [
        json.loads(line)
        for line in (finished.parent / "run/6_evaluate/scores.jsonl").read_text().splitlines()
    ]
    assert {line["system"] for line in lines} == {"base", "stage1", "stage1-longer", "stage2"}
    assert len(lines) == 4 * 6
    assert all(
        list(line) == [
            "system", "source", "target", "supervised", "segments", "bleu", "chrf",
            "off_target_percent", "off_target_interval", "reference_off_target_percent",
            "verdicts", "languages", "detector", "signatures",
        ]
        for line in lines
    )  # fmt: skip
    assert {line["supervised"] for line in lines if "en" in (line["source"], line["target"])} == {
        True
    }
    assert {
        line["supervised"] for line in lines if "en" not in (line["source"], line["target"])
    } == {False}


def test_every_step_says_what_made_it_and_lists_its_files(finished: Path) -> None:
    for folder in FOLDERS:
        place = finished.parent / "run" / folder
        stamp = json.loads((place / "step.json").read_text())
        assert stamp["step"] == folder
        assert {"fingerprint", "made_from", "libraries", "python", "seconds", "result"} < set(stamp)
        assert stamp["recipe"]["name"] == "tiny" and stamp["recipe"]["mle"]["warmup"] == 0.03
        assert datetime.fromisoformat(stamp["began"]).tzinfo is not None
        assert stamp["machine"]["processor"]
        assert stamp["outputs"] == artifacts.folder_hashes(place) != {}


def test_the_control_sees_twice_the_samples_for_as_many_steps(finished: Path) -> None:
    results = {
        folder: json.loads((finished.parent / "run" / folder / "step.json").read_text())["result"]
        for folder in ("4_unlikelihood", "4_control")
    }
    assert results["4_control"]["steps"] == results["4_unlikelihood"]["steps"] == 3
    assert results["4_control"]["samples"] == 2 * results["4_unlikelihood"]["samples"] == 24


def test_the_control_makes_the_steps_of_a_stage_2_of_epochs(write_recipe: Writer) -> None:
    """Of samples that are too long stage 2 makes none; which are is known when it has run."""
    stage = {"epochs": 1, "batch": 4, "micro_batch": 4, "preflight": 0, "max_tokens": 40}
    path = write_recipe(mle=None, unlikelihood=stage)
    run(path, verb="control")
    found, control = (
        json.loads((path.parent / "run" / folder / "step.json").read_text())["result"]
        for folder in ("4_unlikelihood", "4_control")
    )
    assert 0 < found["too_long"] < found["samples"] + found["too_long"]
    assert control["steps"] == found["steps"] == -(-found["samples"] // 4)


def test_the_control_follows_a_stage_2_that_ends_early(
    write_recipe: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_target_after_1_step(*given: Any) -> ValidationResult:
        percent = 0.0 if given[-1] else 90.0
        return ValidationResult(
            step=given[-1], off_target_percent=percent, reference_off_target_percent=0.0, chrf=50.0
        )

    monkeypatch.setattr(diagnose, "validate", on_target_after_1_step)
    early = RECIPE["unlikelihood"] | {"validation": {"every": 1, "segments": 2, "stop": True}}
    path = write_recipe(unlikelihood=early)
    log = run(path)
    results = {
        folder: json.loads((path.parent / "run" / folder / "step.json").read_text())["result"]
        for folder in ("4_unlikelihood", "4_control")
    }
    assert results["4_control"]["steps"] == results["4_unlikelihood"]["steps"] == 2
    assert results["4_unlikelihood"]["kept_step"] == 1  # of two as good the first
    assert log.made == FOLDERS
    page = (path.parent / "run" / "7_report" / "report.html").read_text()
    assert "Stage 2: off-target on dev, %" in page
    assert run(path).kept == FOLDERS


def test_both_stages_can_be_validated(write_recipe: Writer) -> None:
    watched = {"validation": {"every": 2, "segments": 1}}
    path = write_recipe(
        mle=RECIPE["mle"] | watched, unlikelihood=RECIPE["unlikelihood"] | watched, control=None
    )
    run(path, verb="unlikelihood")
    for folder, steps in (("3_mle", [0, 2, 4]), ("4_unlikelihood", [0, 2, 3])):
        lines = artifacts.read_jsonl(
            path.parent / "run" / folder / "validation.jsonl", ValidationResult
        )
        assert [each.step for each in lines] == steps
        assert all(each.chrf >= 0 <= each.off_target_percent <= 100 for each in lines)


def test_a_second_run_makes_nothing(finished: Path) -> None:
    log = run(finished)
    assert (log.made, log.kept) == ([], FOLDERS)


def test_a_changed_setting_redoes_what_depends_on_it(finished: Path, tmp_path: Path) -> None:
    copy = copied(finished, tmp_path, translate={"beams": 2, "max_new_tokens": 8})
    log = run(copy)
    assert (log.kept, log.made) == (FOLDERS[:6], FOLDERS[6:])
    copy = copied(finished, tmp_path / "other", unlikelihood=RECIPE["unlikelihood"] | {"alpha": 1})
    log = run(copy)
    assert set(log.made) - {"6_evaluate", "7_report"} == {"4_unlikelihood", "5_translate/stage2"}


def test_force_from_redoes_the_step_and_all_after_it(finished: Path, tmp_path: Path) -> None:
    log = run(copied(finished, tmp_path), force_from="evaluate")
    assert log.made == ["6_evaluate", "7_report"]


def test_a_lost_file_is_made_again(finished: Path, tmp_path: Path) -> None:
    copy = copied(finished, tmp_path)
    (tmp_path / "run/6_evaluate/scores.jsonl").unlink()
    assert run(copy).made == ["6_evaluate"]  # and the report, whose input is the same, is kept


def test_an_altered_file_is_made_again(finished: Path, tmp_path: Path) -> None:
    copy = copied(finished, tmp_path)
    weights = tmp_path / "run/3_mle/model/model.safetensors"
    weights.write_bytes(b"")
    assert run(copy).made == ["3_mle"]  # with the same result, so what follows is kept
    assert weights.stat().st_size > 0


def test_a_verb_makes_only_what_it_needs(write_recipe: Writer) -> None:
    path = write_recipe()
    assert run(path, verb="conflict").made == ["1_prepare", "2_conflict"]
    assert run(path, verb="mle").made == ["0_base", "3_mle"]


def test_stage_2_alone_repairs_a_model_from_a_folder(finished: Path, write_recipe: Writer) -> None:
    model = finished.parent / "run" / "3_mle" / "model"
    path = write_recipe(base={"model": str(model)}, mle=None)
    log = run(path)
    assert log.made == [
        "1_prepare", "2_conflict", "4_unlikelihood", "4_control", "5_translate/base",
        "5_translate/stage1-longer", "5_translate/stage2", "6_evaluate", "7_report",
    ]  # fmt: skip
    before = (model.parent / "curve.jsonl").read_bytes()
    assert before  # the model's own folder is only read
    assert run(path).made == []


@pytest.mark.parametrize("adapter", [None, {"rank": 2}])
@pytest.mark.parametrize("family", ["M2M-100", "Marian"])
def test_an_encoder_decoder_goes_through_both_stages(
    family: str, adapter: dict[str, int] | None, write_recipe: Writer, tmp_path: Path
) -> None:
    save_model(coder(family, positions=256), tmp_path / "model")
    stages = {name: {**RECIPE[name], "adapter": adapter} for name in ("mle", "unlikelihood")}
    path = write_recipe(base={"model": str(tmp_path / "model")}, languages=["it", "nl"], **stages)
    assert "7_report" in run(path).made
    trained = load_model(str(tmp_path / "run" / "4_unlikelihood" / "model"))
    before = load_model(str(tmp_path / "model")).model.state_dict()
    after = trained.model.state_dict()
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    place = push.run(load_recipe(path), "me/tiny", "stage2", private=False, dry_run=True).folder
    asked = {"M2M-100": "tokenizer.src_lang = codes['", "Marian": "prompt = codes['"}[family]
    assert asked in (place / "README.md").read_text()


def test_a_chat_model_is_tuned_and_asked_in_its_own_template(
    write_recipe: Writer, tmp_path: Path
) -> None:
    save_model(chatty(), tmp_path / "model")
    path = write_recipe(base={"model": str(tmp_path / "model")}, chat=True, template="instruction")
    assert "7_report" in run(path).made
    place = push.run(load_recipe(path), "me/tiny", "stage2", private=False, dry_run=True).folder
    assert "tokenizer.apply_chat_template(turn" in (place / "README.md").read_text()
    assert len(json.loads((place / "generation_config.json").read_text())["eos_token_id"]) == 2


def test_stage_1_alone_is_a_recipe_too(write_recipe: Writer) -> None:
    log = run(write_recipe(unlikelihood=None, control=None))
    assert "3_mle" in log.made and "2_conflict" not in log.made
    assert "7_report" in log.made


def test_an_unknown_step_is_named(write_recipe: Writer) -> None:
    path = write_recipe(unlikelihood=None, control=None)
    for options in ({"verb": "unlikelihood"}, {"force_from": "unlikelihood"}):
        with pytest.raises(
            RecipeError, match="no step 'unlikelihood'; its steps are base, prepare"
        ):
            run(path, **options)


def test_a_killed_run_leaves_whole_steps_and_goes_on(write_recipe: Writer, tmp_path: Path) -> None:
    path = write_recipe(mle={"steps": 100_000, "batch": 8, "micro_batch": 4})
    command = [sys.executable, "-m", "ontarget", "mle", str(path)]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    partial = tmp_path / "run" / ".3_mle.partial"
    deadline = time.monotonic() + 120
    while not partial.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    assert not (tmp_path / "run" / "3_mle").exists()
    path = write_recipe()
    log = run(path, verb="mle")
    assert (log.kept, log.made) == (["0_base", "1_prepare"], ["3_mle"])
    assert not partial.exists()


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


def test_another_fault_of_a_step_is_not_called_one_of_memory(
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
    for name, part in (
        ("train", rows[:20] + [rows[25]]),
        ("dev", rows[20:25]),
        ("test", rows[25:]),
    ):
        (tmp_path / f"{name}.tsv").write_text("\n".join(["en\tit\tnl", *part]) + "\n")
    files = {name: str(tmp_path / f"{name}.tsv") for name in ("train", "dev", "test")}
    message = r"test.tsv:2: the en sentence is in training too \(train.tsv:22; 1 such rows\)"

    with pytest.raises(CorpusError, match=message):
        run(write_recipe(corpus=files), verb="prepare")
    assert not (tmp_path / "run" / "1_prepare").exists()
    run(write_recipe(corpus={**files, "drop_overlap": True}), verb="prepare")
    stamp = json.loads((tmp_path / "run/1_prepare/step.json").read_text())
    assert stamp["result"]["dropped"] == {"overlap": 1, "length": 0}
    assert stamp["result"]["meanings"]["train"] == 20


def test_a_direction_without_text_is_named(write_recipe: Writer, tmp_path: Path) -> None:

    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.tsv").write_text(f"en\tit\tnl\n{name}\tc{name}\t\n")
    files = {name: str(tmp_path / f"{name}.tsv") for name in ("train", "dev", "test")}
    with pytest.raises(
        CorpusError, match="corpus.train: no row has both en and nl; drop the direction"
    ):
        run(write_recipe(corpus=files), verb="prepare")


def test_samples_longer_than_the_limit_are_left_out_and_counted(
    write_recipe: Writer, tmp_path: Path
) -> None:

    long = {"steps": 2, "batch": 4, "micro_batch": 2, "max_tokens": 40}
    run(write_recipe(mle=long), verb="mle")
    result = json.loads((tmp_path / "run/3_mle/step.json").read_text())["result"]
    assert result["too_long"] > 0 and result["samples"] + result["too_long"] == 8
    with pytest.raises(CorpusError, match="all 8 training samples are longer than 8 tokens; raise"):
        run(write_recipe(mle=long | {"max_tokens": 8}), verb="mle")


def test_a_limit_keeps_the_first_rows(tmp_path: Path, write_recipe: Writer) -> None:
    for name in ("train", "dev", "test"):
        rows = [f"{name} {n} {'x' * n}\tc{name} {n}\tn{name} {n}" for n in range(9)] + ["\t\t"]
        (tmp_path / f"{name}.tsv").write_text("\n".join(["en\tit\tnl", *rows]) + "\n")
    files = {name: str(tmp_path / f"{name}.tsv") for name in ("train", "dev", "test")}
    corpus = {**files, "dev_limit": 2, "test_limit": 3, "max_characters": 12}
    found = inputs.splits(load_recipe(write_recipe(corpus=corpus)))
    assert [row.key for row in found.dev] == ["dev.tsv:2", "dev.tsv:3"]
    assert len(found.test) == 3
    assert len(found.train) == 5  # "train 4 xxxx" has 12 characters
    assert found.dropped == {"overlap": 0, "length": 4}
    assert isinstance(found.train[0], Parallel)


def test_the_choice_of_samples_depends_on_their_keys_alone(finished: Path) -> None:
    train = samples(finished, "1_prepare/train.jsonl")
    picked = inputs.chosen(train, 10, seed=3)
    assert inputs.chosen(train[::-1], 10, seed=3) == picked
    assert inputs.chosen(train, 10, seed=4) != picked
    assert all(english_name(each.asked_lang) for each in picked)


def copied(recipe: Path, folder: Path, **changes: Any) -> Path:
    """The finished run and its recipe in another place."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["cp", "-r", str(recipe.parent / "run"), str(folder / "run")], check=True)
    content = json.loads(recipe.read_text()) | {"out": str(folder / "run")} | changes
    (folder / "recipe.yaml").write_text(json.dumps(content))
    return folder / "recipe.yaml"


def test_an_adapter_of_stage_2_is_one_of_its_control_too(write_recipe: Writer) -> None:
    control = next(
        unit for unit in steps_of(load_recipe(write_recipe())) if unit.folder == "4_control"
    )
    assert "unlikelihood.adapter" in control.reads


def test_another_detector_in_the_same_file_makes_the_evaluation_out_of_date(
    write_recipe: Writer, tmp_path: Path
) -> None:
    model = tmp_path / "lid.bin"
    recipe = load_recipe(write_recipe(evaluate={"detector": str(model)}))
    (unit,) = [each for each in steps_of(recipe) if each.folder == "6_evaluate"]
    found = []
    for content in (b"one", b"other", b"one"):
        model.write_bytes(content)
        found.append(artifacts.fingerprint(pipeline.dependencies_of(recipe, unit)))
    assert found[0] == found[2] != found[1]
