"""`convert`: the same rows in any format, nothing lost, nothing written by half."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commands import error_of, loaded_by, run_command

from ontarget.data.readers import READERS, read, read_exactly

REPOSITORY = Path(__file__).parents[2]
LANGS = ("en", "it")
NAMES = {
    "tsv": "c.tsv", "csv": "c.csv", "tsv-quoted": "c.dat", "parquet": "c.parquet",
    "jsonl": "c.jsonl", "json": "c.json", "moses": "c.en-it", "tmx": "c.tmx", "xliff": "c.xliff",
    "po": "c.po",
}  # fmt: skip
ROWS = [("Good morning.", "Buongiorno."), ("Two", "Due"), ('a "b", c', "d; e")]
TSV = "en\tit\n" + "".join(f"{en}\t{it}\n" for en, it in ROWS)
characters = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
texts = st.text(characters, min_size=1, max_size=12).filter(lambda text: text == text.strip())


def pairs(path: Path) -> list[tuple[str, str]]:
    return [(row.texts["en"], row.texts["it"]) for row in read(path, LANGS)]


def test_every_format_that_is_written_is_tested_here() -> None:
    assert set(NAMES) == {reader.name for reader in READERS if reader.write}


@settings(max_examples=8)
@given(
    rows=st.lists(st.tuples(texts, texts), min_size=1, max_size=4, unique_by=lambda row: row[0]),
    order=st.permutations(list(NAMES)),
)
def test_rows_come_back_from_any_format_by_way_of_any_other(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], order: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("convert")
    (folder / "first.jsonl").write_text(
        "".join(json.dumps({"en": en, "it": it}) + "\n" for en, it in rows)
    )
    last, last_format = folder / "first.jsonl", "jsonl"
    for number, format in enumerate(order):
        out = folder / f"{number}{NAMES[format]}"
        result = run_command(
            "convert", last, out, "--languages", "en,it", "--from", last_format, "--to", format
        )
        assert result.code == 0, result
        last, last_format = out, format
        last = out.with_name(f"{out.name}.en") if format == "moses" else out
    assert run_command("convert", last, folder / "last.tsv", "--from", last_format).code == 0
    assert pairs(folder / "last.tsv") == rows


def test_texts_keep_their_white_space_and_missing_ones_stay_missing(tmp_path: Path) -> None:
    rows = [{"en": " a\r\nb\t", "it": "c"}, {"it": "d"}, {}, {"en": "e"}]
    content = "".join(json.dumps({"translation": row}) + "\n" for row in rows)
    (tmp_path / "c.jsonl").write_text(content)
    for name in ("d.csv", "d.parquet", "d.json", "d.dat"):
        to = ("--to", "tsv-quoted", "--from") if name == "d.dat" else ("--from",)
        assert run_command("convert", tmp_path / "c.jsonl", tmp_path / name, *to, "jsonl").code == 0
    for name in ("d.csv", "d.parquet", "d.json"):
        assert [row.texts for row in read_exactly(tmp_path / name, LANGS)] == rows, name


def test_rows_and_languages_are_printed(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("id\teng_Latn\tit\n1\ta\tb\n")
    out = tmp_path / "out.csv"
    result = run_command("convert", tmp_path / "c.tsv", out)
    assert result.stdout == f"1 rows in eng_Latn, it: {out}\n"
    assert out.read_bytes() == b"eng_Latn,it\r\na,b\r\n"


def test_several_inputs_are_one_output_in_the_first_spelling(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("en\tit\na\tb\n")
    (tmp_path / "b.csv").write_text("ita,eng\nd,c\n")
    out = tmp_path / "out.tsv"
    assert run_command("convert", tmp_path / "a.tsv", tmp_path / "b.csv", out).code == 0
    assert out.read_text() == "en\tit\na\tb\nc\td\n"


FAULTS = {
    "unknown ending": (["c.tsv", "out.xls"], "out.xls: unknown format; expected a name ending in"),
    "no output": (["c.tsv", ""], "the name of an input or of the output is empty; give one"),
    "no input": (["", "o.csv"], "the name of an input or of the output is empty; give one"),
    "no such text": (
        ["c.tsv", "o.csv", "--languages", "en,de"],
        "c.tsv: has no text in de; leave the language",
    ),
    "unknown format": (["c.tsv", "o", "--to", "xls"], "--to xls: expected tsv, csv, tsv-quoted,"),
    "unknown language": (["c.tsv", "o.csv", "--languages", "en,xx"], "CLDR knows no language 'xx'"),
    "twice": (["c.tsv", "o.csv", "--languages", "it,ita"], "a language is named twice; name it o"),
    "bad fields": (["c.tsv", "o.csv", "--fields", "a"], "--fields a: expected NAME=COLUMN, as so"),
    "the input": (["c.tsv", "c.tsv"], "c.tsv: would replace"),
    "an aligned input": (["p.en", "p", "--to", "moses"], "p: would replace"),
    "a folder": (
        ["c.tsv", "folder", "--to", "csv"],
        "folder: is a folder; give the name of a file",
    ),
    "no folder": (
        ["c.tsv", "no/such/o.csv"],
        "o.csv: cannot be written (No such file or directory",
    ),
    "a line break": (["c.csv", "o.tsv"], "c.csv:2: the 'en' text has a tab or a line break, which"),
    "in lines": (["c.csv", "o.en-it"], "c.csv:2: the 'en' text has a line break, which a file of"),
    "no rows": (["empty.tsv", "o.csv"], "empty.tsv: has no text; give a file with rows"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for file, content in {
        "c.tsv": TSV, "c.csv": 'en,it\n"a\nb",c\n', "p.en": "a\n", "p.it": "b\n", "empty.tsv": "",
    }.items():  # fmt: skip
        (tmp_path / file).write_text(content)
    before = sorted(tmp_path.rglob("*"))
    arguments, message = FAULTS[name]
    assert message in error_of("convert", *arguments)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "c.tsv").read_text() == TSV


def example_lines() -> list[str]:
    document = (REPOSITORY / "docs" / "formats.md").read_text(encoding="utf-8")
    return re.findall(r"^    ontarget (convert .*)$", document, flags=re.MULTILINE)


def test_every_line_of_the_document_of_formats_works_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nameless = [{"english": en, "italian": it} for en, it in ROWS]
    asked = "Translate from English to Italian."
    told = [{"instruction": asked, "input": en, "output": it} for en, it in ROWS]
    for name, content in {
        "train.tsv": TSV,
        "headless.tsv": TSV.partition("\n")[2],
        "nameless.jsonl": "".join(json.dumps(record) + "\n" for record in nameless),
        "instructions.json": json.dumps(told),
        "news.it": "Ciao.\n",
    }.items():
        (tmp_path / name).write_text(content)
    lines = example_lines()
    assert len(lines) > 15
    for line in lines:
        _, *arguments = shlex.split(line)
        result = run_command("convert", *arguments)
        assert result.code == 0, (line, result)
    for name in ("again.csv.bz2", "train.tsv.zst", "named.tsv", "named.jsonl", "translations.csv"):
        assert pairs(tmp_path / name) == ROWS, name


def test_every_format_is_in_the_document() -> None:
    document = (REPOSITORY / "docs" / "formats.md").read_text(encoding="utf-8")
    table = set(re.findall(r"^\| `([\w-]+)` \|", document, flags=re.MULTILINE))
    assert table | {"huggingface"} == {reader.name for reader in READERS} | {"huggingface"}


def test_reading_a_table_of_text_loads_no_library_of_tables(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text(TSV)
    code = (
        f"from ontarget.data.readers import read; list(read({str(tmp_path / 'c.tsv')!r}, ['en']))"
    )
    assert not loaded_by(code) & {"pyarrow", "datasets", "lxml", "pandas", "torch"}


def test_a_link_or_pipe_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("en\tit\na\tb\n")
    (tmp_path / "there.csv").write_text("kept")
    (tmp_path / "link.csv").symlink_to(tmp_path / "there.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("link.csv", "pipe.csv"):
        error = error_of("convert", tmp_path / "c.tsv", tmp_path / name)
        assert f"{name}: is a link, pipe or device, not a file; give another place" in error
    assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "pipe.csv").is_fifo()
    assert (tmp_path / "there.csv").read_text() == "kept"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_nothing_of_what_is_being_converted(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "c.tsv").write_text("en\tit\n" + "a\tb\n" * 3_000_000)
    command = [sys.executable, "-m", "ontarget", "convert", "c.tsv", "new/o.csv.xz"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("new/.*/*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        _, message = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert message.startswith("ontarget: stopped; ") and message.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "c.tsv", tmp_path / "new"]


@pytest.mark.parametrize("name", ["o.parquet", "o.csv.zst", "o.tsv", "o.en-it"])
def test_an_error_while_writing_names_the_output_as_the_user_does(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place of the unfinished file is removed, as by somebody else."""
    (tmp_path / "c.tsv").write_text(TSV)
    mkdir = Path.mkdir
    monkeypatch.setattr(
        Path, "mkdir", lambda path, **given: path.suffix == ".partial" or mkdir(path, **given)
    )
    error = error_of("convert", tmp_path / "c.tsv", tmp_path / name)
    assert error.startswith(f"ontarget: {tmp_path / name}: cannot be written (")
    assert ".partial" not in error and ".convert" not in error


def test_a_name_as_long_as_a_file_system_takes_is_written(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text(TSV)
    assert run_command("convert", tmp_path / "c.tsv", tmp_path / ("o" * 251 + ".csv")).code == 0
