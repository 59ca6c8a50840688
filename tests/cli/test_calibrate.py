"""`ontarget calibrate`: its tables, its file, and each kind of bad input as one line."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import error_of, loaded_by, run_command
from support.evaluations import IT, NL, Content, write_file

from ontarget import artifacts

Arguments = list[str | Path]


def reference_options(folder: Path, **contents: Content) -> Arguments:
    """An Italian and a Dutch file of references, each right unless its content is given."""
    arguments: Arguments = []
    for code, right in {"it": IT, "nl": NL}.items():
        arguments += ["-r", f"{code}={write_file(folder, code, contents.get(code, right))}"]
    return arguments


def test_the_tables_have_the_measured_values(tmp_path: Path) -> None:
    result = run_command(
        "calibrate", *reference_options(tmp_path, it=[*IT, NL[0], ""]), "--detector", "fasttext",
        "--detector", "paper",
    )  # fmt: skip
    assert result.code == 0, result.stderr
    assert result.stderr == "ontarget: lines without text, left out: 1\n"
    assert "| language | fasttext | paper |\n| --- | ---: | ---: |\n| it | - / - |" in result.stdout
    assert result.stdout.count("80.0 (37.6-96.4) / 20.0 / 5") == 2
    assert (
        "lid:fasttext-176-ftz\\|set:open(176)\\|votes:1\\|norm:1\\|script:on\\|margin:5"
        in result.stdout
    )
    assert "| it | nl 20.0 (3.6-62.4) / 5 |" in result.stdout
    assert "| nl | it 0.0 (0.0-49.0) / 4 |" in result.stdout


def test_a_file_gets_what_the_terminal_would(tmp_path: Path) -> None:
    options = [*reference_options(tmp_path), "--json"]
    shown = run_command("calibrate", *options)
    saved = run_command("calibrate", *options, "--out", tmp_path / "out.json")
    assert (saved.code, saved.stdout, saved.stderr) == (0, "", "")
    assert (tmp_path / "out.json").read_text() == shown.stdout
    (detector,) = json.loads(shown.stdout)["detectors"]
    assert [row["language"] for row in detector["languages"]] == ["it", "nl"]
    assert detector["languages"][0]["right"]["percent"] == 100
    assert not list(tmp_path.glob(".*"))


def test_swapped_files_are_pointed_out(tmp_path: Path) -> None:
    result = run_command("calibrate", *reference_options(tmp_path, it=NL))
    assert result.code == 0 and result.stderr.count("\n") == 1
    message = "references in it are called off-target by every detector, most of them nl"
    assert message in result.stderr


BAD: dict[str, tuple[Callable[[Path], Arguments], str]] = {
    "no references": (lambda folder: [], "Missing option '--references'"),
    "no code": (lambda folder: ["-r", "ref.it"], "expected CODE=FILE"),
    "no file": (lambda folder: ["-r", f"it={folder}/no"], "no: No such file or dir"),
    "no table": (lambda folder: ["-r", f"it={folder}/no.tsv"], "no.tsv: no such file"),
    "an empty file": (
        lambda folder: reference_options(folder, nl=b""), "nl: has no lines; expected one",
    ),
    "blank lines only": (
        lambda folder: reference_options(folder, nl=["", " "]), "nl: no text in nl; give",
    ),
    "no such column": (
        lambda folder: ["-r", f"it,nl={write_file(folder, 'x.tsv', ['it', *IT])}"],
        "x.tsv: no text in nl; give references that have some",
    ),
    "invalid UTF-8 in the last line": (
        lambda folder: reference_options(folder, nl=b"goed\n" * 2000 + b"\xff\n"),
        "nl:2001: byte 1 of the line (0xff) is not UTF-8",
    ),
    "an unknown code": (
        lambda folder: ["-r", f"xx={write_file(folder, 'x', IT)}"],
        "CLDR knows no language 'xx'",
    ),
    "a language unknown to the detector": (
        lambda folder: [*reference_options(folder), "-r", f"zu={write_file(folder, 'x', IT)}"],
        "the detector combined does not know 'zu', so every ratio would be 100 %; these know it: ",
    ),
    "no such detector": (
        lambda folder: [*reference_options(folder), "--detector", "fastext"],
        "fastext: no such file; give",
    ),
    "three votes": (lambda folder: [*reference_options(folder), "--votes", "3"], "'--votes'"),
    "the same file twice": (
        lambda folder: [*reference_options(folder), "-r", f"it={folder}/it"],
        "it is given twice; its texts would count twice, give each file once",
    ),
    "a file as two languages": (
        lambda folder: [*reference_options(folder), "-r", f"en={folder}/./it"], "is given twice",
    ),
    "no candidate": (
        lambda folder: [*reference_options(folder), "--candidates", ""],
        "CLDR knows no language ''",
    ),
    "an unknown candidate": (
        lambda folder: [*reference_options(folder), "--candidates", "it,xx"],
        "CLDR knows no language 'xx'",
    ),
    "a detector with control characters in its name": (
        lambda folder: [
            *reference_options(folder), "--detector", write_file(folder, "x\x1b[31m", ["no"]),
        ],
        "x\\x1b[31m: its name is not printable; give",
    ),
    "a detector whose name is not UTF-8": (
        lambda folder: [
            *reference_options(folder), "--detector", write_file(folder, "x\udce9", ["no"]),
        ],
        "x\\udce9: its name is not printable; give",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_changes_no_file(tmp_path: Path, case: str) -> None:
    make, message = BAD[case]
    out = write_file(tmp_path, "out.md", ["old"])
    assert message in error_of("calibrate", *make(tmp_path), "--out", out)
    assert out.read_text() == "old\n"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("out", ["", "file/out.md"])
def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path, out: str) -> None:
    write_file(tmp_path, "file", ["mine"])
    message = error_of("calibrate", *reference_options(tmp_path), "--out", tmp_path / out)
    assert "is a folder; give the name of a file" in message or "cannot be written (" in message


def test_references_are_not_overwritten(tmp_path: Path) -> None:
    message = "it: is a file of references; give another place"
    options = reference_options(tmp_path)
    assert message in error_of("calibrate", *options, "--out", f"{tmp_path}/./it")
    assert (tmp_path / "it").read_text().splitlines() == IT


def test_a_device_or_a_folder_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.symlink_to("/dev/full")
    options = reference_options(tmp_path)
    assert "out: is not a regular file; give" in error_of("calibrate", *options, "--out", out)
    assert out.is_symlink()
    assert "is a folder" in error_of("calibrate", *options, "--out", "")


def test_a_fifo_in_place_of_the_output_or_its_lock_is_one_line(tmp_path: Path) -> None:
    options = reference_options(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "pipe: is not a regular file" in error_of(
        "calibrate", *options, "--out", tmp_path / "pipe"
    )
    os.mkfifo(tmp_path / ".out.md.lock")
    error_of("calibrate", *options, "--out", tmp_path / "out.md")
    assert not (tmp_path / "out.md").exists()


def test_a_second_writer_of_the_output_gets_one_line(tmp_path: Path) -> None:
    out = tmp_path / "out.md"
    with artifacts.lock_output(out):
        message = error_of("calibrate", *reference_options(tmp_path), "--out", out)
    assert "another ontarget works there; wait for it or give another place" in message
    assert not out.exists()


def test_references_are_measured_without_torch(tmp_path: Path) -> None:
    arguments = ["calibrate", *map(str, reference_options(tmp_path))]
    program = f"from ontarget.cli import app\nassert app.execute({arguments!r}) == 0"
    assert not {"torch", "transformers"} & loaded_by(program)
