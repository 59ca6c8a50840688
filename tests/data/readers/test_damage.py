"""Whatever a file holds: its rows, or one line that names it; never more memory than a bound."""

import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ontarget.data.readers import jsonl, read
from ontarget.errors import CorpusError

LANGS = ("en", "it")
few = settings(max_examples=12)  # of many files each
ROWS = [{"en": f"row {number}", "it": f"riga {number} è"} for number in range(40)]


def as_parquet() -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(ROWS), out)
    return out.getvalue()


PLAIN = {
    "c.tsv": ("en\tit\n" + "".join(f"{r['en']}\t{r['it']}\n" for r in ROWS)).encode(),
    "c.csv": ("en,it\n" + "".join(f'"{r["en"]}",{r["it"]}\n' for r in ROWS)).encode(),
    "c.jsonl": "".join(json.dumps({"translation": r}) + "\n" for r in ROWS).encode(),
    "c.json": json.dumps(ROWS, indent=1).encode(),
    "c.parquet": as_parquet(),
    "c.en": "".join(f"{r['en']}\n" for r in ROWS).encode(),
}
PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda raw: pa.compress(raw, "zstd", asbytes=True),
}
TEXTS = [name for name in PLAIN if name != "c.parquet"]


def outcome(path: Path) -> list[dict[str, str]] | str:
    """The rows, or the error, which must be one line that names the file."""
    try:
        return [row.texts for row in read(path, LANGS)]
    except CorpusError as error:
        message = str(error)
        assert message.startswith(str(path)) and "\n" not in message and len(message) < 1000
        return message


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damage")


