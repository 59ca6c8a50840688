"""`ontarget compare`: tables and exit codes of runs that step 6 wrote, bad input in one line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.commands import loaded_by, ontarget_command
from support.texts import TEXTS

from ontarget import artifacts
from ontarget.cli import app
from ontarget.offtarget.metric import OffTarget
from ontarget.records import Translation
from ontarget.scoring import resampling
from ontarget.steps import s6_evaluate

DIRECTIONS = {("en", "it"): True, ("it", "nl"): False, ("nl", "it"): False}
SOURCES = ("de", "fr", "es")  # of directions that only one run has
SENTENCES = 2  # times four
Output = tuple[int, str, str]
Command = Callable[..., Output]


def written(
    folder: Path, wrong: dict[str, int], detector: str = "fasttext", sources: str = ""
) -> Path:
    """A run whose systems answer zero-shot with so many English sentences, else perfectly."""
    evaluated = folder / "6_evaluate"
    evaluated.mkdir(parents=True)
    scores, segments = [], []
    for system, count in wrong.items():
        for (source, target), supervised in DIRECTIONS.items():
            english = 0 if supervised else count
            right, instead = TEXTS[target] * SENTENCES, TEXTS["en"] * SENTENCES
            translations = [
                Translation(
                    key=f"test:{number}/{source}-{target}",
                    system=system,
                    source_lang=source,
                    target_lang=target,
                    source=f"{text}{sources}",
                    reference=right[number],
                    hypothesis=instead[number] if number < english else right[number],
                )
                for number, text in enumerate(TEXTS[source] * SENTENCES)
            ]
            metric = OffTarget(target_lang=target, source_lang=source, detector=detector)
            answers, tally = s6_evaluate.judged(translations, metric)
            scores.append(s6_evaluate.score(answers, tally, supervised, metric))
            segments += answers
    artifacts.write_jsonl(evaluated / "scores.jsonl", scores)
    artifacts.write_jsonl(evaluated / "segments.jsonl", segments)
    return folder


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast; at eight segments no more is known from many draws."""
    monkeypatch.setattr(resampling, "RESAMPLES", 100)
    monkeypatch.setattr(resampling, "TRIALS", 500)


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command in this process: exit code, stdout, stderr."""

    def command(*arguments: object) -> Output:
        monkeypatch.setattr(sys, "argv", ["ontarget", "compare", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            app.main()
        return (int(str(end.value.code)), *capsys.readouterr())

    return command


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """In the second, stage 2 has one segment of eight wrong in each zero-shot direction."""
    first = written(tmp_path / "a", {"base": 8, "stage2": 8})
    return first, written(tmp_path / "b", {"stage1": 6, "stage2": 1})


def test_two_runs_as_a_table_in_a_process_of_its_own(runs: tuple[Path, Path]) -> None:
    done = ontarget_command("compare", *runs)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [
        [cell.strip().replace("\\", "") for cell in line.strip("|").split(" | ")]
        for line in done.stdout.splitlines()
        if line.startswith("|")
    ]
    assert rows[2][0] == "supervised, mean of 1" and rows[2][3:6] == ["0.0", "0.0", "0.0"]
    assert rows[3][0] == "zero-shot, mean of 2" and rows[3][3:6] == ["100.0", "12.5", "-87.5"]
    assert rows[4][0] == "en-it" and rows[4][6:9] == ["100.0", "100.0", "0.0"]
    # 7 segments off-target in A alone: p = 2 / 2**7. Wilson of 8 of 8 and of 1 of 8, by hand.
    assert rows[5][:6] == [
        "it-nl", "8", "0.0", "100.0 [67.6, 100.0]", "12.5 [2.2, 47.1]", "-87.5*",
    ]  # fmt: skip
    assert "- off-target: lid:fasttext-176-ftz" in done.stdout
    assert "- bleu: nrefs:1\\|case:mixed" in done.stdout


def test_two_systems_of_one_run(runs: tuple[Path, Path], compare: Command) -> None:
    systems = ("--system", "stage1", "--other-system", "stage2")
    code, out, _ = compare(runs[1], runs[1], *systems, "--json")
    found = json.loads(out)
    assert code == 0
    assert [found[letter]["system"] for letter in "ab"] == ["stage1", "stage2"]
    ratio = found["averages"][1]["off_target"]
    assert ratio == {"a": 75.0, "b": 12.5, "difference": -62.5}
    row = found["directions"][1]
    assert row["off_target"]["randomisation_p"] == pytest.approx(2 / 2**5)
    assert row["off_target"]["significant"] is False
    assert row["segments"] == {"a": 8, "b": 8, "shared": 8}


def test_latex_needs_no_other_package_than_booktabs(
    runs: tuple[Path, Path], compare: Command
) -> None:
    code, out, _ = compare(*runs, "--latex")
    assert code == 0
    assert out.startswith("% needs \\usepackage{booktabs}\n\\begin{tabular}{l")
    assert out.count("{") - out.count("\\{") == out.count("}") - out.count("\\}")


@pytest.mark.parametrize("form", ["--latex", "--json", None])
def test_the_exit_code_guards_a_release(
    form: str | None, runs: tuple[Path, Path], compare: Command
) -> None:
    options = [form] if form else []
    plain = compare(*runs, *options)
    assert compare(*runs, *options, "--max-off-target", 12.5) == (0, *plain[1:])
    code, out, err = compare(*runs, *options, "--max-off-target", 12.4)
    assert (code, out) == (1, plain[1])
    assert err == (
        f"ontarget: {runs[1]}: zero-shot off-target of stage2 is 12.500 %, above 12.4 % "
        "(mean of 2; worst: it-nl 12.5 %, nl-it 12.5 %)\n"
    )
    assert compare(*reversed(runs), *options, "--max-off-target", 12.5)[0] == 1


def test_the_guard_sees_directions_that_the_first_run_lacks(
    runs: tuple[Path, Path], compare: Command
) -> None:
    for name in ("scores", "segments"):
        path = runs[0] / "6_evaluate" / f"{name}.jsonl"
        path.write_text("".join(filter(from_english, path.read_text().splitlines(keepends=True))))
    code, out, err = compare(*runs, "--max-off-target", 10)
    assert code == 1 and "zero-shot off-target of stage2" in err
    assert "- in B alone, left out: it-nl, nl-it\n" in out


def from_english(line: str) -> bool:
    content = json.loads(line)
    return "en" in (content.get("source_lang"), content["source"])


def test_other_test_sets_are_compared_without_a_test(tmp_path: Path, compare: Command) -> None:
    a, b = (
        written(tmp_path / name, {"stage2": count}, sources=name)
        for name, count in (("x", 8), ("y", 0))
    )
    code, out, _ = compare(a, b)
    assert code == 0 and "-100.0 |" in out and "-100.0\\*" not in out
    assert "- test segments that both have: none in en-it, it-nl, nl-it; not tested\n" in out


def altered(run: Path, name: str, line: int, **changes: Any) -> Path:
    """A value of a line replaced; one that is absent stays absent where None is given."""
    path = run / "6_evaluate" / f"{name}.jsonl"
    lines = path.read_text().splitlines()
    content = {**json.loads(lines[line]), **changes}
    lines[line] = json.dumps({key: value for key, value in content.items() if value is not None})
    path.write_text("\n".join(lines) + "\n")
    return run


def damaged(run: Path, name: str, content: str) -> Path:
    (run / "6_evaluate" / f"{name}.jsonl").write_text(content)
    return run


def without(run: Path, name: str) -> Path:
    (run / "6_evaluate" / f"{name}.jsonl").unlink()
    return run


def repeated(run: Path) -> Path:
    path = run / "6_evaluate/scores.jsonl"
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")
    return run


def shortened(run: Path) -> Path:
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
        lambda run: without(run, "scores"),
        "b/6_evaluate/scores.jsonl: missing, so the run is not evaluated yet; run `ontarget "
        "evaluate RECIPE` first",
    ),
    "no segments": (
        lambda run: without(run, "segments"),
        "b/6_evaluate/segments.jsonl: missing, so the run is not evaluated yet",
    ),
    "nothing in scores": (
        lambda run: damaged(run, "scores", ""), "b: has no system 'stage2'; it has none",
    ),
    "no JSON": (lambda run: damaged(run, "scores", "{}\n{"), "scores.jsonl:2: is no dict ("),
    "a list": (lambda run: damaged(run, "segments", "[1]\n"), "segments.jsonl:1: is no dict ("),
    "no score": (
        lambda run: altered(run, "scores", 1, bleu=None),
        f"scores.jsonl:2: is no Score (bleu: Field required){AGAIN}",
    ),
    "a text": (
        lambda run: altered(run, "scores", 0, chrf="x"), "scores.jsonl:1: is no Score (chrf: Input",
    ),
    "NaN": (
        lambda run: altered(run, "scores", 4, off_target_percent=float("nan")),
        "scores.jsonl:5: is no Score (percents from 0 to 100 and at least one segment expected)"
        + AGAIN,
    ),
    "minus": (
        lambda run: altered(run, "scores", 4, off_target_percent=-1.0), "scores.jsonl:5: is no Sc",
    ),
    "nothing scored": (
        lambda run: altered(run, "scores", 4, segments=0), "scores.jsonl:5: is no Score (percents",
    ),
    "half an interval": (
        lambda run: altered(run, "scores", 0, off_target_interval=[1.0]),
        "scores.jsonl:1: is no Score (off_target_interval.1: Field required)",
    ),
    "no hypothesis": (
        lambda run: altered(run, "segments", 2, hypothesis=None),
        f"segments.jsonl:3: is no Answer (hypothesis: Field required){AGAIN}",
    ),
    "a number": (
        lambda run: altered(run, "segments", 2, found_lang=3),
        "segments.jsonl:3: is no Answer (found_lang: Input should be a valid string)",
    ),
    "a segment lost": (
        shortened,
        "b/6_evaluate/segments.jsonl: 7 segments of stage2 in nl-it, expected 8 as in "
        "scores.jsonl; run `ontarget evaluate RECIPE --force-from evaluate`",
    ),
    "a score twice": (
        repeated, "b/6_evaluate/scores.jsonl: a direction of stage2 stands there twice; run",
    ),
    "another detector": (
        lambda run: written(run / "c", {"stage2": 0}, "paper"),
        "b/c: en-it: off-target measured with lid:fasttext-176-ftz|set:open(176)|"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_runs_are_one_line(case: str, runs: tuple[Path, Path], compare: Command) -> None:
    damage, text = BAD[case]
    code, out, err = compare(runs[0], damage(runs[1]), "--max-off-target", 0)
    assert (code, out) == (2, "")
    assert err.startswith("ontarget: ") and err.count("\n") == 1
    assert text in err


def test_no_direction_in_common_is_one_line(runs: tuple[Path, Path], compare: Command) -> None:
    for line, lang in ((3, "ro"), (4, "ro"), (5, "ro")):
        altered(runs[1], "scores", line, target=lang, source=SOURCES[line - 3])
    for line in range(24, 48):
        altered(runs[1], "segments", line, target_lang="ro", source_lang=SOURCES[line // 8 - 3])
    code, _, err = compare(*runs)
    assert code == 2
    assert f"{runs[0]} and {runs[1]}: no direction in common: en-it, it-nl, nl-it in the" in err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--system", "stage3"), "a: has no system 'stage3'; it has base, stage2"),
        (("--other-system", "base"), "b: has no system 'base'; it has stage1, stage2"),
        (("--max-off-target", "nan"), "--max-off-target nan: expected a percent, 0 to 100"),
        (("--max-off-target", "101"), "--max-off-target 101.0: expected a percent, 0 to 100"),
        (("--latex", "--json"), "give --latex or --json, not both"),
    ],
)
def test_bad_options_are_one_line(
    options: tuple[str, ...], text: str, runs: tuple[Path, Path], compare: Command
) -> None:
    code, out, err = compare(*runs, *options)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert text in err


def test_reading_a_run_loads_no_model_library() -> None:
    loaded = loaded_by("import ontarget.__main__\nfrom ontarget.steps import compare")
    assert not {"torch", "transformers", "fasttext"} & loaded


def test_numbers_that_step_6_did_not_write_are_refused(
    runs: tuple[Path, Path], compare: Command
) -> None:
    evaluated = runs[1] / "6_evaluate"
    artifacts.write_stamp(evaluated, {"fingerprint": "", "result": {}})
    assert compare(*runs)[0] == 0
    altered(runs[1], "scores", 3, bleu=99.0)
    code, out, err = compare(*runs)
    assert (code, out) == (2, "")
    assert f"{evaluated}: is not as step 6 left it, a file was altered; run `ontarget eval" in err
