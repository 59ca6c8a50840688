"""The Language Confusion Benchmark on files: parity with the public script, and bad input."""

import csv
import gzip
import hashlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from support.confusion import (
    CROSSLINGUAL,
    EN,
    HEADER,
    IT,
    MODELS,
    MONOLINGUAL,
    ROWS,
    RU,
    SPACED,
    TOGETHER,
    WORDS,
)

from ontarget import __version__
from ontarget.analysis import lcb
from ontarget.analysis.lcb import Benchmark
from ontarget.errors import CorpusError, DetectorError
from ontarget.offtarget.rates import lcb as definitions
from ontarget.offtarget.rates.lcb import ConfusionCounts, Group


def csv_rows(rows: Sequence[tuple[str, str, str, str]]) -> list[list[str]]:
    """Rows as in the published files."""
    return [
        [MODELS[number % 4], completion, task, source, language]
        for number, (task, source, language, completion) in enumerate(rows)
    ]


def csv_bytes(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


def json_bytes(rows: Sequence[Sequence[str]]) -> bytes:
    return "".join(f"{json.dumps(dict(zip(HEADER, row, strict=True)))}\n" for row in rows).encode()


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def measured(folder: Path, name: str, content: bytes) -> Benchmark:
    """A file, measured with `WORDS`."""
    words = write(folder, "words", WORDS.encode())
    return lcb.measure(write(folder, name, content), words=words)


def printed(counts: Mapping[Group, ConfusionCounts], *, averages: bool = False) -> list[str]:
    """Figures as the benchmark's script rounds them; of all sources only, if `averages`."""
    return [
        f"{source} {language} {rates.line:.2%} "
        + ("N/A" if rates.word is None else f"{rates.word:.2%}")
        for (source, language), rates in definitions.table(counts).items()
        if source == "all" or not averages
    ]


def figures(text: str) -> list[str]:
    """The figures of one of the texts above."""
    return [figure for part in text.split(";") if (figure := " ".join(part.split()))]


def spaced(rows: Sequence[tuple[str, str, str, str]] = ROWS) -> list[list[str]]:
    return csv_rows([row for row in rows if row[2] not in ("zh", "ja")])


def test_figures_are_those_of_the_script_together_and_by_task(tmp_path: Path) -> None:
    benchmark = measured(tmp_path, "all.csv", csv_bytes(spaced()))
    assert printed(benchmark.overall) == figures(SPACED["together"])
    for task in ("monolingual", "crosslingual"):
        assert printed(benchmark.counts[task], averages=True) == figures(SPACED[task])
    assert benchmark.models == MODELS


def test_figures_in_chinese_and_japanese_are_those_of_the_script(tmp_path: Path) -> None:
    pytest.importorskip("jieba")
    pytest.importorskip("fugashi")
    benchmark = measured(tmp_path, "all.csv", csv_bytes(csv_rows(ROWS)))
    assert printed(benchmark.overall) == figures(TOGETHER)
    assert printed(benchmark.counts["monolingual"]) == figures(MONOLINGUAL)
    assert printed(benchmark.counts["crosslingual"]) == figures(CROSSLINGUAL)
    assert "|zh:jieba-0.42" in benchmark.signature and "|ja:fugashi-1" in benchmark.signature
    assert ("Japanese is split with unidic-lite" in " ".join(benchmark.notes)) == (
        "+unidic-lite" in benchmark.signature
    )


@pytest.mark.parametrize("name", ["x.csv.gz", "x.jsonl", "x.jsonl.gz"])
def test_every_format_gives_the_same_counts(tmp_path: Path, name: str) -> None:
    make = csv_bytes if ".csv" in name else json_bytes
    benchmark = measured(tmp_path, name, make(spaced()))
    assert benchmark.counts == measured(tmp_path, "x.csv", csv_bytes(spaced())).counts


def test_line_ends_of_every_kind_are_line_ends(tmp_path: Path) -> None:
    rows = [["m", f"{RU}{end}{EN}", "", "okapi", "ru"] for end in ("\n", "\r\n", "\r")]
    for content in (csv_bytes(rows), b"\xef\xbb\xbf" + csv_bytes(rows).replace(b"\n", b"\r\n")):
        benchmark = measured(tmp_path, "x.csv", content)
        assert benchmark.counts == {"": {("okapi", "ru"): ConfusionCounts(3, 3, 3)}}
    lines = ["source,language,completion", f"okapi,it,{IT.replace(',', '')}", "okapi,it,no", ""]
    benchmark = measured(tmp_path, "x.csv", "\r".join(lines).encode())
    assert benchmark.counts == {"": {("okapi", "it"): ConfusionCounts(2, 1)}}
    rows = [["m", f"{RU}{end}Q: {EN}", "", "okapi", "ru"] for end in ("\n", "\r\n", "\r")]
    for content in (csv_bytes(rows), json_bytes(rows)):
        name = "x.csv" if content.startswith(b"model") else "x.jsonl"
        benchmark = measured(tmp_path, name, content)
        assert benchmark.counts == {"": {("okapi", "ru"): ConfusionCounts(3, 3)}}


def test_only_three_columns_are_needed_and_others_are_ignored(tmp_path: Path) -> None:
    header = ["language", "note", "source", "completion"]
    content = csv_bytes([["it", "x", "mine", IT], [], ["it", "x", "mine", EN]], header)
    benchmark = measured(tmp_path, "x.csv", content)
    assert benchmark.counts == {"": {("mine", "it"): ConfusionCounts(2, 2, 1)}}
    assert benchmark.overall == benchmark.counts[""]
    assert benchmark.models == ()


def test_the_signature_names_detector_word_list_and_version(tmp_path: Path) -> None:
    benchmark = measured(tmp_path, "x.csv", csv_bytes(spaced()))
    digest = hashlib.sha256(WORDS.encode()).hexdigest()[:12]
    assert benchmark.signature == (
        f"lcb:2406.20052|lid:lid.176.ftz@sha256:8f3472cfe873|words:words@sha256:{digest}"
        f"|v:{__version__}"
    )
    assert benchmark.notes == ("the detector is not lid.176.bin; give it with --detector",)


def test_no_word_list_is_read_where_none_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lcb, "SYSTEM_WORDS", tmp_path / "missing")
    path = write(tmp_path, "x.csv", csv_bytes([["m", IT, "", "okapi", "it"]]))
    assert "|words:none|" in lcb.measure(path).signature


