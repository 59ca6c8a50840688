"""BLEURT in `ontarget reproduce`, by a program that scores a segment by its length.

The runs are written by hand, and `make_runs` finds nothing left to make.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.commands import error_of, run_command

from ontarget import artifacts
from ontarget.cli.commands.reproduce import command
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import Direction, JudgedTranslation, Score
from ontarget.reproduction.planning import plan_runs
from ontarget.reproduction.runs import Choices, PlannedRun
from ontarget.reproduction.settings import read_paper_table
from ontarget.scoring import resampling

PROGRAM = """\
#!{python} -I
import json, sys
from pathlib import Path

PROBE = Path({probe!r})
names = dict(word.lstrip("-").split("=", 1) for word in sys.argv[3:])
texts = [Path(names[name]).read_text(encoding="utf-8").split("\\n")[:-1]
         for name in ("candidate_file", "reference_file")]
calls = len(list(PROBE.glob("call*.json")))
(PROBE / f"call{{calls}}.json").write_text(json.dumps([names["bleurt_checkpoint"], *texts]))
{fault}
scores = [len(hypothesis) / 40 - len(reference) / 90 for hypothesis, reference in zip(*texts)]
Path(names["scores_file"]).write_text("".join(f"{{score!r}}\\n" for score in scores))
"""
SEGMENTS, RESAMPLES = 5, 40
LANGUAGES = ("en", "it", "nl")


def install(environment: Path, fault: str = "") -> None:
    """A program that records its calls in its environment's folder."""
    path = environment / "bin" / "python"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PROGRAM.format(python=sys.executable, probe=str(environment), fault=fault))
    path.chmod(0o755)
    for name in ("BLEURT-20", "other"):
        (environment / name).mkdir(exist_ok=True)
        (environment / name / "saved_model.pb").write_bytes(name.encode())


def calls_of(environment: Path) -> list[list[Any]]:
    """The checkpoint, hypotheses and references of each call."""
    return [json.loads(path.read_text()) for path in sorted(environment.glob("call*.json"))]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where BLEURT is looked for; nothing is there yet."""
    monkeypatch.delenv("ONTARGET_BLEURT", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache" / "ontarget" / "bleurt"


def translations_of(run: PlannedRun, system: str, direction: Direction) -> list[JudgedTranslation]:
    """Segments whose lengths differ by run, system and direction; one holds a line break."""
    return [
        JudgedTranslation(
            key=f"test:{number}", system=system, source_lang=direction.source_lang,
            target_lang=direction.target_lang, source="source", reference=f"{direction} {number}",
            hypothesis=f"{run.name}\n{system}" + str(direction) * (number + (system == "stage2")),
            verdict="on_target", detected_lang=direction.target_lang,
            reference_verdict="on_target", reference_detected_lang=direction.target_lang, chrf=50.0,
        )
        for number in range(SEGMENTS)
    ]  # fmt: skip


def score_of(system: str, direction: Direction, supervised: bool) -> Score:
    return Score(
        system=system, source=direction.source_lang, target=direction.target_lang,
        supervised=supervised, segments=SEGMENTS, bleu=10.0, chrf=50.0, off_target_percent=0.0,
        off_target_interval=(0.0, 43.5), reference_off_target_percent=0.0,
        verdicts=dict.fromkeys(Verdict, 0) | {Verdict.ON_TARGET: SEGMENTS},
        languages={direction.target_lang: SEGMENTS}, detector="x", signatures={"bleu": "y"},
    )  # fmt: skip


def write_results(run: PlannedRun) -> None:
    """What step 6 writes, also of a system that fills no row."""
    folder = run.recipe.out / "6_evaluate"
    folder.mkdir(parents=True)
    scores, segments = [], []
    settings = ((True, run.recipe.supervised_directions), (False, run.recipe.zero_shot_directions))
    for system in (*run.rows.values(), "stage1-longer"):
        for supervised, directions in settings:
            for direction in directions:
                scores.append(score_of(system, direction, supervised))
                segments += translations_of(run, system, direction)
    artifacts.write_jsonl(folder / "scores.jsonl", scores)
    artifacts.write_jsonl(folder / "segments.jsonl", segments)
    artifacts.write_stamp(folder, {"fingerprint": "", "result": {}, "seconds": 1.0})


@pytest.fixture
def out(tmp_path: Path, environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished reproduction at the tiny scale, with few resamples."""
    monkeypatch.setattr(resampling, "RESAMPLES", RESAMPLES)
    folder = tmp_path / "out"
    choices = Choices(scale="tiny", out=folder, parts=("table",), languages=LANGUAGES)
    for run in plan_runs(read_paper_table("iwslt4"), choices).runs:
        write_results(run)
    monkeypatch.setattr(command, "make_runs", lambda *_: None)
    return folder


