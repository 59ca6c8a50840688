"""`ontarget new` and `ontarget repair`: from a model and a corpus to a repaired model."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.commands import error_of, run_command
from support.runs import FinishedRun

from ontarget import artifacts
from ontarget.analysis.results import read_scores
from ontarget.cli.commands import repair
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Sample
from ontarget.scoring.averages import averages

CODES = ("en", "it", "nl")


@pytest.fixture
def corpus(finished_run: FinishedRun, tmp_path: Path) -> Path:
    """The small run's corpus as files."""
    folder = tmp_path / "data"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        prepared = finished_run.out / "1_prepare"
        samples = (
            list(artifacts.ArrowRecords(prepared / "train.arrow", Sample))
            if split == "train"
            else artifacts.read_jsonl(prepared / f"{split}.jsonl", Sample)
        )
        rows: dict[str, dict[str, str]] = {}
        for one in samples:
            texts = rows.setdefault(one.key.rpartition("/")[0], {})
            texts |= {one.source_lang: one.source, one.target_lang: one.target}
        lines = ["\t".join(texts[code] for code in CODES) for texts in rows.values()]
        content = "\n".join(["\t".join(CODES), *lines, ""])
        (folder / f"{split}.tsv").write_text(content, encoding="utf-8")
    return folder


@pytest.mark.slow
def test_repair_diagnoses_trains_tests_and_sums_up_and_runs_once(
    finished_run: FinishedRun, corpus: Path, tmp_path: Path
) -> None:
    model, out = finished_run.out / "0_base/model", tmp_path / "out"
    result = run_command("repair", model, corpus, "--out", out)
    assert result.code == 0 and result.stderr.startswith("diagnosis  "), result
    *_, last = result.stdout.splitlines()
    assert last.startswith("stage 1 (MLE) -> stage 2; zero-shot: off-target ")
    assert last.endswith(f"model: {out / '4_unlikelihood' / 'model'}")
    diagnosis = json.loads((out / "diagnosis.json").read_text())
    assert diagnosis["verdict"]["words"] in result.stdout
    made = (out / "4_unlikelihood" / "step.json").stat().st_mtime_ns
    again = run_command("repair", model, corpus, "--out", out)
    assert again.code == 0 and again.stdout.splitlines()[-1] == last
    assert (out / "4_unlikelihood" / "step.json").stat().st_mtime_ns == made
    other = error_of("repair", finished_run.out / "3_mle/model", corpus, "--out", out)
    assert "recipe.yaml: was written for" in other and "give another --out" in other
    fewer = error_of("repair", model, corpus, "--out", out, "--languages", "en,it")
    assert "train.tsv, en, it, nl; give another --out" in fewer


@pytest.mark.parametrize(
    ("system", "supervised", "percent", "advised"),
    [
        ("stage2", False, 40.0, True),
        ("stage2", False, 7.1, True),
        ("stage2", False, 6.9, False),  # five points above the references are tolerated
        ("stage2", False, None, False),  # nothing could be judged
        ("stage2", True, 40.0, False),
        ("stage1", False, 40.0, False),
    ],
)
def test_repair_advises_synthetic_pairs_where_stage_2_left_zero_shot_answers_off_target(
    finished_run: FinishedRun, system: str, supervised: bool, percent: float | None, advised: bool
) -> None:
    """By a command whose settings are valid; its references are 2 % off-target."""
    recipe = load_recipe(finished_run.recipe)
    row, *_ = averages(read_scores(finished_run.out / "6_evaluate" / "scores.jsonl"))
    row = replace(
        row, system=system, supervised=supervised, off_target_percent=percent,
        reference_off_target_percent=2.0,
    )  # fmt: skip
    lines = repair.advice(recipe, [row])
    assert len(lines) == advised
    for line in lines:
        text, _, command = line.partition(": ontarget run ")
        assert text == (
            f"stage 2 left {percent} % of zero-shot answers off-target; to train it again with "
            "synthetic pairs"
        )
        path, *changes = shlex.split(command)
        assert path == str(finished_run.out / "recipe.yaml")
        assert run_command("check", finished_run.recipe, *changes).code == 0


def test_new_prints_a_recipe_that_passes_check(
    finished_run: FinishedRun, corpus: Path, tmp_path: Path
) -> None:
    model = finished_run.out / "0_base/model"
    result = run_command("new", model, corpus, "--out", tmp_path / "out")
    assert (result.code, result.stderr) == (0, "")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(result.stdout, encoding="utf-8")
    assert run_command("check", recipe).code == 0
    assert "template: alma # the language right before the answer keeps stage 1" in result.stdout


@pytest.mark.parametrize(
    ("fault", "best", "given", "taken"),
    [
        ("is not tuned to translate", "plain", None, "alma"),
        ("is not tuned to translate", "plain", "plain", "plain"),
        ("is not tuned to translate", "hunyuan-mt", None, "hunyuan-mt"),  # a chat model
        ("ignores the instruction", "plain", None, "plain"),
    ],
)
def test_a_base_model_is_tuned_with_the_language_right_before_the_answer(  # noqa: PLR0913
    finished_run: FinishedRun, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    fault: str, best: str, given: str | None, taken: str,
) -> None:  # fmt: skip
    """Unless a template is given; a tuned model keeps the one that fits it best."""
    result = SimpleNamespace(
        verdict=SimpleNamespace(fault=fault), template=None if given else best, content=dict
    )
    monkeypatch.setattr(repair, "run_diagnosis", lambda *_: result)
    monkeypatch.setattr(repair, "diagnosis_lines", lambda _: [])
    files = repair.corpus_of(corpus, None)
    _, text = repair.propose(str(finished_run.out / "0_base/model"), files, given, tmp_path)
    assert f"\ntemplate: {taken} #" in text
    assert ("\nmle: # stage 1: it does not yet translate\n" in text) == (fault[:2] == "is")


@pytest.mark.parametrize("command", ["new", "repair"])
def test_bad_input_is_one_line(finished_run: FinishedRun, tmp_path: Path, command: str) -> None:
    model = finished_run.out / "0_base/model"
    assert "is no folder; give one with train" in error_of(command, model, tmp_path / "none")
    assert "--languages: CLDR knows no language" in error_of(
        command, model, tmp_path, "--languages", "en,xx"
    )


def test_a_template_can_be_given(finished_run: FinishedRun, corpus: Path) -> None:
    model = finished_run.out / "3_mle/model"
    result = run_command("new", model, corpus, "--template", "plain")
    assert result.code == 0 and "\ntemplate: plain" in result.stdout
    faulty = error_of("new", model, corpus, "--template", "plane")
    assert "--template: is 'plane', not the name of a template; did you mean plain?" in faulty


def test_a_run_keeps_its_template_and_a_faulty_one_leaves_nothing(
    finished_run: FinishedRun, corpus: Path, tmp_path: Path
) -> None:
    model, out = finished_run.out / "3_mle/model", tmp_path / "out"
    faulty = error_of("repair", model, corpus, "--out", out, "--template", "plane")
    assert "did you mean plain?" in faulty and not out.exists()
    out.mkdir()
    written = run_command("new", model, corpus, "--template", "plain", "--out", out)
    (out / "recipe.yaml").write_text(written.stdout, encoding="utf-8")
    other = error_of("repair", model, corpus, "--out", out, "--template", "alma")
    assert f"{out / 'recipe.yaml'}: was written for another template; give another --out" in other
