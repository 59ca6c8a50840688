"""XML read as a stream of units, and written: in bounded memory, without entities.

A document type is allowed, since many tools write one, but it is never fetched. Entities cannot be
declared, so no text expands and no other file is read.
"""

import lzma
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from ontarget.data.readers.lines import COMPRESSED, LONGEST, damage_of, open_bytes
from ontarget.errors import CorpusError, read_fault
from ontarget.records import Parallel

CHUNK = 1 << 16  # bytes parsed at once
DEEPEST = 100  # levels of elements
LARGEST_UNIT = 1 << 24  # characters of a unit with its markup
NODE_SIZE = 100  # characters that an element counts for, since it takes memory without any text
MOST_NAMES = 10_000  # the parser keeps every name that it has met
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(slots=True)
class Node:
    """One element. Names have no namespace if theirs is the root's, and `{uri}name` otherwise."""

    name: str
    attributes: Mapping[str, str]
    line: int  # of its start tag
    parts: list["Node | str"] = field(default_factory=list)  # children and text, in order

    def children(self, name: str) -> list["Node"]:
        """The children of this name."""
        return [part for part in self.parts if isinstance(part, Node) and part.name == name]

    def language(self) -> str | None:
        """The value of `xml:lang`."""
        return self.attributes.get(XML_LANG)


class _Events:
    """What the parser calls; collects finished nodes until they are taken."""

    def __init__(self, path: Path, units: Collection[str]) -> None:
        self.path = path
        self.units = units
        self.parser: Any = None
        self.ready: list[Node] = []
        self.open: list[Node] = []  # the unit being read and its open descendants
        self.namespace: str | None = None  # the root's, as a prefix of names
        self.names: set[str] = set()
        self.depth = self.size = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """A start tag."""
        if self.namespace is None:
            self.namespace = tag[: tag.find("}") + 1]
        node = Node(tag.removeprefix(self.namespace), attributes, self.line())
        self.depth += 1
        self.names.update((tag, *attributes))
        self.grow(NODE_SIZE + sum(map(len, attributes.values())))
        if self.depth > DEEPEST:
            self.refuse(f"elements are nested deeper than {DEEPEST} levels")
        if len(self.names) > MOST_NAMES:
            self.refuse(f"has more than {MOST_NAMES} names of elements and attributes")
        if self.open:
            self.open[-1].parts.append(node)
            self.open.append(node)
        elif node.name in self.units:
            self.open.append(node)
        else:
            self.ready.append(node)
            self.size = 0

    def end(self, tag: str) -> None:
        """An end tag."""
        self.depth -= 1
        if self.open:
            node = self.open.pop()
            if not self.open:
                self.ready.append(node)
                self.size = 0

    def data(self, text: str) -> None:
        """Text, which may come in several pieces."""
        if self.open:
            self.grow(len(text))
            self.open[-1].parts.append(text)

    def close(self) -> None:
        """The end of the document."""

    def grow(self, characters: int) -> None:
        """Count what a unit takes."""
        self.size += characters
        if self.size > LARGEST_UNIT:
            self.refuse(f"one unit is larger than {LARGEST_UNIT} characters")

    def line(self) -> int:
        """The line of what is being parsed."""
        return int(self.parser.parser.CurrentLineNumber)

    def refuse(self, fault: str) -> NoReturn:
        """Raise CorpusError for a document that no tool would write."""
        raise CorpusError(f"{self.path}:{self.line()}: {fault}; is it a translation memory?")


def read_nodes(path: Path, units: Collection[str]) -> Iterator[Node]:
    """The document's nodes in order: units with all they contain, when they end; others empty.

    Raises:
        CorpusError: it cannot be read, is not well-formed, or declares entities.
    """
    from defusedxml.ElementTree import DefusedXMLParser

    events = _Events(path, units)
    parser = events.parser = DefusedXMLParser(target=events)
    parser.parser.specified_attributes = True  # without defaults that the document declares
    fed = 0
    with _one_line_errors(events), open_bytes(path) as stream:
        while chunk := stream.read(CHUNK):
            parser.feed(chunk)
            fed += len(chunk)
            if fed - parser.parser.CurrentByteIndex > LONGEST:
                events.refuse(f"a tag or comment is longer than {LONGEST} bytes")
            yield from events.ready
            events.ready.clear()
        parser.close()
    yield from events.ready


