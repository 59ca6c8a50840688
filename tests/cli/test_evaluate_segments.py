"""`ontarget evaluate`: verdicts by segment, and the test of off-target segments."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from support.commands import error_of, run_command
from support.evaluations import IT, LANGUAGES, NL, ROWS, evaluate, file_options, write_file

from ontarget import artifacts
from ontarget.analysis.evaluate_files import evaluate_files
from ontarget.offtarget.metric import OffTarget
from ontarget.scoring import resampling

FILES = ("hypotheses", "references", "sources")


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast; twelve segments need no more."""
    monkeypatch.setattr(resampling, "RESAMPLES", 100)
    monkeypatch.setattr(resampling, "TRIALS", 200)


def test_segments_are_written_as_the_library_judges_them(tmp_path: Path) -> None:
    arguments = file_options(tmp_path, hypotheses=[*NL[:1], *IT[1:], "", *IT, *IT[:3]])
    other = write_file(tmp_path, "other.txt", IT * ROWS)
    out = tmp_path / "segments.jsonl"
    plain = run_command("evaluate", *arguments, "-i", other)
    result = run_command("evaluate", *arguments, "-i", other, "--segments-out", out)
    assert result == plain and result.code == 0
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert list(lines[0]) == [
        "file", "line", "verdict", "language", "chrf", "foreign_percent", "stretches", "added",
        "target_lang", "source", "hypothesis",
    ]  # fmt: skip
    assert [line["source"] for line in lines] == NL * ROWS * 2
    assert lines[0]["hypothesis"] == NL[0] and {line["target_lang"] for line in lines} == {"it"}
    hypotheses, references, sources = (tmp_path / f"{name}.txt" for name in FILES)
    metric = OffTarget(target_lang="it", source_lang="nl")
    results = evaluate_files(metric, [hypotheses, other], [references], sources, keep_segments=True)
    expected = [asdict(segment) for result in results for segment in result.segment_results]
    assert lines == json.loads(json.dumps(expected)) and len(lines) == 24
    assert lines[0]["verdict"] == "source_copy" and lines[0]["language"] == "nl"
    assert lines[4]["verdict"] == "empty" and lines[4]["chrf"] == 0
    assert [line["line"] for line in lines] == [*range(1, 13), *range(1, 13)]
    assert {line["file"] for line in lines[12:]} == {str(other)}
    assert not list(tmp_path.glob(".*"))


def test_segments_without_references_have_no_chrf(tmp_path: Path) -> None:
    path, out = write_file(tmp_path, "h.txt", [*IT, NL[0]]), tmp_path / "segments.jsonl"
    evaluate("-i", path, *LANGUAGES, "--segments-out", out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["chrf"] for line in lines] == [None] * 5
    assert [line["verdict"] for line in lines] == ["on_target"] * 4 + ["source_language"]


@pytest.mark.parametrize("name", FILES)
def test_segments_do_not_overwrite_an_input(tmp_path: Path, name: str) -> None:
    arguments = file_options(tmp_path)
    path = tmp_path / f"{name}.txt"
    before = path.read_bytes()
    message = error_of("evaluate", *arguments, "--segments-out", f"{tmp_path}/./{name}.txt")
    assert "is an input; give another path" in message
    assert path.read_bytes() == before
    (tmp_path / "link").symlink_to(path)
    assert "is an input" in error_of("evaluate", *arguments, "--segments-out", tmp_path / "link")


def test_segments_of_a_failed_evaluation_are_not_written(tmp_path: Path) -> None:
    arguments = file_options(tmp_path, references=IT * 2)
    out = write_file(tmp_path, "segments.jsonl", ["old"])
    error_of("evaluate", *arguments, "--segments-out", out)
    assert out.read_text() == "old\n"


def test_a_second_writer_of_the_segments_gets_one_line(tmp_path: Path) -> None:
    out = tmp_path / "segments.jsonl"
    with artifacts.lock_output(out):
        message = error_of("evaluate", *file_options(tmp_path), "--segments-out", out)
    assert "another ontarget works there" in message and not out.exists()


def test_off_target_segments_of_two_systems_are_tested(tmp_path: Path) -> None:
    """Off-target in the second file alone: 5, in the first alone: 1. Sign test of 1 in 6."""
    first = file_options(tmp_path, hypotheses=[NL[0], *IT[1:], *IT * 2])
    second = write_file(tmp_path, "second.txt", [*IT, *NL, NL[0], *IT[1:]])
    evaluations = evaluate(*first, "-i", second)
    p = 2 * (1 + 6) / 2**6
    assert evaluations[0]["off_target_versus_first"] is None
    assert evaluations[1]["off_target_versus_first"] == {
        "only_this": 5, "only_first": 1, "p": pytest.approx(p),
    }  # fmt: skip
    text = run_command("evaluate", *first, "-i", second).stdout
    line = "  off-target in this file only: 5, in the first only: 1 (sign test: p = 0.2188)\n"
    assert text.count(line) == text.count("sign test") == 1


def test_off_target_segments_are_tested_without_references(tmp_path: Path) -> None:
    first, second = (write_file(tmp_path, name, lines) for name, lines in (("a", IT), ("b", NL)))
    *_, evaluation = evaluate("-i", first, "-i", second, *LANGUAGES)
    assert evaluation["off_target_versus_first"] == {"only_this": 4, "only_first": 0, "p": 0.125}
    assert evaluation["versus_first"] is None
