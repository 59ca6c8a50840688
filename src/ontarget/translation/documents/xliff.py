"""XLIFF 1.2 and 2.x: units without a translation get one; everything else stays byte for byte.

A unit is translated unless it says translate="no" or has a target with text in a state other than
new, needs-translation or initial. Inline elements are pieces that a translation keeps.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ontarget.data.readers.localisation.xliff import UNTRANSLATED
from ontarget.errors import TranslationError
from ontarget.translation.documents.base import Part, Reading, Segment, line_of, read_whole
from ontarget.translation.documents.html import escaped, unescaped
from ontarget.translation.protect import has_words

TAGS = re.compile(r"</?[A-Za-z][^<>]*>|&lt;|&gt;")
DECLARED = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
ENCODING = re.compile(r"""<\?xml[^>]*encoding\s*=\s*["']([^"']+)""")
CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
TAG = re.compile(rb"""<[^"'>]*(?:(?:"[^"]*"|'[^']*')[^"'>]*)*>""")  # a value may hold >
PAIRS = ("trans-unit", "segment")


@dataclass(slots=True)
class _Unit:
    """Places of one pair in the document, in characters; -1: not there."""

    translate: bool
    state: str | None
    preserve: bool  # white space at the edges
    segmented: bool = False  # has a <seg-source>
    source: int = -1  # where the source's content begins
    source_end: int = -1
    after: int = -1  # behind </source>
    target: int = -1  # where <target begins
    target_end: int = -1  # behind </target>
    has_target: bool = False


def parts(path: Path, reading: Reading) -> Iterator[Part]:
    """The units that need a translation, and everything between them."""
    del reading
    document = read_whole(path)
    check(document, path)
    place, line, counted = 0, 1, 0
    for unit in units(document, path):
        source = plain_text(document[unit.source : unit.source_end])
        if not unit.translate or unit.has_target or not has_words(TAGS.sub("", source)):
            continue
        text = unescaped(" ".join(source.split()))
        line += document.count("\n", counted, unit.source)
        counted = unit.source
        check_unit(unit, source, f"{path}:{line}")
        edges = edges_of(source) if unit.preserve else ("", "")
        name = tag_name(document, unit.source)
        if unit.target >= 0:
            yield document[place : unit.target]
            place = unit.target_end
            written = document[unit.target : unit.target_end]
        else:
            indentation = before_element(document, unit.source)
            yield document[place : unit.after] + indentation
            place, written = unit.after, ""
        yield Segment(text, line, renderer(name, written, edges), written, TAGS)
    yield document[place:]


def plain_text(content: str) -> str:
    """The content of an element without comments, and CDATA as other text is written."""
    parts = CDATA.split(content)  # text and CDATA by turns
    return "".join(
        escape(part, quote=False) if at % 2 else COMMENT.sub("", part)
        for at, part in enumerate(parts)
    )


def check_unit(unit: _Unit, source: str, place: str) -> None:
    """Raise TranslationError for a unit whose target could not be written rightly."""
    if unit.segmented:
        raise TranslationError(
            f"{place}: the unit has a <seg-source>, whose segments a target must repeat; export "
            "the file without segmentation"
        )
    if "<?" in source:
        raise TranslationError(
            f"{place}: the source has a processing instruction; remove it, or give the unit a "
            "target"
        )


def edges_of(source: str) -> tuple[str, str]:
    """White space before and after a source."""
    return source[: len(source) - len(source.lstrip())], source[len(source.rstrip()) :]


def skeleton(text: str) -> list[str]:
    """The elements outside targets, in order.

    Raises:
        TranslationError: it is not well-formed, as after a translation that broke it.
    """
    from xml.parsers import expat

    names: list[str] = []
    targets: list[str] = []  # open ones, and what is open in them

    def start(name: str, attributes: dict[str, str]) -> None:
        del attributes
        if targets or name.rpartition(":")[2] == "target":
            targets.append(name)
        else:
            names.append(name)

    def end(name: str) -> None:
        if targets:
            targets.pop()
        else:
            names.append(f"/{name}")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise TranslationError(
            f"line {error.lineno}: the translation is no well-formed XML "
            f"({expat.ErrorString(error.code)}), so nothing is written; simplify this unit"
        ) from error
    return names


def renderer(name: str, written: str, edges: tuple[str, str]) -> Callable[[str], str]:
    """The function from a translation to its element, with the attributes it had but its state."""
    match = re.match(r"<[^\s/>]+((?:\s[^>]*?)?)/?>", written)
    attributes = re.sub(r"""\s+state\s*=\s*("[^"]*"|'[^']*')""", "", match[1]) if match else ""
    opening, (before, after) = f"<{name}{attributes.rstrip()}>", edges
    return lambda text: f"{opening}{before}{escaped(text)}{after}</{name}>"


def tag_name(document: str, content: int) -> str:
    """The name of a target beside the source whose content begins at a place, with its prefix."""
    opened = document.rfind("<", 0, content)
    match = re.match(r"<([^\s/>]+)", document[opened : opened + 200])
    prefix = match[1].rpartition(":")[0] if match else ""
    return f"{prefix}:target" if prefix else "target"


def before_element(document: str, content: int) -> str:
    """The line break and indentation before the element whose content begins at a place."""
    opened = document.rfind("<", 0, content)
    start = len(document[:opened].rstrip(" \t"))
    return document[start - 1 : opened] if start and document[start - 1] == "\n" else ""


def check(document: str, path: Path) -> None:
    """Raise TranslationError for a document that declares entities or another encoding."""
    if found := DECLARED.search(document):
        raise TranslationError(
            f"{path}:{line_of(document, found.start())}: declares a document type or an entity, "
            "which could stand for any text; write the text itself"
        )
    encoding = ENCODING.match(document)
    if encoding and encoding[1].lower() not in ("utf-8", "us-ascii"):
        raise TranslationError(
            f"{path}:1: names the encoding {encoding[1][:40]}; convert it to UTF-8"
        )


def units(document: str, path: Path) -> list[_Unit]:
    """The pairs of source and target, in order.

    Raises:
        TranslationError: it is not XLIFF, or not well-formed.
    """
    from xml.parsers import expat

    parser = expat.ParserCreate()
    events = _Events(document, path, lambda: parser.CurrentByteIndex)
    parser.StartElementHandler, parser.EndElementHandler = events.start, events.end
    try:
        parser.Parse(events.content, True)
    except expat.ExpatError as error:
        raise TranslationError(
            f"{path}:{error.lineno}: is not well-formed XML ({expat.ErrorString(error.code)}); "
            "export it again"
        ) from error
    return [unit for unit in events.units if unit.source_end > unit.source]


class _Events:
    """What the parser calls; notes where the sources and targets of units are."""

    def __init__(self, document: str, path: Path, here: Callable[[], int]) -> None:
        self.document, self.path, self.here = document, path, here
        self.content = document.encode()
        self.places = _Places(self.content)
        self.units: list[_Unit] = []
        self.open: list[str] = []  # names of elements
        self.empty: list[int] = []  # behind which byte each of them ends; -1: at its end tag
        self.translate = [True]  # whether their text is translated
        self.preserve = [False]  # whether their white space is kept

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """A start tag."""
        name = tag.rpartition(":")[2]
        if not self.open and name != "xliff":
            raise TranslationError(
                f"{self.path}: the document is <{name[:40]}>, expected <xliff>; give an XLIFF file"
            )
        self.translate.append(self.translate[-1] and attributes.get("translate") != "no")
        space = attributes.get("xml:space")
        self.preserve.append(space == "preserve" if space else self.preserve[-1])
        if name in PAIRS:
            state, preserve = attributes.get("state"), self.preserve[-1]
            self.units.append(_Unit(self.translate[-1], state, preserve))
        if self.units and self.open[-1:] and self.open[-1] in PAIRS:
            unit = self.units[-1]
            unit.segmented |= name == "seg-source"
            if name == "source":
                unit.source = self.places.at(self.behind())
                unit.preserve = self.preserve[-1]
            if name == "target":
                unit.target = self.places.at(self.here())
                unit.state = attributes.get("state") or unit.state
        self.open.append(name)
        behind = self.behind()
        self.empty.append(behind if self.content[behind - 2 : behind] == b"/>" else -1)

    def end(self, tag: str) -> None:
        """An end tag, or the end of an empty element."""
        del tag
        name, empty = self.open.pop(), self.empty.pop()
        self.translate.pop()
        self.preserve.pop()
        if not (self.units and self.open and self.open[-1] in PAIRS):
            return
        unit, here = self.units[-1], self.here()
        # The parser is behind an empty element when it tells of its end, else at the end tag.
        after = here if here == empty else self.behind()
        if name == "source":
            unit.source_end, unit.after = self.places.at(here), self.places.at(after)
        if name == "target":
            unit.target_end = self.places.at(after)
            inner = self.document[unit.target : unit.target_end]
            filled = has_words(re.sub(r"<[^<>]*>", "", plain_text(inner)))
            unit.has_target = filled and unit.state not in UNTRANSLATED

    def behind(self) -> int:
        """The byte behind the tag that is being parsed."""
        match = TAG.match(self.content, self.here())
        assert match is not None  # the parser saw a tag here
        return match.end()


class _Places:
    """Byte offsets, which must not decrease much, as places of characters."""

    def __init__(self, content: bytes) -> None:
        self.content, self.byte, self.place = content, 0, 0

    def at(self, byte: int) -> int:
        """The place of the character that begins at a byte."""
        if byte < self.byte:
            self.byte = self.place = 0
        self.place += len(self.content[self.byte : byte].decode())
        self.byte = byte
        return self.place
