"""CSV as RFC 4180 says, TSV without quotes, and what is neither."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.data.readers import Entry, lines, read, read_exactly, tables
from ontarget.errors import CorpusError

LANGS = ("en", "it")
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def save(folder: Path, name: str, content: str) -> Path:
    (folder / name).write_bytes(content.encode())
    return folder / name


@given(pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=5))
def test_any_text_comes_back_from_csv_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([LANGS, *pairs])
    path = save(tmp_path_factory.mktemp("csv"), "c.csv", out.getvalue())
    found = [(row.texts["en"], row.texts["it"]) for row in read_exactly(path, LANGS)]
    assert found == pairs


def test_the_key_of_a_cell_with_line_breaks_is_its_first_line(tmp_path: Path) -> None:
    path = save(tmp_path, "c.csv", 'en,it\n"a\nb",c\nd,"e ""f"""\n')
    assert [(row.key, row.texts) for row in read(path, LANGS)] == [
        ("c.csv:2", {"en": "a b", "it": "c"}),
        ("c.csv:4", {"en": "d", "it": 'e "f"'}),
    ]


def test_semicolons_separate_if_the_header_has_no_comma(tmp_path: Path) -> None:
    path = save(tmp_path, "c.csv", 'en;it\na, b;"c;d"\n')
    assert next(read(path, LANGS)).texts == {"en": "a, b", "it": "c;d"}


QUOTED = 'en\tit\n"a ""b"""\t"c"\n"d"\te\n'


def test_a_tsv_that_looks_quoted_is_named_and_can_be_read_either_way(tmp_path: Path) -> None:
    path = str(save(tmp_path, "c.tsv", QUOTED))
    message = "c.tsv:2: looks quoted: 2 of the first 2 rows .* add format: tsv-quoted, or format: t"
    with pytest.raises(CorpusError, match=message):
        list(read(path, LANGS))
    quoted = [row.texts["en"] for row in read(Entry(path=path, format="tsv-quoted"), LANGS)]
    assert quoted == ['a "b"', "d"]
    plain = [row.texts["en"] for row in read(Entry(path=path, format="tsv"), LANGS)]
    assert plain == ['"a ""b"""', '"d"']


BAD = {
    "an open quote": ('en,it\n"a,b\n', r"c.csv:2: broken CSV quoting \(unexpected end of data\)"),
    "a quote inside": ('en,it\n"a"b,c\n', r"c.csv:2: broken CSV quoting .*expected cells with com"),
    "ragged": ("en,it\na,b\nc\n", r"c.csv:3: 1 cells, expected 2 as in the header; quote cells"),
    "ragged later": ('en,it\n"a\n\nb",c\nd,e,f\n', r"c.csv:5: 3 cells, expected 2"),
    "a repeated column": ("en,en,it\na,b,c\n", r"c.csv:1: two columns are named 'en'; keep one"),
    "NUL": ("en,it\na,\0\n", r"c.csv:2: contains a NUL character"),
    "an endless row": ('en,it\n"' + "a\n" * 90, r"c.csv:51: a row longer than 100 .* never closed"),
    "many quoted cells": ('en,it\n"' + '\n","' * 90, r"a row longer than 100 characters"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_csv_is_an_error_with_its_line(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LONGEST", 100)
    content, message = BAD[name]
    with pytest.raises(CorpusError, match=message):
        list(read(save(tmp_path, "c.csv", content), LANGS))


class Name(str):
    """A text that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return super().__eq__(other)

    __hash__ = str.__hash__


def test_the_names_of_a_wide_header_are_not_compared_with_each_other() -> None:
    names: list[str] = [Name(f"column {number}") for number in range(1000)]
    assert tables.check_header(names, "c.tsv:1") == names
    Name.compared = 0
    tables.check_header(names, "c.tsv:1")
    assert Name.compared < 3 * len(names)


@pytest.mark.parametrize("name", ["c.tsv", "c.csv", "c.en", "c.jsonl"])
@pytest.mark.parametrize("rows", [2, 300_000])
def test_line_ends_of_old_macs_are_named(tmp_path: Path, name: str, rows: int) -> None:
    path = save(tmp_path, name, "en\tit\r" + "a\tb\r" * rows)
    with pytest.raises(CorpusError, match=f"{name}: its lines end with CR alone, as on old Macs; "):
        list(read(path, LANGS))


def test_a_blank_line_of_a_tsv_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, "c.tsv", "en\tit\na\tb\n\n\n")
    with pytest.raises(CorpusError, match="c.tsv:3: is a blank line; remove it"):
        list(read(path, LANGS))
    alone = save(tmp_path, "d.tsv", "it\na\n\n")  # a missing text
    assert [row.texts for row in read(alone, LANGS)] == [{"it": "a"}, {}]
