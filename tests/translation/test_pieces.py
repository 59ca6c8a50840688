"""What a translation must keep, and long lines in parts."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.translation.documents import html
from ontarget.translation.documents.base import NO_MARKUP
from ontarget.translation.documents.markdown import MARKUP
from ontarget.translation.protect import Pieces
from ontarget.translation.sentences import split_long

PLAIN, MARKDOWN = Pieces(NO_MARKUP), Pieces(MARKUP)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("See https://a.b/c?d=e, or mail me@x.org.", ["https://a.b/c?d=e", "me@x.org"]),
        ("Hi {name}, ${x} {{y}} {}", ["{name}", "${x}", "{{y}}", "{}"]),
        ("%s of %(all)d, %1$s, 100% sure, 5%", ["%s", "%(all)d", "%1$s"]),
        ("a <b>c</b> &nbsp; d & e", ["<b>", "</b>", "&nbsp;"]),
        ("3 < 4 and 5 > 2", []),
    ],
)
def test_placeholders_tags_and_urls_are_found(text: str, pieces: list[str]) -> None:
    assert PLAIN.found(text) == pieces


def test_markdown_pieces_are_found() -> None:
    text = "a `b c` **d** [e](f) snake_case _g_ ![h](i) \\* [^1]"
    assert MARKDOWN.found(text) == [
        "`b c`", "**", "**", "[", "](f)", "_", "_", "![", "](i)", "\\*", "[^1]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "translation", "kept"),
    [
        ("{a} of {b}", "{b}: {a}", True),  # what has a name may move
        ("%s of %d", "%d di %s", False),  # what is filled by its order may not
        ("<b>a</b>", "</b>a<b>", False),
        ("<b>a</b>", "a", False),
        ("a", "<b>a</b>", False),
        ("{a}", "{a} {a}", False),
    ],
)
def test_a_translation_keeps_each_piece_and_the_order_of_nameless_ones(
    source: str, translation: str, kept: bool
) -> None:
    assert PLAIN.are_kept(source, translation) is kept


@given(st.text(alphabet="ab {}%s<>/`*_[]()\\ .", max_size=60))
def test_text_and_pieces_by_turns_are_the_whole(text: str) -> None:
    for pieces in (PLAIN, MARKDOWN):
        runs = pieces.split(text)
        assert "".join(runs) == text and len(runs) % 2 == 1
        assert pieces.are_kept(text, text)


@given(st.text(alphabet="abc .?!,。 ", max_size=300), st.integers(5, 50))
def test_parts_are_short_and_together_the_text(text: str, longest: int) -> None:
    parts = split_long(text, (), longest)
    assert "".join(parts) == text
    assert all(len(part) <= longest for part in parts)


def test_a_cut_is_after_a_sentence_and_not_inside_a_piece() -> None:
    text = "One two. Three four. Five six seven"
    assert split_long(text, (), 22) == ["One two. Three four. ", "Five six seven"]
    assert split_long("一。二三。四", (), 4) == ["一。", "二三。四"]
    assert split_long("a `b. c d` e", [(2, 10)], 6) == ["a ", "`b. c d`", " e"]


def test_a_line_of_100_000_characters_is_split_fast() -> None:
    parts = split_long("word and more. " * 7000)
    assert len(parts) > 200 and max(map(len, parts)) <= 400


HOSTILE = (
    "x", "a.", "a@", "a-@b.", "%0", "%" + "0" * 99, "**a** ", "[", "[^", "](", "][", "`", "`a",
    "``a`", "$a", "<a", "<a:", ":", "<code>", "<code><kbd>", "<!--", "&a", "{",
    "https://", "_a", " ",
)  # fmt: skip


def test_pieces_of_hostile_lines_are_found_in_linear_time() -> None:
    start = time.process_time()
    for text in HOSTILE:
        for markup in (MARKDOWN, Pieces(html.MARKUP)):
            markup.spans("<a" + text * (20_000 // len(text)))
    assert time.process_time() - start < 10  # quadratic: minutes