def arguments(out: Path, *options: str) -> tuple[str, ...]:
    return ("reproduce", "iwslt4", "--scale", "tiny", "--languages", ",".join(LANGUAGES),
            "--parts", "table", "--out", str(out), *options)  # fmt: skip


def reproduce(out: Path, *options: str) -> tuple[str, dict[str, Any]]:
    """The page and the figures."""
    result = run_command(*arguments(out, *options))
    assert (result.code, result.stderr) == (0, ""), result
    page = (out / "table.md").read_text(encoding="utf-8")
    return page, json.loads((out / "figures.json").read_text(encoding="utf-8"))


def lines_of(path: Path) -> list[dict[str, Any]]:
    """A file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def expected(out: Path, run: str, system: str, supervised: bool) -> tuple[float, list[float]]:
    """The mean over directions and its interval over rows, from files and the program's rule."""
    folder = out / run / "6_evaluate"
    segments, scores = (lines_of(folder / f"{name}.jsonl") for name in ("segments", "scores"))
    asked = {
        (one["source"], one["target"])
        for one in scores
        if one["system"] == system and one["supervised"] == supervised
    }
    by_row: dict[str, list[float]] = {}
    for one in segments:
        if one["system"] == system and (one["source_lang"], one["target_lang"]) in asked:
            percent = 100 * (len(one["hypothesis"]) / 40 - len(one["reference"]) / 90)
            by_row.setdefault(one["key"].split("/")[0], []).append(percent)
    assert {len(percents) for percents in by_row.values()} == {len(asked)}
    of_rows = np.array([np.mean(percents) for percents in by_row.values()])
    resamples = np.random.default_rng(0).choice(SEGMENTS, size=(RESAMPLES, SEGMENTS))
    bounds = np.percentile(of_rows[resamples].mean(axis=1), [2.5, 97.5])
    return float(of_rows.mean()), [float(bound) for bound in bounds]


def test_the_mean_and_its_interval_are_those_of_numpy_in_every_row_and_setting(
    out: Path, environment: Path
) -> None:
    install(environment)
    page, figures = reproduce(out, "--bleurt")
    systems = {"base": "base", "mt": "stage1", "post-ins": "stage1", "ptl": "base"}
    systems |= {way: f"stage1+{way}" for way in ("1-shot", "5-shot", "contrastive")}
    systems |= {"stage2": "stage2"}
    assert {row["key"] for row in figures["rows"]} == set(systems)
    for row in figures["rows"]:
        for name, supervised in (("supervised", True), ("zero_shot", False)):
            mean, bounds = expected(out, row["run"], systems[row["key"]], supervised)
            found = row[name]["bleurt"]
            assert found["percent"] == pytest.approx(mean)
            assert [found["low"], found["high"]] == pytest.approx(bounds)
            of_directions = [one["bleurt"] for one in row[name]["directions"].values()]
            assert np.mean(of_directions) == pytest.approx(mean)
            assert bounds[0] < mean < bounds[1]
            assert f"{mean:.1f} \\[{bounds[0]:.1f}, {bounds[1]:.1f}\\]" in page