def test_the_list_of_the_system_is_the_default_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "x.csv", csv_bytes([["m", RU, "", "okapi", "ru"]]))
    system = write(tmp_path, "system", b"week\n")
    monkeypatch.setattr(lcb, "SYSTEM_WORDS", system)
    benchmark = lcb.measure(path)
    assert "|words:system@sha256:" in benchmark.signature
    assert f"the word list is this system's {system}; give the benchmark's" in benchmark.notes[1]
    system.unlink()
    with pytest.raises(CorpusError, match=r"system: no such file, but the WPR of .*x.csv:2 needs"):
        lcb.measure(path)


def test_a_word_list_without_english_words_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", csv_bytes([["m", RU, "", "okapi", "ru"]]))
    words = write(tmp_path, "words", b"THE\nOne\ncat\n")
    with pytest.raises(CorpusError, match="words: has no word in lower case of 4 or more"):
        lcb.measure(path, words=words)


def test_the_published_model_is_not_remarked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = lcb.packaged_model()
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    path = write(tmp_path, "x.csv", csv_bytes([["m", IT, "", "okapi", "it"]]))
    monkeypatch.setattr(lcb, "PUBLISHED", digest)
    benchmark = lcb.measure(path, f"{model}@sha256:{digest[:8]}")
    assert benchmark.notes == ()
    assert f"lid:lid.176.ftz@sha256:{digest[:12]}|" in benchmark.signature


