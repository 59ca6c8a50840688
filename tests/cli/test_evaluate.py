"""`ontarget evaluate` on files: its output, flags and standard input."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import error_of, loaded_by, run_command
from support.evaluations import IT, LANGUAGES, NL, ROWS, evaluate, file_options, write_file

from ontarget.scoring import resampling


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast; twelve segments need no more."""
    monkeypatch.setattr(resampling, "RESAMPLES", 100)
    monkeypatch.setattr(resampling, "TRIALS", 200)


def test_json_has_one_line_a_file_with_the_keys_that_scripts_rely_on(tmp_path: Path) -> None:
    other = write_file(tmp_path, "other.txt", [*NL[:2], *IT[2:], *IT * 2])
    arguments = [*file_options(tmp_path), "--hypotheses", other]
    good, worse = evaluate(*arguments, "--candidates", "en,it,nl,ro")
    assert list(good) == [
        "file", "segments", "off_target", "line_percent", "word_percent", "scores", "versus_first",
        "off_target_versus_first",
    ]  # fmt: skip
    assert list(good["off_target"]) == [
        "percent", "low", "high", "count", "judged", "floor_percent", "floor_source",
        "excess_percent", "excess_low", "excess_high", "corrected", "grade", "warning", "verdicts",
        "languages", "inside", "signature",
    ]  # fmt: skip
    assert list(good["off_target"]["verdicts"]) == [
        "on_target", "source_copy", "source_language", "pivot", "other", "mixed", "empty",
        "undecided",
    ]  # fmt: skip
    assert list(good["scores"]) == ["bleu", "chrf", "chrf++", "ter"]
    for score in good["scores"].values():
        assert list(score) == [
            "score", "low", "high", "signature", "on_target_only", "off_target_as_empty",
        ]  # fmt: skip
    assert good["off_target"]["percent"] == 0 == good["off_target"]["floor_percent"]
    assert (good["file"], good["segments"]) == (str(tmp_path / "hypotheses.txt"), 12)
    assert good["versus_first"] is None and good["scores"]["bleu"]["score"] == pytest.approx(100)
    assert worse["off_target"]["verdicts"]["source_copy"] == 2
    assert worse["off_target"]["languages"] == {"it": 10, "nl": 2}
    assert worse["off_target"]["excess_percent"] == pytest.approx(100 / 6)
    assert worse["scores"]["bleu"]["on_target_only"] == pytest.approx(100)
    assert list(worse["versus_first"]) == list(worse["scores"])
    assert list(worse["versus_first"]["ter"]) == ["difference", "bootstrap_p", "randomisation_p"]
    assert worse["versus_first"]["bleu"]["difference"] < -10


def test_values_that_need_missing_files_are_null(tmp_path: Path) -> None:
    path = write_file(tmp_path, "h.txt", [*IT, NL[0]])
    (evaluation,) = evaluate("--hypotheses", path, *LANGUAGES)
    ratio = evaluation["off_target"]
    assert ratio["floor_source"] == "shipped" and ratio["floor_percent"] < 1
    assert ratio["excess_percent"] == ratio["percent"] - ratio["floor_percent"]
    assert (
        evaluation["scores"] == {}
        and evaluation["versus_first"] is None
        and evaluation["word_percent"] is None
    )
    assert ratio["verdicts"]["source_language"] == 1 and ratio["percent"] == pytest.approx(20)


def test_sources_alone_reveal_copies(tmp_path: Path) -> None:
    hypotheses = write_file(tmp_path, "h.txt", [*IT[:3], NL[3]])
    sources = write_file(tmp_path, "s.txt", NL)
    (evaluation,) = evaluate("--hypotheses", hypotheses, "--sources", sources, *LANGUAGES)
    assert evaluation["off_target"]["verdicts"]["source_copy"] == 1 and evaluation["scores"] == {}


def test_several_references_are_all_used(tmp_path: Path) -> None:
    second = write_file(tmp_path, "second.txt", [line.replace(" ", "  ") for line in IT * ROWS])
    arguments = file_options(tmp_path, hypotheses=[f"{x}!" for x in IT * ROWS])
    (evaluation,) = evaluate(*arguments, "--references", second)
    assert "nrefs:2" in evaluation["scores"]["bleu"]["signature"]