@pytest.mark.parametrize("name", PLAIN)
@few
@given(content=st.binary(max_size=300))
@example(content=b"\xff\xfee\0n\0")
@example(content=b"en\tit\n\n")
@example(content=b'"')
@example(content=b"{" * 99)
def test_any_bytes_are_rows_or_one_error(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    outcome(folder / name)


@pytest.mark.parametrize("name", PLAIN)
@few
@given(
    place=st.integers(0, 2000),
    junk=st.sampled_from([b"\0", b"\xe8", b"\n", b"\t", b'"', b"{", b"\r"]),
)
@example(place=552, junk=b"\xe8")  # of Parquet: an index out of its dictionary
def test_a_byte_too_many_is_rows_or_one_error(
    folder: Path, name: str, place: int, junk: bytes
) -> None:
    at = place % len(PLAIN[name])
    (folder / name).write_bytes(PLAIN[name][:at] + junk + PLAIN[name][at:])
    outcome(folder / name)


def test_a_second_bzip2_stream_is_read_and_its_damage_is_an_error(folder: Path) -> None:
    """As `pbzip2` writes them."""
    rows = [b"en\tit\n" + b"a\tb\n" * 3, b"c\td\n" * 4]
    one, two = map(bz2.compress, rows)
    path = folder / "c.tsv.bz2"
    path.write_bytes(one + two)
    assert len(outcome(path)) == 7
    for damaged in (one + b"X" + two[1:], one + two[:-5], one + b"garbage"):
        path.write_bytes(damaged)
        assert "c.tsv.bz2: not a complete bzip2 file" in str(outcome(path))


@pytest.mark.parametrize("ending", [ending for ending in PACK if ending])
@pytest.mark.parametrize("name", ["c.tsv", "c.json"])  # read by lines, and in pieces
@few
@given(cut=st.integers(1, 200))
def test_a_truncated_compressed_file_is_an_error(
    folder: Path, name: str, ending: str, cut: int
) -> None:
    packed = PACK[ending](PLAIN[name])
    kept = packed[: max(1, len(packed) - cut)]
    (folder / ending).mkdir(exist_ok=True)  # c.en and c.en.gz would be one corpus
    path = folder / ending / f"{name}{ending}"
    path.write_bytes(kept)
    message = outcome(path)
    kind = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstandard"}[ending]
    assert isinstance(message, str) and f"not a complete {kind} file" in message


@pytest.mark.parametrize("ending", [ending for ending in PACK if ending])
@few
@given(place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_changed_byte_of_a_compressed_file_is_rows_or_one_error(
    folder: Path, ending: str, place: int, value: int
) -> None:
    packed = bytearray(PACK[ending](PLAIN["c.tsv"]))
    packed[place % len(packed)] = value
    (folder / f"d.tsv{ending}").write_bytes(packed)
    outcome(folder / f"d.tsv{ending}")


@few
@given(cut=st.integers(1, 500))
def test_a_truncated_parquet_file_is_an_error(folder: Path, cut: int) -> None:
    (folder / "c.parquet").write_bytes(PLAIN["c.parquet"][:-cut])
    assert "cannot be read as Parquet" in outcome(folder / "c.parquet")


@pytest.mark.parametrize("name", TEXTS)
def test_mixed_encodings_are_an_error_with_the_line(folder: Path, name: str) -> None:
    first, *rest = PLAIN[name].splitlines(keepends=True)
    latin = rest[5].replace("è".encode(), b"\xe8").replace(b"\\u00e8", b"\xe8")
    latin = (
        latin if latin != rest[5] else latin.replace(b"r", b"\xe8", 1).replace(b'"', b'"\xe8', 1)
    )
    (folder / name).write_bytes(b"".join([first, *rest[:5], latin, *rest[6:]]))
    message = outcome(folder / name)
    assert isinstance(message, str)
    assert f"{name}:7: " in message and "is not UTF-8; convert the file to UTF-8" in message


@pytest.mark.parametrize("name", TEXTS)
def test_a_line_of_10_megabytes_is_an_error(folder: Path, name: str) -> None:
    long = b"a" * 10_000_000
    (folder / name).write_bytes(PLAIN[name].replace(b"row 7", long, 1))
    message = outcome(folder / name)
    assert isinstance(message, str)
    assert "longer than" in message or "is not JSON in the value that begins here" in message


def bomb(path: Path) -> None:
    """A small file of one endless line, or of one long text in many rows."""
    zeros = b"a" * (1 << 20)
    if path.suffix == ".parquet":
        text = "a" * 900_000
        column = pa.DictionaryArray.from_arrays(pa.array([0] * 200, pa.int32()), [text])
        parquet.write_table(pa.table({"en": column, "it": column}), path, store_schema=False)
        return
    opened = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(path.suffix)
    if opened is None:
        with pa.CompressedOutputStream(str(path), "zstd") as out:
            for _ in range(600):
                out.write(zeros)
        return
    with opened(
        path, "wb", **({"preset": 0} if path.suffix == ".xz" else {"compresslevel": 1})
    ) as out:
        for _ in range(48):
            out.write(zeros)


READ = """
import resource, sys
from pathlib import Path
import pyarrow.parquet
from ontarget.data.readers import jsonl, read
from ontarget.errors import CorpusError
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[1:]:
    try:
        end = sum(1 for _ in read(Path(name), ["en", "it"]))
    except CorpusError as error:
        end = error
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) // 1024, end)
"""


def test_decompression_bombs_do_not_fill_the_memory(tmp_path: Path) -> None:
    names = ["c.tsv.gz", "c.csv.bz2", "c.jsonl.xz", "c.json.zst", "c.parquet"]
    for name in names:
        bomb(tmp_path / name)
        assert (tmp_path / name).stat().st_size < 2_000_000
    command = [sys.executable, "-c", READ, *(tmp_path / name for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    mebibytes = [int(line.split()[0]) for line in done.stdout.splitlines()]
    assert len(mebibytes) == len(names) and max(mebibytes) < 40, done.stdout


def test_an_xz_file_that_asks_for_much_memory_is_an_error(folder: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    packed = lzma.compress(PLAIN["c.tsv"], filters=filters)
    (folder / "c.tsv.xz").write_bytes(packed)
    assert "c.tsv.xz: not a complete xz file (after line 0: Memory usage limit" in str(
        outcome(folder / "c.tsv.xz")
    )


def test_a_file_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_bytes(PLAIN["c.tsv"])
    (tmp_path / "c.tsv").chmod(0)
    if os.access(tmp_path / "c.tsv", os.R_OK):
        pytest.skip("root may read any file")
    assert (
        outcome(tmp_path / "c.tsv")
        == f"{tmp_path}/c.tsv: Permission denied; make the file readable"
    )


def test_white_space_before_json_is_passed_over_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.json").write_text(" \n" * 200_000 + json.dumps(ROWS))
    calls = []
    skip_to = jsonl.JsonText.skip_to
    monkeypatch.setattr(
        jsonl.JsonText, "skip_to", lambda text, end: calls.append(end) or skip_to(text, end)
    )
    assert [row.texts for row in read(tmp_path / "c.json", LANGS)] == ROWS
    assert len(calls) < 1000
    (tmp_path / "c.json").write_text(" \n" * 200_000 + "x")
    with pytest.raises(CorpusError, match="c.json:200001: is not JSON in the value that begins"):
        list(read(tmp_path / "c.json", LANGS))


@pytest.mark.parametrize("size", [5_000, 70_000, 500_000])
def test_json_is_read_wherever_a_piece_of_the_file_ends(tmp_path: Path, size: int) -> None:
    rows = [{"en": "a" * size, "it": "b"}] * 40
    (tmp_path / "c.json").write_text(json.dumps(rows))
    assert [row.texts for row in read(tmp_path / "c.json", LANGS)] == rows


def test_json_that_is_too_long_is_not_called_broken(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    expected = "c.json:2: the value that begins here is longer than 1048576 characters; expected"
    for text in ("a" * (2 << 20), '"' * (2 << 20), "a" * (3 << 20)):
        path.write_text("[\n" + json.dumps({"en": text, "it": "b"}) + "]")
        with pytest.raises(CorpusError, match=expected):
            list(read(path, LANGS))
    path.write_text("[\n" + '{"en": [' + "1," * (1 << 20) + "2]}]")
    with pytest.raises(CorpusError, match=expected):
        list(read(path, LANGS))
    path.write_text('[\n{"en": "a" "it": "b"}' + " " * (2 << 20) + "]")
    with pytest.raises(CorpusError, match="c.json:2: is not JSON in the value that begins here"):
        list(read(path, LANGS))


@pytest.mark.parametrize("rows", [1, 100])
@pytest.mark.parametrize("shape", ["column", "struct", "chat"])
def test_a_text_of_parquet_that_is_too_long_never_becomes_one_of_python(
    tmp_path: Path, shape: str, rows: int
) -> None:
    shapes: dict[str, Callable[[str], dict[str, object]]] = {
        "column": lambda text: {"en": text, "it": "b"},
        "struct": lambda text: {"translation": {"en": text, "it": "b"}},
        "chat": lambda text: {"messages": [{"role": "user", "content": text}]},
    }
    size = 16 << 20
    table = [shapes[shape](text) for text in ["a"] * rows + ["a" * size]]
    parquet.write_table(pa.Table.from_pylist(table), tmp_path / "c.parquet")
    del table
    tracemalloc.start()
    try:
        with pytest.raises(CorpusError, match="too long for"):
            list(read(tmp_path / "c.parquet", LANGS))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < size / 4
