"""`ontarget evaluate` on files: its contract, and each kind of bad input as one line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.commands import loaded_by, ontarget_command
from support.evaluations import IT, NL, ROWS, options, written

LANGUAGES = ("--source-lang", "nl", "--target-lang", "it")


def evaluated(*arguments: str | Path) -> list[dict[str, Any]]:
    done = ontarget_command("evaluate", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_of_json_a_file_with_the_keys_that_scripts_rely_on(tmp_path: Path) -> None:
    other = written(tmp_path, "other.txt", [*NL[:2], *IT[2:], *IT * 2])
    given = [*options(tmp_path), "--hypotheses", other]
    good, worse = evaluated(*given, "--candidates", "en,it,nl,ro")
    assert list(good) == [
        "file", "segments", "off_target", "lpr", "wpr", "scores", "versus_first",
    ]  # fmt: skip
    assert list(good["off_target"]) == [
        "percent", "low", "high", "count", "judged", "floor_percent", "excess_percent",
        "excess_low", "excess_high", "verdicts", "languages", "signature",
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


def test_without_references_and_sources_what_is_unknown_is_null(tmp_path: Path) -> None:
    path = written(tmp_path, "h.txt", [*IT, NL[0]])
    (found,) = evaluated("--hypotheses", path, *LANGUAGES)
    ratio = found["off_target"]
    for name in ("floor_percent", "excess_percent", "excess_low", "excess_high"):
        assert ratio[name] is None
    assert found["scores"] == {} and found["versus_first"] is None and found["wpr"] is None
    assert ratio["verdicts"]["source_language"] == 1 and ratio["percent"] == pytest.approx(20)


def test_sources_alone_tell_copies(tmp_path: Path) -> None:
    hypotheses = written(tmp_path, "h.txt", [*IT[:3], NL[3]])
    sources = written(tmp_path, "s.txt", NL)
    (found,) = evaluated("--hypotheses", hypotheses, "--sources", sources, *LANGUAGES)
    assert found["off_target"]["verdicts"]["source_copy"] == 1 and found["scores"] == {}


def test_several_references_are_all_used(tmp_path: Path) -> None:
    second = written(tmp_path, "second.txt", [each.replace(" ", "  ") for each in IT * ROWS])
    given = options(tmp_path, hypotheses=[f"{x}!" for x in IT * ROWS])
    (found,) = evaluated(*given, "--references", second)
    assert "nrefs:2" in found["scores"]["bleu"]["signature"]


def test_bleu_and_chrf_are_those_of_the_sacrebleu_command(tmp_path: Path) -> None:
    given = options(tmp_path, hypotheses=[" ".join(x.split()[1:]) for x in IT * ROWS])
    (found,) = evaluated(*given)
    command = [sys.executable, "-m", "sacrebleu", tmp_path / "references.txt"]
    command += ["-i", tmp_path / "hypotheses.txt", "-m", "bleu", "chrf", "ter", "-b", "-w", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    wanted = json.loads(done.stdout) if done.stdout.startswith("[") else done.stdout.split()
    scores = [found["scores"][name]["score"] for name in ("bleu", "chrf", "ter")]
    assert [round(each, 4) for each in scores] == [float(each) for each in wanted]


def test_the_table_shows_the_line_to_cite_and_the_tests(tmp_path: Path) -> None:
    given = options(tmp_path, hypotheses=[*NL[:1], *IT[1:], *IT * 2])
    other = written(tmp_path, "other.txt", IT * ROWS)
    done = ontarget_command("evaluate", *given, "--hypotheses", other)
    assert done.returncode == 0, done.stderr
    assert "  off-target 8.3 % [1.5, 35.4] floor 0.0 % | n:12|lid:fasttext-176-ftz" in done.stdout
    assert "  above the floor: 8.3 points [0.0, 25.0]\n" in done.stdout
    assert "  verdicts: on target 11, source copy 1\n  languages: it 11, nl 1\n" in done.stdout
    assert "against the first (p: bootstrap, randomisation)" in done.stdout
    assert done.stdout.count("tok:13a") == 2


def test_marks_of_other_systems_are_taken_off(tmp_path: Path) -> None:
    text = "".join(f"{x}\r\n" for x in IT * ROWS)
    marked = options(tmp_path, hypotheses=b"\xef\xbb\xbf" + text.encode())
    (found,) = evaluated(*marked)
    assert found["segments"] == 12 and found["scores"]["chrf"]["score"] == pytest.approx(100)


def test_empty_lines_are_empty_segments(tmp_path: Path) -> None:
    (found,) = evaluated(*options(tmp_path, hypotheses=[*IT[:2], "", "  ", *IT * 2]))
    assert found["off_target"]["verdicts"]["empty"] == 2
    assert found["off_target"]["percent"] == pytest.approx(100 / 6)


def test_the_papers_number_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, "h.txt", ["", *IT[:3]])
    (found,) = evaluated("--hypotheses", path, *LANGUAGES, "--detector", "paper")
    assert found["off_target"]["percent"] == 25 and found["off_target"]["judged"] == 4


BAD: dict[str, tuple[Callable[[Path], list[str | Path]], str]] = {
    "fewer references": (
        lambda folder: options(folder, references=IT * 2),
        "hypotheses.txt: 12 segments, but {}/references.txt has 8; expected as many in both",
    ),
    "references twice": (
        lambda folder: [*options(folder), "--references", folder / "references.txt"],
        "{}/references.txt: is given twice as references; name each file of them once",
    ),
    "more sources": (
        lambda folder: options(folder, sources=NL * 4), "but {}/sources.txt has 16; expected",
    ),
    "references in another language": (
        lambda folder: options(folder, references=NL * ROWS),
        "references.txt: 100 % of these references are not in it (most are in nl); are files swap",
    ),
    "invalid UTF-8": (
        lambda folder: options(folder, hypotheses=b"bene\nmale \xff\n"),
        "hypotheses.txt:2: byte 6 of the line (0xff) is not UTF-8",
    ),
    "UTF-16": (
        lambda folder: options(folder, hypotheses="bene\n".encode("utf-16")),
        "hypotheses.txt:1: byte 1 of the line (0xff) is not UTF-8",
    ),
    "NUL": (
        lambda folder: options(folder, references=b"bene\nma\0le\n"),
        "references.txt:2: holds a NUL character",
    ),
    "a line of 1 MB": (
        lambda folder: options(folder, hypotheses=b"a " * 500_000 + b"\n"),
        "hypotheses.txt:1: 1000000 characters, at most 100000 expected; is it one segment a line",
    ),
    "a longer line": (
        lambda folder: options(folder, hypotheses=b"a" * 2_000_000),
        "hypotheses.txt:1: longer than 1048576 bytes; expected one sentence a line",
    ),
    "carriage returns alone": (
        lambda folder: options(folder, hypotheses=b"bene\rmale\rforse\n"),
        "hypotheses.txt:1: a carriage return inside the line; expected lines that end with LF",
    ),
    "an empty file": (
        lambda folder: options(folder, hypotheses=b""), "hypotheses.txt: holds no line; expected",
    ),
    "no file": (
        lambda folder: ["--hypotheses", folder / "none", *LANGUAGES], "none: No such file or dir",
    ),
    "nothing to judge": (
        lambda folder: options(folder, hypotheses=["42"] * 12),
        "hypotheses.txt: none of 12 segments could be judged: all are too short or without",
    ),
    "an unknown code": (
        lambda folder: [*options(folder), "--target-lang", "xx"], "CLDR knows no language 'xx'",
    ),
    "a language unknown to the detector": (
        lambda folder: [*options(folder), "--target-lang", "zu"],
        "the detector fasttext does not know 'zu', so every ratio would be 100 %; these know it: "
        "lingua, GlotLID",
    ),
    "no such detector": (
        lambda folder: [*options(folder), "--detector", "fastext"],
        "fastext: no such file; give fasttext, lingua, paper, or the path of a fastText model",
    ),
    "no languages": (
        lambda folder: ["--hypotheses", written(folder, "h", IT)], "--source-lang is missing",
    ),
    "no hypotheses": (lambda folder: [*LANGUAGES], "--hypotheses is missing; files need it"),
    "neither": (lambda folder: [], "give a RECIPE, or --hypotheses and their languages"),
    "both": (
        lambda folder: ["recipe.yaml", *options(folder)],
        "give a RECIPE alone, or --hypotheses and its options alone",
    ),
    "a recipe with an option of files": (
        lambda folder: ["recipe.yaml", "--votes", "2"], "give a RECIPE alone",
    ),
    "a step without recipe": (
        lambda folder: [*options(folder), "--force-from", "mle"], "give a RECIPE alone",
    ),
    "three votes": (lambda folder: [*options(folder), "--votes", "3"], "'--votes'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_no_number(tmp_path: Path, case: str) -> None:
    make, message = BAD[case]
    done = ontarget_command("evaluate", *make(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ontarget: ") and done.stderr.count("\n") == 1, done.stderr
    assert message.format(tmp_path) in done.stderr


def test_files_are_evaluated_without_torch(tmp_path: Path) -> None:
    path = written(tmp_path, "h.txt", IT)
    program = (
        "import sys, ontarget.__main__ as m\n"
        f"sys.argv[1:] = ['evaluate', '--hypotheses', {str(path)!r}, *{LANGUAGES!r}]\n"
        "try: m.main()\nexcept SystemExit: pass"
    )
    assert not {"torch", "transformers"} & loaded_by(program)
