"""`ontarget compare`: tables and exit codes of evaluated runs, bad input as one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.commands import Result, error_of, loaded_by, run_command
from support.runs import FinishedRun
from support.texts import TEXTS

from ontarget import artifacts
from ontarget.analysis.evaluate import evaluate_translations
from ontarget.offtarget.metric import OffTarget
from ontarget.records import Translation
from ontarget.scoring import resampling

DIRECTIONS = {("en", "it"): True, ("it", "nl"): False, ("nl", "it"): False}
SOURCES = ("de", "fr", "es")  # source languages that only one run has
SENTENCES = 2  # repetitions of the four sentences


def write_run(
    folder: Path, english: dict[str, int], detector: str = "fasttext", suffix: str = ""
) -> Path:
    """An evaluated run, perfect but for the first `english` hypotheses of each zero-shot direction.

    `english` counts hypotheses in English by system; `suffix` is appended to all sources.
    """
    evaluated = folder / "6_evaluate"
    evaluated.mkdir(parents=True)
    scores, segments = [], []
    for system, count in english.items():
        for (source, target), supervised in DIRECTIONS.items():
            wrong = 0 if supervised else count
            right, instead = TEXTS[target] * SENTENCES, TEXTS["en"] * SENTENCES
            translations = [
                Translation(
                    key=f"test:{number}/{source}-{target}",
                    system=system,
                    source_lang=source,
                    target_lang=target,
                    source=f"{text}{suffix}",
                    reference=right[number],
                    hypothesis=instead[number] if number < wrong else right[number],
                )
                for number, text in enumerate(TEXTS[source] * SENTENCES)
            ]
            metric = OffTarget(target_lang=target, source_lang=source, detector=detector)
            judged, score = evaluate_translations(metric, translations, supervised=supervised)
            scores.append(score)
            segments += judged
    artifacts.write_jsonl(evaluated / "scores.jsonl", scores)
    artifacts.write_jsonl(evaluated / "segments.jsonl", segments)
    return folder


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast; eight segments need no more."""
    monkeypatch.setattr(resampling, "RESAMPLES", 100)
    monkeypatch.setattr(resampling, "TRIALS", 500)


def compare(*arguments: object) -> Result:
    return run_command("compare", *map(str, arguments))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In run b, stage 2 has one segment of eight wrong in each zero-shot direction."""
    folder = tmp_path_factory.mktemp("evaluated")
    write_run(folder / "a", {"base": 8, "stage2": 8})
    write_run(folder / "b", {"stage1": 6, "stage2": 1})
    return folder


@pytest.fixture
def runs(evaluated: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Copies of both, which a test may change."""
    shutil.copytree(evaluated, tmp_path, dirs_exist_ok=True)
    return tmp_path / "a", tmp_path / "b"


def test_two_runs_as_a_table(runs: tuple[Path, Path]) -> None:
    result = compare(*runs)
    assert (result.code, result.stderr) == (0, "")
    rows = [
        [cell.strip().replace("\\", "") for cell in line.strip("|").split(" | ")]
        for line in result.stdout.splitlines()
        if line.startswith("|")
    ]
    assert rows[2][0] == "supervised, mean of 1" and rows[2][3:6] == ["0.0", "0.0", "0.0"]
    assert rows[3][0] == "zero-shot, mean of 2" and rows[3][3:6] == ["100.0", "12.5", "-87.5"]
    assert rows[4][0] == "en-it" and rows[4][6:9] == ["100.0", "100.0", "0.0"]
    # 7 segments are off-target in A alone: p = 2 / 2**7. Wilson of 8 of 8 and 1 of 8, by hand.
    assert rows[5][:6] == [
        "it-nl", "8", "0.0", "100.0 [67.6, 100.0]", "12.5 [2.2, 47.1]", "-87.5*",
    ]  # fmt: skip
    assert "- off-target: lid:fasttext-176-ftz" in result.stdout
    assert "- bleu: nrefs:1\\|case:mixed" in result.stdout


def test_two_systems_of_one_run(runs: tuple[Path, Path]) -> None:
    systems = ("--system", "stage1", "--other-system", "stage2")
    result = compare(runs[1], runs[1], *systems, "--json")
    comparison = json.loads(result.stdout)
    assert result.code == 0
    assert [comparison[letter]["system"] for letter in "ab"] == ["stage1", "stage2"]
    ratio = comparison["averages"][1]["off_target"]
    assert ratio == {"a": 75.0, "b": 12.5, "difference": -62.5}
    row = comparison["directions"][1]
    assert row["off_target"]["randomisation_p"] == pytest.approx(2 / 2**5)
    assert row["off_target"]["significant"] is False
    assert row["segments"] == {"a": 8, "b": 8, "shared": 8}


