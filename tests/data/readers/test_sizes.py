"""Estimated rows: exact for small files and metadata, near for large ones, 0 where unknown."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from ontarget.data.readers import sizes
from ontarget.data.readers.sizes import estimated_rows


def write_lines(path: Path, count: int) -> Path:
    content = b"".join(b"line %d\n" % number for number in range(count))
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["a.tsv", "a.jsonl.gz", "a.csv"])
def test_a_small_file_of_lines_is_counted(tmp_path: Path, name: str) -> None:
    assert estimated_rows([write_lines(tmp_path / name, 12)]) == 12


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz"])
def test_a_large_file_is_estimated_from_its_beginning(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "SAMPLE", 100_000)
    assert estimated_rows([write_lines(tmp_path / name, 200_000)]) == pytest.approx(
        200_000, rel=0.3
    )


def test_parquet_says_how_many_rows_it_has_and_files_are_added(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"en": ["a"] * 7}), tmp_path / "a.parquet")
    assert estimated_rows([tmp_path / "a.parquet", write_lines(tmp_path / "b.tsv", 5)]) == 12


def test_nothing_is_estimated_if_one_file_is_unknown_missing_or_damaged(tmp_path: Path) -> None:
    known = write_lines(tmp_path / "a.tsv", 5)
    (tmp_path / "c.tmx").write_text("<tmx/>\n")
    (tmp_path / "d.parquet").write_text("no parquet")
    (tmp_path / "e.tsv.gz").write_bytes(b"no gzip")
    for name in ("c.tmx", "d.parquet", "e.tsv.gz", "missing.tsv"):
        assert estimated_rows([known, tmp_path / name]) == 0
    assert estimated_rows([]) == 0
