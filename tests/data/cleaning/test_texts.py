"""What rules look at in texts: pinned examples, and laws for all texts."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.data.cleaning import texts


def test_characters_that_no_sentence_has() -> None:
    """Controls, surrogates, private use in the first plane, non-characters, overrides."""
    found = {chr(code) for code in range(0x10000) if texts.unwanted(f"a{chr(code)}b")}
    kinds = {c: unicodedata.category(c) for c in map(chr, range(0x10000))}
    expected = {c for c, kind in kinds.items() if kind in ("Cc", "Cs", "Co")}
    expected -= set("\t\n\v\f\r\x85") - set("\v\f")  # white space
    assert found == expected | set("\ufffd\ufffe\uffff\u202d\u202e")
    assert texts.unwanted("ab\x07c\ufffd") == "\x07"


@pytest.mark.parametrize(
    "text",
    ["", "plain", "naïve\u00a0text", "l\u200c\u200dx", "\u200f\u2067עברית\u2069", "a\tb", "😀"],
)
def test_joiners_isolates_and_spaces_are_wanted(text: str) -> None:
    assert texts.unwanted(text) == ""


@given(st.text())
def test_a_text_is_empty_without_letters_and_digits(text: str) -> None:
    assert texts.is_empty(text) == (not any(char.isalnum() for char in text))


@given(st.text())
def test_composed_is_unicodes_nfc(text: str) -> None:
    assert texts.composed(text) == unicodedata.normalize("NFC", text)


@given(st.text())
def test_only_letters_and_digits_tell_texts_apart(text: str) -> None:
    """Of ASCII the fast way gives what the general one does."""
    expected = "".join(char for char in text.casefold() if char.isalnum())
    assert texts.reduced(text) == (expected or text.strip())
    if expected:
        assert texts.reduced("".join(f" {char}!" for char in text)) == expected


def test_reduced_keeps_a_text_of_signs_and_folds_case() -> None:
    assert texts.reduced(" ?! ") == "?!"
    assert texts.reduced(" … ") == "…"
    assert texts.reduced("Straße, 1!") == texts.reduced("STRASSE 1") == "strasse1"
    assert texts.reduced("It's O.K. 7") == "itsok7"


def test_a_fingerprint_tells_texts_and_their_order_apart() -> None:
    one = texts.fingerprint("a", "b")
    assert one == texts.fingerprint("a", "b") and 0 <= one < 2**64
    others = [("b", "a"), ("ab",), ("ab", ""), ("", "ab"), ("a",), ("a", "b", "")]
    assert len({one, *(texts.fingerprint(*each) for each in others)}) == len(others) + 1


def test_a_fingerprint_is_the_same_in_every_process_and_version() -> None:
    assert texts.fingerprint("en", "it", "hello", "ciao") == 9276544577950649136


def test_tags_are_names_opened_and_closed() -> None:
    assert texts.tags('<B>x</b><br/><ph id="1" />a < b > c <1> <| <a\n href="x">') == [
        "b", "/b", "br", "ph", "a"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%s of %d", ["%s", "%d"]),
        ("%1$s %(name)s %-5d %.2f %ld", ["%1$s", "%(name)s", "%-5d", "%.2f", "%ld"]),
        ("{name} {0} {} {a.b:02d}", ["{name}", "{0}", "{}", "{a.b:02d}"]),
        ("{{count}} {{ a b }} ${x}", ["{{count}}", "{{ a b }}", "${x}"]),
        ("$VERSION $[officename] %PRODUCTNAME %PATH%", ["$VERSION", "%PRODUCTNAME", "%PATH%"]),
        ("50% of 100 % discount, $5, 5% sales", []),
    ],
)
def test_placeholders_of_format_strings_and_templates(text: str, found: list[str]) -> None:
    assert texts.placeholders(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://en.wikipedia.org/wiki/A?b#c.", {"wikipedia.org"}),
        ("HTTP://Example.COM:80/x and ftp://example.com", {"example.com"}),
        ("(http://a.b.org)，https://c.de、x", {"b.org", "c.de"}),
        ("write to Info@Example.org, please", {"info@example.org"}),
        ("an @ sign, a:// and 3@4", set()),
    ],
)
def test_urls_are_compared_by_domain_and_mail_as_it_is(text: str, found: set[str]) -> None:
    assert texts.urls(text) == found


DIGITS = [
    chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Nd"
]
ZEROS = [char for char in DIGITS if unicodedata.decimal(char) == 0]


@given(st.integers(1, 10**12), st.sampled_from(ZEROS))
def test_numbers_are_equal_in_the_digits_of_every_script(number: int, zero: str) -> None:
    written = "".join(chr(ord(zero) + int(digit)) for digit in str(number))
    assert texts.numbers(f"x {written} y") == {str(number)}


def test_numbers_ignore_how_they_are_grouped() -> None:
    for text in ("1,234,567", "1.234.567", "1 234 567", "1’234’567", "1\u202f234\u202f567",
                 "١٬٢٣٤٬٥٦٧", "001234567"):  # fmt: skip
        assert texts.numbers(text) == {"1234567"}, text
    assert texts.numbers("x² ½ Ⅳ") == set()


@pytest.mark.parametrize(
    ("source", "target", "disagree"),
    [
        ("from 1914 to 1918", "dal 1941 al 1981", True),
        ("from 1914 to 1918", "dal 1914 al 1981", False),  # one is there
        ("from 1914 to 1918", "من ١٩١٤ إلى ١٩١٨", False),
        ("from 1914 to 1918", "1914/18", False),
        ("in 1914", "nel 1941", False),  # one alone may be written in words
        ("10 of 20", "dieci di venti", False),  # small ones often are
        ("18,500,000 or 1,234", "1850万或1千", False),
        ("1850万 1234 567", "a 111 b 222", True),
        ("", "", False),
    ],
)
def test_numbers_disagree_when_all_large_ones_are_missing(
    source: str, target: str, *, disagree: bool
) -> None:
    assert texts.numbers_disagree(source, target) is disagree
    if "万" not in source + target:
        assert texts.numbers_disagree(target, source) is disagree


@given(st.text("<>{}%$@:/as0", max_size=30))
def test_a_text_without_signs_of_markup_has_none(text: str) -> None:
    if not texts.has_markup(text):
        assert not texts.tags(text) and not texts.placeholders(text) and not texts.urls(text)


def test_a_difference_counts_what_each_side_has_more() -> None:
    find = str.split
    assert texts.difference("a a b", "a b c", find) == "-a +c"
    assert texts.difference("a b", "b a", find) == ""


@pytest.mark.parametrize(
    "unit",
    ["<", "<a ", "<a", "</a:", "{", "{{", "{{a", "%", "%1", "%1.", "%-0", "%(", "%(a", "$", "$A",
     "$A_", "${", "a@", "a.", "a@b.", "a@b-", "http://", "://", "https://a.", "1", "1.", "1 ", "1,",
     "١", "٫", "a1b", "\u202e", "e\u0301", "\u0301", "\ufdfa", "İ"],
)  # fmt: skip
def test_hostile_lines_of_many_characters_end(unit: str) -> None:
    """A pattern with quadratic time would take minutes in place of a tenth of a second."""
    look_at(unit * (100_000 // len(unit)))


@pytest.mark.parametrize("start", ["<a ", "%", "%(", "{", "$", "a@", "http://", ""])
@pytest.mark.parametrize("rest", ["1", " ", "a"])
def test_hostile_lines_of_one_long_run_end(start: str, rest: str) -> None:
    look_at(start + rest * 100_000)


def look_at(text: str) -> None:
    """Everything that rules ask of a text."""
    for ask in (texts.unwanted, texts.is_empty, texts.composed, texts.reduced, texts.has_markup):
        ask(text)
    for find in (texts.tags, texts.placeholders, texts.urls, texts.numbers):
        find(text)
    texts.numbers_disagree(text, "1914 1918")
