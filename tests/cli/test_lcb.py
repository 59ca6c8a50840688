"""`ontarget lcb`: tables, what the benchmark's script prints, JSON, and bad input as one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import error_of, loaded_by, ontarget_command, run_command
from support.evaluations import Content, write_file
from support.texts import TEXTS

HEADER = "model,completion,task,source,language"
IT, RU, EN = TEXTS["it"], TEXTS["ru"], TEXTS["en"]
ROWS = [
    HEADER,
    f'a,"{RU[0]}\nда",monolingual,aya,ru',
    f'a,"{RU[1]} deadline",monolingual,aya,ru',
    f'a,"{EN[0]}",monolingual,okapi,ru',
    f'a,"{IT[0]}",crosslingual,okapi,it',
    f'a,"{EN[1]}",crosslingual,okapi,it',
    "a,no.,crosslingual,okapi,it",
]
SCRIPT = """source language lpr wpr
aya ru 100.00% 50.00%
okapi it 50.00% N/A
okapi ru 0.00% 100.00%
aya all 100.00% 50.00%
okapi all 25.00% 100.00%
all ru 50.00% 75.00%
all it 50.00% N/A
all all 50.00% 75.00%
"""  # printed by the benchmark's script for `ROWS` with lid.176.ftz and the word list below
WORDS = ["deadline", "with"]

Arguments = list[str | Path]


def arguments(folder: Path, rows: Content | None = None, name: str = "x.csv") -> Arguments:
    """A file of outputs (`ROWS` unless given) and the word list."""
    words = write_file(folder, "words", WORDS)
    return [write_file(folder, name, ROWS if rows is None else rows), "--words", words]


def test_each_task_has_a_table_and_so_have_both_together(tmp_path: Path) -> None:
    result = run_command("lcb", *arguments(tmp_path))
    assert (result.code, result.stderr) == (0, "")
    path, signature, note, *tables = result.stdout.splitlines()
    assert path == f"{tmp_path}/x.csv"
    assert signature.startswith("lcb:2406.20052|lid:lid.176.ftz@sha256:8f3472cfe873|words:words@")
    assert note == (
        "differs from the published figures: the detector is not lid.176.bin; give it with "
        "--detector"
    )
    assert (
        tables
        == """
monolingual
              responses counted     LPR     WPR   LCPR
ru                    3       3  50.00%  75.00% 60.00%
all languages         3       3  50.00%  75.00% 60.00%
source aya            2       2 100.00%  50.00% 66.67%
source okapi          1       1   0.00% 100.00%  0.00%

crosslingual
              responses counted    LPR WPR LCPR
it                    3       2 50.00%   -    -
all languages         3       2 50.00%   -    -
source okapi          3       2 50.00%   -    -

tasks together, as the benchmark's script prints
              responses counted     LPR     WPR   LCPR
