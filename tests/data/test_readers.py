"""Readers: the same rows from every format, and a one-line error for every kind of damage."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ontarget.data.readers import lines, read
from ontarget.errors import CorpusError

LANGUAGES = ["en", "it"]
visible_characters = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"])
texts = st.text(visible_characters, min_size=1, max_size=20)
tables = st.lists(st.fixed_dictionaries({"en": texts, "it": texts}), min_size=1, max_size=5)


def write_tsv(path: Path, rows: list[dict[str, str]]) -> None:
    body = (f"{number}\t{row['en']}\t{row['it']}" for number, row in enumerate(rows))
    write = gzip.open if path.suffix == ".gz" else open
    with write(path, "wb") as out:
        out.write(("\n".join(["id\ten\tit", *body]) + "\n").encode())


def write_jsonl(path: Path, rows: list[dict[str, str]]) -> None:
    text = "".join(json.dumps({"id": 1, "translation": row}) + "\n" for row in rows)
    write = gzip.open if path.suffix == ".gz" else open
    with write(path, "wb") as out:
        out.write(text.encode())


def write_parquet(path: Path, rows: list[dict[str, str]]) -> None:
    parquet.write_table(pa.Table.from_pylist(rows), path)


WRITERS = {
    "c.tsv": write_tsv,
    "c.tsv.gz": write_tsv,
    "c.jsonl": write_jsonl,
    "c.jsonl.gz": write_jsonl,
    "c.parquet": write_parquet,
}


@pytest.mark.parametrize("name", WRITERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(rows=tables)
def test_every_format_gives_back_the_rows_that_were_written(
    tmp_path: Path, name: str, rows: list[dict[str, str]]
) -> None:
    WRITERS[name](tmp_path / name, rows)
    parallel = list(read(tmp_path / name, LANGUAGES))
    assert [row.texts for row in parallel] == rows
    first = 2 if "tsv" in name else 1
    keys = [f"{name}:{number}" for number in range(first, len(rows) + first)]
    assert [row.key for row in parallel] == keys


def test_white_space_is_removed_and_an_empty_cell_is_a_missing_text(
    tmp_path: Path,
) -> None:
    (tmp_path / "c.tsv").write_bytes("\ufeffen\tit\r\n Hello \t \r\nA\tB\r\n".encode())
    assert [row.texts for row in read(tmp_path / "c.tsv", LANGUAGES)] == [
        {"en": "Hello"},
        {"en": "A", "it": "B"},
    ]


def test_line_breaks_inside_a_text_become_spaces_and_null_is_a_missing_text(tmp_path: Path) -> None:
    write_parquet(tmp_path / "c.parquet", [{"en": "a\nb", "it": "c"}, {"en": "d", "it": None}])  # type: ignore[dict-item]
    rows = [row.texts for row in read(tmp_path / "c.parquet", LANGUAGES)]
    assert rows == [{"en": "a b", "it": "c"}, {"en": "d"}]


def test_quotes_are_ordinary_characters(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text('en\tit\n"Hi\tCiao"\n')
    assert next(read(tmp_path / "c.tsv", LANGUAGES)).texts == {"en": '"Hi', "it": 'Ciao"'}


def test_a_jsonl_line_may_lack_a_language(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "c.jsonl", [{"en": "a"}, {"en": "b", "it": "c", "fr": "d"}])
    rows = [row.texts for row in read(tmp_path / "c.jsonl", LANGUAGES)]
    assert rows == [{"en": "a"}, {"en": "b", "it": "c"}]


def test_a_line_separator_inside_a_json_string_does_not_end_the_line(
    tmp_path: Path,
) -> None:
    line = json.dumps({"translation": {"en": "a\u2028b", "it": "c"}}, ensure_ascii=False)
    (tmp_path / "c.jsonl").write_text(line + "\n", encoding="utf-8")
    assert next(read(tmp_path / "c.jsonl", LANGUAGES)).texts["en"] == "a b"


BAD_TSV: dict[str, tuple[bytes, str]] = {
    "empty": (b"", r"c.tsv: has no rows; give a file with text in en, it"),
    "only a header": (b"en\tit\n", r"c.tsv: has no rows; give a file with text in en, it"),
    "other languages": (
        b"fr\tde\na\tb\n",
        r"c.tsv: has no text in en, it, only in fr, de; rename its columns or files, or give other",
    ),
    "no languages": (
        b"first\tsecond\na\tb\n",
        r"c.tsv:2: no language and no source and target among first, second; name columns by tags",
    ),
    "no header": (b"\na\n", r"c.tsv:1: has no header; expected the names of the columns"),
    "twice": (b"en\tit\tit\n", r"c.tsv:1: two columns are named 'it'; keep one"),
    "a cell too few": (b"en\tit\na\tb\nc\n", r"c.tsv:3: 1 cells, expected 2 as in the header"),
    "a cell too many": (b"en\tit\na\tb\tc\n", r"c.tsv:2: 3 cells, expected 2 .* remove tabs"),
    "Latin-1": (b"en\tit\na\tcitt\xe0\n", r"c.tsv:2: byte 7 of the line \(0xe0\) is not UTF-8"),
    "UTF-16": ("en\tit".encode("utf-16-le"), r"c.tsv:1: contains a NUL character; is it UTF-16\?"),
}


@pytest.mark.parametrize("name", BAD_TSV)
def test_a_bad_table_is_an_error_that_names_the_line(tmp_path: Path, name: str) -> None:
    content, message = BAD_TSV[name]
    (tmp_path / "c.tsv").write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        list(read(tmp_path / "c.tsv", LANGUAGES))


BAD_JSONL: dict[str, tuple[str, str]] = {
    "not JSON": ("{\n", r"c.jsonl:2: is not JSON \(.*; expected one object a line"),
    "no object": ("[]\n", r"c.jsonl:2: is JSON, but no object; expected one such as .*translation"),
    "no translation": ('{"en": "a"}\n', r"c.jsonl:2: has no object under 'translation'"),
    "a number": ('{"translation": {"en": 1}}\n', r"c.jsonl:2: the 'en' text is not a string"),
    "half a character": (
        '{"translation": {"en": "\\ud800"}}\n',
        r"c.jsonl:2: .*half a surrogate",
    ),
    "deep nesting": ("[" * 100_000 + "\n", r"c.jsonl:2: is not JSON"),
}


@pytest.mark.parametrize("name", BAD_JSONL)
def test_a_bad_json_line_is_an_error(tmp_path: Path, name: str) -> None:
    content, message = BAD_JSONL[name]
    good = '{"translation": {"en": "a", "it": "b"}}\n'
    (tmp_path / "c.jsonl").write_text(good + content)
    with pytest.raises(CorpusError, match=message):
        list(read(tmp_path / "c.jsonl", LANGUAGES))


@pytest.mark.parametrize("name", WRITERS)
def test_a_language_that_an_entry_lacks_is_absent(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, [{"en": "a", "it": "b"}])
    assert [row.texts for row in read(tmp_path / name, ["fr", "it"])] == [{"it": "b"}]


def bad_parquet(path: Path) -> None:
    path.write_bytes(b"PAR1 nothing more")


def cut_parquet(path: Path) -> None:
    write_parquet(path, [{"en": "a", "it": "b"}])
    path.write_bytes(path.read_bytes()[:-20])


def numbers(path: Path) -> None:
    parquet.write_table(pa.table({"en": [1.0], "it": [1]}), path)


def twice(path: Path) -> None:
    columns = [pa.array(["a"]), pa.array(["b"])]
    parquet.write_table(pa.Table.from_arrays(columns, names=["it", "it"]), path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (bad_parquet, r"c.parquet: cannot be read as Parquet after row 0 .*fetch it again"),
        (cut_parquet, r"c.parquet: cannot be read as Parquet"),
        (numbers, r"c.parquet: the column 'en' holds double, expected strings; convert it"),
        (twice, r"c.parquet: two columns are named 'it'; keep one"),
    ],
)
def test_a_bad_parquet_file_is_an_error(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(tmp_path / "c.parquet")
    with pytest.raises(CorpusError, match=message):
        list(read(tmp_path / "c.parquet", LANGUAGES))


@pytest.mark.parametrize("cut", [slice(0, -6), slice(0, 3)])
def test_a_truncated_gzip_file_is_an_error(tmp_path: Path, cut: slice) -> None:
    write_tsv(tmp_path / "c.tsv.gz", [{"en": "a" * 999, "it": "b"}] * 99)
    (tmp_path / "c.tsv.gz").write_bytes((tmp_path / "c.tsv.gz").read_bytes()[cut])
    with pytest.raises(CorpusError, match="c.tsv.gz: not a complete gzip file .*compress it again"):
        list(read(tmp_path / "c.tsv.gz", LANGUAGES))


def test_a_plain_text_with_a_gz_name_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "c.tsv.gz").write_text("en\tit\na\tb\n")
    with pytest.raises(CorpusError, match="c.tsv.gz: not a complete gzip file"):
        list(read(tmp_path / "c.tsv.gz", LANGUAGES))


def test_an_endless_line_is_an_error_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LONGEST", 100)
    (tmp_path / "c.tsv").write_text("en\tit\n" + "a" * 101 + "\tb\n")
    with pytest.raises(CorpusError, match="c.tsv:2: longer than 100 bytes; expected one sentence"):
        list(read(tmp_path / "c.tsv", LANGUAGES))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.tsv", "none.tsv: no such file; give the path of a corpus file"),
        ("folder.tsv", "folder.tsv: holds no file; give a folder with text, or a file"),
        ("c.xls", r"c.xls: unknown format; expected a name ending in .tsv, .tab, .csv, .parquet"),
        ("c*.tsv", r"c\*.tsv: no file has such a name; give the path of a corpus file"),
    ],
)
def test_a_path_that_is_not_a_corpus_file_is_an_error(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "folder.tsv").mkdir()
    (tmp_path / "c.xls").write_bytes(b"")
    with pytest.raises(CorpusError, match=message):
        list(read(tmp_path / name, LANGUAGES))


@pytest.mark.parametrize(
    "line",
    [
        '{"translation": {"en": "a", "en": "b", "it": "c"}}',
        '{"translation": {"en": "a"}, "translation": {"en": "b", "it": "c"}}',
    ],
)
def test_a_repeated_json_key_is_an_error(tmp_path: Path, line: str) -> None:
    (tmp_path / "c.jsonl").write_text(line)
    with pytest.raises(
        CorpusError, match=r"c\.jsonl:1: is not JSON \(the key '\w+' occurs twice\)"
    ):
        list(read(tmp_path / "c.jsonl", LANGUAGES))


@pytest.mark.parametrize(
    ("text", "fault"),
    [("a\0b", "contains a NUL"), ("a" * (2**20 + 1), "is too long for a sentence")],
)
def test_parquet_is_checked_like_the_other_formats(tmp_path: Path, text: str, fault: str) -> None:
    write_parquet(tmp_path / "c.parquet", [{"en": "a", "it": "b"}, {"en": "a", "it": text}])
    with pytest.raises(CorpusError, match=rf"c\.parquet: row 2: the 'it' text {fault} \(\d+ chara"):
        list(read(tmp_path / "c.parquet", LANGUAGES))


def test_a_message_does_not_quote_a_long_header_in_full(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("x" * 100_000)
    with pytest.raises(CorpusError) as caught:
        list(read(tmp_path / "c.tsv", LANGUAGES))
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_a_pipe_is_not_opened_as_a_corpus(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.tsv")
    with pytest.raises(CorpusError, match=r"c\.tsv: not a regular file; give the path of a corpus"):
        list(read(tmp_path / "c.tsv", LANGUAGES))


@pytest.mark.parametrize("column", [pa.array([1, 2]), pa.array([b"a", b"b"])])
def test_a_parquet_column_that_is_named_like_a_language_and_holds_no_text_is_an_error(
    tmp_path: Path, column: "pa.Array[pa.Scalar]"
) -> None:
    """But a column of numbers whose name is a word too, such as `id`, is an ordinary one."""
    texts = pa.array(["x", "y"])
    parquet.write_table(pa.table({"id": [1, 2], "en": column, "it": texts}), tmp_path / "c.parquet")
    with pytest.raises(CorpusError, match=r"the column 'en' holds .*, expected strings; convert"):
        list(read(tmp_path / "c.parquet", ["en", "it"]))
