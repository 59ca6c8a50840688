"""What a run makes again after a change, and what it keeps."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import RECIPE, Writer
from support.runs import FOLDERS, FinishedRun, Log, from_model, run, write_corpus

from ontarget import artifacts
from ontarget.errors import CorpusError
from ontarget.pipeline import run as pipeline
from ontarget.pipeline.dependencies import dependencies_of
from ontarget.pipeline.graph import Step, steps_of
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Sample


def test_a_second_run_makes_nothing(finished_run: FinishedRun, tmp_path: Path) -> None:
    log = run(finished_run.copy_to(tmp_path).recipe)
    assert (log.made, log.kept) == ([], FOLDERS)


def changed(finished: FinishedRun, folder: Path, **changes: Any) -> list[str]:
    """What a run makes again after these changes of the recipe, without running it."""
    copy = finished.copy_to(folder)
    recipe = load_recipe(copy.recipe, changes)
    outdated: list[str] = []
    for step in steps_of(recipe):
        stamp = artifacts.read_stamp(copy.out / step.folder)
        made_from = dependencies_of(recipe, step)
        if not stamp or stamp["fingerprint"] != artifacts.fingerprint(made_from):
            outdated.append(step.folder)
    return outdated


def test_a_changed_setting_redoes_what_depends_on_it(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    copy = finished_run.copy_to(tmp_path / "beams")
    log = run(copy.recipe, {"translate": {"beams": 2, "max_new_tokens": 8}})
    assert (log.kept, log.made) == (FOLDERS[:6], FOLDERS[6:])
    alpha = RECIPE["unlikelihood"] | {"alpha": 2}
    assert changed(finished_run, tmp_path / "alpha", unlikelihood=alpha) == [
        "4_unlikelihood", "7_report",
    ]  # fmt: skip
    assert changed(finished_run, tmp_path / "name", name="other") == ["7_report"]


@pytest.mark.parametrize("setting", [{"detector": "paper"}, {"candidates": "recipe"}])
def test_another_detector_redoes_the_stages_whose_kept_checkpoint_it_chose(
    finished_run: FinishedRun, tmp_path: Path, setting: dict[str, str]
) -> None:
    assert changed(finished_run, tmp_path / "a", evaluate=setting) == [
        "4_unlikelihood", "6_evaluate", "7_report",  # the diagnosis before stage 2 judges too
    ]  # fmt: skip
    plain = {"unlikelihood": RECIPE["unlikelihood"] | {"preflight": 0}}
    validated = plain | {"mle": RECIPE["mle"] | {"validation": {"every": 2}}}
    path = tmp_path / "recipe.yaml"
    for content, redone in ((plain, set()), (validated, {"3_mle"})):
        hashes = []
        for evaluate in ({}, setting):
            recipe = RECIPE | content | {"evaluate": evaluate, "out": str(tmp_path / "none")}
            path.write_text(json.dumps(recipe))
            steps = steps_of(load_recipe(path))
            hashes.append({
                s.folder: artifacts.fingerprint(dependencies_of(load_recipe(path), s))
                for s in steps if s.trains
            })  # fmt: skip
        assert {name for name in hashes[0] if hashes[0][name] != hashes[1][name]} == redone


def test_a_step_cannot_read_a_setting_or_a_folder_that_it_does_not_declare(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    recipe = load_recipe(finished_run.recipe)
    step = next(step for step in steps_of(recipe) if step.folder == "2_conflict")
    context = pipeline.context_of(recipe, step, tmp_path, Log(), "local")
    assert context.settings.draw == "wrong_target"
    for name in ("mle", "evaluate", "template", "out"):
        with pytest.raises(AttributeError, match=name):
            getattr(context.settings, name)
    assert list(context.inputs) == ["1_prepare"]
    with pytest.raises(KeyError, match="0_base"):
        context.inputs["0_base"]


def with_declared_files_only(finished: FinishedRun, step: Step, out: Path) -> None:
    """A run's folder in which a step finds no file of another step that it does not declare."""
    for path in step.reads:
        folder, _, name = path.rpartition("/")
        if name == artifacts.STAMP:  # it lists the other files, which must be there
            shutil.copytree(finished.out / folder, out / folder, dirs_exist_ok=True)
        for source in sorted((finished.out / folder).rglob("*")):
            file = source.relative_to(finished.out)
            if source.is_file() and (str(file) + "/").startswith(path + "/"):
                (out / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, out / file)


