"""Translation Memory eXchange 1.4: units of one text in several languages.

Of inline elements, the text of `hi` and `sub` belongs to the segment. `bpt`, `ept`, `it`, `ph` and
`ut` hold codes of the original format, which are left out. A unit's key is its number, since
several may stand on one line.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import ontarget
from ontarget.data.readers.base import Reader, Row, Source
from ontarget.data.readers.lines import create_text
from ontarget.data.readers.localisation.xml import (
    Node,
    escape,
    inline_text,
    quoted,
    read_nodes,
)
from ontarget.errors import CorpusError
from ontarget.records import Parallel

SAMPLED_UNITS = 1000  # in which every language is expected to occur
KEPT = ("hi",)
CODES = ("bpt", "ept", "it", "ph", "ut")


def read(source: Source, wanted: Collection[str]) -> Iterator[Row]:
    """(key, texts of `wanted`) of each unit.

    Raises:
        CorpusError: it is not well-formed, or a unit has no language, no segment or two of one.
    """
    (path,) = source.paths
    for number, unit in enumerate(units(path), start=1):
        texts = unit_texts(unit, path)
        selected = {tag: text for tag, text in texts.items() if tag in wanted}
        yield f"{source.name}:{number}", selected


def tags(source: Source) -> list[str]:
    """The languages of the first units."""
    (path,) = source.paths
    first = islice(units(path), SAMPLED_UNITS)
    return list(dict.fromkeys(tag for unit in first for tag in unit_texts(unit, path)))


def units(path: Path) -> Iterator[Node]:
    """The `tu` elements."""
    root = True
    for node in read_nodes(path, {"tu"}):
        if root and node.name != "tmx":
            raise CorpusError(
                f"{path}:{node.line}: the document is <{node.name[:40]}>, expected <tmx>; give a "
                "TMX file, or its `format`"
            )
        root = False
        if node.name == "tu":
            yield node


def unit_texts(unit: Node, path: Path) -> dict[str, str]:
    """The texts of a unit by language."""
    texts: dict[str, str] = {}
    for variant in unit.children("tuv"):
        # `lang` is what versions before 1.4 had
        tag = variant.language() or variant.attributes.get("lang")
        segments = variant.children("seg")
        if not tag or len(segments) != 1:
            fault = "has no xml:lang" if not tag else f"has {len(segments)} <seg>, expected one"
            raise CorpusError(f"{path}:{variant.line}: <tuv> {fault}; correct or remove the unit")
        if tag in texts:
            raise CorpusError(
                f"{path}:{variant.line}: the unit of line {unit.line} has two texts in {tag!r}; "
                "keep one, or make two units"
            )
        texts[tag] = inline_text(segments[0], path, KEPT, CODES)
    return texts


def write(path: Path, languages: Sequence[str], rows: Iterable[Parallel]) -> int:
    """A unit a row that has text; returns how many. The first language is named as the source.

    Raises:
        CorpusError: a text has a character that XML cannot hold.
    """
    count = 0
    with create_text(path) as out:
        out.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4">\n'
            f'<header creationtool="ontarget" creationtoolversion={quoted(ontarget.__version__)} '
            'segtype="sentence" o-tmf="ontarget" adminlang="en" '
            f'srclang={quoted(languages[0])} datatype="plaintext"/>\n<body>\n'
        )
        for row in rows:
            variants = [
                f"<tuv xml:lang={quoted(tag)}><seg>{escape(row, tag, path)}</seg></tuv>\n"
                for tag in languages
                if tag in row.texts
            ]
            if variants:
                count += 1
                out.write(f"<tu>\n{''.join(variants)}</tu>\n")
        out.write("</body>\n</tmx>\n")
    return count


READER = Reader(name="tmx", endings=(".tmx",), tags=tags, read=read, write=write)