def test_latex_needs_no_package_but_booktabs(runs: tuple[Path, Path]) -> None:
    result = compare(*runs, "--latex")
    text = result.stdout
    assert result.code == 0
    assert text.startswith("% needs \\usepackage{booktabs}\n\\begin{tabular}{l")
    assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")


@pytest.mark.parametrize("form", ["--latex", "--json", None])
def test_the_exit_code_guards_a_release(form: str | None, runs: tuple[Path, Path]) -> None:
    options = [form] if form else []
    plain = compare(*runs, *options)
    assert compare(*runs, *options, "--max-off-target", 12.5) == plain and plain.code == 0
    failed = compare(*runs, *options, "--max-off-target", 12.4)
    assert (failed.code, failed.stdout) == (1, plain.stdout)
    assert failed.stderr == (
        f"ontarget: {runs[1]}: zero-shot off-target of stage2 is 12.500 %, above 12.4 % "
        "(mean over 2 direction(s); worst: it-nl 12.5 %, nl-it 12.5 %)\n"
    )
    assert compare(*reversed(runs), *options, "--max-off-target", 12.5).code == 1


def test_the_guard_includes_directions_that_the_first_run_lacks(runs: tuple[Path, Path]) -> None:
    for name in ("scores", "segments"):
        path = runs[0] / "6_evaluate" / f"{name}.jsonl"
        path.write_text("".join(filter(from_english, path.read_text().splitlines(keepends=True))))
    result = compare(*runs, "--max-off-target", 10)
    assert result.code == 1 and "zero-shot off-target of stage2" in result.stderr
    assert "- only in B, left out: it-nl, nl-it\n" in result.stdout


def from_english(line: str) -> bool:
    content = json.loads(line)
    return "en" in (content.get("source_lang"), content["source"])


def test_different_test_sets_are_compared_without_a_significance_test(tmp_path: Path) -> None:
    a, b = (
        write_run(tmp_path / name, {"stage2": count}, suffix=name)
        for name, count in (("x", 8), ("y", 0))
    )
    result = compare(a, b)
    assert result.code == 0
    assert "-100.0 |" in result.stdout and "-100.0\\*" not in result.stdout
    note = "- test segments in both systems: none in en-it, it-nl, nl-it; not tested\n"
    assert note in result.stdout


def alter(run: Path, name: str, line: int, **changes: Any) -> Path:
    """Replace values of a line (None: leave out)."""
    path = run / "6_evaluate" / f"{name}.jsonl"
    lines = path.read_text().splitlines()
    content = {**json.loads(lines[line]), **changes}
    lines[line] = json.dumps({key: value for key, value in content.items() if value is not None})
    path.write_text("\n".join(lines) + "\n")
    return run


def overwrite(run: Path, name: str, content: str) -> Path:
    (run / "6_evaluate" / f"{name}.jsonl").write_text(content)
    return run


def remove(run: Path, name: str) -> Path:
    (run / "6_evaluate" / f"{name}.jsonl").unlink()
    return run


def repeat_score(run: Path) -> Path:
    path = run / "6_evaluate/scores.jsonl"
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")
    return run


def lose_segment(run: Path) -> Path:
    path = run / "6_evaluate/segments.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    return run


