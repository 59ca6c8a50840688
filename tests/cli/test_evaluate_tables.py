"""`ontarget evaluate` on tables: the same results as on files of lines, and the gate."""

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from support.commands import error_of, run_command
from support.evaluations import IT, LANGUAGES, NL, ROWS, evaluate, file_options, write_file

from ontarget import OffTarget
from ontarget.scoring import resampling

WORSE = [*NL[:1], *IT[1:], *IT * 2]  # 1 of 12 off-target


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast; twelve segments need no more."""
    monkeypatch.setattr(resampling, "RESAMPLES", 100)
    monkeypatch.setattr(resampling, "TRIALS", 200)


def write_table(folder: Path, kind: str, **columns: list[str]) -> Path:
    """A table of named columns of equal length."""
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    if kind == "jsonl":
        return write_file(folder, "t.jsonl", [json.dumps(row) for row in rows])
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(columns), delimiter="," if kind == "csv" else "\t")
    writer.writeheader()
    writer.writerows(rows)
    return write_file(folder, f"t.{kind}", out.getvalue().encode())


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv"])
def test_columns_are_evaluated_as_files_of_lines_are(tmp_path: Path, kind: str) -> None:
    lines = [*file_options(tmp_path), "-i", write_file(tmp_path, "other.txt", WORSE)]
    table = write_table(tmp_path, kind, good=IT * ROWS, bad=WORSE, ref=IT * ROWS, src=NL * ROWS)
    options = ["-i", f"{table}:good", "-i", f"{table}:bad", "-r", table, "-s", table]
    results = evaluate(*LANGUAGES, *options)
    assert [result["file"] for result in results] == [f"{table}:good", f"{table}:bad"]
    expected = evaluate(*lines)
    assert [result | {"file": ""} for result in results] == [e | {"file": ""} for e in expected]


def test_line_breaks_inside_segments_change_no_verdict_and_no_score(tmp_path: Path) -> None:
    """sacreBLEU's tokenizers take a line break as a space."""
    broken = [text.replace(" ", "\n", 1) for text in WORSE]
    table = write_table(tmp_path, "jsonl", a=broken, b=WORSE, ref=IT * ROWS, src=NL * ROWS)
    out = tmp_path / "segments.jsonl"
    options = ["-i", f"{table}:b", "-i", f"{table}:a", "-r", table, "-s", table]
    plain, torn = evaluate(*LANGUAGES, *options, "--segments-out", out)
    assert torn["off_target"] == plain["off_target"] and plain["off_target"]["count"] == 1
    assert torn["scores"] == plain["scores"]
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["hypothesis"] for line in lines] == WORSE + broken


def test_segments_out_does_not_overwrite_a_table(tmp_path: Path) -> None:
    table = write_table(tmp_path, "csv", mine=IT)
    before = table.read_bytes()
    message = error_of("evaluate", *LANGUAGES, "-i", f"{table}:mine", "--segments-out", table)
    assert "is an input; give another path" in message and table.read_bytes() == before


def test_an_empty_reference_gives_no_floor(tmp_path: Path) -> None:
    """Half of the references are missing; the floor is that of the others."""
    options = file_options(tmp_path, hypotheses=WORSE, references=[*IT[:1], "", *IT[2:], *[""] * 8])
    (result,) = evaluate(*options)
    assert result["off_target"]["floor_percent"] == 0
    assert result["off_target"]["excess_percent"] == pytest.approx(100 / 12)
    low, high = (result["off_target"][f"excess_{end}"] for end in ("low", "high"))
    assert low <= 100 / 12 <= high


def test_references_that_are_all_empty_are_refused(tmp_path: Path) -> None:
    message = error_of("evaluate", *file_options(tmp_path, references=[""] * 12))
    assert "references.txt: has no text; give other references" in message


def test_a_table_on_standard_input_needs_its_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write_table(tmp_path, "jsonl", mine=IT)
    raw = io.BytesIO(table.read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(raw, encoding="utf-8"))
    (result,) = evaluate(*LANGUAGES, "-i", "-:mine", "--format", "jsonl")
    assert result["off_target"]["percent"] == 0 and result["segments"] == 4