def test_another_model_is_checked(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", csv_bytes([["m", IT, "", "okapi", "it"]]))
    with pytest.raises(DetectorError, match="lingua: no such file; give the path of a fastText"):
        lcb.measure(path, "lingua")
    with pytest.raises(DetectorError, match="its sha256 begins with 8f3472cfe873, not with 000000"):
        lcb.measure(path, f"{lcb.packaged_model()}@sha256:00000000")


def test_a_missing_tokenizer_is_found_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    definitions.load_tokenizer.cache_clear()
    rows = [["m", EN, "", "okapi", "en"], ["m", "好", "", "okapi", "zh"]]
    with pytest.raises(CorpusError, match=r"x.csv:3: language zh .*pip install 'ontarget\[lcb\]'"):
        measured(tmp_path, "x.csv", csv_bytes(rows))


ROW = ["m", EN, "", "okapi", "en"]
LONG = "a" * (lcb.LONGEST_CELL + 1)
BAD: dict[str, tuple[str, bytes, str]] = {
    "another format": ("x.tsv", b"", r"x.tsv: unknown format; expected a name ending in .csv, "),
    "an empty CSV": ("x.csv", b"", "x.csv: has no rows; give"),
    "an empty JSONL": ("x.jsonl", b"", "x.jsonl: has no rows; give"),
    "a header alone": ("x.csv", csv_bytes([]), "x.csv: has no rows; give"),
    "no completion": (
        "x.csv", b"text,source,language\nno,okapi,en\n",
        "x.csv:1: no column 'completion' among text, source, language; expected completion, source",
    ),
    "a blank first line": ("x.csv", b"\n\n", "x.csv:1: no column 'completion' among nothing"),
    "a column twice": (
        "x.csv", csv_bytes([], [*HEADER, "task"]), "x.csv:1: two columns are named 'task'",
    ),
    "too few cells": (
        "x.csv", csv_bytes([ROW, ROW[:4]]), "x.csv:3: 4 cells, expected 5 as in the header; quote",
    ),
    "a quote that does not end": (
        "x.csv", csv_bytes([ROW]) + b'm,"no\nend,,okapi,en\n' + csv_bytes([ROW]),
        r"x.csv:3: not readable as CSV \(unexpected end of data\); expected",
    ),
    "text after a quote": (
        "x.csv", csv_bytes([ROW]) + b'm,"no"t,,okapi,en\n',
        r"x.csv:3: not readable as CSV \(',' expected after '\"'\); expected",
    ),
    "a long cell": (
        "x.csv", csv_bytes([ROW, ["m", LONG, "", "okapi", "en"]]),
        r"x.csv:3: not readable as CSV \(field larger than field limit \(131072\)\); expected",
    ),
    "a long string": (
        "x.jsonl", json_bytes([["m", LONG, "", "okapi", "en"]]),
        "x.jsonl:1: 131073 characters in a field, at most 131072 expected",
    ),
    "a later row after one of many lines": (
        "x.csv", csv_bytes([["m", "a\n\nb", "", "okapi", "en"], [], ["m", "", "", "", "en"]]),
        "x.csv:6: the source is ''; expected a name, and `all` stands for averages",
    ),
    "a source named all": (
        "x.csv", csv_bytes([["m", EN, "", "all", "en"]]), "x.csv:2: the source is 'all'; expected",
    ),
    "no language": (
        "x.csv", csv_bytes([["m", EN, "", "okapi", ""]]), "x.csv:2: the language is ''; expected",
    ),
    "an unknown language": (
        "x.csv", csv_bytes([ROW, ["m", EN, "", "okapi", "zh-Hans"]]),
        "x.csv:3: the detector lid.176.ftz@sha256:8f3472cfe873 has no language 'zh-Hans', so",
    ),
    "NUL": ("x.csv", csv_bytes([ROW]) + b"m,a\0b,,okapi,en\n", "x.csv:3: contains a NUL"),
    "not UTF-8": ("x.csv", csv_bytes([ROW]) + b"m,\xff,,okapi,en\n", "x.csv:3: byte 3 .*not UTF-8"),
    "not JSON": ("x.jsonl", b"{\n", "x.jsonl:1: is not JSON .*; expected an object with the"),
    "a key twice": (
        "x.jsonl", b'{"source": "a", "source": "b"}\n', "x.jsonl:1: .* 'source' occurs twice",
    ),
    "no object": ("x.jsonl", json_bytes([ROW]) + b"[]\n", "x.jsonl:2: is no object; expected an"),
    "no key": ("x.jsonl", b'{"completion": "a"}\n', "x.jsonl:1: 'source' is missing; expected"),
    "a number": (
        "x.jsonl", b'{"completion": 1, "source": "a", "language": "en"}\n',
        "x.jsonl:1: 'completion' is no string; expected",
    ),
    "NUL in JSON": (
        "x.jsonl", json_bytes([["m", "a\0", "", "okapi", "en"]]),
        "x.jsonl:1: 'completion' contains a NUL or half a surrogate pair; remove it",
    ),
    "half a pair": (
        "x.jsonl", json_bytes([["m", "\ud800", "", "okapi", "en"]]),
        "x.jsonl:1: 'completion' contains a NUL or half",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_with_its_place(tmp_path: Path, case: str) -> None:
    name, content, message = BAD[case]
    with pytest.raises(CorpusError, match=message):
        measured(tmp_path, name, content)


def test_a_missing_file_and_a_truncated_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no.csv: No such file or directory"):
        lcb.measure(tmp_path / "no.csv")
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(csv_bytes(spaced()))[:-20])
    with pytest.raises(CorpusError, match="x.csv.gz: not a complete gzip file"):
        lcb.measure(path)


def test_progress_counts_the_responses(tmp_path: Path) -> None:
    told: list[int] = []
    lcb.measure(write(tmp_path, "x.csv", csv_bytes([ROW, ROW])), tell=told.append)
    assert told == [1, 2]