AGAIN = "; remove its folder and run again"
BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no run": (
        lambda run: run / "nowhere",
        "b/nowhere: no such run; give the folder that a recipe names as out",
    ),
    "a file": (lambda run: run / "6_evaluate/scores.jsonl", "scores.jsonl: no such run; give"),
    "no scores": (
        lambda run: remove(run, "scores"),
        "b/6_evaluate/scores.jsonl: missing, so the run is not evaluated yet; run `ontarget "
        "evaluate RECIPE` first",
    ),
    "no segments": (
        lambda run: remove(run, "segments"),
        "b/6_evaluate/segments.jsonl: missing, so the run is not evaluated yet",
    ),
    "nothing in scores": (
        lambda run: overwrite(run, "scores", ""),
        "b: has no system 'stage2'; it has none",
    ),
    "no JSON": (
        lambda run: overwrite(run, "scores", "{}\n{"),
        "scores.jsonl:2: not a valid dict (",
    ),
    "a list": (
        lambda run: overwrite(run, "segments", "[1]\n"),
        "segments.jsonl:1: not a valid dict (",
    ),
    "no score": (
        lambda run: alter(run, "scores", 1, bleu=None),
        f"scores.jsonl:2: not a valid Score (bleu: Field required){AGAIN}",
    ),
    "a text": (
        lambda run: alter(run, "scores", 0, chrf="x"),
        "scores.jsonl:1: not a valid Score (chrf: Input",
    ),
    "NaN": (
        lambda run: alter(run, "scores", 4, off_target_percent=float("nan")),
        "scores.jsonl:5: not a valid Score (expected percentages from 0 to 100 and at least "
        "one segment)" + AGAIN,
    ),
    "minus": (
        lambda run: alter(run, "scores", 4, off_target_percent=-1.0),
        "scores.jsonl:5: not a valid Sc",
    ),
    "nothing scored": (
        lambda run: alter(run, "scores", 4, segments=0),
        "scores.jsonl:5: not a valid Score (expected perc",
    ),
    "half an interval": (
        lambda run: alter(run, "scores", 0, off_target_interval=[1.0]),
        "scores.jsonl:1: not a valid Score (off_target_interval.1: Field required)",
    ),
    "no hypothesis": (
        lambda run: alter(run, "segments", 2, hypothesis=None),
        f"segments.jsonl:3: not a valid JudgedTranslation (hypothesis: Field required){AGAIN}",
    ),
    "a number": (
        lambda run: alter(run, "segments", 2, detected_lang=3),
        "segments.jsonl:3: not a valid JudgedTranslation (detected_lang: Input should be a valid "
        "string)",
    ),
    "a segment lost": (
        lose_segment,
        "b/6_evaluate/segments.jsonl: 7 segments of stage2 in nl-it, expected 8 as in "
        "scores.jsonl; run `ontarget evaluate RECIPE --force-from evaluate`",
    ),
    "a score twice": (
        repeat_score,
        "b/6_evaluate/scores.jsonl: has a direction of stage2 twice; run",
    ),
    "another detector": (
        lambda run: write_run(run / "c", {"stage2": 0}, "paper"),
        "b/c: en-it: off-target measured with lid:fasttext-176-ftz|set:open(176)|",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_runs_are_one_line(case: str, runs: tuple[Path, Path]) -> None:
    damage, message = BAD[case]
    assert message in error_of("compare", runs[0], damage(runs[1]), "--max-off-target", "0")


def test_no_direction_in_common_is_one_line(runs: tuple[Path, Path]) -> None:
    for line in (3, 4, 5):
        alter(runs[1], "scores", line, target="ro", source=SOURCES[line - 3])
    for line in range(24, 48):
        alter(runs[1], "segments", line, target_lang="ro", source_lang=SOURCES[line // 8 - 3])
    message = f"{runs[0]} and {runs[1]}: no direction in common: en-it, it-nl, nl-it in the"
    assert message in error_of("compare", *runs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--system", "stage3"), "a: has no system 'stage3'; it has base, stage2"),
        (("--other-system", "base"), "b: has no system 'base'; it has stage1, stage2"),
        (("--max-off-target", "nan"), "--max-off-target nan: expected a percent, 0 to 100"),
        (("--max-off-target", "101"), "--max-off-target 101.0: expected a percent, 0 to 100"),
        (("--latex", "--json"), "give --latex or --json, not both"),
    ],
)
def test_bad_options_are_one_line(
    options: tuple[str, ...], message: str, runs: tuple[Path, Path]
) -> None:
    assert message in error_of("compare", *runs, *options)


def test_two_finished_runs_can_be_compared(finished_run: FinishedRun) -> None:
    result = compare(finished_run.out, finished_run.out, "--other-system", "stage1", "--json")
    assert result.code == 0, result.stderr
    assert len(json.loads(result.stdout)["directions"]) == 6


def test_reading_a_run_loads_no_model_library() -> None:
    loaded = loaded_by(
        "from ontarget.cli import app\nfrom ontarget.analysis import compare, results"
    )
    assert not {"torch", "transformers", "fasttext"} & loaded


def test_scores_that_step_6_did_not_write_are_rejected(runs: tuple[Path, Path]) -> None:
    folder = runs[1] / "6_evaluate"
    artifacts.write_stamp(folder, {"fingerprint": "", "result": {}})
    assert compare(*runs).code == 0
    alter(runs[1], "scores", 3, bleu=99.0)
    message = f"{folder}: is not as step 6 left it, a file was altered; run `ontarget eval"
    assert message in error_of("compare", *runs)
