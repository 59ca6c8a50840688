"""Lines of a text file, plain or compressed, strictly UTF-8 and of bounded length."""

import bz2
import codecs
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from io import BufferedIOBase
from pathlib import Path
from typing import Any, TextIO, cast

from ontarget.errors import CorpusError, read_fault

LONGEST = 1 << 20  # bytes; a longer line is no sentence and could fill the memory
LONGEST_SEGMENT = 100_000  # characters; a longer line is no segment and would dominate every mean
CHUNK = 1 << 16  # bytes read at once of a file without lines
XZ_MEMORY = 256 << 20  # bytes that a decompressor may use; xz -9 needs 65 MiB
COMPRESSED = {".gz": "gzip", ".zst": "zstandard", ".xz": "xz", ".bz2": "bzip2"}
BOM = b"\xef\xbb\xbf"
STDIN = Path("-")  # standard input, which can be read only once


def read_lines(path: Path, *, allow_cr: bool = False) -> Iterator[tuple[int, str]]:
    """(line number from 1, text without line end); a byte-order mark is removed.

    With `allow_cr` a file whose lines end with CR alone is one line.

    Raises:
        CorpusError: the file cannot be read, or a line is not UTF-8, contains NUL or is too long.
    """
    for number, text in read_raw_lines(path, allow_cr=allow_cr):
        yield number, text.rstrip("\r\n")


def read_raw_lines(path: Path, *, allow_cr: bool = False) -> Iterator[tuple[int, str]]:
    """(line number from 1, text with its line end); a byte-order mark is removed.

    Raises:
        CorpusError: the file cannot be read, or a line is not UTF-8, contains NUL or is too long.
    """
    number = 0
    with named_damage(path, lambda: number), open_bytes(path) as stream:
        while raw := stream.readline(LONGEST + 1):
            number += 1
            content = raw.removeprefix(BOM) if number == 1 else raw
            if number == 1 and not allow_cr and b"\r" in content and not raw.endswith(b"\n"):
                raise CorpusError(
                    f"{path}: its lines end with CR alone, as on old Macs; convert them to LF"
                )
            yield number, decode_line(content, path, number)


def read_chunks(path: Path) -> Iterator[str]:
    """The text of a file of any line length, in pieces; a byte-order mark is removed.

    Raises:
        CorpusError: the file cannot be read, or is not UTF-8.
    """
    number = 1  # of the line that a piece ends in
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    with named_damage(path, lambda: number - 1), open_bytes(path) as stream:
        while raw := stream.read(CHUNK):
            try:
                text = decoder.decode(raw)
            except UnicodeDecodeError as error:
                number += error.object.count(b"\n", 0, error.start)
                raise CorpusError(
                    f"{path}:{number}: 0x{error.object[error.start]:02x} is not UTF-8; convert the "
                    "file to UTF-8"
                ) from error
            number += text.count("\n")
            yield text
        if decoder.getstate()[0]:
            raise CorpusError(f"{path}:{number}: ends inside a character; fetch the file again")


