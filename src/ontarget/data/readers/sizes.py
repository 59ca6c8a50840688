"""How many rows a corpus has, about, so that the time left can be shown."""

import gzip
from collections.abc import Iterable
from pathlib import Path

SAMPLE = 1 << 20  # bytes of text whose lines are counted
BY_LINE = (".tsv", ".csv", ".jsonl", ".ndjson", ".txt")  # formats with a row a line


def estimated_rows(files: Iterable[Path]) -> int:
    """The rows of all files, from their first lines or their metadata; 0 if that is not known."""
    counts = [rows_of_file(path) for path in files]
    return sum(counts) if all(counts) else 0


def rows_of_file(path: Path) -> int:
    """The rows of one file, about; 0 if that is not known."""
    if path.suffix == ".parquet":
        return rows_of_parquet(path)
    compressed = path.suffix == ".gz"
    name = path.stem if compressed else path.name
    if not path.is_file() or not name.endswith(BY_LINE):
        return 0
    try:
        with path.open("rb") as raw:
            stream = gzip.GzipFile(fileobj=raw) if compressed else raw
            text = stream.read(SAMPLE)
            consumed = raw.tell()
    except (OSError, EOFError):  # its reader will say what is wrong
        return 0
    if len(text) < SAMPLE:
        return text.count(b"\n")
    return text.count(b"\n") * path.stat().st_size // max(1, consumed)


def rows_of_parquet(path: Path) -> int:
    """The rows that a Parquet file's metadata names."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return int(parquet.read_metadata(path).num_rows)
    except (pa.lib.ArrowException, OSError):  # its reader will say what is wrong
        return 0
