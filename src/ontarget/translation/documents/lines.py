"""Plain text: a segment a line; blank lines, indentation and line ends stay as they are."""

from collections.abc import Iterator
from pathlib import Path

from ontarget.data.readers.lines import read_raw_lines
from ontarget.translation.documents.base import Part, Reading, Segment, same


def parts(path: Path, reading: Reading) -> Iterator[Part]:
    """The lines, one by one; a line without a translation is empty."""
    del reading
    for number, line in read_raw_lines(path):
        text = line.strip()
        if not text:
            yield line
            continue
        before, _, after = line.partition(text)
        yield before
        yield Segment(text, number, same, "")
        yield after
