"""XLIFF 1.2 and 2.x: units of a source and its translation. 1.2 is written, as more tools read it.

Of inline elements, the text of `g`, `mrk`, `pc` and `sub` belongs to the segment. Codes of the
original format (`bpt`, `ept`, `it`, `ph`) and placeholders (`x`, `bx`, `ex`, `sc`, `ec`, `cp`, ...)
are left out. A unit has no target text if it says that it is not translated: `translate="no"`, or
the state new, needs-translation (1.2) or initial (2.x). Suggestions (`alt-trans`) are not read. A
unit's key is its number, since several may stand on one line.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ontarget.data.readers.base import Reader, Row, Source
from ontarget.data.readers.lines import create_text
from ontarget.data.readers.localisation.xml import (
    Node,
    escape,
    inline_text,
    quoted,
    read_nodes,
    two_languages,
)
from ontarget.errors import CorpusError
from ontarget.records import Parallel

KEPT = ("g", "mrk", "pc")
CODES = ("bpt", "ept", "it", "ph", "x", "bx", "ex", "sc", "ec", "cp", "sm", "em")
UNTRANSLATED = {"new", "needs-translation", "initial"}
ATTRIBUTES = {  # of source and target language, by the element that has them
    "file": ("source-language", "target-language"),
    "xliff": ("srcLang", "trgLang"),
}
Languages = tuple[str | None, str | None]  # source and target


def read(source: Source, wanted: Collection[str]) -> Iterator[Row]:
    """(key, texts of `wanted`) of each unit, or of each segment of a unit.

    Raises:
        CorpusError: it is not well-formed, or does not say in which languages a unit is.
    """
    for number, texts in enumerate(segments(source), start=1):
        selected = {tag: text for tag, text in texts.items() if tag in wanted}
        yield f"{source.name}:{number}", selected


def tags(source: Source) -> list[str]:
    """The languages of all units: every file of a document may have its own."""
    return list(dict.fromkeys(tag for texts in segments(source) for tag in texts))


def segments(source: Source) -> Iterator[dict[str, str]]:
    """The texts of each segment by language."""
    (path,) = source.paths
    languages: Languages = (None, None)
    root = True
    for node in read_nodes(path, {"trans-unit", "unit"}):
        if root and node.name != "xliff":
            raise CorpusError(
                f"{path}:{node.line}: the document is <{node.name[:40]}>, expected <xliff>; give "
                "an XLIFF file, or its `format`"
            )
        if node.name in ATTRIBUTES:
            languages = declared(node.attributes, ATTRIBUTES[node.name], languages)
        root = False
        pairs = [node] if node.name == "trans-unit" else node.children("segment")
        for pair in pairs:
            done = node.attributes.get("translate") != "no"
            yield segment_texts(pair, source, languages, done)


def declared(attributes: Mapping[str, str], names: tuple[str, str], before: Languages) -> Languages:
    """The languages that an element declares; `before` where it does not."""
    source, target = (attributes.get(name) for name in names)
    return source or before[0], target or (None if source else before[1])


def segment_texts(
    pair: Node, source: Source, languages: Languages, translated: bool
) -> dict[str, str]:
    """The source text and, if it is translated, the target text."""
    (path,) = source.paths
    named = source.entry.languages
    texts: dict[str, str] = {}
    states = {pair.attributes.get("state")}
    for role, name in enumerate(("source", "target")):
        nodes = pair.children(name)
        if len(nodes) > 1 or (name == "source" and not nodes):
            raise CorpusError(
                f"{path}:{pair.line}: the unit has {len(nodes)} <{name}>, expected one; correct or "
                "remove it"
            )
        for node in nodes:
            states.add(node.attributes.get("state"))
            if name == "target" and (not translated or states & UNTRANSLATED):
                continue
            tag = node.language() or languages[role] or (named[role] if named[role:] else None)
            if tag is None or tag in texts:
                fault = "does not say in which language" if tag is None else f"has twice {tag!r} as"
                raise CorpusError(
                    f"{path}:{node.line}: {fault} its {name} is; add `languages: [en, it]` to the "
                    "corpus in the recipe, or the attribute to the file"
                )
            texts[tag] = inline_text(node, path, KEPT, CODES)
    return texts


def write(path: Path, languages: Sequence[str], rows: Iterable[Parallel]) -> int:
    """A unit a row that has a source text; returns how many.

    Raises:
        CorpusError: there are not two languages, or a text has a character that XML cannot hold.
    """
    source, target = two_languages(path, languages)
    count = 0
    with create_text(path) as out:
        out.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">\n'
            f'<file original="corpus" datatype="plaintext" source-language={quoted(source)} '
            f"target-language={quoted(target)}>\n<body>\n"
        )
        for row in rows:
            if source in row.texts:
                count += 1
                out.write(f'<trans-unit id="{count}">')
                out.write(f"<source>{escape(row, source, path)}</source>")
                if target in row.texts:
                    out.write(f"<target>{escape(row, target, path)}</target>")
                out.write("</trans-unit>\n")
        out.write("</body>\n</file>\n</xliff>\n")
    return count


READER = Reader(name="xliff", endings=(".xliff", ".xlf"), tags=tags, read=read, write=write)