@pytest.mark.parametrize("twice", [["-i", "-:a", "-i", "-:b"], ["-i", "-:a", "-r", "-"]])
def test_columns_of_standard_input_are_read_once(twice: list[str]) -> None:
    message = error_of("evaluate", *LANGUAGES, *twice, "--format", "jsonl")
    assert "standard input, which can be read only once" in message


def test_rows_are_chosen_by_a_condition(tmp_path: Path) -> None:
    langs = ["it_IT", "nl_NL"] * 4
    mixed = [text for pair in zip(IT, NL, strict=True) for text in pair]
    table = write_table(tmp_path, "jsonl", hypothesis=mixed, tgt_lang=langs)
    (result,) = evaluate(*LANGUAGES, "-i", table, "--where", "tgt_lang=it_IT")
    assert result["off_target"]["percent"] == 0 and result["segments"] == 4
    assert "--where tgt_lang=it_IT" in error_of("evaluate", *LANGUAGES, "-i", table)


BAD = {
    "unequal lengths": (
        ["-r", "{}/short.txt"], "{}/t.csv: 4 segments, but {}/short.txt has 2; expected as many",
    ),
    "no such column": (["-r", "{}/t.csv:none"], "t.csv:2: no column 'none' among mt, src; name"),
    "no column of references": (["-r", "{}/t.csv"], "none of the usual columns of a reference"),
    "a condition without a value": (["--where", "mt"], "--where mt: expected COLUMN=VALUE"),
    "an unknown format": (["--format", "xml"], "--format xml: unknown; expected lines, jsonl"),
    "a negative excess": (["--max-excess", "-1"], "--max-excess -1.0: expected points, 0 to 100"),
    "no number": (["--max-excess", "nan"], "--max-excess nan: expected points, 0 to 100"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_one_line_and_exit_code_2(tmp_path: Path, case: str) -> None:
    options, message = BAD[case]
    write_table(tmp_path, "csv", mt=IT, src=NL)
    write_file(tmp_path, "short.txt", IT[:2])
    arguments = [option.format(tmp_path) for option in ["-i", "{}/t.csv", *options]]
    error = error_of("evaluate", *LANGUAGES, *arguments)
    assert message.format(tmp_path, tmp_path) in error and "recipe" not in error.lower()


def test_the_gate_fails_above_its_limit_only(tmp_path: Path) -> None:
    options = file_options(tmp_path, hypotheses=[NL[0], *IT[1:], *IT])  # 1 of 8
    for name in ("references", "sources"):
        (tmp_path / f"{name}.txt").write_text("\n".join((IT if name[0] == "r" else NL) * 2) + "\n")
    plain = run_command("evaluate", *options)
    assert plain.code == 0
    assert run_command("evaluate", *options, "--max-excess", "12.5") == plain
    failed = run_command("evaluate", *options, "--max-excess", "12.4")
    assert (failed.code, failed.stdout) == (1, plain.stdout)
    assert failed.stderr == (
        f"ontarget: {tmp_path}/hypotheses.txt: off-target 12.5 %, 12.5 points above the "
        "references' 0.0 %; --max-excess allows 12.4\n"
    )


def test_the_gate_counts_from_the_usual_floor_without_references(tmp_path: Path) -> None:
    paths = [write_file(tmp_path, name, lines) for name, lines in (("good", IT), ("bad", NL))]
    arguments = [part for path in paths for part in ("-i", path)]
    failed = run_command("evaluate", *LANGUAGES, *arguments, "--max-excess", "0", "--json")
    assert failed.code == 1 and failed.stdout.count("\n") == 2
    usual = OffTarget(target_lang="it", source_lang="nl").corpus(NL)
    assert failed.stderr == (
        f"ontarget: {paths[1]}: off-target 100.0 %, {usual.excess_percent:.1f} points above the "
        f"language's usual {usual.floor_percent:.1f} %; --max-excess allows 0\n"
    )