@contextmanager
def _one_line_errors(events: _Events) -> Iterator[None]:
    """What the parser and the decompressor raise, as CorpusError."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError

    path = events.path
    try:
        yield
    except ParseError as error:
        line, column = error.position
        reason = str(error).split(": line")[0]
        raise CorpusError(
            f"{path}:{line}: is not well-formed XML (column {column + 1}: {reason}); export it "
            "again, in the encoding that its first line declares"
        ) from error
    except DefusedXmlException as error:
        raise CorpusError(
            f"{path}:{events.line()}: declares or refers to an entity, which could stand for any "
            "file or amount of text; write the text itself"
        ) from error
    except (ValueError, LookupError) as error:  # the parser's answer to an encoding
        raise CorpusError(
            f"{path}:1: has an encoding that cannot be read ({error}); convert it to UTF-8"
        ) from error
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise CorpusError(damage_of(path, events.line(), error)) from error
    except OSError as error:
        if error.errno is None and path.suffix in COMPRESSED:  # the decompressor's own
            raise CorpusError(damage_of(path, events.line(), error)) from error
        raise CorpusError(f"{path}: {read_fault(error)}") from error


def inline_text(
    node: Node, path: Path, kept: Collection[str], dropped: Collection[str], inside: str = "sub"
) -> str:
    """The text of a segment: that of `kept` elements too; of `dropped` ones only that of `inside`.

    Line breaks with the indentation around them become spaces, as they are the file's layout.

    Raises:
        CorpusError: another element, a NUL, or too much text.
    """
    text = "".join(_pieces(node, path, kept, dropped, inside))
    if len(text) > LONGEST:
        raise CorpusError(
            f"{path}:{node.line}: the text is too long for a sentence ({len(text)} characters); "
            "remove the unit"
        )
    return " ".join(filter(None, (line.strip(" \t\r") for line in text.split("\n"))))


def _pieces(
    node: Node, path: Path, kept: Collection[str], dropped: Collection[str], inside: str
) -> Iterator[str]:
    """The pieces of `inline_text`."""
    for part in node.parts:
        if isinstance(part, str):
            if node.name not in dropped:
                yield part
        elif part.name in kept or part.name in dropped or part.name == inside:
            yield from _pieces(part, path, kept, dropped, inside)
        else:
            raise CorpusError(
                f"{path}:{part.line}: <{part.name[:40]}> is no inline element of the format; "
                "remove it from the text"
            )


def escape(row: Parallel, language: str, path: Path) -> str:
    """A text of a row for an XML file.

    Raises:
        CorpusError: it has a character that XML cannot hold.
    """
    text = row.texts[language]
    for character in text:
        if (
            not (character >= " " or character in "\t\n\r")
            or character in "\ufffe\uffff"
            or ("\ud800" <= character <= "\udfff")
        ):
            raise CorpusError(
                f"{path}: the {language!r} text of {row.key} has the character U+"
                f"{ord(character):04X}, which XML cannot hold; remove it"
            )
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    )


def quoted(text: str) -> str:
    """A value in double quotes, for an attribute."""
    from xml.sax.saxutils import quoteattr

    return quoteattr(text)


def two_languages(path: Path, languages: Sequence[str]) -> tuple[str, str]:
    """Source and target, for formats that hold no more.

    Raises:
        CorpusError: there are not two.
    """
    if len(languages) != 2:
        raise CorpusError(
            f"{path}: the format holds one source and one target, not {len(languages)} languages; "
            "name two, or write TMX"
        )
    return languages[0], languages[1]
