"""`ontarget calibrate`: its tables, its file, and each kind of bad input as one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import loaded_by, ontarget_command, refused
from support.texts import TEXTS

IT, NL = TEXTS["it"], TEXTS["nl"]


def written(folder: Path, name: str, content: list[str] | bytes) -> Path:
    raw = content if isinstance(content, bytes) else "".join(f"{x}\n" for x in content).encode()
    path = folder / name
    path.write_bytes(raw)
    return path


def given(folder: Path, **files: list[str] | bytes) -> list[str | Path]:
    """An Italian and a Dutch file, with the right content where none is given."""
    found: list[str | Path] = []
    for code, right in {"it": IT, "nl": NL}.items():
        found += ["--references", f"{code}={written(folder, code, files.get(code, right))}"]
    return found


def test_the_tables_hold_what_was_found(tmp_path: Path) -> None:
    done = ontarget_command(
        "calibrate", *given(tmp_path, it=[*IT, NL[0], ""]), "--detector", "fasttext",
        "--detector", "paper",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == "ontarget: lines without text, left out: 1\n"
    assert "| language | fasttext | paper |\n| --- | ---: | ---: |\n| it | - / - |" in done.stdout
    assert done.stdout.count("80.0 (37.6-96.4) / 20.0 / 5") == 2
    assert "lid:fasttext-176-ftz\\|set:open(176)\\|votes:1\\|script:on\\|margin:5" in done.stdout
    assert "| it | nl 20.0 (3.6-62.4) / 5 |" in done.stdout
    assert "| nl | it 0.0 (0.0-49.0) / 4 |" in done.stdout


def test_a_file_has_what_the_terminal_would_have(tmp_path: Path) -> None:
    options = [*given(tmp_path), "--json"]
    shown = ontarget_command("calibrate", *options)
    saved = ontarget_command("calibrate", *options, "--out", tmp_path / "out.json")
    assert (saved.returncode, saved.stdout, saved.stderr) == (0, "", "")
    assert (tmp_path / "out.json").read_text() == shown.stdout
    (found,) = json.loads(shown.stdout)["detectors"]
    assert [each["language"] for each in found["languages"]] == ["it", "nl"]
    assert found["languages"][0]["right"]["percent"] == 100


def test_swapped_files_are_pointed_out(tmp_path: Path) -> None:
    done = ontarget_command("calibrate", *given(tmp_path, it=NL))
    assert done.returncode == 0 and done.stderr.count("\n") == 1
    assert "references in it are called off-target by each detector, most of them nl" in done.stderr


BAD: dict[str, tuple[Callable[[Path], list[str | Path]], str]] = {
    "no references": (lambda folder: [], "Missing option '--references'"),
    "no code": (lambda folder: ["--references", "ref.it"], "expected CODE=FILE"),
    "no file": (lambda folder: ["--references", f"it={folder}/no"], "no: No such file or dir"),
    "no table": (lambda folder: ["--references", f"it={folder}/no.tsv"], "no.tsv: no such file"),
    "an empty file": (lambda folder: given(folder, nl=b""), "nl: holds no line; expected one"),
    "blank lines only": (lambda folder: given(folder, nl=["", " "]), "nl: no text in nl; give"),
    "no such column": (
        lambda folder: ["--references", f"it,nl={written(folder, 'x.tsv', ['it', *IT])}"],
        "x.tsv:1: no column 'nl' among it",
    ),
    "invalid UTF-8 in the last line": (
        lambda folder: given(folder, nl=b"goed\n" * 2000 + b"\xff\n"),
        "nl:2001: byte 1 of the line (0xff) is not UTF-8",
    ),
    "an unknown code": (
        lambda folder: ["--references", f"xx={written(folder, 'x', IT)}"],
        "CLDR knows no language 'xx'",
    ),
    "a language unknown to the detector": (
        lambda folder: [*given(folder), "--references", f"zu={written(folder, 'x', IT)}"],
        "the detector fasttext does not know 'zu', so every ratio would be 100 %; these know it: ",
    ),
    "no such detector": (
        lambda folder: [*given(folder), "--detector", "fastext"], "fastext: no such file; give",
    ),
    "three votes": (lambda folder: [*given(folder), "--votes", "3"], "'--votes'"),
    "the same file twice": (
        lambda folder: [*given(folder), "--references", f"it={folder}/it"],
        "it is given twice; its texts would count twice, give each file once",
    ),
    "a file as two languages": (
        lambda folder: [*given(folder), "--references", f"en={folder}/./it"], "is given twice",
    ),
    "no candidate": (
        lambda folder: [*given(folder), "--candidates", ""], "CLDR knows no language ''",
    ),
    "a detector whose name steers the terminal": (
        lambda folder: [*given(folder), "--detector", written(folder, "x\x1b[31m", ["no"])],
        "x\\x1b[31m: its name is not plain text; give",
    ),
    "a detector whose name is not UTF-8": (
        lambda folder: [*given(folder), "--detector", written(folder, "x\udce9", ["no"])],
        "x\\udce9: its name is not plain text; give",
    ),
    "an unknown candidate": (
        lambda folder: [*given(folder), "--candidates", "it,xx"], "CLDR knows no language 'xx'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_no_file(tmp_path: Path, case: str) -> None:
    make, message = BAD[case]
    out = written(tmp_path, "out.md", ["as it was"])
    assert message in refused("calibrate", *make(tmp_path), "--out", out)
    assert out.read_text() == "as it was\n"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("out", "message"),
    [("", "is a folder; give the name of a file"), ("no/out.md", "No such file or directory")],
)
def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path, out: str, message: str) -> None:
    assert message in refused("calibrate", *given(tmp_path), "--out", tmp_path / out)


def test_references_are_not_overwritten(tmp_path: Path) -> None:
    message = "it: is a file of references; give another place"
    assert message in refused("calibrate", *given(tmp_path), "--out", f"{tmp_path}/./it")
    assert (tmp_path / "it").read_text().splitlines() == IT


def test_what_is_no_regular_file_stays_what_it_is(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.symlink_to("/dev/full")
    assert "out: is no regular file; give" in refused("calibrate", *given(tmp_path), "--out", out)
    assert out.is_symlink()
    assert "is a folder" in refused("calibrate", *given(tmp_path), "--out", "")


def test_references_are_measured_without_torch(tmp_path: Path) -> None:
    program = (
        "import sys, ontarget.__main__ as m\n"
        f"sys.argv[1:] = ['calibrate', *{given(tmp_path)!r}]\n"
        "try: m.main()\nexcept SystemExit: pass"
    )
    assert not {"torch", "transformers"} & loaded_by(program)