it                    3       2  50.00%       -      -
ru                    3       3  50.00%  75.00% 60.00%
all languages         6       5  50.00%  75.00% 60.00%
source aya            2       2 100.00%  50.00% 66.67%
source okapi          4       3  25.00% 100.00% 40.00%""".split("\n")
    )


def test_one_task_or_none_has_one_table(tmp_path: Path) -> None:
    rows = ["completion,source,language", f'"{IT[0]}",mine,it']
    lines = run_command("lcb", *arguments(tmp_path, rows)).stdout.splitlines()
    assert "|words:none|" in lines[1]
    assert lines[3:5] == ["", "              responses counted     LPR WPR LCPR"]
    assert len(lines) == 8


def test_several_models_are_named(tmp_path: Path) -> None:
    rows = [*ROWS, f'b\x1b[31m,"{IT[1]}",crosslingual,ok\x07api,it']
    lines = run_command("lcb", *arguments(tmp_path, rows)).stdout.splitlines()
    assert lines[2] == "models, measured together: a, b\\x1b[31m"
    assert "source ok\\x07api         1       1 100.00%   -    -" in lines


def test_tsv_is_what_the_script_prints(tmp_path: Path) -> None:
    result = run_command("lcb", *arguments(tmp_path), "--tsv")
    assert result.stdout == SCRIPT.replace(" ", "\t")
    signature, note = result.stderr.splitlines()
    assert signature.startswith("ontarget: lcb:2406.20052|lid:lid.176.ftz@")
    assert note.startswith("ontarget: differs from the published figures: the detector is not")


def test_json_has_every_group_with_its_counts(tmp_path: Path) -> None:
    result = run_command("lcb", *arguments(tmp_path), "--json")
    assert result.stdout.count("\n") == 1
    content = json.loads(result.stdout)
    assert list(content) == ["file", "models", "signature", "notes", "tasks", "together"]
    assert (content["models"], len(content["notes"])) == (["a"], 1)
    assert list(content["tasks"]) == ["monolingual", "crosslingual"]
    groups = {(each["source"], each["language"]): each for each in content["together"]}
    assert groups["okapi", "all"] == {
        "source": "okapi", "language": "all", "responses": 4, "counted": 3, "line_errors": 2,
        "word_errors": 0, "lpr": 25.0, "wpr": 100.0, "lcpr": 40.0,
    }  # fmt: skip
    assert groups["all", "it"]["wpr"] is None and groups["all", "it"]["lcpr"] is None
    assert groups["all", "all"]["responses"] == 6


def test_json_lines_are_read_too(tmp_path: Path) -> None:
    row = json.dumps({"completion": IT[0], "source": "mine", "language": "it"})
    result = run_command("lcb", *arguments(tmp_path, [row], "x.jsonl"), "--tsv")
    assert result.stdout.splitlines()[-1] == "all\tall\t100.00%\tN/A"


BAD: dict[str, tuple[Callable[[Path], Arguments], str]] = {
    "no file": (lambda folder: [], "Missing argument 'OUTPUTS'"),
    "a missing file": (lambda folder: [folder / "no.csv"], "no.csv: No such file or directory"),
    "a folder": (lambda folder: [folder], "unknown format; expected a name ending in .csv, "),
    "both forms": (
        lambda folder: [*arguments(folder), "--json", "--tsv"], "give --json or --tsv, not both",
    ),
    "no word list": (
        lambda folder: [*arguments(folder), "--words", folder / "no"],
        "no: no such file, but the WPR of ",
    ),
    "no detector": (
        lambda folder: [*arguments(folder), "--detector", folder / "no.bin"],
        "no.bin: no such file; give the path of a fastText model, or fasttext",
    ),
    "no model": (
        lambda folder: [*arguments(folder), "--detector", write_file(folder, "x.bin", ["no"])],
        "x.bin: not a complete fastText model",
    ),
    "control characters in a column": (
        lambda folder: arguments(folder, ["a\x1b[31m,b"]), "'completion' among a\\x1b[31m, b; exp",
    ),
    "an unknown language": (
        lambda folder: arguments(folder, [HEADER, f"a,{EN[0]},,okapi,xx"]),
        "x.csv:2: the detector lid.176.ftz@sha256:8f3472cfe873 has no language 'xx', so every line",
    ),
    "broken quotes": (
        lambda folder: arguments(folder, [HEADER, 'a,"no,,okapi,en']), "x.csv:2: not readable as C",
    ),
    "an empty file": (lambda folder: arguments(folder, b""), "x.csv: has no rows; give a file of"),
    "not UTF-8": (lambda folder: arguments(folder, b"\xff"), "x.csv:1: byte 1 of the line (0xff)"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(tmp_path: Path, case: str) -> None:
    make, message = BAD[case]
    assert message in error_of("lcb", *make(tmp_path))


def test_a_process_of_its_own_prints_the_same_without_torch(tmp_path: Path) -> None:
    options = arguments(tmp_path)
    assert ontarget_command("lcb", *options, "--tsv").stdout == SCRIPT.replace(" ", "\t")
    program = (
        f"from ontarget.cli import app\nassert app.execute({['lcb', *map(str, options)]!r}) == 0"
    )
    assert not {"torch", "transformers", "jieba", "fugashi"} & loaded_by(program)
