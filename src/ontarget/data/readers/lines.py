"""Lines of a text file, plain, gzipped or zstandard, strictly UTF-8 and of bounded length."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from io import BufferedIOBase
from pathlib import Path
from typing import Any, cast

from ontarget.errors import CorpusError

LONGEST = 1 << 20  # bytes; a longer line is no sentence and could fill the memory
LONGEST_SEGMENT = 100_000  # characters; a longer line is no segment and would dominate every mean
BOM = b"\xef\xbb\xbf"
STDIN = Path("-")  # standard input, which can be read only once


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number from 1, text without line end); a byte-order mark is removed.

    Raises:
        CorpusError: the file cannot be read, or a line is not UTF-8, contains NUL or is too long.
    """
    number = 0
    try:
        with open_bytes(path) as stream:
            while raw := stream.readline(LONGEST + 1):
                number += 1
                content = raw.removeprefix(BOM) if number == 1 else raw
                yield number, decode_line(content, f"{path}:{number}")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CorpusError(
            f"{path}: not a complete gzip file (after line {number}: {error}); "
            "fetch or compress it again"
        ) from error
    except OSError as error:
        if path.suffix == ".zst" and error.errno is None:  # Arrow's, without a system error
            raise CorpusError(
                f"{path}: not a complete zstandard file (after line {number}: "
                f"{' '.join(str(error).split())}); fetch or compress it again"
            ) from error
        raise CorpusError(f"{path}: {error.strerror}; make the file readable") from error


def open_bytes(path: Path) -> AbstractContextManager[BufferedIOBase]:
    """The file as bytes, decompressed if its name ends in .gz or .zst; standard input for `-`."""
    if path == STDIN:
        if sys.stdin is None:
            raise CorpusError("-: standard input is closed; give the path of a file")
        return nullcontext(cast(BufferedIOBase, sys.stdin.buffer))
    if path.suffix == ".zst":
        return open_zstandard(path)
    return gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb")


def open_zstandard(path: Path) -> io.BufferedReader:
    """The content of a zstandard file, of one frame or more."""
    import pyarrow as pa

    path.open("rb").close()  # for the system's own message if it cannot be read
    stream: Any = pa.CompressedInputStream(str(path), "zstd")  # type: ignore[attr-defined]
    return io.BufferedReader(stream)


def decode_line(raw: bytes, place: str) -> str:
    """One line as text."""
    if len(raw) > LONGEST:
        raise CorpusError(f"{place}: longer than {LONGEST} bytes; expected one sentence a line")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{place}: byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is not UTF-8; "
            "convert the file to UTF-8"
        ) from error
    if "\0" in text:
        raise CorpusError(
            f"{place}: contains a NUL character; is it UTF-16? convert the file to UTF-8"
        )
    return text.rstrip("\r\n")


def read_segments(path: Path) -> Iterator[str]:
    """A file's segments, one a line.

    Raises:
        CorpusError: it has no lines, one that is too long, or a carriage return inside a line.
    """
    number = 0
    for number, text in read_lines(path):
        check_length(text, f"{path}:{number}")
        if "\r" in text:
            raise CorpusError(
                f"{path}:{number}: a carriage return inside the line; expected lines that end with "
                "LF or CRLF"
            )
        yield text
    if not number:
        raise CorpusError(f"{path}: has no lines; expected one segment a line")


def check_length(text: str, place: str) -> None:
    """Raise CorpusError for a text that is too long for a segment."""
    if len(text) > LONGEST_SEGMENT:
        raise CorpusError(
            f"{place}: {len(text)} characters, at most {LONGEST_SEGMENT} expected; is it one "
            "segment a line?"
        )


def as_lines(texts: Sequence[str]) -> list[str]:
    """Each text on one line, for programs that read lines; its line breaks become spaces."""
    return [" ".join(text.splitlines()) for text in texts]
