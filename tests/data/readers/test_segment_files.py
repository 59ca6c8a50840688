"""Segments from lines, JSON lines, CSV, TSV and Parquet: what is read is what was written."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from ontarget.data.readers.segments import (
    Role,
    TableOptions,
    TextFile,
    find_files,
    parse_condition,
    read_texts,
)
from ontarget.data.readers.segments.files import split_column, text_file
from ontarget.errors import CorpusError

ROWS = [
    {"id": "1", "hypothesis": "Ciao a tutti.", "reference": "Salve."},
    {"id": "2", "hypothesis": 'Con "virgolette", e\ndue righe', "reference": ""},
]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=30)


def as_jsonl(rows: Sequence[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_csv(rows: Sequence[dict[str, Any]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(list(rows)), out)
    return out.getvalue()


WRITERS: dict[str, Callable[[Sequence[dict[str, Any]]], bytes]] = {
    "jsonl": as_jsonl, "csv": as_csv, "parquet": as_parquet,
}  # fmt: skip


def read(path: Path, role: Role = Role.HYPOTHESIS, column: str = "", **where: str) -> list[str]:
    name = Path(f"{path}:{column}") if column else path
    return list(read_texts(text_file(name, None, tuple(where.items())), role))


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("kind", WRITERS)
@given(texts=st.lists(TEXT, min_size=1, max_size=5))
def test_texts_with_line_breaks_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, kind: str, texts: list[str]
) -> None:
    rows = [{"n": str(number), "mine": text} for number, text in enumerate(texts)]
    path = write(tmp_path_factory.mktemp("rows"), f"out.{kind}", WRITERS[kind](rows))
    assert read(path, column="mine") == texts


def test_a_column_of_a_tsv_is_that_column(tmp_path: Path) -> None:
    path = write(tmp_path, "out.tsv", "src\tone\ttwo\nA\tbene\tmale\nB\t\"quoted\t'\n")
    assert read(path, column="one") == ["bene", '"quoted']
    assert read(path, column="two") == ["male", "'"]
    assert read(path, Role.SOURCE) == ["A", "B"]


@pytest.mark.parametrize("kind", WRITERS)
def test_usual_columns_need_no_name(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, f"out.{kind}", WRITERS[kind](ROWS))
    assert read(path) == [row["hypothesis"] for row in ROWS]
    assert read(path, Role.REFERENCE) == ["Salve.", ""]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "txt"])
@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_compressed_files_are_read_as_the_plain_ones(
    tmp_path: Path, kind: str, ending: str
) -> None:
    content = b"bene\nmale\n" if kind == "txt" else WRITERS[kind](ROWS)
    halves = content[: len(content) // 2], content[len(content) // 2 :]
    pack: dict[str, Callable[[bytes], bytes]] = {
        "": bytes, ".gz": gzip.compress, ".zst": lambda raw: pa.compress(raw, "zstd", asbytes=True),
    }  # fmt: skip
    frames = b"".join(map(pack[ending], halves))  # two members, as `cat a.gz b.gz` makes
    path = write(tmp_path, f"out.{kind}{ending}", frames)
    assert read(path) == (["bene", "male"] if kind == "txt" else [r["hypothesis"] for r in ROWS])


HARNESS = {  # lm-evaluation-harness 0.4
    "doc_id": 0,
    "doc": {"sentence_eng_Latn": "Hello.", "sentence_ita_Latn": "Salve."},
    "target": "Salve.",
    "arguments": {"gen_args_0": {"arg_0": "Translate: Hello."}},
    "resps": [["Ciao.\n\nEnglish: ..."]],
    "filtered_resps": ["Ciao."],
}
LIGHTEVAL = {  # details of lighteval 0.10
    "doc": {"query": "Translate: Hello.", "choices": ["Salve."], "gold_index": [0]},
    "metric": {"bleu": 1.0},
    "model_response": {"text": ["Ciao."], "output_tokens": [[1, 2]]},
}
OLD_LIGHTEVAL = {"predictions": "['Ciao.']", "gold": "['Salve.']", "example": "Hello."}
WMT = {  # a submission to WMT's general task
    "doc_id": "en-it_IT_#_news_#_1", "src_text": "Hello.", "hypothesis": "Ciao.",
    "tgt_lang": "it_IT", "refs": {"refA": {"ref": "Salve."}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "row", "source", "reference"),
    [
        ("samples_flores_2026-01-01.jsonl", HARNESS, "doc.sentence_eng_Latn", ""),
        ("details_flores.parquet", LIGHTEVAL, "doc.query", ""),
        ("details_old.parquet", OLD_LIGHTEVAL, "example", ""),
        ("submission.jsonl", WMT, "", "refs.refA.ref"),
    ],
    ids=["lm-evaluation-harness", "lighteval", "lighteval before 0.10", "WMT"],
)
def test_what_harnesses_write_is_read(
    tmp_path: Path, name: str, row: dict[str, Any], source: str, reference: str
) -> None:
    kind = name.rpartition(".")[2]
    path = write(tmp_path, name, WRITERS[kind]([row]))
    assert read(path) == ["Ciao."]
    assert read(path, Role.REFERENCE, reference) == ["Salve."]
    assert read(path, Role.SOURCE, source)[0].endswith("Hello.") or source == "doc.query"


def test_a_column_whose_name_has_a_dot_comes_before_one_inside_an_object(tmp_path: Path) -> None:
    rows = [{"a.b": "outside", "a": {"b": "inside"}, "c": {"d": ["first", "second"]}}]
    path = write(tmp_path, "out.jsonl", as_jsonl(rows))
    assert read(path, column="a.b") == ["outside"]
    assert read(path, column="c.d.1") == ["second"]


def test_conditions_choose_rows(tmp_path: Path) -> None:
    rows = [WMT, WMT | {"tgt_lang": "cs_CZ", "hypothesis": "Ahoj."}]
    path = write(tmp_path, "all.jsonl", as_jsonl(rows))
    assert read(path, tgt_lang="it_IT") == ["Ciao."]
    assert read(path, tgt_lang="cs_CZ") == ["Ahoj."]
    with pytest.raises(CorpusError, match=r"all.jsonl:2: tgt_lang is 'cs_CZ', but 'it_IT' above"):
        read(path)
    with pytest.raises(CorpusError, match=r"has no rows with tgt_lang=de_DE; expected one segment"):
        read(path, tgt_lang="de_DE")
    with pytest.raises(CorpusError, match=r"all.jsonl:1: no column 'lang' among doc_id, src_text"):
        read(path, lang="it")


def test_missing_references_are_empty_and_missing_hypotheses_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "out.jsonl", '{"hypothesis": null, "reference": null}\n')
    assert read(path, Role.REFERENCE) == [""]
    with pytest.raises(CorpusError, match=r'out.jsonl:1: .hypothesis. is null, .*; write "" for'):
        read(path)


def test_a_colon_may_belong_to_the_name(tmp_path: Path) -> None:
    path = write(tmp_path, "a:b.txt", "bene\n")
    assert split_column(path) == (path, "")
    table = write(tmp_path, "c:d.tsv", "e:f\nbene\n")
    assert split_column(Path(f"{table}:e:f")) == (table, "e:f")
    assert read(table, column="e:f") == ["bene"]
    assert split_column(tmp_path / "none.tsv:x") == (tmp_path / "none.tsv", "x")
    assert split_column(tmp_path / "none:x") == (tmp_path / "none:x", "")


def test_the_format_holds_for_hypotheses_and_what_is_in_their_files(tmp_path: Path) -> None:
    table = write(tmp_path, "out.txt", as_jsonl(ROWS))
    lines = write(tmp_path, "ref.txt", "Salve.\nArrivederci.\n")
    names = [table], [Path(f"{table}:reference"), lines], None
    files = find_files(*names, TableOptions("jsonl", (("id", "1"),)))
    where = (("id", "1"),)
    assert files.hypotheses == (TextFile(table, "jsonl", "", where),)
    assert files.references == (
        TextFile(table, "jsonl", "reference", where), TextFile(lines, "lines"),
    )  # fmt: skip
    assert files.sources is None


BAD: dict[str, tuple[str, bytes | str, str, str]] = {  # name, content, column, message
    "no such column": (
        "a.tsv", "src\tone\nA\tB\n", "two",
        r"a.tsv:2: no column 'two' among src, one; name one of them",
    ),
    "no usual column": (
        "a.csv", "one,two\nA,B\n", "",
        r"a.csv:2: none of the usual columns of a hypothesis \(.*\) is among one, two; name",
    ),
    "text in a file called TSV": (
        "a.tsv", "Ciao.\nSalve.\n", "",
        r"is among Ciao.; name one, as FILE:COLUMN, or add --format lines if it is text without",
    ),
    "a column of lines": (
        "a.txt", "bene\n", "two",
        r"a.txt: is read as lines of text, which have no column 'two'; add --format jsonl",
    ),
    "columns side by side": (
        "a.txt", "A\tB\tC\n\nD\tE\tF\n", "",
        r"a.txt: every line has 2 tabs, so it holds 3 columns side by side; name it .tsv",
    ),
    "no object": (
        "a.jsonl", '{"hypothesis": "bene"}\n["bene"]\n', "",
        r'a.jsonl:2: is JSON, but no object; expected one such as \{"hypothesis"',
    ),
    "no JSON": ("a.jsonl", '{"hypothesis": \n', "", r"a.jsonl:1: is not JSON \(.*\); expected one"),
    "a gap": ("a.jsonl", '{"mt": "a"}\n\n{"mt": "b"}\n', "", r"a.jsonl:2: an empty line among"),
    "a number": ("a.jsonl", '{"mt": 7}\n', "", r"a.jsonl:1: 'mt' is 7, expected text; write str"),
    "an object": (
        "a.jsonl", '{"translation": {"en": "a", "it": "b"}}\n', "",
        r"'translation' is an object with en, it; name one of them, as FILE:translation.KEY",
    ),
    "several answers": (
        "a.jsonl", '{"resps": [["a", "b"]]}\n', "",
        r"'resps' is a list of 2, expected one text; name its place, FILE:resps.0",
    ),
    "NUL in JSON": ("a.jsonl", '{"mt": "a\\u0000"}\n', "", r"a.jsonl:1: 'mt' contains a NUL or"),
    "NUL in CSV": ("a.csv", b"mt\na\0\n", "", r"a.csv:2: contains a NUL character"),
    "not UTF-8": ("a.csv", b"mt\n\xff\n", "", r"a.csv:2: byte 1 of the line \(0xff\) is not UTF-8"),
    "an open quote": ("a.csv", 'mt\nbene\n"male\n', "", r"a.csv:3: broken CSV quoting \(unexp"),
    "a quote inside": ("a.csv", 'mt,x\n"a"b,c\n', "", r"a.csv:2: broken CSV quoting \(.*\); exp"),
    "a short row": ("a.csv", "mt,x\na\n", "", r"a.csv:2: 1 cells, expected 2 as in the header"),
    "a torn row": ("a.tsv", "mt\tx\na\n", "", r"a.tsv:2: 1 cells, .* line breaks from the text"),
    "two columns": ("a.tsv", "mt\tmt\na\tb\n", "", r"a.tsv:1: two columns are named 'mt'; keep"),
    "an empty CSV": ("a.csv", "", "", r"a.csv:1: has no header; expected the names of the columns"),
    "an empty TSV": ("a.tsv", "", "", r"a.tsv:1: has no header"),
    "a header alone": ("a.csv", "mt\n", "", r"a.csv: has no rows; expected one segment a row"),
    "a long text": ("a.csv", f"mt\n{'a' * 100_001}\n", "", r"a.csv:2: 'mt': 100001 characters"),
    "cut gzip": (
        "a.csv.gz", gzip.compress(b"mt\n" + b"bene\n" * 999)[:-9], "",
        r"a.csv.gz: not a complete gzip file \(after line \d+: .*\); fetch or compress it again",
    ),
    "cut zstandard": (
        "a.csv.zst", pa.compress(b"mt\n" + b"bene\n" * 999, "zstd", asbytes=True)[:-5], "",
        r"a.csv.zst: not a complete zstandard file \(after line \d+: .*\); fetch or compress it",
    ),
    "no zstandard": ("a.zst", b"bene\n" * 9, "", r"a.zst: not a complete zstandard file \(after"),
    "no Parquet": ("a.parquet", b"bene\n" * 9, "", r"a.parquet: cannot be read as Parquet after"),
    "JSON": ("a.json", "[]", "", r"a.json: is one JSON document; write one object a line"),
    "XML": ("a.xml.gz", "<a/>", "", r"a.xml.gz: is XML; extract the text, .* --format if the name"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_named_with_place_and_remedy(tmp_path: Path, case: str) -> None:
    name, content, column, message = BAD[case]
    path = write(tmp_path, name, content)
    with pytest.raises(CorpusError, match=message):
        read(path, column=column)


@pytest.mark.parametrize("name", ["none.tsv", "none.jsonl.zst", "none.parquet", "none.txt.gz"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match=rf"{name}: No such file or directory; give the path"):
        read(tmp_path / name, column="" if "txt" in name else "mt")


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "bene\n")
    with pytest.raises(CorpusError, match="--format xls: unknown; expected lines, jsonl, csv, tsv"):
        find_files([path], [], None, TableOptions("xls"))
    with pytest.raises(CorpusError, match="--where a=b: chooses rows of tables, but all files are"):
        find_files([path], [], None, TableOptions(None, (("a", "b"),)))
    assert parse_condition("a=b=c") == ("a", "b=c")
    for text in ("a", "=b", ""):
        with pytest.raises(CorpusError, match=f"--where {text}: expected COLUMN=VALUE"):
            parse_condition(text)


def test_one_line_of_several_tabs_is_text(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a.txt", "bene\tmale\n")) == ["bene\tmale"]
    assert read(write(tmp_path, "b.txt", "bene\tmale\nbene\n")) == ["bene\tmale", "bene"]