def test_the_columns_the_gain_the_command_and_the_signature_are_on_the_page(
    out: Path, environment: Path
) -> None:
    install(environment)
    page, figures = reproduce(out, "--bleurt")
    assert page.count("| BLEURT \\[95 %\\] | references OTR % |") == 2
    means = [expected(out, "main", system, False)[0] for system in ("stage1", "stage2")]
    gain = f"+{means[1] - means[0]:.1f}"  # in each direction, since all names are as long
    assert "| BLEURT, mean | most in a direction |\n" in page
    assert "| LLaMA, preprint | -53.3 | - | +5.7 | - | +16.4 | - |" in page
    assert f"| own | 0.0 | 0.0 (it-nl) | 0.0 | 0.0 (it-nl) | {gain} | {gain} (it-nl) |" in page
    assert "| LLaMA-2 7B | -62.4 | -82.0 (it-ro) | +9.7 | +13.1 (it-ro) | - | - |" in page
    assert " --parts table --seed 1 --bleurt\n" in page
    (signature,) = [one for one in figures["signatures"] if one.startswith("bleurt: ")]
    assert signature.startswith("bleurt: bleurt:unknown|model:BLEURT-20@sha256:")
    assert f"- `{signature}`" in page


def test_the_program_runs_once_for_the_distinct_translations_of_all_rows(
    out: Path, environment: Path
) -> None:
    """A line break inside a segment reaches the program as a space."""
    install(environment)
    reproduce(out, "--bleurt")
    ((checkpoint, hypotheses, references),) = calls_of(environment)
    pairs = set()
    for run in ("main", "post-ins", "ptl"):
        for one in lines_of(out / run / "6_evaluate" / "segments.jsonl"):
            if one["system"] != "stage1-longer":  # which fills no row
                pairs.add((one["hypothesis"].replace("\n", " "), one["reference"]))
    assert checkpoint == str(environment / "BLEURT-20")
    assert len(hypotheses) == len(pairs)
    assert set(zip(hypotheses, references, strict=True)) == pairs


def test_unchanged_translations_are_not_scored_again_and_changed_ones_alone_are(
    out: Path, environment: Path
) -> None:
    install(environment)
    first = reproduce(out, "--bleurt")
    assert reproduce(out, "--bleurt") == first and len(calls_of(environment)) == 1
    path = out / "ptl" / "6_evaluate" / "segments.jsonl"
    *others, last = [one for one in lines_of(path) if one["system"] == "base"]
    artifacts.write_jsonl(path, [*others, {**last, "hypothesis": "changed"}])
    reproduce(out, "--bleurt")
    assert [call[1] for call in calls_of(environment)[1:]] == [["changed"]]


def test_another_checkpoint_scores_everything_again_and_is_named(
    out: Path, environment: Path
) -> None:
    install(environment)
    reproduce(out, "--bleurt")
    other = environment / "other"
    page, figures = reproduce(out, "--bleurt-model", str(other))
    first, second = calls_of(environment)
    assert second[0] == str(other) and second[1:] == first[1:]
    assert " --seed 1 --bleurt-model other\n" in page and str(other) not in page
    assert any("|model:other@sha256:" in one for one in figures["signatures"])


def test_bleurt_asked_for_later_only_adds_its_column(out: Path, environment: Path) -> None:
    install(environment)
    page, before = reproduce(out)
    assert "BLEURT \\[" not in page and "BLEURT, mean" not in page and "--bleurt" not in page
    assert calls_of(environment) == [] and not (out / "bleurt.json").exists()
    _, after = reproduce(out, "--bleurt")
    for row in after["rows"]:
        for setting in ("supervised", "zero_shot"):
            del row[setting]["bleurt"]
            for direction in row[setting]["directions"].values():
                del direction["bleurt"]
    assert after["signatures"].pop().startswith("bleurt: ")
    assert after == before
    assert reproduce(out) == (page, before)


