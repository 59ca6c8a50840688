"""HTML: text between block elements, and the attributes alt, title and placeholder.

Everything else stays byte for byte: tags, comments, script, style, pre, textarea, and elements with
translate="no". Inline elements are pieces that a translation keeps; inline code is one piece.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path

from ontarget.translation.documents.base import (
    Part,
    Reading,
    Segment,
    read_whole,
)
from ontarget.translation.protect import has_words

INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite data del dfn em font i img ins label mark q ruby rb rp rt s "
    "small span strike strong sub sup time tt u var wbr code kbd samp".split()
)
KEPT = frozenset("script style pre textarea code kbd samp svg math template noscript".split())
INLINE_KEPT = frozenset("code kbd samp".split())
VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
ATTRIBUTE = re.compile(
    r"(\s(?:alt|title|placeholder)\s*=\s*)(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE
)
MARKUP = re.compile(
    r"<(code|kbd|samp)\b[^<>]*>(?:(?!<\1\b).)*?</\1\s*>|<!--(?:(?!<!--).)*?-->"
    r"|</?[A-Za-z][^<>]*>|&lt;|&gt;",
    re.IGNORECASE | re.DOTALL,
)
EDGE = re.compile(  # code is kept as a whole, so its tags are none
    r"(?:\s|</?(?!(?:code|kbd|samp)\b)[A-Za-z][^<>]*>|<!--.*?-->)+", re.DOTALL | re.IGNORECASE
)
Span = tuple[int, int]
LineOf = Callable[[int], int]  # from a place in the document, lines from 1


class _Runs(HTMLParser):
    """Finds the spans of translatable text, which inline tags do not end."""

    def __init__(self, document: str) -> None:
        super().__init__(convert_charrefs=False)
        self.starts = [0, *(m.end() for m in re.finditer("\n", document))]
        self.runs: list[Span] = []  # of text with inline tags
        self.tags: list[Span] = []  # with attributes to translate
        self.document = document
        self.start = 0  # of the run
        self.kept: list[str] = []  # open elements, from the outermost one that is kept
        self.kept_at = 0  # where that one starts
        self.feed(document)
        self.close()
        self.cut(len(document), len(document))

    def place(self) -> int:
        """Where what is being parsed starts."""
        line, column = self.getpos()
        return self.starts[line - 1] + column

    def cut(self, end: int, after: int) -> None:
        """End the run at `end`; the next one starts at `after`."""
        if self.start < end and not self.kept:
            self.runs.append((self.start, end))
        self.start = after

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A start tag: part of the run, or its end."""
        start = self.place()
        end = start + len(self.get_starttag_text() or "")
        if self.kept:
            if tag == self.kept[0]:
                self.kept.append(tag)
            return
        values = dict(attrs)
        named = any(values.get(name) for name in ("alt", "title", "placeholder"))
        hidden = values.get("translate") == "no" or tag in KEPT
        if named or tag not in INLINE or (hidden and tag not in INLINE_KEPT):
            self.cut(start, end)
        if named:
            self.tags.append((start, end))
        if hidden and tag not in VOID:
            self.kept.append(tag)
            self.kept_at = start

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag without an end, such as <br/>."""
        self.handle_starttag(tag, attrs)
        if self.kept and self.kept[-1] == tag:
            self.kept.pop()

    def handle_endtag(self, tag: str) -> None:
        """An end tag: part of the run, or its end."""
        start = self.place()
        end = self.document.find(">", start) + 1 or len(self.document)
        if self.kept:
            if tag != self.kept[0]:
                return
            self.kept.pop()
            if not self.kept and (tag not in INLINE_KEPT or self.start > self.kept_at):
                self.start = end
            return
        if tag not in INLINE:
            self.cut(start, end)

    def handle_decl(self, decl: str) -> None:
        """A declaration ends the run."""
        self.boundary()

    def handle_pi(self, data: str) -> None:
        """An instruction ends the run."""
        self.boundary()

    def unknown_decl(self, data: str) -> None:
        """A section such as CDATA ends the run."""
        self.boundary()

    def boundary(self) -> None:
        """What is no element ends the run."""
        start = self.place()
        self.cut(start, self.document.find(">", start) + 1 or len(self.document))


def parts(path: Path, reading: Reading) -> Iterator[Part]:
    """The runs and attributes with text, and everything between them."""
    del reading
    document = read_whole(path)
    found = _Runs(document)
    marked = [(span, True) for span in found.runs] + [(span, False) for span in found.tags]
    place = 0

    def line_of(at: int) -> int:
        return bisect_right(found.starts, at)

    for (start, end), is_run in sorted(marked):
        yield document[place:start]
        yield from (run_parts if is_run else tag_parts)(document, start, end, line_of)
        place = end
    yield document[place:]


def run_parts(document: str, start: int, end: int, line_of: LineOf) -> Iterator[Part]:
    """A run: the spaces and tags at its edges, and the text between."""
    before = EDGE.match(document, start, end)
    first = before.end() if before else start
    last = end
    while last > first and (tail := trailing(document, first, last)) < last:
        last = tail
    # Tags at the edges belong to the text if their other half does.
    if unbalanced(document[first:last]):
        first, last = start + leading_space(document[start:end]), end
        last -= len(document[first:last]) - len(document[first:last].rstrip())
    text = document[first:last]
    yield document[start:first]
    if has_words(MARKUP.sub("", text)):
        yield Segment(unescaped(" ".join(text.split())), line_of(first), escaped, text,
                      MARKUP)  # fmt: skip
    else:
        yield text
    yield document[last:end]


def trailing(document: str, first: int, last: int) -> int:
    """Where the space or tag before `last` begins."""
    stripped = last
    while stripped > first and document[stripped - 1].isspace():
        stripped -= 1
    if stripped < last:
        return stripped
    if document[last - 1] == ">":
        opened = document.rfind("<", first, last)
        if opened >= 0 and EDGE.fullmatch(document, opened, last):
            return opened
    return last


def leading_space(text: str) -> int:
    """How many white characters a text begins with."""
    return len(text) - len(text.lstrip())


def unbalanced(text: str) -> bool:
    """Whether a text has an inline tag without its other half."""
    opened: list[str] = []
    for slash, name in re.findall(r"<(/?)([A-Za-z][\w-]*)", text):
        if name.lower() in VOID:
            continue
        if not slash:
            opened.append(name.lower())
        elif not opened or opened.pop() != name.lower():
            return True
    return bool(opened)


def tag_parts(document: str, start: int, end: int, line_of: LineOf) -> Iterator[Part]:
    """A start tag with attributes to translate."""
    place = start
    for match in ATTRIBUTE.finditer(document, start, end):
        group = 2 if match[2] is not None else 3
        text = unescape(match[group])
        if has_words(text):
            yield document[place : match.start(group)]
            yield Segment(" ".join(text.split()), line_of(match.start(group)),
                          lambda text: escape(text, quote=True), match[group])  # fmt: skip
            place = match.end(group)
    yield document[place:end]


def unescaped(text: str) -> str:
    """Text as one reads it; references that would be taken for markup stay."""
    return re.sub(
        r"&(?!lt;|gt;|amp;[#\w]+;|#0*60;|#0*62;|#x0*3[ce];)(?:#\d+|#x[0-9a-f]+|\w+);",
        lambda match: unescape(match[0]),
        text,
        flags=re.IGNORECASE,
    )


def escaped(text: str) -> str:
    """A translation as the file writes it: what is no piece cannot be taken for markup."""
    place, written = 0, []
    for match in MARKUP.finditer(text):
        written += [escape(text[place : match.start()], quote=False), match[0]]
        place = match.end()
    return "".join([*written, escape(text[place:], quote=False)])


def skeleton(text: str) -> list[str]:
    """The tags, in order, without attributes."""
    return re.findall(r"</?[A-Za-z][\w:-]*", text)
