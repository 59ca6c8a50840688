"""Formats: what is text is translated, and the rest is kept byte for byte."""

import csv
import json
import os
import time
from pathlib import Path
from xml.etree import ElementTree

import polib
import pytest
from support.answering import answering

from ontarget.errors import OnTargetError
from ontarget.translation.documents import read_parts
from ontarget.translation.documents.base import Reading, Segment
from ontarget.translation.files import FileRun, translate_file

READING = Reading(source_lang="en", target_lang="it")


def translated(folder: Path, name: str, text: str, reading: Reading = READING) -> str:
    """A document with its text in capitals, since the translator shouts."""
    path, out = folder / name, folder / f"out-{name}"
    path.write_bytes(text.encode())
    summary = translate_file(path, out, answering(), reading, FileRun(name=name))
    assert not [fault for fault in summary.faults if fault.failed], summary.faults
    return out.read_bytes().decode()


def segments(folder: Path, name: str, text: str) -> list[Segment]:
    path = folder / name
    path.write_bytes(text.encode())
    return [part for part in read_parts(path, READING) if isinstance(part, Segment)]


LAWS = {
    "lines": (
        "a.txt", "Hello\r\n\r\n  two\nlast", "HELLO\r\n\r\n  TWO\nLAST",
    ),
    "headings and items": (
        "a.md", "# One\n\n- two\n  more\n- [ ] `x y` three\n",
        "# ONE\n\n- TWO MORE\n- [ ] `x y` THREE\n",
    ),
    "front matter, code, HTML, definitions": (
        "a.md", "---\ntitle: x\n---\n\n```py\nx = 1\n```\n\n    y = 2\n\n<div>z</div>\n\n[r]: http://x\n\ntext\n",
        "---\ntitle: x\n---\n\n```py\nx = 1\n```\n\n    y = 2\n\n<div>z</div>\n\n[r]: http://x\n\nTEXT\n",
    ),
    "links, images, emphasis": (
        "a.md", "A [link](http://x/a_b \"t\") and ![pic](p.png) **bold** _it_ <http://y.z>\n",
        "A [LINK](http://x/a_b \"t\") AND ![PIC](p.png) **BOLD** _IT_ <http://y.z>\n",
    ),
    "hard breaks and quotes": (
        "a.md", "> one  \n> two\n> three\n", "> ONE  \n> TWO THREE\n",
    ),
    "cells": (
        "a.md", "| a | b |\n|---|:-:|\n| c \\| d | `e` |\n",
        "| A | B |\n|---|:-:|\n| C \\| D | `e` |\n",
    ),
    "html": (
        "a.html",
        "<!DOCTYPE html><title>a</title><script>let b = '<p>c'</script><p class=\"d\"> e <b>f</b> "
        "&amp; g <code>h</code></p><pre>i</pre><p translate=\"no\">j</p><img src='k' alt=\"l\">"
        "<!-- m -->n",
        "<!DOCTYPE html><title>A</title><script>let b = '<p>c'</script><p class=\"d\"> E <b>F</b> "
        "&amp; G <code>h</code></p><pre>i</pre><p translate=\"no\">j</p><img src='k' alt=\"L\">"
        "<!-- m -->N",
    ),
    "subtitles": (
        "a.srt",
        "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>good morning\r\nmy friend</i>\r\n\r\n"
        "2\r\n00:00:03,000 --> 00:00:04,500\r\n- hi\r\n- you\r\n",
        "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>GOOD MORNING\r\nMY FRIEND</i>\r\n\r\n"
        "2\r\n00:00:03,000 --> 00:00:04,500\r\n- HI\r\n- YOU\r\n",
    ),
    "code that fills its block": (
        "a.html",
        "<p><code>a b</code></p><li><b> <kbd>c</kbd></b></li><p><code title=\"d\">e</code> f</p>",
        "<p><code>a b</code></p><li><b> <kbd>c</kbd></b></li><p><code title=\"D\">e</code> F</p>",
    ),
    "labels of footnotes": (
        "a.md", "see[^One]\n\n[^One]: this is a\nnote\n[^b]: this is another\n",
        "SEE[^One]\n\n[^One]: THIS IS A NOTE\n[^b]: THIS IS ANOTHER\n",
    ),
    "boxes and alerts": (
        "a.md", "- [x] one\n- [ ] two\n\n> [!Note]\n> three\n> four\n",
        "- [x] ONE\n- [ ] TWO\n\n> [!Note]\n> THREE FOUR\n",
    ),
    "mark, line ends and numbers of JSON lines": (
        "a.jsonl", '\ufeff{"text": "a", "n": 1.50 }\r\n{"text":"b\\u00e8"}',
        '\ufeff{"text": "a", "n": 1.50, "it": "A"}\r\n{"text":"b\\u00e8", "it": "B\u00c8"}',
    ),
    "mark and line ends of a table": (
        "a.csv", '\ufefften,en\r\n"1, 2","a\r\nb"\r\n3,c',
        '\ufefften,en,it\r\n"1, 2","a\r\nb",A B\r\n3,c,C',
    ),
    "mark of a document": ("a.md", "\ufeff---\na: b\n---\nc\n", "\ufeff---\na: b\n---\nC\n"),
    "a table": ("a.tsv", "x\ten\n1\thello\n2\t\n", "x\ten\tit\n1\thello\tHELLO\n2\t\t\n"),
    "several strings on a line of a catalogue": (
        "a.po", 'msgid "Mon" "day"\nmsgstr "" ""\n\nmsgid "a" "b"\n "c"  "d"\nmsgstr ""\n',
        'msgid "Mon" "day"\nmsgstr "MONDAY" ""\n\nmsgid "a" "b"\n "c"  "d"\nmsgstr "ABCD"\n',
    ),
    "a blank line in a subtitle": (
        "a.srt",
        "1\n00:00:01,000 --> 00:00:02,500\none\n\ntwo\n12\n\n\n42\n\n"
        "2\n00:00:03,000 --> 00:00:04,500\nthree\n\n00:00:05,000 --> 00:00:06,500\nfour",
        "1\n00:00:01,000 --> 00:00:02,500\nONE\n\nTWO\n12\n\n\n42\n\n"
        "2\n00:00:03,000 --> 00:00:04,500\nTHREE\n\n00:00:05,000 --> 00:00:06,500\nFOUR",
    ),
    "semicolons in a table": (
        "a.csv", 'n;en\r\n"1; 2";"a; b"\r\n3,5;c, d\r\n',
        'n;en;it\r\n"1; 2";"a; b";"A; B"\r\n3,5;c, d;C, D\r\n',
    ),
    "JSON lines": (
        "a.jsonl", '{"text": "hello", "n": [1]}\n', '{"text": "hello", "n": [1], "it": "HELLO"}\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize("law", LAWS)
def test_text_is_translated_and_the_rest_is_kept(law: str, tmp_path: Path) -> None:
    name, source, expected = LAWS[law]
    assert translated(tmp_path, name, source) == expected


CATALOGUE = (
    'msgid ""\nmsgstr ""\n"Language: \\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    '#: a.c:1\nmsgid "hello %s\\n"\nmsgstr ""\n\n'
    'msgctxt "x"\nmsgid ""\n"one\\n"\n"two"\nmsgstr ""\n\n'
    'msgid "%d file"\nmsgid_plural "%d files"\nmsgstr[0] ""\nmsgstr[1] ""\n\n'
    'msgid "done"\nmsgstr "fatto"\n'
)


def test_a_catalogue_as_gettext_reads_it_has_all_messages(tmp_path: Path) -> None:
    text = translated(tmp_path, "a.po", CATALOGUE)
    catalogue = polib.pofile(text)
    assert catalogue.metadata["Language"] == "it"
    assert [(entry.msgid, entry.msgstr) for entry in catalogue if not entry.msgid_plural] == [
        ("hello %s\n", "HELLO %s\n"), ("one\ntwo", "ONE\nTWO"), ("done", "fatto"),
    ]  # fmt: skip
    (plural,) = (entry for entry in catalogue if entry.msgid_plural)
    assert plural.msgstr_plural == {0: "%d FILE", 1: "%d FILES"}
    assert "#: a.c:1\n" in text


XLIFF = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<xliff version="1.2" '
    'xmlns="urn:oasis:names:tc:xliff:document:1.2"><file source-language="en"><body>\n'
    '  <trans-unit id="1">\n    <source>hello <g id="1">wörld</g> &amp; &lt;all&gt;</source>\n'
    '  </trans-unit>\n  <trans-unit id="2"><source>bye</source><target state="new" xml:lang="it"/>'
    '</trans-unit>\n  <trans-unit id="3"><source>done</source><target>fatto</target></trans-unit>\n'
    '  <trans-unit id="4" translate="no"><source>code</source></trans-unit>\n'
    '  <trans-unit id="5"><source>end</source><target></target></trans-unit>\n'
    "</body></file></xliff>\n"
)


def test_xliff_units_without_a_translation_get_one(tmp_path: Path) -> None:
    text = translated(tmp_path, "a.xlf", XLIFF)
    namespace = "{urn:oasis:names:tc:xliff:document:1.2}"
    units = ElementTree.fromstring(text).iter(f"{namespace}trans-unit")
    targets = [unit.find(f"{namespace}target") for unit in units]
    assert ["".join(t.itertext()) if t is not None else None for t in targets] == [
        "HELLO WÖRLD & <ALL>", "BYE", "fatto", None, "END",
    ]  # fmt: skip
    kept = text.replace('\n    <target>HELLO <g id="1">WÖRLD</g> &amp; &lt;ALL&gt;</target>', "")
    kept = kept.replace('<target xml:lang="it">BYE</target>', '<target state="new" xml:lang="it"/>')
    kept = kept.replace("<target>END</target>", "<target></target>")
    assert kept == XLIFF


def test_cells_with_commas_and_quotes_are_read_back(tmp_path: Path) -> None:
    text = translated(tmp_path, "a.csv", 'en,x\n"hello, ""you""",1\n')
    assert list(csv.reader(text.splitlines()))[1] == ['hello, "you"', "1", 'HELLO, "YOU"']


def test_columns_are_named(tmp_path: Path) -> None:
    reading = Reading(source_lang="en", target_lang="it", column="a", out_column="c")
    text = translated(tmp_path, "a.tsv", "a\tb\nhello\told\n", reading)
    assert text == "a\tb\tc\nhello\told\tHELLO\n"
    line = translated(tmp_path, "a.jsonl", '{"a": "hello", "b": "old"}\n', reading)
    assert json.loads(line) == {"a": "hello", "b": "old", "c": "HELLO"}


@pytest.mark.parametrize("out", ["a", "b"])
def test_no_column_is_overwritten(out: str, tmp_path: Path) -> None:
    reading = Reading(source_lang="en", target_lang="it", column="a", out_column=out)
    error = rf"has a column or field '{out}' already; name another .* with --out-column"
    with pytest.raises(OnTargetError, match=rf"a\.tsv:1: {error}"):
        translated(tmp_path, "a.tsv", "a\tb\nhello\told\n", reading)
    with pytest.raises(OnTargetError, match=rf"a\.jsonl:1: {error}"):
        translated(tmp_path, "a.jsonl", '{"a": "hello", "b": "old"}\n', reading)


def test_a_paragraph_that_would_begin_a_list_is_escaped(tmp_path: Path) -> None:
    (segment,) = segments(tmp_path, "a.md", "hello\n")
    assert segment.render("1. ciao").startswith("\\1") or "\\." in segment.render("1. ciao")
    assert segment.render("# ciao") == "\\# ciao"
    assert segment.render("-ciao") == "-ciao"


BAD = {
    "columns of one name": ("a.csv", "en,x,x\na,b,c\n", r"a\.csv:1: has several columns 'x'"),
    "fields of one name": ("a.jsonl", '{"en": "a", "en": "b"}\n', r"a\.jsonl:1: .* one name"),
    "half a pair": ("a.jsonl", '{"en": "a"}\n{"en": "b", "x": "\\ud83d"}\n',
                    r"a\.jsonl:2: has half of a surrogate pair"),
    "half a pair in a name": ("a.jsonl", '{"en": "a", "\\uDC00": 1}\n', r"a\.jsonl:1: has half"),
    "an ending": ("a.pdf", "x", r"a\.pdf: has none of the endings \.txt, \.md"),
    "cells": ("a.tsv", "en\tx\nhello\n", r"a\.tsv:2: has 1 cells, the header has 2"),
    "quotes": ("a.csv", 'en,x\n"hello"b,c\n', r"a\.csv:2: is not CSV"),
    "a column": ("a.tsv", "x\ty\n1\t2\n", r"no column with the text among x, y; name one with"),
    "JSON": ("a.jsonl", "{\n", r"a\.jsonl:1: is not JSON"),
    "a record": ("a.jsonl", "[1]\n", r"a\.jsonl:1: is no record with fields"),
    "a number": ("a.jsonl", '{"text": 1}\n', r"a\.jsonl:1: the field 'text' is int, not text"),
    "a time": ("a.srt", "1\nhello\n", r"a\.srt:2: expected the number or the times of a subtitle"),
    "damaged times": (
        "a.srt", "1\n00:00:01,000 --> 00:00:02,500\na\n\n2\n00:03 -> 00:04\nb\n",
        r"a\.srt:6: expected the number or the times of a subtitle",
    ),
    "a string that is not closed": ("a.po", 'msgid "a" "b\n', r"a\.po:1: expected a keyword and"),
    "a keyword": ("a.po", "hello\n", r"a\.po:1: expected a keyword and a string"),
    "XML": ("a.xlf", "<xliff><file>", r"a\.xlf:1: is not well-formed XML \(no element found\)"),
    "a root": ("a.xlf", "<html/>", r"a\.xlf: the document is <html>, expected <xliff>"),
    "an entity": ("a.xlf", "<!DOCTYPE x [<!ENTITY a 'b'>]><xliff/>", r"a\.xlf:1: declares a doc"),
    "UTF-8": ("a.xlf", '<?xml version="1.0" encoding="latin1"?><xliff/>', r"names the encoding la"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_damaged_document_is_one_line_with_its_place(fault: str, tmp_path: Path) -> None:
    name, text, message = BAD[fault]
    (tmp_path / name).write_text(text)
    with pytest.raises(OnTargetError, match=message):
        list(read_parts(tmp_path / name, READING))


def test_invalid_utf8_names_its_line(tmp_path: Path) -> None:
    for name in ("a.txt", "a.md"):
        (tmp_path / name).write_bytes(b"one\n\xff\n")
        with pytest.raises(OnTargetError, match=rf"{name}:2: 0xff is not UTF-8|{name}:2: "):
            list(read_parts(tmp_path / name, READING))


def test_columns_of_a_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(OnTargetError, match="has no columns; leave --column"):
        read_parts(tmp_path / "a.txt", Reading(source_lang="", target_lang="it", column="x"))


def unit(source: str, attributes: str = "", more: str = "") -> str:
    """An XLIFF document of one unit."""
    return (
        f'<xliff version="1.2"><file><body><trans-unit id="1"{attributes}>'
        f"<source>{source}</source>{more}</trans-unit></body></file></xliff>\n"
    )


XLIFF_TARGETS = {
    "CDATA": (unit("<![CDATA[a < b & <c>]]> d"), "A < B & <C> D"),
    "a comment": (unit("one <!-- two - > -->three"), "ONE THREE"),
    "white space that counts": (unit("  one \n", ' xml:space="preserve"'), "  ONE \n"),
    "white space that does not": (unit("  one \n"), "ONE"),
    "a bar in a value": (unit("one", ' note="a>b"'), "ONE"),
    "CDATA in a target": (unit("one", "", "<target><![CDATA[uno]]></target>"), "uno"),
}


@pytest.mark.parametrize("law", XLIFF_TARGETS)
def test_a_target_says_what_its_source_does(law: str, tmp_path: Path) -> None:
    source, expected = XLIFF_TARGETS[law]
    more = unit("filler").partition("<trans-unit")[2].partition("</body>")[0]
    text = translated(tmp_path, "a.xlf", source.replace("</body>", f"<trans-unit{more}</body>"))
    assert next(ElementTree.fromstring(text).iter("target")).text == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (unit("one <?x y?> two"), r"a\.xlf:1: the source has a processing instruction"),
        (unit("one", "", "<seg-source><mrk>one</mrk></seg-source>"), r"a\.xlf:1: .* <seg-source>"),
        (unit('<x id="a>b"/> one'), "a.xlf: line 1: the translation is no well-formed XML"),
    ],
)
def test_what_would_be_a_broken_target_is_refused(text: str, error: str, tmp_path: Path) -> None:
    with pytest.raises(OnTargetError, match=error):
        translated(tmp_path, "a.xlf", text)
    assert not (tmp_path / "out-a.xlf").exists()


def test_tabs_in_a_catalogue_are_kept(tmp_path: Path) -> None:
    text = translated(tmp_path, "a.po", 'msgid "\\ta\\tb c\\n"\nmsgstr ""\n')
    assert text.endswith('msgstr "\\tA\\tB C\\n"\n')


def test_a_line_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OnTargetError, match=r"a\.txt:2: 100001 characters, at most 100000"):
        translated(tmp_path, "a.txt", "a\n" + "x" * 100_001)


def test_a_pipe_is_refused_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(OnTargetError, match=r"a\.txt: is no regular file; give a file, or -"):
        read_parts(tmp_path / "a.txt", READING)


def test_lines_of_a_long_html_document_are_found_in_linear_time(tmp_path: Path) -> None:
    seconds = {}
    for size in (4_000, 32_000):
        start = time.process_time()
        found = segments(tmp_path, "a.html", '<p>hello</p>\n<img alt="x">\n\n' * size)
        seconds[size] = time.process_time() - start
        assert [segment.line for segment in found[:4]] == [1, 2, 4, 5]
        assert (found[-2].line, found[-1].line) == (3 * size - 2, 3 * size - 1)
    assert seconds[32_000] < 16 * seconds[4_000]  # 8 times as long if linear, 64 if quadratic