def test_a_step_makes_the_same_files_from_those_that_it_declares_to_read(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    for step in steps_of(load_recipe(finished_run.recipe)):
        out = tmp_path / step.folder
        with_declared_files_only(finished_run, step, out)
        recipe = load_recipe(finished_run.recipe, {"out": str(out)})
        made = out / "made"
        made.mkdir(parents=True)
        pipeline.perform(recipe, step, made, Log())
        before = artifacts.folder_hashes(finished_run.out / step.folder)
        assert artifacts.folder_hashes(made) == before, step.folder


@pytest.mark.parametrize("measured", [False, True], ids=["training-only", "with-dev"])
def test_a_training_is_redone_for_its_own_data_only(
    measured: bool, write_recipe: Writer, finished_run: FinishedRun, tmp_path: Path
) -> None:
    """For dev sentences only where it is validated or diagnosed, and never for test sentences."""
    rows = {
        name: [f"{name} {n}\tc{name} {n}\tn{name} {n}" for n in range(6)]
        for name in ("train", "dev", "test")
    }
    changes: dict[str, Any] = {
        "base": from_model(finished_run),
        "corpus": write_corpus(tmp_path, rows),
        "control": None,
        "mle": RECIPE["mle"] | ({"validation": {"every": 4, "segments": 2}} if measured else {}),
        "unlikelihood": RECIPE["unlikelihood"] | {"preflight": 2 * measured},
    }
    trainings = {"3_mle", "4_unlikelihood"}
    run(write_recipe(**changes), verb="unlikelihood")
    changes["corpus"]["test_limit"] = 4
    changes["translate"] = {"beams": 2, "max_new_tokens": 4, "systems": ["base", "stage2"]}
    made = run(write_recipe(**changes), verb="translate").made
    assert "1_prepare" in made and "5_translate/base" in made and not trainings & set(made)
    write_corpus(tmp_path, {"test": rows["test"][1:]})
    made = run(write_recipe(**changes), verb="translate").made
    assert "5_translate/stage2" in made and not trainings & set(made)
    write_corpus(tmp_path, {"dev": rows["dev"][1:]})
    made = run(write_recipe(**changes), verb="unlikelihood").made
    assert "1_prepare" in made and trainings & set(made) == (trainings if measured else set())
    write_corpus(tmp_path, {"train": rows["train"][1:]})
    assert trainings < set(run(write_recipe(**changes), verb="unlikelihood").made)


def test_monolingual_text_is_what_stage_2_translates_and_redoes_nothing_else(
    write_recipe: Writer, finished_run: FinishedRun, tmp_path: Path
) -> None:
    """Spanish has monolingual text only: no column in training, and no supervised direction."""
    names = ("train", "dev", "test")
    rows = {name: [f"{name} {n}\tc{name} {n}\tn{name} {n}" for n in range(6)] for name in names}
    corpus = write_corpus(tmp_path, rows)
    for name in ("dev", "test"):
        lines = Path(corpus[name]).read_text(encoding="utf-8").splitlines()
        columns = ["es", *(f"s{name} {n}" for n in range(6))]
        text = "".join(f"{line}\t{es}\n" for line, es in zip(lines, columns, strict=True))
        Path(corpus[name]).write_text(text, encoding="utf-8")
    texts = tmp_path / "es.txt"
    texts.write_text("uno\ndos\n", encoding="utf-8")
    changes: dict[str, Any] = {
        "base": from_model(finished_run),
        "languages": [*RECIPE["languages"], "es"],
        "supervised": ["en<->it", "en<->nl"],
        "corpus": corpus | {"monolingual": {"es": str(texts)}},
        "control": None,
        "unlikelihood": RECIPE["unlikelihood"] | {"conflicts": "own"},
    }
    run(write_recipe(**changes), verb="unlikelihood")
    drawn = artifacts.ArrowRecords(tmp_path / "run/2_conflict/conflicts.arrow", Sample)
    assert {(sample.source_lang, sample.source) for sample in drawn} == {
        ("es", "uno"),
        ("es", "dos"),
    }
    texts.write_text("uno\ntres\n", encoding="utf-8")
    made = set(run(write_recipe(**changes), verb="unlikelihood").made)
    assert made == {"1_prepare", "2_conflict", "4_unlikelihood"}
    texts.write_text("\n \n", encoding="utf-8")  # the training samples do not take its place
    with pytest.raises(CorpusError, match=r"corpus\.monolingual\.es: no text is left; raise"):
        run(write_recipe(**changes))


def test_force_from_redoes_the_step_and_all_after_it(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    copy = finished_run.copy_to(tmp_path)
    assert run(copy.recipe, force_from="evaluate").made == ["6_evaluate", "7_report"]


def test_a_lost_file_is_made_again(finished_run: FinishedRun, tmp_path: Path) -> None:
    copy = finished_run.copy_to(tmp_path)
    (copy.out / "6_evaluate/scores.jsonl").unlink()
    assert run(copy.recipe).made == ["6_evaluate"]  # the report, whose input is the same, is kept


def test_an_altered_file_is_made_again(finished_run: FinishedRun, tmp_path: Path) -> None:
    copy = finished_run.copy_to(tmp_path)
    weights = copy.out / "3_mle/model/model.safetensors"
    weights.write_bytes(b"")
    assert run(copy.recipe).made == ["3_mle"]  # with the same result, so what follows is kept
    assert weights.stat().st_size > 0


def test_a_verb_makes_only_what_it_needs(write_recipe: Writer) -> None:
    path = write_recipe()
    assert run(path, verb="conflict").made == ["1_prepare", "2_conflict"]
    assert run(path, verb="mle").made == ["0_base", "3_mle"]
