"""Translation memories and catalogues: rows as other parsers find them, and no harm by files."""

import gc
import gzip
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import polib
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lxml import etree

from ontarget.data.readers.base import Entry, Reader, Source
from ontarget.data.readers.localisation import po, tmx, xliff, xml
from ontarget.errors import CorpusError
from ontarget.records import Parallel

LANGUAGES = ("en", "it")
XML = "{http://www.w3.org/XML/1998/namespace}"
V1, V2 = (f"{{urn:oasis:names:tc:xliff:document:{version}}}" for version in ("1.2", "2.0"))
TMX = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
<header srclang="en"><prop type="x">not text</prop></header>
<body>
<tu><tuv xml:lang="en"><seg>One &amp; <![CDATA[<two>]]></seg></tuv>
<tuv xml:lang="it"><seg>Uno</seg></tuv></tu>
<tu><tuv lang="en"><seg>Press <bpt i="1">&lt;b&gt;</bpt>here<ept i="1">&lt;/b&gt;</ept>,
    <hi type="x">now</hi><ph>img <sub>picture</sub></ph></seg></tuv></tu>
</body>
</tmx>
"""
XLIFF_1 = """<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
<file original="a" source-language="en" target-language="it"><body>
<trans-unit id="1"><source>A <g id="1">bold</g> <x id="2"/>one</source><target>Uno</target>
<alt-trans><target>Due</target></alt-trans></trans-unit>
<group><trans-unit id="2"><source>Two</source></trans-unit></group>
<trans-unit id="3"><source>Three</source>
<target state="needs-translation">Three</target></trans-unit>
<trans-unit id="4" translate="no"><source>Four</source><target>Four</target></trans-unit>
</body></file>
<file original="b" source-language="en" target-language="nl"><body>
<trans-unit id="1"><source>One</source><target>Een</target></trans-unit>
</body></file></xliff>
"""
XLIFF_2 = """<xliff version="2.0" srcLang="en" trgLang="it"
  xmlns="urn:oasis:names:tc:xliff:document:2.0"><file id="f"><unit id="1">
<segment><source>A <pc id="1">bold</pc><ph id="2"/> one.</source><target>Uno.</target></segment>
<segment state="initial"><source>Two.</source><target>Two.</target></segment>
</unit></file></xliff>
"""
PO = r"""# a catalogue
msgid ""
msgstr ""
"Language: it\n"
"Content-Type: text/plain; charset=UTF-8\n"

#: main.c:1
msgid "Hello \"you\"\n"
msgstr "Ciao "
"\"tu\"\n"

#, fuzzy, c-format
#| msgid "Olde"
msgctxt "menu"
msgid "Old %d"
msgstr "Vecchio %d"

