"""Markdown (CommonMark with tables): paragraphs, headings, items and cells are translated.

A parser finds the blocks. Code, HTML blocks, link definitions and front matter are none of them,
so they stay byte for byte; so do labels of footnotes, boxes of tasks and marks of alerts. Inside a
block, code, URLs, tags and the signs of emphasis, links and images are pieces that a translation
keeps. The lines of a block become one line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ontarget.errors import TranslationError
from ontarget.translation.documents.base import Part, Reading, Segment, read_whole
from ontarget.translation.protect import has_words

MARKUP = re.compile(
    r"(?:(?<!`)|(?<=\\`))(`+)(?!`).+?(?<!`)\1(?!`)"  # code
    r"|\$[^$\s](?:[^$]*[^$\s])?\$(?!\d)"  # formulas
    r"|\[\^[^\[\]]+\]"  # footnotes
    r"|\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\)"  # targets of links
    r"|\]\[[^\]]*\]"  # references of links
    r"|<[A-Za-z][^<>\s:]*:[^<>\s]*>"  # URLs in angle brackets
    r"|!?\[|\]"
    r"|\*{1,3}|~~|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)"
    r"|\\[!-/:-@\[-`{-~]"  # escapes
)
FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\r?\n(?:.*\r?\n)*?\1[ \t]*(?:\r?\n|\Z)")
BLOCK_START = re.compile(r"([-+*#>=|~]|\d+[.)](?=\s))")  # begins a block, where a line begins so
HARD_BREAK = re.compile(r"(?:(?<! ) {2,}|\\)$")
LABEL = re.compile(r"(\[\^[^\[\]\s]+\]:)[ \t]*|(\[![A-Za-z]+\][-+]?)[ \t]*|\[[ xX]\][ \t]+")


@dataclass(frozen=True, slots=True)
class _Block:
    """A run of lines that is one segment."""

    start: int  # in the document
    end: int
    text: str
    in_table: bool


def parts(path: Path, reading: Reading) -> Iterator[Part]:
    """The blocks with text, and everything between them."""
    del reading
    document = read_whole(path)
    place, line, counted = 0, 1, 0
    for block in blocks(document, path):
        yield document[place : block.start]
        line += document.count("\n", counted, block.start)
        counted = block.start
        written = document[block.start : block.end]
        render = cell if block.in_table else paragraph
        yield Segment(block.text, line, render, written, MARKUP)
        place = block.end
    yield document[place:]


def paragraph(text: str) -> str:
    """A translation that does not begin another block."""
    return BLOCK_START.sub(r"\\\1", text, count=1) if starts_block(text) else text


def starts_block(text: str) -> bool:
    """Whether a line with this text would begin another kind of block than a paragraph."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return bool(tokens) and tokens[0].type != "paragraph_open"


def cell(text: str) -> str:
    """A translation in a table, where a bar would end the cell."""
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def blocks(document: str, path: Path) -> Iterator[_Block]:
    """The segments in order.

    Raises:
        TranslationError: a block is not found where the parser saw it.
    """
    from markdown_it import MarkdownIt

    front = FRONT_MATTER.match(document)
    place = front.end() if front else 0
    starts = line_starts(document, place)
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    in_table = False
    for token in parser.parse(document[place:]):
        if token.type in ("table_open", "table_close"):
            in_table = token.type == "table_open"
        if token.type != "inline" or not token.content.strip():
            continue
        first, last = token.map or [0, 0]
        place = max(place, starts[first])
        end = starts[last]
        lines = token.content.split("\n")
        spans = []
        for line in lines:
            written = line.replace("|", "\\|") if in_table else line
            found = document.find(written, place, end)
            if found < 0:
                written, found = line, document.find(line, place, end)
            if found < 0:
                raise TranslationError(
                    f"{path}:{document.count(chr(10), 0, place) + 1}: this block cannot be found "
                    "again as the parser read it; replace its tabs by spaces"
                )
            place = found + len(written)
            spans.append((found, place))
        yield from joined(document, spans, in_table)


def joined(document: str, spans: list[tuple[int, int]], in_table: bool) -> Iterator[_Block]:
    """The lines of a block as segments, which end at hard breaks and before footnotes."""
    run: list[tuple[int, int]] = []
    for number, (start, end) in enumerate(spans):
        label = LABEL.match(document, start, end)
        if label and (number == 0 or label[1]):
            yield from run_blocks(document, run, in_table)
            run, start = [], label.end()
        alert = number == 0 and label and label[2]
        hard = HARD_BREAK.search(document, start, end) if number + 1 < len(spans) else None
        run.append((start, hard.start() if hard else end))
        if hard or alert:
            yield from run_blocks(document, run, in_table)
            run = []
    yield from run_blocks(document, run, in_table)


def run_blocks(document: str, run: list[tuple[int, int]], in_table: bool) -> Iterator[_Block]:
    """The lines of a run as one segment, if they have words."""
    text = " ".join(" ".join(document[start:end].split()) for start, end in run)
    if has_words(text):
        yield _Block(run[0][0], run[-1][1], text, in_table)


def line_starts(document: str, place: int) -> list[int]:
    """Where each line from `place` on starts, and the end of the document, several times."""
    starts = [place]
    while (found := document.find("\n", starts[-1])) >= 0:
        starts.append(found + 1)
    return [*starts, len(document), len(document)]


def skeleton(text: str) -> list[str]:
    """The kinds of blocks, in order."""
    from markdown_it import MarkdownIt

    front = FRONT_MATTER.match(text)
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return [token.type for token in parser.parse(text[front.end() if front else 0 :])]