def test_a_missing_program_is_found_before_anything_starts(
    tmp_path: Path, environment: Path
) -> None:
    """The error is that of `ontarget evaluate`."""
    files = [tmp_path / name for name in ("hypotheses", "references")]
    for path in files:
        path.write_text("Buongiorno a tutti e benvenuti\n")
    of_evaluate = error_of(
        "evaluate", "-i", files[0], "-r", files[1], "--source-lang", "en", "--target-lang", "it",
        "--bleurt",
    )  # fmt: skip
    result = run_command(*arguments(tmp_path / "out", "--bleurt"))
    assert (result.code, result.stderr) == (2, of_evaluate)
    assert f"python3 -m venv {environment} && {environment}/bin/pip install git+" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        ("", "--bleurt-model: is empty; name a model or omit the option"),
        ("BLEURT-21", "--bleurt: neither BLEURT-21 nor {environment}/BLEURT-21 exists; download"),
    ],
)
def test_a_missing_checkpoint_is_found_before_anything_starts(
    tmp_path: Path, environment: Path, checkpoint: str, message: str
) -> None:
    install(environment)
    result = run_command(*arguments(tmp_path / "out", "--bleurt-model", checkpoint))
    assert result.code == 2 and result.stderr.count("\n") == 1
    assert message.format(environment=environment) in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_empty_checkpoint_is_refused_even_in_a_dry_run() -> None:
    error = error_of("reproduce", "iwslt4", "--scale", "tiny", "--bleurt-model", " ", "--dry-run")
    assert error == "ontarget: --bleurt-model: is empty; name a model or omit the option\n"


@pytest.mark.parametrize(
    ("options", "model"), [(["--bleurt"], "BLEURT-20"), (["--bleurt-model", "none"], "none")]
)
def test_a_dry_run_says_that_bleurt_will_run_and_looks_for_nothing(
    tmp_path: Path, environment: Path, options: list[str], model: str
) -> None:
    result = run_command(*arguments(tmp_path / "out", "--dry-run", *options))
    assert (result.code, result.stderr) == (0, ""), result
    assert f"\nBLEURT by {model}, when all runs are finished\n" in result.stdout
    without = run_command(*arguments(tmp_path / "out", "--dry-run"))
    assert "BLEURT" not in without.stdout


DAMAGES = {
    "a cut file": lambda text: text[: len(text) // 2],
    "no object": lambda _: "[1, 2]",
    "no hash": lambda _: "{}",
    "a score that is another": lambda text: text.replace(": 0.", ": 1.", 1),
    "no text": lambda _: "\udc80",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_changed_file_of_scores_is_one_line(out: Path, environment: Path, damage: str) -> None:
    install(environment)
    reproduce(out, "--bleurt")
    path = out / "bleurt.json"
    before = path.read_text(encoding="utf-8")
    after = DAMAGES[damage](before)
    assert after != before
    path.write_text(after, encoding="utf-8", errors="surrogateescape")
    result = run_command(*arguments(out, "--bleurt"))
    assert result.code == 2
    assert result.stderr == (
        f"ontarget: {path}: not the scores that BLEURT gave; remove it, and BLEURT scores all "
        "translations again\n"
    )
    path.unlink()
    reproduce(out, "--bleurt")
    assert path.read_text(encoding="utf-8") == before and len(calls_of(environment)) == 2


def test_a_failing_program_is_one_line_and_leaves_tables_without_bleurt(
    out: Path, environment: Path
) -> None:
    install(environment, fault='sys.exit("no memory")')
    (out / "table.md").write_text("of earlier runs")
    result = run_command(*arguments(out, "--bleurt"))
    assert result.code == 2
    assert result.stderr == (
        f"ontarget: {environment}/bin/python: failed with exit code 1: no memory; check that "
        f"BLEURT runs by hand with {environment}/BLEURT-20\n"
    )
    assert f"tables without BLEURT: {out / 'table.md'}" in result.stdout.splitlines()
    names = {path.name for path in out.iterdir() if path.is_file()}
    assert names == {"reproduction.json", "table.md", "figures.json"}
    rows = (out / "table.md").read_text(encoding="utf-8").splitlines()
    headers = [row for row in rows if row.startswith("| zero-shot |") or "supervised |" in row]
    assert headers and not any("BLEURT" in header for header in headers)
    assert "bleurt" not in (out / "figures.json").read_text(encoding="utf-8")


def test_a_failing_program_leaves_the_earlier_column(out: Path, environment: Path) -> None:
    install(environment)
    reproduce(out, "--bleurt")
    before = (out / "table.md").read_bytes()
    install(environment, fault='sys.exit("no memory")')
    assert run_command(*arguments(out, "--bleurt-model", "other")).code == 2
    assert (out / "table.md").read_bytes() == before
