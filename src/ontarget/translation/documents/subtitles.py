"""SubRip subtitles: numbers and times are kept; the lines of a cue are joined and split again."""

import re
from collections.abc import Iterator
from pathlib import Path

from ontarget.errors import TranslationError
from ontarget.translation.documents.base import Part, Reading, Segment, read_whole, same

TIMES = re.compile(r"\s*\d+:\d\d:\d\d[,.]\d+\s*-->\s*\d+:\d\d:\d\d[,.]\d+.*")
ARROW = "->"  # of times, also of damaged ones
TAGS = re.compile(r"</?[A-Za-z][^<>]*>|\{\\[^{}]*\}")


def parts(path: Path, reading: Reading) -> Iterator[Part]:
    """The cues; text after a blank line belongs to the cue before it, as a segment of its own.

    Raises:
        TranslationError: text stands before the first cue, or times are damaged.
    """
    del reading
    cue: list[str] = []
    start, in_cue = 0, False
    for number, line in enumerate(read_whole(path).splitlines(keepends=True), start=1):
        if not in_cue:
            if is_times(line):
                in_cue, start = True, number + 1
            elif line.strip() and not line.strip().isdecimal():
                check_text(f"{path}:{number}", line, first=not start)
                in_cue, start = True, number
                cue.append(line)
                continue
            yield line
        elif line.strip():
            cue.append(line)
        else:
            yield from cue_parts(cue, start)
            cue, in_cue = [], False
            yield line
    yield from cue_parts(cue, start)


def is_times(line: str) -> bool:
    """Whether a line holds the times of a cue."""
    return TIMES.fullmatch(line.rstrip("\r\n")) is not None


def check_text(place: str, line: str, *, first: bool) -> None:
    """Raise TranslationError where a line can be no text of a cue."""
    if first or ARROW in line:
        raise TranslationError(
            f"{place}: expected the number or the times of a subtitle, such as "
            "00:00:01,000 --> 00:00:02,500; correct the file"
        )


def cue_parts(lines: list[str], number: int) -> Iterator[Part]:
    """The text of a cue: one segment, or one a speaker where each line begins with a dash."""
    if not lines:
        return
    last = lines[-1]
    end = last[len(last.rstrip("\r\n")) :]
    line_end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    texts = [line.strip() for line in lines]
    if len(texts) > 1 and all(text.startswith(("-", "\u2013", "\u2014")) for text in texts):
        for at, text in enumerate(texts):
            dash = text[: len(text) - len(text[1:].lstrip())]
            spoken = text[len(dash) :]
            yield dash
            yield Segment(spoken, number + at, same, spoken, TAGS)
            yield line_end if at + 1 < len(texts) else end
        return

    def render(text: str) -> str:
        return line_end.join(balanced(text, len(texts)))

    yield Segment(" ".join(texts), number, render, line_end.join(texts), TAGS)
    yield end


def balanced(text: str, count: int) -> list[str]:
    """A text in at most `count` lines of similar length, broken at spaces."""
    lines = []
    for left in range(count, 1, -1):
        middle = len(text) / left
        spaces = [at for at, char in enumerate(text) if char == " " and 0 < at < len(text) - 1]
        spaces = [at for at in spaces if text.rfind("<", 0, at) <= text.rfind(">", 0, at)]
        if not spaces:
            break
        cut = min(spaces, key=lambda at: abs(at - middle))
        lines.append(text[:cut])
        text = text[cut + 1 :]
    return [*lines, text]


def skeleton(text: str) -> list[str]:
    """The times, in order."""
    return [line for line in text.splitlines() if TIMES.fullmatch(line)]
