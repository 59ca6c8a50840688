"""The structure of a fastText model file, checked before fastText reads it.

fastText trusts what it reads: of a model cut short it uses whatever memory holds, and of one cut
within its header it ends the process. Every length in the file is known beforehand, so a complete
model has exactly one size.
"""

import mmap
import struct
from pathlib import Path

from ontarget.errors import DetectorError

MAGIC = (793712314).to_bytes(4, "little")
VERSIONS = (11, 12)
HEADER = struct.Struct("<ii 12i 8x")  # magic, version, settings, sampling threshold
DICTIONARY = struct.Struct("<iii qq")  # entries, words, labels, tokens, pruned n-grams
SHAPE = struct.Struct("<qq")  # rows, columns
QUANTIZER = struct.Struct("<iiii")  # dimension, parts, size of a part, of the last one
CENTROIDS = 256
LARGEST = 1 << 40  # bytes; a larger length is not one


class ByteReader:
    """A position in a file that is never read beyond its end."""

    def __init__(self, content: mmap.mmap) -> None:
        self.content, self.place = content, 0

    def skip(self, size: int) -> None:
        """Move on by `size` bytes.

        Raises:
            ValueError: the file ends before that, or the size is none.
        """
        if not 0 <= size <= LARGEST:
            raise ValueError(f"a length of {size} at byte {self.place}")
        if self.place + size > len(self.content):
            missing = self.place + size - len(self.content)
            raise ValueError(f"at least {missing} bytes are missing at the end")
        self.place += size

    def read(self, form: struct.Struct) -> tuple[int, ...]:
        """The numbers at the position."""
        start = self.place
        self.skip(form.size)
        return form.unpack(self.content[start : self.place])

    def flag(self) -> bool:
        """The byte at the position, as true or false."""
        start = self.place
        self.skip(1)
        if self.content[start] > 1:
            raise ValueError(f"byte {start} is {self.content[start]}, expected 0 or 1")
        return bool(self.content[start])

    def skip_word(self) -> None:
        """Move on by a word of the dictionary with its count and type."""
        end = self.content.find(b"\0", self.place)
        if end < 0:
            raise ValueError("the dictionary has no end")
        self.skip(end + 1 - self.place + 8 + 1)


def check_structure(path: Path) -> None:
    """Raise DetectorError unless a file has the structure of a fastText model, to its last byte."""
    if not path.stat().st_size:
        raise DetectorError(f"{path}: not a complete fastText model (it is empty); fetch it again")
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as m:
            walk(ByteReader(m))
    except (ValueError, struct.error) as error:
        raise DetectorError(
            f"{path}: not a complete fastText model ({error}); fetch it again"
        ) from error


def walk(reader: ByteReader) -> None:
    """Pass over a whole model: header, dictionary, input and output matrices."""
    if reader.content[:4] != MAGIC:
        raise ValueError("its first bytes are not those of a fastText model")
    _, version, *_ = reader.read(HEADER)
    if version not in VERSIONS:
        raise ValueError(f"version {version} of the format, expected {VERSIONS[-1]}")
    entries, words, labels, _, pruned = reader.read(DICTIONARY)
    if entries != words + labels or labels < 1:
        raise ValueError(f"{entries} entries, but {words} words and {labels} labels")
    for _ in range(entries):
        reader.skip_word()
    reader.skip(8 * max(pruned, 0))  # -1 where nothing was pruned
    is_quantized = reader.flag()
    skip_matrix(reader, is_quantized=is_quantized)
    has_quantized_output = reader.flag()
    skip_matrix(reader, is_quantized=is_quantized and has_quantized_output)
    if reader.place != len(reader.content):
        raise ValueError(f"{len(reader.content) - reader.place} bytes after its end")


def skip_matrix(reader: ByteReader, *, is_quantized: bool) -> None:
    """Pass over a matrix of numbers, or of codes with their centroids."""
    has_norms = reader.flag() if is_quantized else False
    rows, columns = reader.read(SHAPE)
    if not is_quantized:
        if min(rows, columns) < 0:
            raise ValueError(f"a matrix of {rows} x {columns}")
        reader.skip(4 * rows * columns)
        return
    (codes,) = reader.read(struct.Struct("<i"))
    reader.skip(codes)
    skip_quantizer(reader)
    if has_norms:
        reader.skip(rows)
        skip_quantizer(reader)


def skip_quantizer(reader: ByteReader) -> None:
    """Pass over the centroids of a product quantizer."""
    dimension, *_ = reader.read(QUANTIZER)
    reader.skip(4 * dimension * CENTROIDS)