@contextmanager
def named_damage(path: Path, done: Callable[[], int]) -> Iterator[None]:
    """Raise what is wrong with a file as CorpusError; `done` is the number of lines read."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise CorpusError(damage_of(path, done(), error)) from error
    except OSError as error:
        if error.errno is None and path.suffix in COMPRESSED:  # the decompressor's own
            raise CorpusError(damage_of(path, done(), error)) from error
        raise CorpusError(f"{path}: {read_fault(error)}") from error


def damage_of(path: Path, number: int, error: Exception) -> str:
    """That a compressed file is damaged, and after which line."""
    return (
        f"{path}: not a complete {COMPRESSED.get(path.suffix, 'compressed')} file (after line "
        f"{number}: {' '.join(str(error).split())}); fetch or compress it again"
    )


def open_bytes(path: Path) -> AbstractContextManager[BufferedIOBase]:
    """The file as bytes, decompressed by the ending of its name; standard input for `-`."""
    if path == STDIN:
        if sys.stdin is None:
            raise CorpusError("-: standard input is closed; give the path of a file")
        return nullcontext(cast(BufferedIOBase, sys.stdin.buffer))
    match path.suffix:
        case ".gz":
            return gzip.GzipFile(path)
        case ".bz2":
            return io.BufferedReader(Bzip2Stream(path))
        case ".xz":
            return io.BufferedReader(XzStream(path))
        case ".zst":
            return open_zstandard(path)
    return path.open("rb")


class Bzip2Stream(io.RawIOBase):
    """The content of a bzip2 file of one stream or more.

    `bz2.BZ2File` ends without an error where a later stream is damaged.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.file = path.open("rb")
        self.decompressor = bz2.BZ2Decompressor()

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer; 0 at the end.

        Raises:
            EOFError: the file ends within a stream.
            OSError: it is damaged.
        """
        while True:
            if self.decompressor.eof:
                rest = self.decompressor.unused_data or self.file.read(CHUNK)
                if not rest:
                    return 0
                self.decompressor = bz2.BZ2Decompressor()
            elif self.decompressor.needs_input:
                rest = self.file.read(CHUNK)
                if not rest:
                    raise EOFError("it ends within a stream")
            else:
                rest = b""
            content = self.decompressor.decompress(rest, len(buffer))
            if content:
                buffer[: len(content)] = content
                return len(content)

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        super().close()


class XzStream(io.RawIOBase):
    """The content of an xz file of one stream or more, decompressed in bounded memory.

    `lzma.LZMAFile` has no such bound: a file may ask for a window of 4 GiB.
    """

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        self.decoder = lzma.LZMADecompressor(memlimit=XZ_MEMORY)

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer; 0 at the end."""
        content = b""
        while not content:
            if self.decoder.eof:
                rest = self.decoder.unused_data or self.file.read(io.DEFAULT_BUFFER_SIZE)
                if not rest:
                    return 0
                self.decoder = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
            else:
                needed = self.decoder.needs_input
                rest = self.file.read(io.DEFAULT_BUFFER_SIZE) if needed else b""
                if needed and not rest:
                    raise EOFError("it ends in the middle of a stream")
            content = self.decoder.decompress(rest, len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        super().close()


def open_zstandard(path: Path) -> io.BufferedReader:
    """The content of a zstandard file, of one frame or more."""
    import pyarrow as pa

    path.open("rb").close()  # for the system's own message if it cannot be read
    stream: Any = pa.CompressedInputStream(str(path), "zstd")
    return io.BufferedReader(stream)


@contextmanager
def create_text(path: Path) -> Iterator[TextIO]:
    """A new file for UTF-8 text with line ends as they are written, compressed by its name."""
    with ExitStack() as stack:
        match path.suffix:
            case ".gz":
                raw: Any = gzip.GzipFile(path, "wb", mtime=0)  # the same bytes at any time
            case ".bz2":
                raw = bz2.BZ2File(path, "wb")
            case ".xz":
                raw = lzma.LZMAFile(path, "wb")  # noqa: SIM115 - closed below
            case ".zst":
                import pyarrow as pa

                raw = pa.CompressedOutputStream(str(path), "zstd")
            case _:
                raw = path.open("wb")
        stack.enter_context(raw)
        yield stack.enter_context(io.TextIOWrapper(raw, encoding="utf-8", newline=""))


def decode_line(raw: bytes, path: Path, number: int) -> str:
    """One line as text."""
    if len(raw) > LONGEST:
        raise CorpusError(
            f"{path}:{number}: longer than {LONGEST} bytes; expected one sentence a line"
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}:{number}: byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is "
            "not UTF-8; convert the file to UTF-8"
        ) from error
    if "\0" in text:
        raise CorpusError(
            f"{path}:{number}: contains a NUL character; is it UTF-16? convert the file to UTF-8"
        )
    return text


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