def test_bleu_and_chrf_are_those_of_the_sacrebleu_command(tmp_path: Path) -> None:
    arguments = file_options(tmp_path, hypotheses=[" ".join(x.split()[1:]) for x in IT * ROWS])
    (evaluation,) = evaluate(*arguments)
    command = [sys.executable, "-m", "sacrebleu", tmp_path / "references.txt"]
    command += ["-i", tmp_path / "hypotheses.txt", "-m", "bleu", "chrf", "ter", "-b", "-w", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    expected = json.loads(done.stdout) if done.stdout.startswith("[") else done.stdout.split()
    scores = [evaluation["scores"][name]["score"] for name in ("bleu", "chrf", "ter")]
    assert [round(score, 4) for score in scores] == [float(score) for score in expected]


def test_the_table_shows_the_line_to_cite_and_the_tests(tmp_path: Path) -> None:
    arguments = file_options(tmp_path, hypotheses=[*NL[:1], *IT[1:], *IT * 2])
    other = write_file(tmp_path, "other.txt", IT * ROWS)
    result = run_command("evaluate", *arguments, "--hypotheses", other)
    assert result.code == 0, result.stderr
    assert (
        "  excess 8.3 points [0.0, 25.0] over the references' floor of 0.0 %\n"
        "  off-target 8.3 % [1.5, 35.4], corrected 8.3 % ["
    ) in result.stdout
    assert "\n  n:12|lid:eldc-0.4.0+fasttext-176-ftz|set:open" in result.stdout
    assert "  verdicts: on target 11, source copy 1\n  languages: it 11, nl 1\n" in result.stdout
    assert "versus p: boot- random-" in result.stdout
    assert result.stdout.count("tok:13a") == 2


def test_byte_order_marks_and_crlf_are_removed(tmp_path: Path) -> None:
    text = "".join(f"{x}\r\n" for x in IT * ROWS)
    arguments = file_options(tmp_path, hypotheses=b"\xef\xbb\xbf" + text.encode())
    (evaluation,) = evaluate(*arguments)
    assert evaluation["segments"] == 12 and evaluation["scores"]["chrf"]["score"] == pytest.approx(
        100
    )


def test_empty_lines_are_empty_segments(tmp_path: Path) -> None:
    (evaluation,) = evaluate(*file_options(tmp_path, hypotheses=[*IT[:2], "", "  ", *IT * 2]))
    assert evaluation["off_target"]["verdicts"]["empty"] == 2
    assert evaluation["off_target"]["percent"] == pytest.approx(100 / 6)


def test_the_paper_is_a_detector_by_name(tmp_path: Path) -> None:
    path = write_file(tmp_path, "h.txt", ["", *IT[:3]])
    (evaluation,) = evaluate("--hypotheses", path, *LANGUAGES, "--detector", "paper")
    assert evaluation["off_target"]["percent"] == 25 and evaluation["off_target"]["judged"] == 4


def test_files_are_evaluated_without_torch(tmp_path: Path) -> None:
    arguments = ["evaluate", "-i", str(write_file(tmp_path, "h.txt", IT)), *LANGUAGES]
    program = f"from ontarget.cli import app\nassert app.execute({arguments!r}) == 0"
    assert not {"torch", "transformers"} & loaded_by(program)


@pytest.mark.parametrize("flag", ["-i", "-t"])
def test_short_flags_mean_the_long_ones(flag: str, tmp_path: Path) -> None:
    long = [*file_options(tmp_path, hypotheses=[*NL[:1], *IT[1:], *IT * 2])]
    names = {"--hypotheses": flag, "--references": "-r", "--sources": "-s"}
    short = [names.get(str(argument), argument) for argument in long]
    assert short != long
    assert evaluate(*short) == evaluate(*long)


@pytest.mark.parametrize("option", ["-i", "-r", "-s"])
def test_a_hyphen_reads_standard_input(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = dict(zip(("-i", "-r", "-s"), file_options(tmp_path)[5::2], strict=True))
    arguments = [part for pair in paths.items() for part in pair]
    (expected,) = evaluate(*LANGUAGES, *arguments)
    text = Path(paths[option]).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text), encoding="ascii"))
    arguments = [part for pair in (paths | {option: "-"}).items() for part in pair]
    (evaluation,) = evaluate(*LANGUAGES, *arguments)
    assert evaluation | {"file": ""} == expected | {"file": ""}


@pytest.mark.parametrize("twice", [["-i", "-", "-i", "-"], ["-i", "-", "-r", "-"]])
def test_standard_input_is_read_once(twice: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(IT).encode())))
    message = "standard input, which can be read only once; see ontarget evaluate --help"
    assert message in error_of("evaluate", *LANGUAGES, *twice)


def test_bad_standard_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"bene\n\xff\n")))
    message = error_of("evaluate", *LANGUAGES, "-i", "-")
    assert "2: byte 1 of the line (0xff) is not UTF-8" in message