msgid "%d file"
msgid_plural "%d files"
msgstr[0] "%d elemento"
msgstr[1] "%d elementi"
#~ msgid "gone"
#~ msgstr "andato"
"""


def source(path: Path, *languages: str) -> Source:
    entry = Entry(path=str(path), languages=languages)
    return Source(name=path.name, paths=(path,), entry=entry)


def rows(
    reader: Reader, folder: Path, content: str | bytes, *languages: str, name: str = "c"
) -> list[dict[str, str]]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = source(path, *languages)
    tags = reader.tags(found)
    read = list(reader.read(found, tags))
    assert len({key for key, _ in read}) == len(read)
    assert all(key.startswith(f"{name}:") for key, _ in read)
    return [dict(texts) for _, texts in read]


def error(reader: Reader, folder: Path, content: str | bytes, *languages: str) -> str:
    with pytest.raises(CorpusError) as caught:
        rows(reader, folder, content, *languages)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 400 + len(str(folder))
    return message.replace(f"{folder}/", "")


def test_a_tmx_unit_is_a_row_without_codes_and_with_highlighted_and_nested_text(
    tmp_path: Path,
) -> None:
    assert rows(tmx.READER, tmp_path, TMX) == [
        {"en": "One & <two>", "it": "Uno"},
        {"en": "Press here, nowpicture"},
    ]


def test_xliff_1_has_units_of_each_file_and_untranslated_ones_have_no_target(
    tmp_path: Path,
) -> None:
    assert rows(xliff.READER, tmp_path, XLIFF_1) == [
        {"en": "A bold one", "it": "Uno"},
        {"en": "Two"}, {"en": "Three"}, {"en": "Four"},
        {"en": "One", "nl": "Een"},
    ]  # fmt: skip


def test_xliff_2_has_a_row_a_segment(tmp_path: Path) -> None:
    assert rows(xliff.READER, tmp_path, XLIFF_2) == [
        {"en": "A bold one.", "it": "Uno."},
        {"en": "Two."},
    ]


def test_xliff_takes_languages_from_the_entry_where_the_file_names_none(tmp_path: Path) -> None:
    unit = "<trans-unit><source>a</source><target>b</target></trans-unit>"
    content = f"<xliff><file>{unit}</file></xliff>"
    assert rows(xliff.READER, tmp_path, content, "nl", "ro") == [{"nl": "a", "ro": "b"}]
    assert error(xliff.READER, tmp_path, content) == (
        "c:1: does not say in which language its source is; add `languages: [en, it]` to the "
        "corpus in the recipe, or the attribute to the file"
    )


def test_po_has_no_target_for_fuzzy_entries_two_rows_for_two_forms_and_no_obsolete_ones(
    tmp_path: Path,
) -> None:
    assert rows(po.READER, tmp_path, PO) == [
        {"en": 'Hello "you"\n', "it": 'Ciao "tu"\n'},
        {"en": "Old %d"},
        {"en": "%d file", "it": "%d elemento"},
        {"en": "%d files", "it": "%d elementi"},
    ]


@pytest.mark.parametrize("forms", [1, 3])
def test_other_numbers_of_forms_yield_the_plural_with_the_last(tmp_path: Path, forms: int) -> None:
    strings = "".join(f'msgstr[{form}] "form {form}"\n' for form in range(forms))
    content = f'msgid "a file"\nmsgid_plural "files"\n{strings}'
    expected = [{"en": "files", "ru": f"form {forms - 1}"}]
    assert rows(po.READER, tmp_path, content, "en", "ru") == expected


def test_po_languages_come_from_the_header_and_else_from_the_entry(tmp_path: Path) -> None:
    def tags(header: str, *languages: str) -> list[str]:
        (tmp_path / "c").write_text(f'msgid ""\nmsgstr "{header}"\n')
        return po.READER.tags(source(tmp_path / "c", *languages))

    assert tags(r"Language: sr@latin\nX-Source-Language: de\n") == ["de", "sr_Latn"]
    assert tags(r"Language: it\n", "nl", "ro") == ["nl", "it"]
    assert tags("", "nl", "ro") == ["nl", "ro"]
    assert error(po.READER, tmp_path, 'msgid "a"\nmsgstr "b"\n') == (
        "c: the target language is not in the header; add `languages: [en, it]` to the corpus in "
        'the recipe, or correct the line "Language: it\\n" of the header'
    )


def unit(text: str) -> str:
    return f"<tmx>\n<tu><tuv xml:lang='en'><seg>{text}</seg></tuv></tu></tmx>"


LAUGHS = '<!DOCTYPE tmx [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>\n' + unit("&b;")
FILE = '<!DOCTYPE tmx [\n<!ENTITY a SYSTEM "file:///etc/passwd">]>\n' + unit("&a;")
REMOTE = '<!DOCTYPE tmx [<!ENTITY % a SYSTEM "http://127.0.0.1/x.dtd"> %a;]>\n' + unit("a")
ENTITY = "declares or refers to an entity, which could stand for any file or amount of text"
BAD_TMX: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "c:1: is not well-formed XML (column 1: no element found); export it again"),
    "cut": (TMX[:-20], "c:9: is not well-formed XML (column 69: unclosed token)"),
    "laughs": (LAUGHS, f"c:1: {ENTITY}"),
    "a file": (FILE, f"c:2: {ENTITY}"),
    "a remote file": (REMOTE, f"c:1: {ENTITY}"),
    "unknown entity": (TMX.replace("&amp;", "&e;"), "c:6: is not well-formed XML (column 33: und"),
    "Latin-1": (TMX.replace("Uno", "\xe0").encode("latin-1"), "c:7: is not well-formed XML (colu"),
    "encoding": (TMX.replace("UTF-8", "x"), "c:1: has an encoding that cannot be read (unknown "),
    "NUL": (TMX.replace("Uno", "\0"), "c:7: is not well-formed XML (column "),
    "HTML": ("<html/>", "c:1: the document is <html>, expected <tmx>; give a TMX file, or its `fo"),
    "no language": (TMX.replace(' lang="en"', ""), "c:8: <tuv> has no xml:lang; correct or remove"),
    "no segment": ("<tmx><tu><tuv xml:lang='en'/></tu></tmx>", "c:1: <tuv> has 0 <seg>, expected"),
    "twice": (TMX.replace('"it"', '"en"'), "c:7: the unit of line 6 has two texts in 'en'; keep o"),
    "an element": (unit("a <b>c</b>"), "c:2: <b> is no inline element of the format; remove it"),
    "deep": ("<tmx>" + "<a>" * 200, "c:1: elements are nested deeper than 100 levels; is it a tra"),
    "long": (unit("a" * (1 << 21)), "c:2: the text is too long for a sentence (2097152 character"),
    "longer": (unit("a" * (1 << 25)), "c:2: one unit is larger than 16777216 characters; is it a"),
    "a comment": (f"<tmx><!--{'a' * (1 << 22)}--></tmx>", "c:1: a tag or comment is longer than"),
    "an attribute": (f"<tmx a='{'a' * (1 << 22)}'/>", "c:1: a tag or comment is longer than 1048"),
    "names": (
        f"<tmx>{''.join(f'<a{number}/>' for number in range(20_000))}</tmx>",
        "c:1: has more than 10000 names of elements and attributes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TMX)
def test_a_bad_tmx_file_is_one_line_with_its_place(tmp_path: Path, case: str) -> None:
    content, message = BAD_TMX[case]
    assert error(tmx.READER, tmp_path, content).startswith(message)


BAD_XLIFF = {
    "TMX": (TMX, "c:3: the document is <tmx>, expected <xliff>; give an XLIFF file, or its `form"),
    "two targets": (
        XLIFF_2.replace("</target></segment>", "</target><target/></segment>", 1),
        "c:3: the unit has 2 <target>, expected one; correct or remove it",
    ),
    "no source": (XLIFF_2.replace("source>", "note>"), "c:3: the unit has 0 <source>, expected o"),
    "one language": (
        XLIFF_2.replace('trgLang="it"', 'trgLang="en"'),
        "c:3: has twice 'en' as its target is; ",
    ),
}


@pytest.mark.parametrize("case", BAD_XLIFF)
def test_a_bad_xliff_file_is_one_line_with_its_place(tmp_path: Path, case: str) -> None:
    content, message = BAD_XLIFF[case]
    assert error(xliff.READER, tmp_path, content).startswith(message)


BAD_PO = {
    "an open quote": ('msgid "a\nmsgstr "b"\n', "c:1: '\"a' is not one string in double quotes;"),
    "no quote": ("msgid a\nmsgstr b\n", "c:1: 'a' is not one string in double quotes; correct it"),
    "two strings": ('msgid "a" "b"\n', 'c:1: \'"a" "b"\' is not one string in double quotes'),
    "an escape": (r'msgid "a\q"', r"c:1: the escape '\\q' is none of gettext's \n \t \" \\; corr"),
    "the order": ('msgid "a"\nmsgid "b"\n', "c:2: msgid where msgid_plural or msgstr is expected"),
    "a form": ('msgid "a"\nmsgid_plural "b"\nmsgstr[1] "c"\n', "c:3: msgstr[1] where msgstr[0] is"),
    "no text": ('"a"\n', "c:1: '\"a\"' is no line of a gettext catalogue; remove it, or give the"),
    "prose": ("Hello\n", "c:1: 'Hello' is no line of a gettext catalogue; remove it, or give "),
    "the end": (PO + 'msgid "a"\n', "c:24: ends in an entry without msgstr; fetch it again"),
    "two headers": (PO + 'msgid ""\nmsgstr ""\n', "c:24: an empty msgid, which only the header"),
    "an encoding": (PO.replace("UTF-8", "KOI8-R"), "c: the header names the encoding KOI8-R; con"),
    "long": (
        'msgid "a"\nmsgstr ""\n' + f'"{"a" * 8000}"\n' * 140,
        "c:134: the text is too long for a sentence; remove the entry",
    ),
    "one language": (PO.replace("it\\n", "en\\n"), "c: the target language is 'en' like the sour"),
}


@pytest.mark.parametrize("case", BAD_PO)
def test_a_bad_catalogue_is_one_line_with_its_place(tmp_path: Path, case: str) -> None:
    content, message = BAD_PO[case]
    assert error(po.READER, tmp_path, content).startswith(message)


def test_an_attribute_list_is_no_source_of_attributes(tmp_path: Path) -> None:
    declared = '<!DOCTYPE tmx [<!ATTLIST tuv xml:lang CDATA "it">]>'
    content = declared + "<tmx><tu><tuv><seg>a</seg></tuv></tu></tmx>"
    assert error(tmx.READER, tmp_path, content).startswith("c:1: <tuv> has no xml:lang")


def test_utf_16_and_gzip_are_read(tmp_path: Path) -> None:
    wide = TMX.replace("UTF-8", "UTF-16").encode("utf-16")
    assert rows(tmx.READER, tmp_path, wide) == rows(tmx.READER, tmp_path, TMX)
    packed = gzip.compress(TMX.encode())
    assert rows(tmx.READER, tmp_path, packed, name="c.tmx.gz") == rows(tmx.READER, tmp_path, TMX)
    with pytest.raises(CorpusError, match="c.tmx.gz: not a complete gzip file .*compress it again"):
        rows(tmx.READER, tmp_path, packed[:-9], name="c.tmx.gz")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match="c: No such file or directory; give the path of a file that exists"
    ):
        tmx.READER.tags(source(tmp_path / "c"))


def nodes_in_memory() -> int:
    gc.collect()
    return sum(type(thing) is xml.Node for thing in gc.get_objects())


def test_no_more_units_are_kept_than_were_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml, "CHUNK", 1024)
    body = "<tu><tuv xml:lang='en'><seg>a sentence</seg></tuv></tu>\n" * 1000
    (tmp_path / "c").write_text(f"<tmx>{body}</tmx>")
    before = nodes_in_memory()
    for number, _ in enumerate(tmx.READER.read(source(tmp_path / "c"), ("en",))):
        if number == 900:
            assert nodes_in_memory() - before < 100


characters = st.characters(
    exclude_categories=["Cs", "Zl", "Zp", "Cc"], exclude_characters="\ufffe\uffff\x85"
)
texts = st.text(characters, min_size=1, max_size=20).map(str.strip).filter(bool)
tables = st.lists(
    st.tuples(texts, st.none() | texts).map(
        lambda pair: {"en": pair[0]} | ({"it": pair[1]} if pair[1] else {})
    ),
    min_size=1,
    max_size=5,
)


def parallel(table: list[dict[str, str]]) -> Iterator[Parallel]:
    for number, row in enumerate(table):
        yield Parallel(key=f'a "{number}"', texts=row)


def tmx_rows(path: Path) -> list[dict[str, str]]:
    """By lxml."""
    units = etree.parse(path).findall("body/tu")
    return [{v.get(f"{XML}lang"): v.findtext("seg") for v in unit} for unit in units]


def xliff_rows(path: Path) -> list[dict[str, str]]:
    """By lxml."""
    names = {"source": "en", "target": "it"}
    units = etree.parse(path).iter(f"{V1}trans-unit")
    return [{names[etree.QName(e).localname]: e.text for e in unit} for unit in units]


def po_rows(path: Path) -> list[dict[str, str]]:
    """By polib."""
    catalogue = polib.pofile(str(path))
    assert catalogue.metadata["Language"] == "it"
    pairs = [{"en": entry.msgid, "it": entry.msgstr} for entry in catalogue]
    return [{tag: text for tag, text in pair.items() if text} for pair in pairs]


FORMATS = {"c.tmx": (tmx, tmx_rows), "c.xliff": (xliff, xliff_rows), "c.po": (po, po_rows)}


@pytest.mark.parametrize("name", FORMATS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(table=tables)
@example(table=[{"en": "a  b\\n\"<&>]]>'"}, {"en": "a  b\\n\"<&>]]>'", "it": "#"}])
def test_what_is_written_is_read_again_and_by_another_parser(
    tmp_path: Path, name: str, table: list[dict[str, str]]
) -> None:
    module, parse = FORMATS[name]
    path = tmp_path / name
    assert module.READER.write is not None
    assert module.READER.write(path, LANGUAGES, parallel(table)) == len(table)
    assert parse(path) == table
    read = module.READER.read(source(path), LANGUAGES)
    assert [{tag: text for tag, text in row.items() if text} for _, row in read] == table


def test_a_written_tmx_header_has_what_1_4_requires(tmp_path: Path) -> None:
    tmx.write(tmp_path / "c", ["en", "it", "nl"], parallel([{"nl": "a"}, {}]))
    root = etree.parse(tmp_path / "c").getroot()
    assert (root.tag, root.get("version"), len(root.findall("body/tu"))) == ("tmx", "1.4", 1)
    assert set(root.find("header").keys()) == {
        "creationtool", "creationtoolversion", "segtype", "o-tmf", "adminlang", "srclang",
        "datatype",
    }  # fmt: skip


@pytest.mark.parametrize("module", [xliff, po])
def test_two_languages_are_written_where_the_format_holds_no_more(
    tmp_path: Path, module: ModuleType
) -> None:
    with pytest.raises(CorpusError, match=r"c: the format holds one source and one target, not 3"):
        module.write(tmp_path / "c", ["en", "it", "nl"], [])


@pytest.mark.parametrize("character", ["\x0b", "\ufffe"])
def test_xml_is_not_written_with_characters_that_it_cannot_hold(
    tmp_path: Path, character: str
) -> None:
    message = f"c: the 'it' text of a \"0\" has the character U\\+{ord(character):04X}, which XML"
    with pytest.raises(CorpusError, match=message):
        tmx.write(tmp_path / "c", LANGUAGES, parallel([{"en": "a", "it": f"b{character}"}]))


READERS = {"tmx": (tmx.READER, TMX), "xliff": (xliff.READER, XLIFF_1), "po": (po.READER, PO)}


@pytest.mark.parametrize("name", READERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_are_rows_or_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "c").write_bytes(content)
    try:
        list(READERS[name][0].read(source(tmp_path / "c", "en", "it"), LANGUAGES))
    except CorpusError as caught:
        assert "\n" not in str(caught)


edits = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 30), st.binary(max_size=6)), max_size=4
)


@pytest.mark.parametrize("name", READERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits)
def test_a_file_with_any_damage_is_rows_or_one_line(
    tmp_path: Path, name: str, edits: list[tuple[int, int, bytes]]
) -> None:
    content = READERS[name][1].encode()
    for start, length, new in edits:
        start %= len(content) or 1
        content = content[:start] + new + content[start + length :]
    test_any_bytes_are_rows_or_one_line.hypothesis.inner_test(tmp_path, name, content)  # type: ignore[attr-defined]


def test_the_largest_unit_is_larger_than_the_longest_text() -> None:
    assert xml.LARGEST_UNIT > 10 * xml.LONGEST
